"""`generated`: files that stages of kind `command` made, among the sources of a build."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from pipeline.config.stages import BuildStage
from pipeline.errors import ConfigError
from pipeline.locking.bases import cell_source
from pipeline.plan.matrix import cells
from pipeline.plan.recipe import OutputInput, Placed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.checkout.inputs import SourceTree
    from pipeline.config.model import Pipeline
    from pipeline.plan.types import PlannedCell
    from pipeline.stages.container import Situation


def placed(situation: Situation, source: SourceTree) -> tuple[Placed, ...]:
    """Return what is put among the sources of a cell; ConfigError where it cannot be."""
    stage, cell = situation.stage, situation.cell
    if not isinstance(stage, BuildStage):
        return ()
    tracked = {entry.path for entry in source.tree.entries}
    found = []
    for declared, value in stage.generated.items():
        place = posixpath.join(situation.source or ".", cell.fill(declared))
        path = posixpath.normpath(place)
        if path in tracked:
            raise ConfigError(
                f"`{path}` is to be generated for `{cell.name}`, but the repository has that file",
                where=situation.pipeline.where("stages", stage.name, "generated", declared),
                hint=f"take it out of git (`git rm --cached {path}`), or name another place",
            )
        maker, _, part = cell.fill(value).partition("/")
        made = _made_by(situation, declared, maker)
        found.append(
            Placed(
                place=path + "/" * (place.endswith("/") or path == "."),
                made=OutputInput(cell=made.name, key=made.key),
                path=part.strip("/"),
            )
        )
    return tuple(found)


def files_by_source(pipeline: Pipeline) -> Mapping[str, tuple[str, ...]]:
    """Return the places of generated files, by the directory that is built, for all cells.

    Only those that are files by their names: whether a command makes a directory is not known
    before it ran.
    """
    found: dict[str, dict[str, None]] = {}
    for stage in pipeline.stages.values():
        if not isinstance(stage, BuildStage) or not stage.generated:
            continue
        for cell in cells(stage, pipeline.root):
            source = cell_source(stage, cell)
            for declared in stage.generated:
                place = posixpath.join(source or ".", cell.fill(declared))
                if not place.endswith("/") and "." in posixpath.basename(place).strip("."):
                    found.setdefault(source, {})[posixpath.normpath(place)] = None
    return {source: tuple(places) for source, places in found.items()}


def _made_by(situation: Situation, declared: str, maker: str) -> PlannedCell:
    """Return the one cell of a stage that a cell needs."""
    makers = [cell for cell in situation.needed if cell.stage.name == maker]
    if len(makers) == 1:
        return makers[0]
    names = ", ".join(f"`{cell.name}`" for cell in makers)
    raise ConfigError(
        f"`{situation.cell.name}` takes files of one cell of `{maker}`, but {names} all match it",
        where=situation.pipeline.where("stages", situation.stage.name, "generated", declared),
        hint="give both stages the same axis, or a stage of its own to each variant",
    )
