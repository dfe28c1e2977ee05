"""What a stage or cell stands for, and what its digest is made of."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.dev import devcontainer
from pipeline.dev.place import Repository, find
from pipeline.errors import UsageError
from tests.unit.dev.conftest import wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_the_first_test_stage_is_meant_where_none_is_named(
    repository: Callable[..., Repository],
) -> None:
    place = find(repository("pytest"), None, [])
    assert (place.cell.name, place.image) == ("test", "python")
    assert dict(place.variables)["MODE"] == "quick"


def test_the_wheels_under_test_are_installed_from_their_sources(
    repository: Callable[..., Repository],
) -> None:
    place = find(repository("pytest"), "test", [])
    assert place.additions.links == {
        "lib/python3.11/site-packages/one": "/src/packages/one/src/one"
    }
    assert place.additions.files["lib/python3.11/site-packages/one-1.dist-info/WHEEL"]


def test_a_locked_wheel_of_a_mounted_package_is_left_out(
    repository: Callable[..., Repository],
) -> None:
    place = find(repository("pytest", "one"), "test", [])
    assert place.environment
    assert place.environment.wheels == (wheel("pytest"),)


def test_an_image_without_python_has_neither_environment_nor_packages(
    repository: Callable[..., Repository],
) -> None:
    place = find(repository(), "tool", [])
    assert (place.environment, place.packages) == (None, ())


def test_a_stage_of_this_machine_has_no_place(repository: Callable[..., Repository]) -> None:
    with pytest.raises(UsageError, match="`notes` runs on this machine") as refused:
        find(repository(), "notes", [])
    assert "`wheel`, `test`, `tool`" in refused.value.hint


def test_the_digest_moves_with_the_lock_and_the_packages_alone(
    repository: Callable[..., Repository], root: Path
) -> None:
    before = find(repository("pytest"), "test", []).digest
    project = root / "packages" / "one" / "pyproject.toml"
    project.write_text('[project]\nname = "one"\nversion = "2"\n')
    (root / "packages/one/src/one/new.py").touch()
    assert find(repository("pytest"), "test", []).digest == before
    assert find(repository("pytest", "more"), "test", []).digest != before
    assert find(repository("pytest"), "wheel", []).digest != before


def test_the_epoch_of_a_release_makes_no_dev_container_stale(
    repository: Callable[..., Repository], root: Path
) -> None:
    options = devcontainer.Options(stage="test")
    one = repository("pytest")
    place = find(one, "test", [])
    (root / ".devcontainer").mkdir()
    (root / devcontainer.FILE).write_text(devcontainer.text(place, options, root))
    assert devcontainer.drifts(replace(one, lock=replace(one.lock, epoch=2))) == ()
    (drift,) = devcontainer.drifts(repository("pytest", "more"))
    assert drift.file == devcontainer.FILE
    assert [line[:10] for line in drift.diff if line[:1] in "+-"][2:] == [
        '-  "image"',
        '+  "image"',
    ]


def test_a_file_of_somebody_else_is_not_ours_to_judge(
    repository: Callable[..., Repository], root: Path
) -> None:
    (root / ".devcontainer").mkdir()
    for text in ('{"image": "theirs"}', "// with a comment\n{}", "[]"):
        (root / devcontainer.FILE).write_text(text)
        assert devcontainer.read(root) == (text, None)
        assert devcontainer.drifts(repository("pytest")) == ()


def test_nothing_of_this_machine_is_in_the_file(
    repository: Callable[..., Repository], root: Path
) -> None:
    place = find(repository("pytest"), "test", [])
    text = devcontainer.text(place, devcontainer.Options(stage="test"), root)
    assert str(root.parent) not in text
    document = json.loads(text)
    assert document["image"].endswith(f":{place.digest}")
    assert document["initializeCommand"] == ["pipeline", "dev", "test", "--load"]
    (root / "pipelinew").touch()
    again = devcontainer.text(place, devcontainer.Options(stage="test"), root)
    assert json.loads(again)["initializeCommand"][0] == "./pipelinew"
