from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import LockError
from pipeline.lock.file import base_key, dump, load, python_tag
from pipeline.lock.types import (
    DebianPackage,
    Lock,
    LockedImage,
    LockedPlatform,
    LockedRequirement,
    LockedStage,
    PythonFile,
    RequirementSet,
)
from pipeline.platforms import Target

if TYPE_CHECKING:
    from pathlib import Path

WHEEL = PythonFile(name="build-1.6.1-py3-none-any.whl", sha256="c" * 64, size=31)
OTHER = PythonFile(name="build-1.6.1-py2-none-any.whl", sha256="d" * 64, size=30)


def package(name: str) -> DebianPackage:
    """Return a package that looks like one of an archive."""
    return DebianPackage(
        name=name,
        version="1:2.3-4+deb12u1",
        architecture="amd64",
        path=f"pool/main/{name[0]}/{name}/{name}_2.3-4%2bdeb12u1_amd64.deb",
        sha256="a" * 64,
        size=12,
    )


LOCK = Lock(
    epoch=1763596800,
    images={
        "python": LockedImage(
            declared={"from": ["debian bookworm"], "packages": ["bash", "zürich"]},
            platforms={
                "linux/amd64": LockedPlatform(
                    digest="b" * 64,
                    packages=(package("bash"), package("libstdc++6")),
                    wheels=(WHEEL,),
                    python="3.11",
                    glibc="2.36",
                ),
                "linux/arm64": LockedPlatform(digest="", packages=()),
            },
        )
    },
    stages={
        "wheel": LockedStage(
            sets={
                "packages/a:cp311-linux_x86_64": RequirementSet(
                    declared={"tools": ["build"]},
                    requirements=(
                        LockedRequirement(name="build", version="1.6.1", files=(WHEEL,)),
                    ),
                )
            }
        )
    },
    environments={
        "dev": RequirementSet(
            declared={},
            requirements=(
                LockedRequirement(
                    name="build",
                    version="1.6.1",
                    marker='sys_platform == "linux"',
                    files=(WHEEL, OTHER),
                ),
            ),
        )
    },
    sources={
        "markupsafe==3.0.3": PythonFile(name="markupsafe-3.0.3.tar.gz", sha256="e" * 64, size=9)
    },
)


def written(directory: Path, text: str | bytes) -> Path:
    """Write a lock file and return its path."""
    path = directory / "pipeline.lock"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_what_is_dumped_is_loaded_again(tmp_path: Path) -> None:
    assert load(written(tmp_path, dump(LOCK))) == LOCK


def test_an_empty_lock_is_dumped_and_loaded(tmp_path: Path) -> None:
    assert load(written(tmp_path, dump(Lock(epoch=0)))) == Lock(epoch=0)


def test_the_order_in_which_a_lock_was_made_does_not_show() -> None:
    turned = replace(
        LOCK,
        images={
            "python": replace(
                LOCK.images["python"],
                platforms=dict(sorted(LOCK.images["python"].platforms.items(), reverse=True)),
            )
        },
    )
    assert dump(turned) == dump(LOCK)


def test_every_artifact_has_a_line_of_its_own() -> None:
    lines = dump(LOCK).splitlines()
    for digest, count in (("a", 2), ("c", 3), ("d", 1), ("e", 1)):
        assert sum(digest * 64 in line for line in lines) == count
    assert all(line.count(".deb") + line.count(".whl") <= 1 for line in lines)


def test_moving_one_package_changes_one_line() -> None:
    platform = LOCK.images["python"].platforms["linux/amd64"]
    moved = replace(platform, packages=(package("bash"), replace(package("libstdc++6"), size=13)))
    image = replace(LOCK.images["python"], platforms={"linux/amd64": moved})
    before = replace(LOCK, images={"python": replace(image, platforms={"linux/amd64": platform})})
    after = replace(LOCK, images={"python": image})
    pairs = zip(dump(before).splitlines(), dump(after).splitlines(), strict=True)
    assert sum(left != right for left, right in pairs) == 1


def test_a_missing_lock_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="missing") as caught:
        load(tmp_path / "pipeline.lock")
    assert caught.value.hint == "run `pipeline lock`"


def test_a_lock_that_is_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LockError):
        load(tmp_path)


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ('"format": 1', '"format": 2'),
        ('"epoch": 1763596800', '"epoch": -1'),
        ('"epoch": 1763596800', '"epoch": true'),
        ('"epoch": 1763596800', '"epoch": 1, "epoch": 2'),
        ('"glibc": "2.36",\n', ""),
        ('"glibc"', '"libc"'),
        ('"linux/amd64"', '"plan9/amd64"'),
        ("pool/main/b", "../main/b"),
        ("pool/main/b", "pool/../b"),
        ("pool/main/b/bash/", "/pool/main/b/"),
        ("markupsafe-3.0.3.tar.gz", "../markupsafe-3.0.3.tar.gz"),
        ("markupsafe-3.0.3.tar.gz", "markupsafe-3.0.3.exe"),
        ("a" * 64, "a" * 63),
        ("b" * 64, "B" * 64),
        ("c" * 64, "../../" + "c" * 58),
        (", 31]", ', "31"]'),
        (", 31]", ", 31, 1]"),
        (", 31]", ", 31.5]"),
        ('["build"]', '"build"'),
        ('["build"]', "[1]"),
        ('["build"]', '["\\ud800"]'),
        ('"sources": {', '"sources": [{'),
    ],
)
def test_a_malformed_lock_is_refused_with_what_to_do(tmp_path: Path, then: str, now: str) -> None:
    text = dump(LOCK)
    assert then in text
    with pytest.raises(LockError, match="malformed") as caught:
        load(written(tmp_path, text.replace(then, now, 1)))
    assert "`pipeline lock --upgrade`" in caught.value.hint  # plain `lock` would refuse it too


@pytest.mark.parametrize("before", ["", "{\n"])
def test_a_lock_with_the_marks_of_a_merge_says_so(tmp_path: Path, before: str) -> None:
    text = dump(LOCK).replace(before, f"{before}<<<<<<< ours\n", 1)
    with pytest.raises(LockError, match="holds a merge conflict") as caught:
        load(written(tmp_path, text))
    assert "`pipeline lock --resolve-conflict`" in caught.value.hint


def test_no_damage_leads_to_another_error_than_lock_error(tmp_path: Path) -> None:
    data = dump(LOCK).encode()
    chance = random.Random(7)  # noqa: S311  a test that repeats
    for _ in range(400):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        cut = (
            bytes(damaged[: chance.randint(1, len(damaged))])
            if chance.random() < 0.3
            else bytes(damaged)
        )
        try:
            load(written(tmp_path, cut))
        except LockError as error:
            assert error.exit_code == 3  # noqa: PT017  most, not all, damage is an error


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, "null", "[]", ""])
def test_absurd_texts_are_malformed_locks(tmp_path: Path, text: str) -> None:
    with pytest.raises(LockError):
        load(written(tmp_path, text))


def test_a_lock_is_plain_json() -> None:
    assert (
        json.loads(dump(LOCK))["images"]["python"]["platforms"]["linux/amd64"]["python"] == "3.11"
    )


def test_keys_name_source_interpreter_and_target() -> None:
    assert base_key("", python_tag("3.11"), Target.LINUX_X86_64) == "cp311-linux_x86_64"
    assert base_key("packages/a", "cp313", Target.LINUX_ARM64) == "packages/a:cp313-linux_arm64"
    assert python_tag("") == "none"
