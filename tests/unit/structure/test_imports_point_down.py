"""The house has floors: a room may import what stands below it, never what stands above."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import pipeline

ROOT = Path(pipeline.__file__).parent
COMMON = {"errors", "console", "process", "files", "platforms"}

BELOW = {
    "sandbox": set(),
    "inside": set(),
    "store": set(),
    "config": set(),
    "dockerfile": set(),
    "wheels": set(),
    "project": set(),
    "checkout": {"store"},
    "release": {"wheels", "checkout", "config"},
    "engines": {"dockerfile", "sandbox", "store"},
    "lock": set(),
    "network": {"store"},
    "downloads": {"lock", "store", "checkout", "wheels"},
    "registry": {"network", "lock", "store"},
    "images": {"store", "engines", "lock", "config", "registry"},
    "plan": {"config", "lock", "checkout", "store", "dockerfile"},
    "cross": {"config", "lock"},
    "locking": {
        *("config", "lock", "store", "images", "plan", "wheels", "checkout", "network"),
        *("registry", "cross", "downloads", "project"),
    },
    "publishing": {"release", "wheels", "locking", "network", "store"},
    "evidence": {"plan", "images", "lock", "store", "wheels"},
    "stages": {
        *("config", "lock", "locking", "checkout", "plan", "registry", "release", "wheels"),
        *("inside", "publishing", "cross", "project"),
    },
    "execute": {
        *(
            "config",
            "lock",
            "locking",
            "checkout",
            "plan",
            "stages",
            "release",
            "images",
            "engines",
            "dockerfile",
        ),
        *("wheels", "store", "start", "cross", "evidence", "project"),
    },
    "workflows": {"config"},
    "environments": {
        *("config", "lock", "locking", "images", "execute", "network", "store", "project"),
    },
    "dev": {
        *("config", "checkout", "lock", "locking", "plan", "stages", "execute", "images"),
        *("engines", "sandbox", "store", "workflows", "cross", "inside", "project"),
    },
    "cli": None,
    "testing": {"cli", "engines", "sandbox", "store", "execute", "images"},
}
"""For each room the others it may import, besides itself and the common modules."""


def rooms() -> list[Path]:
    return sorted(p for p in ROOT.iterdir() if p.is_dir() and any(p.glob("*.py")))


def modules(name: str) -> list[Path]:
    """Return the files of a room or of a module that stands alone."""
    alone = ROOT / f"{name}.py"
    return [alone] if alone.is_file() else sorted((ROOT / name).rglob("*.py"))


@cache
def imported(file: Path) -> frozenset[str]:
    """Return the rooms that a module imports when it runs; annotations do not count."""
    tree = ast.parse(file.read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("pipeline.")}
    return frozenset(found)


@pytest.mark.parametrize("room", [room.name for room in rooms()])
def test_every_room_has_its_place_in_the_table(room: str) -> None:
    assert room in BELOW or room in COMMON or room == "templates"


@pytest.mark.parametrize("room", sorted(room for room, below in BELOW.items() if below is not None))
def test_a_room_imports_only_what_stands_below_it(room: str) -> None:
    allowed = (BELOW[room] or set()) | {room}
    allowed |= set() if room == "sandbox" else COMMON
    wrong = {
        f"{file.relative_to(ROOT)} imports {name}"
        for file in modules(room)
        for name in imported(file) - allowed
    }
    assert not wrong


@pytest.mark.parametrize("module", sorted(COMMON))
def test_a_common_module_imports_only_common_ones(module: str) -> None:
    assert all(imported(file) <= COMMON for file in modules(module))
