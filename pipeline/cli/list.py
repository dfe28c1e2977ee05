"""``pipeline list``: what the repository declares."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.cli.selecting import add_selection, selections
from pipeline.config.stages import ContainerStage, kind_of
from pipeline.console import table
from pipeline.plan.matrix import all_cells
from pipeline.plan.selection import select

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from pipeline.cli.session import Session
    from pipeline.config.model import Pipeline
    from pipeline.config.stages import Stage
    from pipeline.plan.matrix import Cell

Cells = dict[str, list["Cell"]]
"""The cells that are meant, by their stage."""

EXAMPLES = (
    ("pipeline list --json", "for scripts"),
    ("pipeline list wheel --target 'linux_*'", "the cells that these words mean"),
    ("pipeline list --tag wheel --tag -slow", "those of stages by their `tags`"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_selection(parser, required=False)


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Print stages, images and environments, or the cells that are meant.

    Neither lock nor cache is needed.
    """
    pipeline = session.pipeline
    asked = selections(arguments)
    cells: Cells = {}
    for cell in select(all_cells(pipeline), asked):
        cells.setdefault(cell.stage, []).append(cell)
    if arguments.json:
        print(json.dumps(_document(pipeline, cells), indent=2))
    elif asked:
        print("\n".join(_cells(pipeline, cells)))
    else:
        print("\n".join(_everything(pipeline, cells)))
    return 0


def _document(pipeline: Pipeline, cells: Cells) -> dict[str, object]:
    stages = [
        {
            "name": name,
            "kind": kind_of(type(stage)),
            "image": _image(stage),
            "needs": list(stage.needs),
            "cells": [cell.name for cell in cells[name]],
            "tags": list(stage.tags),
        }
        for name, stage in pipeline.stages.items()
        if name in cells
    ]
    return {
        "stages": stages,
        "images": {name: platforms.split() for name, platforms in _platforms(pipeline).items()},
        "environments": list(pipeline.environments),
    }


def _cells(pipeline: Pipeline, cells: Cells) -> list[str]:
    stages = pipeline.stages
    rows = [
        (cell.name, kind_of(type(stages[name])), cell.fill(_image(stages[name])))
        for name, found in cells.items()
        for cell in found
    ]
    return table(("cell", "kind", "image"), rows)


def _everything(pipeline: Pipeline, cells: Cells) -> list[str]:
    stages = pipeline.stages
    headers: tuple[str, ...] = ("stage", "kind", "image", "cells", "needs")
    rows: list[tuple[str, ...]] = [
        (name, kind_of(type(stage)), _image(stage), str(len(cells[name])), " ".join(stage.needs))
        for name, stage in stages.items()
    ]
    if any(stage.tags for stage in stages.values()):
        headers = (*headers, "tags")
        rows = [(*row, " ".join(stages[row[0]].tags)) for row in rows]
    lines = [*table(headers, rows), ""]
    lines += table(("image", "platforms"), list(_platforms(pipeline).items()))
    if names := [(name,) for name in pipeline.environments]:
        lines += ["", *table(("environment",), names)]
    return lines


def _image(stage: Stage) -> str:
    return stage.image if isinstance(stage, ContainerStage) else ""


def _platforms(pipeline: Pipeline) -> Mapping[str, str]:
    images = pipeline.images.items()
    return {name: " ".join(target.value for target in image.platforms) for name, image in images}
