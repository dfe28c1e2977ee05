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
from pipeline.environments.linking import START, Unpacked, drawn, packed, unpacked
from pipeline.errors import UsageError
from pipeline.files import sha256_bytes
from pipeline.images.environment import skeleton
from pipeline.locking.select import host_files
from pipeline.platforms import Workplace
from pipeline.project.editable import Editable, install
from pipeline.project.pyproject import read_project

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from pipeline.config.model import Pipeline
    from pipeline.console import Console
    from pipeline.environments.blueprint import Blueprint, Own
    from pipeline.lock.types import Lock, PythonFile
    from pipeline.locking.settings import Settings
    from pipeline.project.editable import Files
    from pipeline.store.store import Store

FORMAT = 7
KIND = "environment"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
VERSION = f"{PYTHON}.{sys.version_info.micro}"
PACKAGES = f"lib/python{PYTHON}/site-packages"


@dataclass(frozen=True, kw_only=True)
class Maker:
    """What environments of one checkout are made from and with.

    ``made`` are those made so far; ``looked`` the directories whose entries they depend on;
    ``computed`` has for an environment the setting that hides programs of its projects.
    """

    pipeline: Pipeline
    lock: Lock
    store: Store
    settings: Settings
    console: Console
    made: dict[str, Blueprint] = field(default_factory=dict)
    looked: set[str] = field(default_factory=set)
    computed: dict[str, str] = field(default_factory=dict)

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
        added = self._installed(editables)
        self.looked.update(map(str, added.looked))
        hidden = (
            f"{one.points.computed} of `{one.name or one.source}`"
            for one in editables
            if one.points.computed
        )
        self.computed[name] = next(hidden, "")
        key = environment_key(files, added)
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
        added = self._installed(editables, taken)
        for program, project in added.left_out:
            self.console.warning(
                f"the program `{program}` of `{project}` is left out: another package has one of "
                "that name"
            )
        own += ((path, text.encode(), text.startswith("#!")) for path, text in added.texts.items())
        own += ((path, target, False) for path, target in added.links.items())
        return drawn(wheels, own, PACKAGES)

    def _installed(self, editables: list[Editable], taken: Container[str] = ()) -> Files:
        return install(
            editables,
            packages=PACKAGES,
            repository=str(self.pipeline.root),
            start=f"{START.decode()}\n",
            taken=taken,
        )

    def roots(self, name: str) -> list[str]:
        """Return the directories of the repository from which an environment's projects import."""
        found = (one.place(path) for one in self._editables(name) for path in one.layout.roots)
        return list(dict.fromkeys(found))

    def _editables(self, name: str) -> list[Editable]:
        """Return the projects of the checkout that an environment holds as they stand."""
        root = self.pipeline.root
        sources = self.lock.environments[name].declared.get("sources", ["."])
        return [Editable.read(root, source, read_project(root, source)) for source in sources]


def require(name: str, pipeline: Pipeline) -> None:
    """Raise UsageError unless an environment is declared, and for this machine's platform."""
    if name not in pipeline.environments:
        known = ", ".join(f"`{known}`" for known in pipeline.environments) or "none"
        raise UsageError(
            f"unknown environment `{name}`",
            hint=f"`environments` in pipeline.yaml declares {known}",
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


def environment_key(files: tuple[PythonFile, ...], added: Files) -> str:
    """Return the key of an environment: its wheels, and what projects of the checkout add."""
    rows = [[file.name, file.sha256] for file in files]
    own = [sorted(added.texts.items()), sorted(added.links.items())]
    parts = [FORMAT, interpreter(), sys.version, own, rows]
    return sha256_bytes(json.dumps(parts).encode())
