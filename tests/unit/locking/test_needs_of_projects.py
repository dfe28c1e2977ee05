"""A test of one project in a repository of several installs what it depends on there, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.config.load import load
from pipeline.errors import ConfigError
from pipeline.locking.needs import Needs
from pipeline.locking.unnamed import refuse_unbuilt
from pipeline.plan.matrix import Cell, all_cells

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., None]

PIPELINE = """\
version: 1
stages:
  sdist: {kind: sdist, image: python, matrix: {source: "packages/*"}}
  wheel:
    kind: wheel
    image: "python"
    needs: [sdist]
    matrix: {source: "packages/*", target: [linux_x86_64, linux_arm64]}
  test:
    kind: test
    image: python
    needs: [wheel]
    groups: [test]
    extras: [fast]
    matrix: {source: "packages/*", target: [linux_x86_64, linux_arm64]}
    run: python -m pytest
"""
IMAGE = "from: {debian: bookworm}\nplatforms: [linux_x86_64, linux_arm64]\npackages: [python3]\n"
PROJECT = """\
[project]
name = "My.NAME"
version = "1"
dependencies = DEPENDENCIES
[project.optional-dependencies]
fast = FAST
slow = ["my-tools"]
[dependency-groups]
test = TEST
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return what adds a project ``My.NAME`` to the repository."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "python.yaml").write_text(IMAGE)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)

    def project(
        name: str, *dependencies: str, fast: tuple[str, ...] = (), test: tuple[str, ...] = ()
    ) -> None:
        directory = tmp_path / "packages" / name
        directory.mkdir(parents=True)
        words = {"NAME": name, "DEPENDENCIES": dependencies, "FAST": fast, "TEST": test}
        text = PROJECT
        for word, value in words.items():
            text = text.replace(word, value if isinstance(value, str) else str([*value]))
        (directory / "pyproject.toml").write_text(text)

    return project


def installed(root: Path, source: str, target: str = "linux_x86_64") -> list[str]:
    """Return the projects whose wheels the test of one of them installs."""
    pipeline = load(root)
    needs = Needs.among(pipeline, all_cells(pipeline))
    cell = Cell(stage="test", axes=(("source", f"packages/{source}"), ("target", target)))
    found = needs.of(cell, "wheel")
    assert {one.get("target") for one in found} == {target}
    return [one.get("source").removeprefix("packages/") for one in found]


def test_what_a_project_depends_on_is_installed_all_the_way(tmp_path: Path, write: Write) -> None:
    write("app", "my-mid >= 1", "attrs")
    write("mid", "My_Base")
    write("base")
    write("other", "my-app")
    assert installed(tmp_path, "app") == ["app", "base", "mid"]
    assert installed(tmp_path, "app", "linux_arm64") == ["app", "base", "mid"]
    assert installed(tmp_path, "base") == ["base"]


def test_extras_and_groups_of_the_stage_count_and_extras_that_are_asked_for(
    tmp_path: Path, write: Write
) -> None:
    write("app", fast=("my-quick",), test=("my-mid[slow]", "pytest"))
    for name in ("quick", "mid", "tools", "unasked"):
        write(name)
    assert installed(tmp_path, "app") == ["app", "mid", "quick", "tools"]


def test_projects_that_need_each_other_end(tmp_path: Path, write: Write) -> None:
    write("app", "my-mid")
    write("mid", "my-app")
    assert installed(tmp_path, "app") == ["app", "mid"]


def test_a_sibling_without_a_wheel_is_asked_of_no_index() -> None:
    known = {"my-base": "packages/base"}
    refuse_unbuilt("test", ["attrs", "pytest>=8"], known, "")
    with pytest.raises(ConfigError, match="installs `my-base`, which is the project in"):
        refuse_unbuilt("test", ["attrs", "My.Base[fast]>=1"], known, "pipeline.yaml:9:3")
