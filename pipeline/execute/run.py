"""A run, told as a short list of calls."""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING

from pipeline.cross.failures import ran_foreign_code
from pipeline.errors import StageFailedError
from pipeline.execute.artifacts import drop_rotted
from pipeline.execute.cells import Bench, build_cell
from pipeline.execute.fetching import fetch_shown
from pipeline.execute.hosting import Hosting, run_on_host
from pipeline.execute.provision import Provisioner, wanted_files
from pipeline.execute.purity import Known
from pipeline.execute.scheduler import run_cells

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.execute.means import Means, Options
    from pipeline.execute.report import CellReport, RunReport
    from pipeline.plan.recipe import Recipe
    from pipeline.plan.types import Plan, PlannedCell


def execute(plan: Plan, means: Means, options: Options) -> RunReport:
    """Run a plan: fetch what is missing, then every cell after what it needs.

    Unless it is a draft, the stages of the host change the repository and the outside world; what
    the others make lies in the store.
    """
    prepare(missing(plan, means, rebuild=options.rebuild), means)
    bench = Bench(
        store=means.store,
        engine=means.engine,
        provisioner=Provisioner(means.store, means.lock, means.engine),
        turns=means.turns,
        known=Known(lock=means.lock, root=means.root, tag=means.pipeline.project.tag),
        environ=means.settings.environ,
        rebuild=options.rebuild,
    )
    threading.Thread(target=_preload, daemon=True).start()
    one_at_a_time = threading.Lock()
    hosting = Hosting.of(plan, options)

    def cancel() -> None:
        hosting.interrupted.set()
        means.engine.cancel()

    def work(cell: PlannedCell, done: Mapping[str, CellReport]) -> CellReport:
        if cell.recipe:
            with means.console.working(cell.name):
                return _build(bench, cell, cell.recipe, means)
        with one_at_a_time:
            return run_on_host(cell, done, means, hosting)

    return run_cells(
        plan,
        work,
        jobs=options.jobs,
        keep_going=options.keep_going,
        cancel=cancel,
    )


def _build(bench: Bench, cell: PlannedCell, recipe: Recipe, means: Means) -> CellReport:
    """Build a cell; a failed step is told with the cell's name, where the stage is declared."""
    try:
        return build_cell(bench, cell, recipe)
    except StageFailedError as error:
        if not error.where:  # it is the engine that says where in the Dockerfile
            raise
        message, hint = f"`{cell.name}` failed: {error}", ""
        if cell.internal:
            hint = "`pipeline run STAGE --shell` looks inside, with a stage that needs it"
        if cell.strategy and cell.strategy.name == "cross" and ran_foreign_code(error.detail):
            target = cell.target.value if cell.target else "another platform"
            message = (
                f"`{cell.name}` runs a program that it made for {target}, which cannot run where "
                "it is cross compiled"
            )
            hint = "write `strategy: emulate` in the stage, in an image with `gcc`; it takes longer"
        where = means.pipeline.where("stages", cell.stage.name)
        raise error.told(message, where=where, hint=hint, shown=means.turns.shows) from error


def _preload() -> None:
    """Import what is needed once a step has ended, while the first one runs."""
    importlib.import_module("pipeline.execute.outputs")


def missing(plan: Plan, means: Means, *, rebuild: bool) -> list[Recipe]:
    """Return the recipes that have no result yet, or one whose files rotted."""
    return [
        cell.recipe
        for cell in plan.cells
        if cell.recipe and ((rebuild and not cell.internal) or not _is_built(cell.recipe, means))
    ]


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
