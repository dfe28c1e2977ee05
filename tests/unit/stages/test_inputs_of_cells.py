"""Each glob of `inputs` matches by itself, in every cell; a refusal says what may be meant."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.config.load import load
from pipeline.errors import ConfigError
from pipeline.stages.inputs import inputs_by_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.plan.types import Plan

    Planned = Callable[..., Plan]

MATRIX = """\
version: 1
stages:
  check:
    kind: command
    image: python
    matrix: {part: [api, web]}
    run: "true"
    inputs: [INPUTS]
"""


@pytest.fixture
def parts(repository: Path) -> Path:
    """Return a repository that git tracks, with tests in a directory for each part."""
    for name in ("tests/api/test_one.py", "tests/web/test_two.py", "tests/conftest.py"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text("")
    git(repository, "init", "--quiet")
    git(repository, "add", ".")
    return repository


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(root), *words], check=True)


def declare(root: Path, inputs: str) -> None:
    (root / "pipeline.yaml").write_text(MATRIX.replace("INPUTS", inputs))


def refusal(planned: Planned, root: Path, inputs: str) -> ConfigError:
    declare(root, inputs)
    with pytest.raises(ConfigError, match="matches no file of the repository") as caught:
        planned()
    return caught.value


def test_an_axis_in_inputs_gives_each_cell_its_own_files(planned: Planned, parts: Path) -> None:
    declare(parts, "tests/conftest.py, 'tests/{part}'")
    before = planned().by_name()
    (parts / "tests" / "web" / "test_two.py").write_text("assert True\n")
    after = planned().by_name()
    assert before["check[api]"].key == after["check[api]"].key
    assert before["check[web]"].key != after["check[web]"].key


def test_a_change_repeats_the_tests_of_its_own_package_only(
    planned: Planned, repository: Path
) -> None:
    sources = [f"packages/p{number}" for number in range(8)]
    for source in sources:
        (repository / source / "tests").mkdir(parents=True)
        (repository / source / "pyproject.toml").write_text("[project]\nname = 'p'\n")
        (repository / source / "tests" / "test_it.py").write_text("")
    repeated = {}
    for glob in ("packages/*/tests", "{source}/tests"):
        text = MATRIX.replace("part: [api, web]", 'source: "packages/*"')
        (repository / "pipeline.yaml").write_text(text.replace("INPUTS", f"'{glob}'"))
        before = {cell.name: cell.key for cell in planned().cells}
        (repository / sources[3] / "tests" / "test_it.py").write_text(f"# {glob}\n")
        repeated[glob] = [c.name for c in planned().cells if before[c.name] != c.key]
    assert len(repeated["packages/*/tests"]) == len(sources)
    assert repeated["{source}/tests"] == [f"check[{sources[3]}]"]


def test_one_glob_that_matches_nothing_is_refused_though_others_match(
    planned: Planned, parts: Path
) -> None:
    error = refusal(planned, parts, "tests/conftest.py, 'tests/{part}/**/*.txt'")
    assert "`tests/api/**/*.txt` in the `inputs` of `check[api]`" in error.message
    assert error.where == "pipeline.yaml:8:33"
    assert "git tracks" in error.hint


@pytest.mark.parametrize(
    ("glob", "near"),
    [
        ("test/{part}", "tests/api"),
        ("tests/{part}/tset_*.py", "tests/api/test_one.py"),
        ("nothing/like/it", ""),
        ("tests/conftst.py", "tests/conftest.py"),
        ("tests/*/test_oen.py", "tests/*/test_one.py"),
        ("pyproject.tml", "pyproject.toml"),
    ],
)
def test_the_nearest_name_is_told(planned: Planned, parts: Path, glob: str, near: str) -> None:
    hint = refusal(planned, parts, f"'{glob}'").hint
    assert (f"did you mean `{near}`?" in hint) if near else ("did you mean" not in hint)


def test_files_that_git_does_not_track_are_named(planned: Planned, parts: Path) -> None:
    (parts / "tests" / "data").mkdir()
    (parts / "tests" / "data" / "new.json").write_text("{}")
    hint = refusal(planned, parts, "tests/data").hint
    assert hint.startswith("`tests/data/new.json`: there, but not tracked by git; `git add ")
    (parts / ".gitignore").write_text("*.json\n")
    assert "`git add --force tests/data/new.json`" in refusal(planned, parts, "tests/data").hint


def test_files_that_are_ignored_outside_of_git_are_named(
    planned: Planned, repository: Path
) -> None:
    (repository / ".gitignore").write_text("*.json\n")
    (repository / "data.json").write_text("{}")
    assert refusal(planned, repository, "data.json").hint.startswith("`data.json`: there, but left")


def test_files_of_git_itself_are_not_said_to_be_addable(planned: Planned, parts: Path) -> None:
    assert "git add" not in refusal(planned, parts, ".git/HEAD").hint


@pytest.mark.parametrize("glob", ["'[st]*'", "'tests/[ab]*'", "'!x'"])
def test_the_signs_of_a_glob_are_told_where_others_are_used(
    planned: Planned, parts: Path, glob: str
) -> None:
    hint = refusal(planned, parts, glob).hint
    assert "every other sign stands for itself" in hint


@pytest.mark.parametrize("glob", [".", "./", "./tests", "tests/", "tests/**", "**"])
def test_every_form_of_a_directory_means_all_below_it(
    planned: Planned, parts: Path, glob: str
) -> None:
    declare(parts, f"'{glob}'")
    before = planned().cells[0].key
    (parts / "tests" / "web" / "test_two.py").write_text("assert True\n")
    assert planned().cells[0].key != before


def test_tracked_files_that_are_not_on_disk_are_named(planned: Planned, parts: Path) -> None:
    (parts / "tests" / "api" / "test_one.py").unlink()
    hint = refusal(planned, parts, "'tests/{part}/*.py'").hint
    assert hint.startswith("`tests/api/test_one.py`: tracked, but not on disk; `git checkout")


def test_a_submodule_that_is_not_checked_out_is_named(planned: Planned, parts: Path) -> None:
    git(parts, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    declare(parts, "'vendor/lib/*.c'")
    with pytest.raises(ConfigError, match="submodule `vendor/lib` is not checked out"):
        planned()


BUILDS = """\
version: 1
stages:
  sdist:
    kind: sdist
    image: python
    matrix: {source: [a, b]}
    inputs: ["{source}/src", LICENSE]
  wheel: {kind: wheel, image: python, needs: [sdist], matrix: {source: [a, b]}}
  direct: {kind: wheel, image: python, source: bSUFFIX}
"""


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        ("", {"a": ("a/src", "LICENSE")}),
        (", inputs: b/more", {"a": ("a/src", "LICENSE"), "b": ("b/src", "LICENSE", "b/more")}),
    ],
)
def test_hooks_of_a_source_see_what_is_built_of_it(
    repository: Path, suffix: str, expected: dict[str, tuple[str, ...]]
) -> None:
    for name in ("a", "b"):
        (repository / name).mkdir()
        (repository / name / "pyproject.toml").write_text("")
    (repository / "pipeline.yaml").write_text(BUILDS.replace("SUFFIX", suffix))
    assert inputs_by_source(load(repository)) == expected
