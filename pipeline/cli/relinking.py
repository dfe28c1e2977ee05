"""``pipeline export`` where nothing moved since the last time: links only, nothing read again.

The call before recorded which files its answer rested on (`pipeline.cli.noop`), and of each
environment that it made the blueprint. So an environment that the cache has lost meanwhile is made
again without YAML, lock or resolver.
"""

from __future__ import annotations

import sys

from pipeline.cli import noop
from pipeline.console import table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pipeline.environments.blueprint import Blueprint
    from pipeline.environments.export import Exported
    from pipeline.store.opened import Opened

    Row = tuple[str, str, str, Blueprint | None]


def record(
    words: Sequence[str],
    done: Sequence[Exported],
    made: Mapping[str, Blueprint],
    root: Path,
    *,
    every: bool,
    inputs: Iterable[str],
    began: int,
) -> None:
    """Note what an export with these words came to; ``made`` are environments it had to make.

    With ``every``, links of any others are removed again. Of those that it did not make
    the blueprint stands in the record of the call that made them, so a record that is still right
    is left alone.
    """
    call = _call(words)
    if noop.recorded(call) and not made:
        return
    rows = [
        (one.name, one.target.parent.name, one.target.name, made.get(one.name))
        for one in done
        if one.state != "removed"
    ]
    report: dict[str, object] = {"root": str(root), "environments": rows, "every": every}
    noop.record(call, report, inputs=inputs, outputs=(), began=began)


def exported_again(words: Sequence[str], environ: Mapping[str, str]) -> list[Exported] | None:
    """Put the recorded environments of a call in place; None where it has to be done in full."""
    report = noop.recorded(_call(words))
    if not report:
        return None
    # All of it is needed from here on only.
    from pathlib import Path  # noqa: PLC0415

    from pipeline.environments.export import export, sweep  # noqa: PLC0415
    from pipeline.store.opened import Opened  # noqa: PLC0415

    root = Path(str(report["root"]))
    rows: list[Row] = report["environments"]  # type: ignore[assignment]
    with Opened.open(Path(noop.cache_directory(environ))) as store:
        done = []
        for name, kind, key, blueprint in rows:
            directory = _standing(store, kind, key, blueprint)
            if directory is None:
                return None
            done.append(export(name, directory, root, store.root))
        if report["every"]:
            done += sweep(root, store.root, {row[0] for row in rows})
    return done


def _call(words: Sequence[str]) -> list[str]:
    return ["export", sys.executable, *words]


def _standing(store: Opened, kind: str, key: str, blueprint: Blueprint | None) -> Path | None:
    def make(directory: Path) -> bytes:
        if blueprint is None:
            raise FileNotFoundError(key)
        from pipeline.environments.blueprint import realise  # noqa: PLC0415 - as above

        realise(blueprint, str(directory))
        return blueprint["record"]

    try:
        return store.derived(kind, key, make)
    except FileNotFoundError:
        return None  # a wheel of it is gone as well


def shown(done: Sequence[Exported]) -> str:
    """Return the table of exported environments."""
    rows = [(one.name, str(one.path), one.state) for one in done]
    return "\n".join(table(("environment", "path", ""), rows))
