"""A run, told as a short list of calls."""

from __future__ import annotations

import importlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import StageFailedError
from pipeline.execute.artifacts import drop_rotted
from pipeline.execute.cells import Bench, build_cell
from pipeline.execute.fetching import fetch_shown
from pipeline.execute.provision import Provisioner, wanted_files
from pipeline.execute.report import CellReport, RunReport
from pipeline.execute.scheduler import run_cells
from pipeline.release.version import read_version
from pipeline.stages.host import HostSituation
from pipeline.stages.table import host_stage

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from pipeline.config.model import Pipeline
    from pipeline.console import Console
    from pipeline.engines.protocol import Engine
    from pipeline.execute.logs import Turns
    from pipeline.lock.types import Lock
    from pipeline.locking.settings import Settings
    from pipeline.plan.recipe import Recipe
    from pipeline.plan.types import Plan, PlannedCell
    from pipeline.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a run is to go. ``jobs`` cells at a time; ``today`` is the date notes are drafted for."""

    today: dt.date
    draft: bool = True
    jobs: int = 1
    keep_going: bool = False
    rebuild: bool = False


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a run works with."""

    pipeline: Pipeline
    lock: Lock
    store: Store
    settings: Settings
    engine: Engine
    console: Console
    turns: Turns


def execute(plan: Plan, means: Means, options: Options) -> RunReport:
    """Run a plan: fetch what is missing, then every cell after what it needs.

    Nothing of the repository or the outside world is changed; outputs lie in the store.
    """
    prepare(missing(plan, means, rebuild=options.rebuild), means)
    bench = Bench(
        store=means.store,
        engine=means.engine,
        provisioner=Provisioner(means.store, means.lock, means.engine),
        turns=means.turns,
        environ=means.settings.environ,
        rebuild=options.rebuild,
    )
    threading.Thread(target=_preload, daemon=True).start()
    one_at_a_time = threading.Lock()

    def work(cell: PlannedCell, done: Mapping[str, CellReport]) -> CellReport:
        if cell.recipe:
            with means.console.working(cell.name):
                return _build(bench, cell, cell.recipe, means)
        with one_at_a_time:
            return _run_on_host(cell, done, means, options)

    return run_cells(
        plan,
        work,
        jobs=options.jobs,
        keep_going=options.keep_going,
        cancel=means.engine.cancel,
    )


def _build(bench: Bench, cell: PlannedCell, recipe: Recipe, means: Means) -> CellReport:
    """Build a cell; a failed step is told with the cell's name, where the stage is declared."""
    try:
        return build_cell(bench, cell, recipe)
    except StageFailedError as error:
        if not error.where:  # it is the engine that says where in the Dockerfile
            raise
        raise StageFailedError(
            f"`{cell.name}` failed: {error}",
            where=means.pipeline.where("stages", cell.stage.name),
            hint=error.hint,
            detail=error.detail,
        ) from error


def _preload() -> None:
    """Import what is needed once a step has ended, while the first one runs."""
    importlib.import_module("pipeline.execute.outputs")


def missing(plan: Plan, means: Means, *, rebuild: bool) -> list[Recipe]:
    """Return the recipes that have no result yet, or one whose files rotted."""
    recipes = [cell.recipe for cell in plan.cells if cell.recipe]
    return [recipe for recipe in recipes if rebuild or not _is_built(recipe, means)]


def _is_built(recipe: Recipe, means: Means) -> bool:
    """Whether there is a result to answer with. Its files are read: nothing else would see rot."""
    result = means.store.get_result(recipe.key)
    if result is None:
        return False
    if drop_rotted(means.store.load_tree(result.tree), means.store):
        means.console.warning(f"the stored output of `{result.label}` was damaged: built anew")
        return False
    return True


def prepare(recipes: list[Recipe], means: Means) -> None:
    """Fetch what the recipes need and the store lacks. After this the network is not used."""
    parents = {name: image.origin.image or "" for name, image in means.pipeline.images.items()}
    wanted = wanted_files(recipes, means.lock, parents)
    fetch_shown(wanted, means.store, means.settings, means.console)


def _run_on_host(
    planned: PlannedCell, done: Mapping[str, CellReport], means: Means, options: Options
) -> CellReport:
    began = time.monotonic()
    situation = HostSituation(
        pipeline=means.pipeline,
        planned=planned,
        stage=planned.stage,
        version=read_version(means.pipeline.root / means.pipeline.project.version),
        today=options.today,
        draft=options.draft,
        needed=tuple(done[name] for name in planned.needs),
        settings=means.settings,
    )
    said = host_stage(planned.stage)(situation)
    return CellReport(
        stage=planned.stage.name,
        cell=planned.name,
        key="",
        status="done",
        seconds=time.monotonic() - began,
        text=said.text,
        data=said.data,
        remarks=said.remarks,
    )
