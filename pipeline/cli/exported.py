"""The files that environments are exported to, as the lock says they have to be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipeline.bootstrap import sealed
from pipeline.config.paths import escape
from pipeline.config.stages import SdistStage, WheelStage
from pipeline.errors import UsageError
from pipeline.locking.bases import bases, container_stages
from pipeline.locking.pylock import Origin, found_addresses, pylock_text, written_addresses
from pipeline.locking.python import oldest_python
from pipeline.locking.requirements import HEADER, requirements_text

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.cli.session import Session
    from pipeline.lock.types import Lock, RequirementSet
    from pipeline.locking.index import Index


def require_ours(session: Session) -> None:
    """Raise UsageError where a file that would be written holds something else, or lies outside."""
    for environment in session.pipeline.environments.values():
        for file in environment.export:
            if reason := escape(session.root, file):
                raise UsageError(f"`{file}` {reason}, so no environment can be exported there")
            path = session.root / file
            text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
            if path.is_dir() or (text.strip() and HEADER not in text):
                raise UsageError(
                    f"`{file}` is there already, was not written by `pipeline lock`, and is not "
                    "overwritten",
                    hint="move it away, or name another file in `export`",
                )


def exported(session: Session, lock: Lock, *, offline: bool) -> list[tuple[str, str]]:
    """Return the files that environments declare, and what they have to hold.

    Where ``offline``, a wheel that no such file names yet has no address, so that the file differs.
    """
    found = []
    for name, environment in session.pipeline.environments.items():
        if name not in lock.environments:
            continue
        for file in environment.export:
            locked = lock.environments[name]
            if file.endswith(".toml"):
                found.append((file, _pylock(session, lock, name, file, offline=offline)))
            else:
                found.append((file, sealed(requirements_text(locked))))
    return found


def _pylock(session: Session, lock: Lock, name: str, file: str, *, offline: bool) -> str:
    locked = lock.environments[name]
    path = session.root / file
    addresses = written_addresses(path)
    wheels = [file for requirement in locked.requirements for file in requirement.files]
    absent = [wheel for wheel in wheels if wheel.sha256 not in addresses]
    if absent and not offline:
        index = _index(session)
        addresses |= found_addresses(absent, index, root=session.root, beside=path.parent)
    sources = locked.declared.get("sources", ["."])
    origin = Origin(
        environment=name,
        python=oldest_python(",".join(locked.declared.get("requires-python", [])), file),
        platforms=session.pipeline.environments[name].platforms,
        sources=[_relative(session.root / source, path.parent) for source in sources],
        epoch=lock.epoch,
        build=_build_sets(session, lock, sources),
    )
    return pylock_text(locked, origin, addresses)


def _relative(path: Path, beside: Path) -> str:
    return os.path.relpath(path, beside)


def _index(session: Session) -> Index:
    from pipeline.locking.credentials import pip_client  # noqa: PLC0415 - only with the network
    from pipeline.locking.index import Index  # noqa: PLC0415

    return Index(pip_client(session.settings), session.settings)


def _build_sets(session: Session, lock: Lock, sources: list[str]) -> dict[str, RequirementSet]:
    """Return what the sdists and wheels of some projects are built with, by stage and base."""
    found = {}
    for stage in container_stages(session.pipeline):
        if isinstance(stage, (SdistStage, WheelStage)) and stage.name in lock.stages:
            sets = lock.stages[stage.name].sets
            for base in bases(session.pipeline, stage, lock.images):
                if base.source in sources and base.key in sets:
                    found[f"{stage.name} {base.key}"] = sets[base.key]
    return dict(sorted(found.items()))
