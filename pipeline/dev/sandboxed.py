"""A place in the sandbox: the image's layers, ``/env``, the checkout and the caller's terminal.

What is written outside of the checkout is gone afterwards. The isolation is that of a step, but
for the terminal and for the checkout, which is mounted as it stands.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipeline.dev.place import ENVIRONMENT, REPOSITORY
from pipeline.dev.shells import command
from pipeline.errors import EngineUnavailableError
from pipeline.images.root import DIRECTORY_MODE
from pipeline.platforms import native_platform
from pipeline.sandbox.launch import SandboxError, launch
from pipeline.sandbox.spec import Bind, Bounds, Overlay, Spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.dev.inputs import Made
    from pipeline.dev.place import Place
    from pipeline.dev.shells import Asked
    from pipeline.sandbox.spec import Mount
    from pipeline.store.store import Store


def run(place: Place, made: Made, asked: Asked, root: Path, store: Store) -> int:
    """Run what was asked for in a place and return its exit status.

    ``root`` is the checkout. Raises EngineUnavailableError where steps cannot be isolated, or where
    programs of the image's platform do not run.
    """
    with store.scratch("dev") as room:
        if place.platform != native_platform():
            _require(place.platform, room)
        try:
            return launch(specification(place, made, asked, root, room), lambda _: None).status
        except SandboxError as error:
            raise EngineUnavailableError(str(error), hint=error.hint) from error


def _require(platform: str, room: Path) -> None:
    """Raise EngineUnavailableError unless programs of a foreign platform run here."""
    from pipeline.engines import emulation  # noqa: PLC0415 - seldom needed

    if not emulation.runs(platform, room):
        reason, hint = emulation.why_not(platform)
        raise EngineUnavailableError(reason, hint=hint)


def specification(place: Place, made: Made, asked: Asked, root: Path, room: Path) -> Spec:
    """Return the sandbox of a place; what it writes outside of the checkout lies in ``room``."""
    return Spec(
        root=_overlay("/", made.root, room),
        mounts=(
            *_environment(made, room),
            Bind(source=str(root), target=REPOSITORY, read_only=False),
        ),
        argv=command(asked, made.root),
        env=tuple((dict(place.variables) | dict(asked.variables)).items()),
        cwd=place.workdir,
        network=asked.network,
        limits=Bounds(),
        interactive=True,
    )


def _environment(made: Made, room: Path) -> Iterator[Mount]:
    if made.environment:
        yield _overlay(ENVIRONMENT, made.environment, room)


def _overlay(target: str, layers: tuple[Path, ...], room: Path) -> Overlay:
    name = target.strip("/") or "root"
    upper, work = room / name, room / f"{name}-work"
    for directory in (upper, work):
        directory.mkdir()
        os.chmod(directory, DIRECTORY_MODE)
    lower = tuple(map(str, layers))
    return Overlay(target=target, lower=lower, upper=str(upper), work=str(work))
