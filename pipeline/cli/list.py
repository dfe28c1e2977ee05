"""``pipeline list``: what the repository declares."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.config.stages import ContainerStage
from pipeline.console import table
from pipeline.plan.matrix import all_cells
from pipeline.stages.planner import kind_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pipeline.cli.session import Session

EXAMPLES = (("pipeline list --json", "for scripts"),)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare nothing beyond what every verb has."""
    del parser


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Print stages, images and environments; neither lock nor cache is needed."""
    pipeline = session.pipeline
    cells = all_cells(pipeline)
    stages = [
        {
            "name": name,
            "kind": kind_of(stage),
            "image": stage.image if isinstance(stage, ContainerStage) else "",
            "needs": list(stage.needs),
            "cells": [cell.name for cell in cells[name]],
            "tags": list(stage.tags),
        }
        for name, stage in pipeline.stages.items()
    ]
    images = {
        name: [target.value for target in image.platforms]
        for name, image in pipeline.images.items()
    }
    if arguments.json:
        document = {
            "stages": stages,
            "images": images,
            "environments": list(pipeline.environments),
        }
        print(json.dumps(document, indent=2))
        return 0
    rows = [
        (s["name"], s["kind"], s["image"], str(len(cells[str(s["name"])])), " ".join(s["needs"]))
        for s in stages
    ]
    print("\n".join(table(("stage", "kind", "image", "cells", "needs"), _text(rows))), end="\n\n")
    image_rows = [(name, " ".join(platforms)) for name, platforms in images.items()]
    print("\n".join(table(("image", "platforms"), image_rows)))
    if pipeline.environments:
        print()
        print("\n".join(table(("environment",), [(name,) for name in pipeline.environments])))
    return 0


def _text(rows: Sequence[tuple[object, ...]]) -> list[tuple[str, ...]]:
    return [tuple(str(value) for value in row) for row in rows]
