from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from packaging.pylock import Pylock

from pipeline.errors import LockError
from pipeline.lock.types import LockedRequirement, PythonFile, RequirementSet
from pipeline.locking.credentials import pip_client
from pipeline.locking.index import Index
from pipeline.locking.pip_settings import PipSettings
from pipeline.locking.pylock import Origin, found_addresses, pylock_text, written_addresses
from pipeline.platforms import Workplace

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.locking.settings import Settings

WHEEL = PythonFile(name="a-1.0-py3-none-any.whl", sha256="ab" * 32, size=7)
LOCKED = RequirementSet(
    declared={},
    requirements=(
        LockedRequirement(
            name="a", version="1.0", marker="sys_platform == 'linux'", files=(WHEEL,)
        ),
    ),
)
ORIGIN = Origin(
    environment="dev",
    python="3.11",
    platforms=(Workplace.LINUX_ARM64,),
    sources=("packages/a",),
    epoch=5,
    build={"wheel cp311-linux_x86_64": LOCKED},
)
URL = "https://h.example/a-1.0-py3-none-any.whl"


def test_what_is_written_is_a_lock_of_pep_751() -> None:
    text = pylock_text(LOCKED, ORIGIN, {WHEEL.sha256: ("url", URL)})
    document = tomllib.loads(text)
    lock = Pylock.from_dict(document)
    (package,) = lock.packages
    assert package.wheels is not None
    (wheel,) = package.wheels
    assert (package.name, str(package.version)) == ("a", "1.0")
    assert (wheel.url, wheel.size, wheel.hashes) == (URL, 7, {"sha256": WHEEL.sha256})
    assert [str(marker) for marker in lock.environments or ()] == [
        'sys_platform == "linux" and platform_machine == "aarch64"'
    ]


def test_what_the_projects_are_built_with_stands_in_our_own_table() -> None:
    tool = tomllib.loads(pylock_text(LOCKED, ORIGIN, {}))["tool"]["pipeline"]
    assert tool["editable"] == ["packages/a"]
    (row,) = tool["build"]["wheel cp311-linux_x86_64"]["packages"]
    assert row == {
        "name": "a",
        "version": "1.0",
        "file": WHEEL.name,
        "sha256": WHEEL.sha256,
    }


def test_addresses_that_were_written_once_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    assert written_addresses(path) == {}
    known = {WHEEL.sha256: ("url", URL)}
    path.write_text(pylock_text(LOCKED, ORIGIN, known))
    assert written_addresses(path) == known
    path.write_text("[[packages]]\nwheels = 3\n")
    assert written_addresses(path) == {}


def links(settings: Settings, *places: str) -> Index:
    """Return an index that is nothing but directories."""
    vars(settings)["pip"] = PipSettings(index="", no_index=True, find_links=places, timeout=5.0)
    return Index(pip_client(settings), settings)


def test_a_wheel_of_the_repository_is_named_by_its_path(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / WHEEL.name).touch()
    index = links(settings, str(tmp_path / "wheels"))
    found = found_addresses([WHEEL], index, root=tmp_path, beside=tmp_path / "locks")
    assert found == {WHEEL.sha256: ("path", f"../wheels/{WHEEL.name}")}


def test_a_wheel_that_others_could_not_get_is_refused(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / WHEEL.name).touch()
    index = links(settings, str(tmp_path / "elsewhere"))
    with pytest.raises(LockError, match="must say where others get it"):
        found_addresses([WHEEL], index, root=tmp_path / "repo", beside=tmp_path / "repo")


def test_addresses_of_both_sides_of_a_conflict_stay(tmp_path: Path) -> None:
    other = PythonFile(name="a-2.0-py3-none-any.whl", sha256="cd" * 32, size=7)
    addresses = {WHEEL.sha256: ("url", URL), other.sha256: ("url", URL.replace("1.0", "2.0"))}
    sides = []
    for file in (WHEEL, other):
        row = LockedRequirement(name="a", version=file.name.split("-")[1], files=(file,))
        sides.append(
            pylock_text(RequirementSet(declared={}, requirements=(row,)), ORIGIN, addresses)
        )
    path = tmp_path / "pylock.dev.toml"
    path.write_text("\n<<<<<<< ours\n{}=======\n{}>>>>>>> theirs\n".format(*sides))
    assert written_addresses(path) == addresses
