"""A package that is mounted looks installed: to Python's metadata, and by its programs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pipeline.dev.packages import chosen, closed, installed, read
from pipeline.errors import ConfigError, UsageError
from pipeline.locking.workspace import Members
from pipeline.project.pyproject import read_project

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.dev.packages import Package

PROJECT = """\
[project]
name = "my.Tool"
version = "1.2"
requires-python = ">=3.11"
dependencies = ["left>=1", "right; python_version > '3'"]
[project.optional-dependencies]
more = ["third; sys_platform == 'linux'"]
[project.scripts]
tool = "my_tool.main:App.run"
[project.entry-points.plugins]
one = "my_tool:plugin"
"""
ASK = r"""
import sys
from importlib.metadata import distribution, entry_points, packages_distributions
found = distribution("my-tool")
(plugin,) = entry_points(group="plugins")
print(found.version, plugin.value, packages_distributions()["my_tool"][0])
print(*found.requires, sep="\n")
"""


def package(root: Path, text: str, *files: str) -> Package:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "pyproject.toml").write_text(text)
    return read(root, ".", read_project(root, "."))


def unpack(files: dict[str, str], prefix: Path) -> Path:
    for name, text in files.items():
        (prefix / name).parent.mkdir(parents=True, exist_ok=True)
        (prefix / name).write_text(text)
    (packages,) = prefix.glob("lib/*/site-packages")
    return packages


def test_metadata_of_a_mounted_package_is_found(tmp_path: Path) -> None:
    found = package(tmp_path, PROJECT, "src/my_tool/__init__.py")
    files = installed(found, python="3.11", repository="/src")
    packages = unpack(files, tmp_path / "env")
    told = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(packages)!r})\n{ASK}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told.splitlines() == [
        "1.2 my_tool:plugin my.Tool",
        "left>=1",
        "right; python_version > '3'",
        "third ; (sys_platform == 'linux') and extra == \"more\"",
    ]


def test_its_programs_run_the_object_they_stand_for(tmp_path: Path) -> None:
    found = package(tmp_path, PROJECT, "src/my_tool/__init__.py")
    (tmp_path / "src/my_tool/main.py").write_text(
        "class App:\n    @staticmethod\n    def run():\n        return 7\n"
    )
    text = installed(found, python="3.11", repository="/src")["bin/tool"]
    assert text.startswith("#!/env/bin/python\n")
    started = subprocess.run(
        [sys.executable, "-c", text], cwd=tmp_path / "src", check=False, capture_output=True
    )
    assert started.returncode == 7


def test_single_modules_are_reached_in_the_repository(tmp_path: Path) -> None:
    found = package(tmp_path, PROJECT, "my_Tool.py")
    files = installed(found, python="3.11", repository="/src")
    assert [text for name, text in files.items() if name.endswith(".pth")] == ["/src/.\n"]


def test_a_version_that_is_computed_is_that_of_the_repository(tmp_path: Path) -> None:
    text = '[project]\nname = "one"\ndynamic = ["version"]\n'
    assert package(tmp_path, text).version == "0"
    (tmp_path / "VERSION").write_text("3.4\n")
    assert package(tmp_path, text).version == "3.4"


def test_a_program_without_an_object_is_refused(tmp_path: Path) -> None:
    text = '[project]\nname = "one"\nversion = "1"\n[project.scripts]\nbad = "one"\n'
    with pytest.raises(ConfigError, match="the program `bad` of `one` stands for `one`"):
        installed(package(tmp_path, text), python="3.11", repository="/src")


@pytest.fixture
def members(tmp_path: Path) -> Members:
    for name, needs in {"app": ["lib", "requests"], "lib": ["base[x]>1"], "base": ["app"]}.items():
        (tmp_path / name).mkdir()
        text = f'[project]\nname = "{name}"\nversion = "1"\ndependencies = {needs}\n'
        (tmp_path / name / "pyproject.toml").write_text(text)
    return Members(
        root=tmp_path,
        places={name: name for name in ("app", "lib", "base")},
        read=lambda source: read_project(tmp_path, source),
    )


def test_first_party_dependencies_are_mounted_as_well(members: Members) -> None:
    found = closed(members, ["lib"])
    assert [one.name for one in found] == ["app", "base", "lib"]
    assert found[0].place("src") == "app/src"


def test_a_package_is_chosen_by_any_spelling_of_its_name(members: Members) -> None:
    assert chosen(members, ["LIB"]) == ("lib",)
    with pytest.raises(UsageError, match="no package `other` in this repository") as refused:
        chosen(members, ["other"])
    assert "`app`, `lib`, `base`" in refused.value.hint
