from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError
from pipeline.project.pyproject import Project, parse_project, read_project

if TYPE_CHECKING:
    from pathlib import Path


def project(directory: Path, text: str) -> Project:
    """Return the project of a pyproject.toml."""
    return parse_project(text.encode(), "pyproject.toml", directory)


def test_a_project_without_build_system_is_legacy_setuptools(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("")
    found = read_project(tmp_path, ".")
    assert found.backend == "setuptools.build_meta:__legacy__"
    assert found.build_requires == ("setuptools>=40.8.0",)
    assert found.dependencies is None


def test_a_directory_without_a_project_declares_nothing(tmp_path: Path) -> None:
    assert read_project(tmp_path, ".").dependencies == ()


def test_dynamic_dependencies_are_the_backend_s_to_say(tmp_path: Path) -> None:
    assert (
        project(tmp_path, '[project]\nname = "a"\ndynamic = ["dependencies"]').dependencies is None
    )


def test_groups_follow_their_includes(tmp_path: Path) -> None:
    text = '[dependency-groups]\nTest_A = ["pytest"]\ndev = [{include-group = "test-a"}, "ruff"]'
    assert project(tmp_path, text).group_requires("dev") == ("pytest", "ruff")


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ('a = [{include-group = "b"}]\nb = [{include-group = "a"}]', "a > b > a"),
        ('a = [{include-group = "c"}]', "`c` is not declared"),
        ("a = [{path = 'x'}]", "neither a requirement"),
        ("a = [1]", "neither a requirement"),
        ("a = 7", "neither a requirement"),
    ],
)
def test_groups_that_mean_nothing_are_refused(tmp_path: Path, groups: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        project(tmp_path, f"[dependency-groups]\n{groups}").group_requires("a")


def test_references_of_a_project_to_its_own_extras_are_followed(tmp_path: Path) -> None:
    text = """
    [project]
    name = "My.Thing"
    [project.optional-dependencies]
    all = ["my-thing[fast, slow]", "x"]
    fast = ["numpy", "my_thing[all]"]
    slow = ["pandas"]
    [dependency-groups]
    dev = ["my-thing[slow]", "ruff"]
    """
    found = project(tmp_path, text)
    assert found.extra_requires("all") == ("numpy", "pandas", "x")
    assert found.group_requires("dev") == ("pandas", "ruff")


@pytest.mark.parametrize(
    "text",
    [
        "[build-system]\nrequires = 'setuptools'",
        "project = 3",
        "[project]\ndependencies = [1]",
        "[project]\noptional-dependencies = {a = 'x'}",
        "= broken",
    ],
)
def test_a_malformed_project_is_the_user_s_mistake(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        project(tmp_path, text)


@pytest.mark.parametrize(
    ("backend", "file", "matters"),
    [
        ("setuptools.build_meta", "setup.py", True),
        ("setuptools.build_meta", "setup.cfg", True),
        ("setuptools.build_meta", "requirements.txt", True),
        ("setuptools.build_meta", "thing.py", False),
        ("hatchling.build", "hatch_build.py", True),
        ("hatchling.build", "setup.py", False),
        ("some_backend", "setup.py", True),
    ],
)
def test_the_files_that_hooks_read_are_among_their_inputs(
    tmp_path: Path, backend: str, file: str, *, matters: bool
) -> None:
    text = f"""
    [build-system]
    build-backend = "{backend}"
    [tool.setuptools.dynamic]
    dependencies = {{file = ["requirements.txt"]}}
    """
    before = project(tmp_path, text).hook_inputs
    (tmp_path / file).write_text("something")
    assert (project(tmp_path, text).hook_inputs != before) is matters


def test_an_in_tree_backend_is_among_its_own_inputs(tmp_path: Path) -> None:
    text = '[build-system]\nbuild-backend = "backend"\nbackend-path = ["ours"]'
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "backend.py").write_text("one")
    before = project(tmp_path, text).hook_inputs
    (tmp_path / "ours" / "backend.py").write_text("two")
    assert project(tmp_path, text).hook_inputs != before
