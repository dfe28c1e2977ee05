"""What a run is about to do, said before it does it: the cells, and what is not as by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.config.stages import ContainerStage
from pipeline.console import table
from pipeline.plan.render import PROJECT_TEMPLATES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pipeline.cli.session import Session
    from pipeline.plan.types import Plan, PlannedCell

LONGEST = 24
"""Plans of more cells are shown by stage."""

USUAL = ContainerStage(name="usual", image="usual")
BUILD, CACHED, HOST = "to build", "cached", "on the host"


def announce(plan: Plan, session: Session, engine: str) -> None:
    """Print the plan on standard error; one line where everything is in the cache."""
    states = {cell.name: state_of(cell, session) for cell in plan.cells}
    console = session.console
    count, ready = len(states), list(states.values()).count(CACHED)
    cells = f"{count} cell{'s' if count != 1 else ''}"
    if ready == count:
        console.info(f"{cells}, all in the cache")
    else:
        console.info(f"{cells}, {ready} in the cache:" if ready else f"{cells}:")
        rows = _cells(plan, states) if count <= LONGEST else _stages(plan, states)
        for line in table(("", "", "", ""), rows, width=console.width - 2 if console.live else 0)[
            1:
        ]:
            console.info(f"  {line}")
    if unusual := "; ".join(_unusual(session.arguments, session, engine)):
        console.info(f"not as by default: {unusual}")


def state_of(cell: PlannedCell, session: Session) -> str:
    """Return what a run has to do about a cell, as far as it can be known beforehand."""
    if cell.recipe is None:
        return HOST
    if getattr(session.arguments, "rebuild", False) and not cell.internal:
        return BUILD
    return CACHED if session.store.get_result(cell.recipe.key) else BUILD


def _cells(plan: Plan, states: dict[str, str]) -> list[tuple[str, ...]]:
    return [
        (cell.name, _image(cell), states[cell.name], ", ".join(_differences(cell)))
        for cell in plan.cells
    ]


def _stages(plan: Plan, states: dict[str, str]) -> list[tuple[str, ...]]:
    stages: dict[str, list[PlannedCell]] = {}
    for cell in plan.cells:
        stages.setdefault(cell.stage.name, []).append(cell)
    return [
        (name, _image(cells[0]), counted([states[c.name] for c in cells]), _all_differ(cells))
        for name, cells in stages.items()
    ]


def counted(states: list[str]) -> str:
    """Return how many cells are in which state: ``12 cached, 3 to build``."""
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))


def _all_differ(cells: list[PlannedCell]) -> str:
    return ", ".join(dict.fromkeys(word for cell in cells for word in _differences(cell)))


def _image(cell: PlannedCell) -> str:
    return cell.cell.fill(cell.stage.image) if isinstance(cell.stage, ContainerStage) else ""


def told_strategy(cell: PlannedCell) -> str:
    """Return how a cell is built and why, empty where that needs no word."""
    strategy = cell.strategy
    if strategy is None or cell.internal or strategy.name == "native":
        return ""
    return f"{strategy.name}: {strategy.reason}"


def _differences(cell: PlannedCell) -> Iterator[str]:
    """Yield what a reader would not expect of a cell."""
    stage = cell.stage
    if not isinstance(stage, ContainerStage):
        return
    if told := told_strategy(cell):
        yield told
    if stage.network != USUAL.network:
        yield f"network {stage.network}"
    if stage.timeout != USUAL.timeout:
        yield f"at most {stage.timeout:g} s"
    if stage.env:
        yield f"sets {' '.join(stage.env)}"


def _unusual(arguments: argparse.Namespace, session: Session, engine: str) -> Iterator[str]:
    """Yield how the run differs from ``pipeline run STAGE``, and by what."""
    if arguments.draft:
        yield "a draft, so nothing outside the cache is changed"
    flags = ("offline", "rebuild", "keep_going", "keep", "quiet")
    yield from (f"`--{name.replace('_', '-')}`" for name in flags if getattr(arguments, name))
    if arguments.shell:
        yield "a shell where a step fails, which `exit` ends"
    if arguments.jobs:
        yield f"{arguments.jobs} at a time"
    if arguments.dist:
        yield f"files go to {arguments.dist}"
    if (
        arguments.engine
        or session.environ.get("PIPELINE_ENGINE")
        or session.pipeline.engine != "auto"
    ):
        yield f"engine {engine}"
    if session.engine_choice[0] == "buildkit":
        yield f"builder {session.engine_choice[1]}"
    if own := sorted(path.name for path in (session.root / PROJECT_TEMPLATES).glob("*.j2")):
        yield f"templates of the project: {' '.join(own)}"
    if session.environ.get("PIPELINE_CACHE_DIR"):
        yield f"cache in {session.store.root}"
