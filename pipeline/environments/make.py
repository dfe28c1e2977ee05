"""Making an environment from the lock: wheels unpacked, nothing run."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.execute.fetching import fetch_shown
from pipeline.execute.provision import checked
from pipeline.files import sha256_bytes
from pipeline.images.environment import unpack_wheels
from pipeline.locking.select import host_files

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config.model import Pipeline
    from pipeline.console import Console
    from pipeline.lock.types import Lock, PythonFile
    from pipeline.locking.settings import Settings
    from pipeline.store.store import Store

FORMAT = 2


def ensure(
    name: str,
    *,
    pipeline: Pipeline,
    lock: Lock,
    store: Store,
    settings: Settings,
    console: Console,
) -> Path:
    """Return the directory of environment ``name`` for this checkout and interpreter.

    It is made once and keyed by its wheels, the interpreter and the checkout, whose directory is
    importable in it. Raises UsageError for a name that is not declared.
    """
    if name not in pipeline.environments:
        known = ", ".join(f"`{known}`" for known in pipeline.environments) or "none"
        raise UsageError(
            f"there is no environment `{name}`", hint=f"`environments:` declares {known}"
        )
    files = host_files(lock.environments[name])
    source = pipeline.root / pipeline.environments[name].source
    key = environment_key(files, source)
    final = store.directories.path("environment", key)
    if not final.is_dir():
        fetch_shown(files, store, settings, console)

    def make(directory: Path) -> None:
        wheels = [(file.name, checked(file, store)) for file in files]
        unpack_wheels(
            wheels,
            directory,
            python=f"{sys.version_info.major}.{sys.version_info.minor}",
            prefix_inside=str(final),
            interpreter=interpreter(),
        )
        (packages,) = directory.glob("lib/python*/site-packages")
        # Of these two `site` takes what is there: both layouts of a project can be imported.
        (packages / "checkout.pth").write_text(f"{source}/src\n{source}\n")

    return store.derived("environment", key, make)


def interpreter() -> str:
    """Return the Python that stands behind this one's virtual environment."""
    return os.path.realpath(sys.executable)


def environment_key(files: tuple[PythonFile, ...], source: Path) -> str:
    """Return the key of an environment: what it is made of and where it looks."""
    rows = [[file.name, file.sha256] for file in files]
    parts = [FORMAT, interpreter(), sys.version, str(source), rows]
    return sha256_bytes(json.dumps(parts).encode())
