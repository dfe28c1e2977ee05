from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.config.model import Addition, Environment, Pipeline
from pipeline.config.stages import Matrix, SdistStage
from pipeline.errors import ConfigError
from pipeline.locking import declared
from pipeline.locking.unnamed import refuse, unnamed
from pipeline.locking.workspace import asked, members
from pipeline.project.pyproject import reader, requirement_name

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.locking.workspace import Asked

APP = """
[project]
name = "My.App"
dependencies = ["attrs", "My_Lib[fast]>=1"]
[project.optional-dependencies]
gpu = ["cupy"]
[dependency-groups]
dev = ["pytest", "my-app[gpu]"]
"""
LIB = """
[project]
name = "my-lib"
dependencies = ["idna"]
requires-python = ">=3.12"
[project.optional-dependencies]
fast = ["numpy", "my-tool"]
[dependency-groups]
dev = ["mypy"]
"""
TOOL = '[project]\nname = "my-tool"\ndependencies = ["rich"]\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a repository of three packages that need one another."""
    for name, text in {"app": APP, "lib": LIB, "tool": TOOL}.items():
        (tmp_path / "packages" / name).mkdir(parents=True)
        (tmp_path / "packages" / name / "pyproject.toml").write_text(text)
    return tmp_path


def pipeline(root: Path, environment: Environment) -> Pipeline:
    """Return a repository whose packages are built from one axis."""
    matrix = Matrix(axes={"source": ("packages/*",)})
    stages = {"sdist": SdistStage(name="sdist", image="python", matrix=matrix)}
    return Pipeline(root=root, version=1, stages=stages, environments={"dev": environment})


def found(root: Path, environment: Environment) -> Asked:
    repository = pipeline(root, environment)
    return asked(environment, members(repository, reader(repository.root)))


def test_projects_of_the_repository_stand_for_what_they_depend_on(root: Path) -> None:
    got = found(root, Environment(sources=("packages/app",)))
    assert got.sources == ("packages/app", "packages/lib", "packages/tool")
    assert sorted(got.words["dependencies"]) == ["attrs", "idna", "numpy", "rich"]


def test_no_first_party_project_is_asked_of_an_index(root: Path) -> None:
    environment = Environment(sources=("packages/*",), groups=("dev",), requires=("my_tool>9",))
    every = [one for values in found(root, environment).words.values() for one in values]
    names = {requirement_name(one)[0] for one in every}
    assert not names & {"my-app", "my-lib", "my-tool"}
    assert "mypy" in names


def test_a_group_is_taken_from_each_project_that_has_it(root: Path) -> None:
    both = found(root, Environment(sources=("packages/*",), groups=("dev",)))
    assert sorted(both.words["groups"]) == ["cupy", "mypy", "pytest"]
    with pytest.raises(ConfigError, match="`docs` is not declared"):
        found(root, Environment(sources=("packages/*",), groups=("docs",)))


def test_an_environment_without_groups_stays_minimal(root: Path) -> None:
    got = found(root, Environment(sources=("packages/tool",)))
    assert got.sources == ("packages/tool",)
    assert got.words == {"dependencies": ("rich",)}


def test_what_is_added_on_a_platform_has_its_marker(root: Path) -> None:
    addition = Addition(extras=("gpu",), requires=("uvloop; python_version < '3.14'",))
    environment = Environment(sources=("packages/app",), also_on={"linux_x86_64": addition})
    words = found(root, environment).words
    marker = 'sys_platform == "linux" and platform_machine == "x86_64"'
    assert words["extras"] == (f"cupy; {marker}",)
    assert words["requires"] == (f'uvloop; python_version < "3.14" and {marker}',)


def test_what_a_declaration_leaves_as_it_is_does_not_stand_in_it(root: Path) -> None:
    (root / "pyproject.toml").write_text('[project]\nname = "top"\n')
    repository = pipeline(root, Environment(requires=("attrs",)))
    known = members(repository, reader(repository.root))
    assert declared.environment(repository.environments["dev"], known) == {"requires": ["attrs"]}
    other = Environment(sources=("packages/lib",), conflicts=("dev",))
    words = declared.environment(other, known)
    assert words["sources"] == ["packages/lib"]
    assert words["requires-python"] == [">=3.12"]
    assert words["conflicts"] == ["dev"]


def test_a_project_that_nothing_names_is_not_asked_of_an_index(root: Path) -> None:
    (root / "tests/data").mkdir(parents=True)
    (root / "tests/data/pyproject.toml").write_text("[broken")
    others = unnamed(root, {"my-app": "packages/app"})
    assert others == {"my-lib": "packages/lib", "my-tool": "packages/tool"}
    refuse("dev", ["attrs", "my-app"], others, "")
    with pytest.raises(ConfigError, match="needs `my-lib`, which is the project in"):
        refuse("dev", ["attrs", "My_Lib[fast]>=1"], others, "")
