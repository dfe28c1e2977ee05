"""One cell's work: look the key up, else make the inputs ready, build, keep what came out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from pipeline.engines.protocol import BuildRequest, ImageContext, Limits, TreeContext
from pipeline.errors import ConfigError, PipelineError
from pipeline.execute.artifacts import artifacts, drop_rotted
from pipeline.execute.generated import refuse_missing
from pipeline.execute.report import CellReport
from pipeline.execute.secrets import secret_files
from pipeline.files import sha256_bytes
from pipeline.plan.recipe import GeneratedInput, InstalledInput, OutputInput
from pipeline.store.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipeline.engines.protocol import Context, Engine
    from pipeline.execute.logs import Turns
    from pipeline.execute.provision import Provisioner
    from pipeline.execute.purity import Known
    from pipeline.execute.report import Status
    from pipeline.plan.recipe import Recipe
    from pipeline.plan.types import PlannedCell
    from pipeline.store.store import Store
    from pipeline.store.trees import Tree


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What every cell's work needs at hand.

    ``known`` is what earlier wheels were like. ``rebuild`` ignores results that are there, but for
    those of internal cells. ``environ`` is the caller's environment, which secrets come from.
    """

    store: Store
    engine: Engine
    provisioner: Provisioner
    turns: Turns
    known: Known
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    rebuild: bool = False


def build_cell(bench: Bench, planned: PlannedCell, recipe: Recipe) -> CellReport:
    """Return a container cell's report, from the store or by building it.

    There are two keys. The recipe's own is known before anything runs. The second one is made of
    the contents of what the needed cells made: when a change in the sources did not change the
    sdist, the wheel is the one that is there.
    """
    began = time.monotonic()
    anew = bench.rebuild and not planned.internal
    found = None if anew else bench.store.get_result(recipe.key)
    if found:
        return _report(bench, planned, found, "cached", began)
    outputs = _output_trees(bench, recipe)
    second = _content_key(recipe, outputs)
    if second != recipe.key and not anew and (found := _sound(bench.store, second)):
        bench.store.put_result(recipe.key, found)
        return _report(bench, planned, found, "cached", began)
    result = _build(bench, planned, recipe, outputs)
    for key in {recipe.key, second}:
        bench.store.put_result(key, result)
    return _report(bench, planned, result, "built", began)


def _sound(store: Store, key: str) -> Result | None:
    """Return a result whose files were read just now, or none: rot is dropped."""
    found = store.get_result(key)
    return None if found and drop_rotted(store.load_tree(found.tree), store) else found


def _build(
    bench: Bench, planned: PlannedCell, recipe: Recipe, outputs: Mapping[str, str]
) -> Result:
    contexts = bench.provisioner.contexts(recipe, outputs)
    request = BuildRequest(
        dockerfile=recipe.dockerfile,
        contexts=contexts,
        platform=recipe.platform,
        network=recipe.network,
        epoch=recipe.epoch,
        arguments=recipe.arguments,
        limits=Limits(seconds=recipe.seconds),
        label=planned.name,
        internal=planned.internal,
    )
    with (
        secret_files(recipe.secrets, planned.name, bench.environ, bench.store) as secrets,
        bench.turns.block(planned.name) as write,
    ):
        request = replace(request, secrets=secrets)
        try:
            built = bench.engine.build(request, write)
        except ConfigError as error:
            raise ConfigError(
                f"`{planned.name}`: {error.message}", where=error.where, hint=error.hint
            ) from error
        from pipeline.execute.outputs import keep  # noqa: PLC0415 - imported while steps run
        from pipeline.execute.packing import pack  # noqa: PLC0415 - as above

        kept = keep(
            planned.kind,
            planned.name,
            built.output,
            bench.store,
            epoch=recipe.epoch,
            startup_files=recipe.startup_files,
            parts=partial(bench.provisioner.parts, recipe) if recipe.bill else None,
            expected=_expected(bench, planned, contexts),
        )
        tree = kept.tree
        _check_generated(bench, planned, recipe, outputs, tree)
        if recipe.image:
            (below,) = (part for part in contexts.values() if isinstance(part, ImageContext))
            tree = pack(recipe.image, tree, below, bench.store, epoch=recipe.epoch)
    return Result(
        tree=tree.digest,
        seconds=built.seconds,
        engine=built.engine,
        label=planned.name,
        made=time.time(),
        findings=tuple((f.level, f.rule, f.message) for f in kept.findings),
    )


def _expected(
    bench: Bench, planned: PlannedCell, contexts: Mapping[str, Context]
) -> Callable[[str], Iterator[str]]:
    """Return what says why a pure wheel of a cell should have been compiled."""
    from pipeline.execute import purity  # noqa: PLC0415 - imported while steps run

    source = contexts.get("src")
    sources = source.path if isinstance(source, TreeContext) else None
    return partial(purity.reasons, planned=planned, sources=sources, known=bench.known)


def _check_generated(
    bench: Bench, planned: PlannedCell, recipe: Recipe, outputs: Mapping[str, str], tree: Tree
) -> None:
    """Refuse an sdist without the files that were generated for it."""
    for part in recipe.inputs.values():
        if planned.kind == "sdist" and isinstance(part, GeneratedInput):
            files = bench.provisioner.generated_files(part, outputs).entries
            (sdist,) = (bench.store.blob_path(entry.digest) for entry in tree.entries)
            refuse_missing(planned.name, part, files, sdist)


def _output_trees(bench: Bench, recipe: Recipe) -> dict[str, str]:
    trees = {}
    for part in recipe.uses:
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
        elif isinstance(part, InstalledInput):
            trees = [outputs[built.key] for built in part.built]
            parts[f"input {name}"] = ":".join(("installed", part.environment.digest, *trees))
        elif isinstance(part, GeneratedInput):
            parts[f"input {name}"] = part.identified(outputs)
    return sha256_bytes(repr(sorted(parts.items())).encode())


def _report(
    bench: Bench, planned: PlannedCell, result: Result, status: Status, began: float
) -> CellReport:
    made = () if planned.internal else artifacts(bench.store.load_tree(result.tree), bench.store)
    return CellReport(
        stage=planned.stage.name,
        cell=planned.name,
        key=planned.key,
        status=status,
        seconds=time.monotonic() - began,
        network=planned.recipe.network if planned.recipe else "",
        outputs=tuple(replace(artifact, findings=result.findings) for artifact in made),
    )
