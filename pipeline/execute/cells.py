"""One cell's work: look the key up, else make the inputs ready, build, keep what came out."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.engines.protocol import BuildRequest, Limits
from pipeline.errors import ConfigError, PipelineError
from pipeline.execute.artifacts import artifacts
from pipeline.execute.report import CellReport
from pipeline.files import sha256_bytes
from pipeline.plan.recipe import OutputInput
from pipeline.store.results import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.engines.protocol import Engine
    from pipeline.execute.logs import Turns
    from pipeline.execute.provision import Provisioner
    from pipeline.execute.report import Status
    from pipeline.plan.recipe import Recipe
    from pipeline.plan.types import PlannedCell
    from pipeline.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What every cell's work needs at hand. ``rebuild`` ignores results that are there."""

    store: Store
    engine: Engine
    provisioner: Provisioner
    turns: Turns
    rebuild: bool = False


def build_cell(bench: Bench, planned: PlannedCell, recipe: Recipe) -> CellReport:
    """Return a container cell's report, from the store or by building it.

    There are two keys. The recipe's own is known before anything runs. The second one is made of
    the contents of what the needed cells made: when a change in the sources did not change the
    sdist, the wheel is the one that is there.
    """
    began = time.monotonic()
    found = None if bench.rebuild else bench.store.get_result(recipe.key)
    if found:
        return _report(bench, planned, found, "cached", began)
    outputs = _output_trees(bench, recipe)
    second = _content_key(recipe, outputs)
    if second != recipe.key and not bench.rebuild and (found := bench.store.get_result(second)):
        bench.store.put_result(recipe.key, found)
        return _report(bench, planned, found, "cached", began)
    result, remarks = _build(bench, planned, recipe, outputs)
    for key in {recipe.key, second}:
        bench.store.put_result(key, result)
    return replace(_report(bench, planned, result, "built", began), remarks=remarks)


def _build(
    bench: Bench, planned: PlannedCell, recipe: Recipe, outputs: Mapping[str, str]
) -> tuple[Result, tuple[str, ...]]:
    contexts = bench.provisioner.contexts(recipe, outputs)
    request = BuildRequest(
        dockerfile=recipe.dockerfile,
        contexts=contexts,
        platform=recipe.platform,
        network=recipe.network,
        epoch=recipe.epoch,
        limits=Limits(seconds=recipe.seconds),
        label=planned.name,
    )
    with bench.turns.block(planned.name) as write:
        try:
            built = bench.engine.build(request, write)
        except ConfigError as error:
            raise ConfigError(
                f"`{planned.name}`: {error.message}", where=error.where, hint=error.hint
            ) from error
        from pipeline.execute.outputs import keep  # noqa: PLC0415 - imported while steps run

        kept = keep(planned.kind, planned.name, built.output, bench.store, epoch=recipe.epoch)
    result = Result(
        tree=kept.tree.digest,
        seconds=built.seconds,
        engine=built.engine,
        label=planned.name,
        made=time.time(),
    )
    return result, kept.remarks


def _output_trees(bench: Bench, recipe: Recipe) -> dict[str, str]:
    trees = {}
    for part in recipe.inputs.values():
        if isinstance(part, OutputInput):
            result = bench.store.get_result(part.key)
            if result is None:
                raise PipelineError(
                    f"the output of `{part.cell}` vanished from the store during the run",
                    hint="run again; do not prune the cache meanwhile",
                )
            trees[part.key] = result.tree
    return trees


def _content_key(recipe: Recipe, outputs: Mapping[str, str]) -> str:
    if not outputs:
        return recipe.key
    parts = dict(recipe.components)
    for name, part in recipe.inputs.items():
        if isinstance(part, OutputInput):
            parts[f"input {name}"] = f"made:{outputs[part.key]}:{part.unpacked}"
    return sha256_bytes(repr(sorted(parts.items())).encode())


def _report(
    bench: Bench, planned: PlannedCell, result: Result, status: Status, began: float
) -> CellReport:
    return CellReport(
        stage=planned.stage.name,
        cell=planned.name,
        key=planned.key,
        status=status,
        seconds=time.monotonic() - began,
        outputs=artifacts(bench.store.load_tree(result.tree), bench.store),
    )
