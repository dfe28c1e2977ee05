from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.config.model import Environment
from pipeline.locking.explain import standing, trimmed
from pipeline.locking.resolve_environments import Wanted, groups

if TYPE_CHECKING:
    from pathlib import Path

SAID = """\
warning: something about a cache
error: No solution found when resolving dependencies
  cause: Because you require attrs<25 and attrs>25, we can conclude that nothing fits.
hint: try `--prerelease`
"""
FRAMED = """\
  \u00d7 No solution found when resolving dependencies:
  \u2570\u2500\u25b6 Because there is no version of Some_Thing
"""


def wanted(name: str, *conflicts: str, python: str = "3.11") -> Wanted:
    return Wanted(
        name=name,
        environment=Environment(conflicts=conflicts),
        words={},
        asked=(),
        python=python,
        previous=None,
        stays=False,
    )


def grouped(*environments: Wanted) -> list[list[str]]:
    return [[one.name for one in group] for group in groups(environments)]


def test_environments_share_versions_unless_they_conflict() -> None:
    cuda = wanted("cuda", "cpu")
    assert grouped(wanted("ci"), wanted("cpu"), cuda) == [["ci", "cpu"], ["cuda"]]
    assert grouped(cuda, wanted("cpu"), wanted("ci")) == [["cuda", "ci"], ["cpu"]]


def test_flavours_that_conflict_with_the_same_one_share_versions() -> None:
    two = (wanted("cuda", "cpu"), wanted("cuda-dev", "cpu"))
    assert grouped(wanted("cpu"), *two) == [["cpu"], ["cuda", "cuda-dev"]]


def test_another_oldest_python_is_another_resolution() -> None:
    assert grouped(wanted("a"), wanted("b", python="3.13")) == [["a"], ["b"]]


def test_uv_s_explanation_is_trimmed_to_what_it_says() -> None:
    assert trimmed(SAID) == (
        "Because you require attrs<25 and attrs>25, we can conclude that nothing fits.",
    )
    assert trimmed(FRAMED) == ("Because there is no version of Some_Thing",)


def test_requirements_of_an_explanation_are_found_where_they_stand(tmp_path: Path) -> None:
    lines = ["[project]", 'dependencies = ["attrs<25", "attrs<25.1"]', 'x = "some-thing"']
    (tmp_path / "pyproject.toml").write_text("\n".join(lines))
    asked = ["attrs<25", "some-thing", "idna"]
    assert standing(asked, trimmed(SAID) + trimmed(FRAMED), tmp_path, ["pyproject.toml"]) == [
        "pyproject.toml:2: attrs<25",
        "pyproject.toml:3: some-thing",
    ]
