"""What no single value of `environments` shows: files written twice, names, platforms left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.config.matrix import PROJECT_FILE, directories
from pipeline.config.paths import escape, is_glob
from pipeline.config.problems import listing, quoted

if TYPE_CHECKING:
    from pipeline.config.checking import Checking, KeyPath
    from pipeline.config.model import Environment

PYLOCK = re.compile(r"pylock(\.[^.]+)?\.toml")
"""How PEP 751 wants its files to be called."""


def check_environments(checking: Checking) -> None:
    """Note what is wrong between the values of environments, and between environments."""
    exported: dict[str, str] = {}
    for name, environment in checking.pipeline.environments.items():
        path = ("environments", name)
        _check_sources(checking, environment, path)
        _check_platforms(checking, environment, path)
        _check_conflicts(checking, name, environment, path)
        for index, file in enumerate(environment.export):
            _check_file(checking, file, (*path, "export", str(index)))
            if other := exported.get(file):
                message = f"environments `{other}` and `{name}` are exported to the same file"
                checking.wrong((*path, "export"), message, "give each its own file")
            exported[file] = name


def _check_sources(checking: Checking, environment: Environment, path: KeyPath) -> None:
    checking.unique((*path, "source"), environment.sources)
    root = checking.pipeline.root
    for index, pattern in enumerate(environment.sources):
        if is_glob(pattern) and not escape(root, pattern) and not directories(pattern, root):
            message = f"{quoted(pattern)} matches no directory with a `{PROJECT_FILE}`"
            checking.wrong((*path, "source", str(index)), message, "check the pattern")


def _check_platforms(checking: Checking, environment: Environment, path: KeyPath) -> None:
    names = [place.value for place in environment.platforms]
    checking.unique((*path, "platforms"), names)
    if not names:
        message = f"environment `{path[-1]}` is for no platform"
        checking.wrong((*path, "platforms"), message, "name one, or leave the key out")
    for name in environment.also_on:
        if names and name not in names:
            message = f"environment `{path[-1]}` adds something on `{name}`, which it is not for"
            hint = f"add `{name}` to its `platforms`, which are {listing(names)}"
            checking.wrong((*path, "also-on", name), message, hint)


def _check_conflicts(
    checking: Checking, name: str, environment: Environment, path: KeyPath
) -> None:
    checking.unique((*path, "conflicts"), environment.conflicts)
    for index, other in enumerate(environment.conflicts):
        at = (*path, "conflicts", str(index))
        if other == name:
            checking.wrong(at, f"environment `{name}` conflicts with itself", "take it out")
        else:
            checking.known(at, other, "environment", checking.pipeline.environments)


def _check_file(checking: Checking, file: str, path: KeyPath) -> None:
    name = file.rpartition("/")[2]
    if name.endswith(".toml") and not PYLOCK.fullmatch(name):
        message = f"{quoted(file)} cannot be the name of a lock of PEP 751"
        checking.wrong(path, message, "call it `pylock.toml`, or `pylock.NAME.toml` without dots")
