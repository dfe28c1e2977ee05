"""Making an environment from the lock: wheels unpacked and linked, nothing run."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from pipeline.environments import activating
from pipeline.environments.blueprint import realise
from pipeline.environments.editable import Editable, added
from pipeline.environments.linking import Unpacked, drawn, packed, unpacked
from pipeline.errors import UsageError
from pipeline.files import sha256_bytes
from pipeline.images.environment import skeleton
from pipeline.locking.select import host_files
from pipeline.platforms import Workplace
from pipeline.project.pyproject import read_project

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config.model import Pipeline
    from pipeline.console import Console
    from pipeline.environments.blueprint import Blueprint, Own
    from pipeline.lock.types import Lock, PythonFile
    from pipeline.locking.settings import Settings
    from pipeline.store.store import Store

FORMAT = 6
KIND = "environment"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
VERSION = f"{PYTHON}.{sys.version_info.micro}"
PACKAGES = f"lib/python{PYTHON}/site-packages"


@dataclass(frozen=True, kw_only=True)
class Maker:
    """What environments of one checkout are made from and with; ``made`` are those made so far."""

    pipeline: Pipeline
    lock: Lock
    store: Store
    settings: Settings
    console: Console
    made: dict[str, Blueprint] = field(default_factory=dict)

    def ensure(self, name: str) -> Path:
        """Return the directory of environment ``name`` for this checkout and interpreter.

        It is made once and keyed by its wheels, the interpreter and the projects of the checkout,
        which are importable in it. Raises UsageError for a name that is not declared, or an
        environment that is not for this machine's platform or for this Python.
        """
        require(name, self.pipeline)
        locked = self.lock.environments[name]
        require_python(name, ",".join(locked.declared.get("requires-python", [])), VERSION)
        files = host_files(locked)
        editables = self._editables(name)
        key = environment_key(files, editables)
        final = self.store.directories.path(KIND, key)
        if not final.is_dir() and (absent := packed(files, self.store, PYTHON)):
            from pipeline.execute.fetching import fetch_shown  # noqa: PLC0415 - the network is seldom needed

            fetch_shown(absent, self.store, self.settings, self.console)

        def make(directory: Path) -> bytes:
            self.made[name] = blueprint = self._draw(files, editables)
            realise(blueprint, str(directory))
            return blueprint["record"]

        return self.store.derived(KIND, key, make)

    def _draw(self, files: tuple[PythonFile, ...], editables: list[Editable]) -> Blueprint:
        wheels = [Unpacked.read(one, self.store) for one in unpacked(files, self.store, PYTHON)]
        texts, links = skeleton(PYTHON, interpreter())
        own: list[Own] = [(path, data, False) for path, data in texts.items()]
        own += ((path, target, False) for path, target in links.items())
        own.append((activating.PATH, activating.ACTIVATE.encode(), False))
        taken = {path for path, _, _ in own} | {one.path for wheel in wheels for one in wheel.files}
        own += added(editables, PACKAGES, taken)
        return drawn(wheels, own, PACKAGES)

    def _editables(self, name: str) -> list[Editable]:
        """Return the projects of the checkout that an environment holds as they stand."""
        root = self.pipeline.root
        sources = self.lock.environments[name].declared.get("sources", ["."])
        return [
            Editable(directory=(root / source), project=read_project(root, source))
            for source in sources
        ]


def require(name: str, pipeline: Pipeline) -> None:
    """Raise UsageError unless an environment is declared, and for this machine's platform."""
    if name not in pipeline.environments:
        known = ", ".join(f"`{known}`" for known in pipeline.environments) or "none"
        raise UsageError(
            f"there is no environment `{name}`", hint=f"`environments:` declares {known}"
        )
    platforms = pipeline.environments[name].platforms
    here = Workplace.here()
    if here and here not in platforms:
        names = ", ".join(place.value for place in platforms)
        raise UsageError(
            f"environment `{name}` is not for this machine, which is {here.value}",
            hint=f"its `platforms` are {names}: add this one and run `pipeline lock`",
        )


def require_python(name: str, wanted: str, version: str) -> None:
    """Raise UsageError unless ``requires-python`` of what an environment holds admits a version."""
    if wanted and version not in SpecifierSet(wanted):
        raise UsageError(
            f"environment `{name}` is for Python {wanted}, and this runs on {version}",
            hint="name another one in `PIPELINE_PYTHON`, with which `./pipelinew` sets itself up",
        )


def interpreter() -> str:
    """Return the Python that stands behind this one's virtual environment."""
    return os.path.realpath(sys.executable)


def environment_key(files: tuple[PythonFile, ...], editables: list[Editable]) -> str:
    """Return the key of an environment: what it is made of and where it looks."""
    rows = [[file.name, file.sha256] for file in files]
    looks = [one.identity for one in editables]
    parts = [FORMAT, interpreter(), sys.version, looks, rows]
    return sha256_bytes(json.dumps(parts).encode())
