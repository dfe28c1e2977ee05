"""What a mounted package needs and does not find is named before anything is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.dev import lacking
from pipeline.dev.place import find

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.dev.place import Repository

LEFT = 'dependencies = ["left>=2", "two[more]", "gone; sys_platform == \'win32\'", "right"]\n'
MORE = '[project.optional-dependencies]\nmore = ["wrong"]\n'


def declare(root: Path, name: str, text: str) -> None:
    file = root / "packages" / name / "pyproject.toml"
    file.write_text(file.read_text() + text)


@pytest.fixture
def said(repository: Callable[..., Repository]) -> Callable[..., list[str]]:
    def ask(word: str, *named: str, locked: tuple[str, ...] = ("left", "right")) -> list[str]:
        one = repository(*locked)
        return list(lacking.warnings(find(one, word, named), one, named))

    return ask


def test_a_dependency_that_is_not_locked_is_named(
    root: Path, said: Callable[..., list[str]]
) -> None:
    declare(root, "one", LEFT)
    declare(root, "two", MORE)
    text = (root / "pipeline.yaml").read_text()
    (root / "pipeline.yaml").write_text(
        text.replace("packages/one", "packages/two") + "  one: {kind: wheel, image: python, "
        "source: packages/one}\n"
    )
    assert said("test", "one") == [
        "`one` needs `left>=2`, which is not locked for `test`; take a stage that installs it",
        "`two` needs `wrong`, which is not locked for `test`; take a stage that installs it",
    ]


def test_where_all_is_locked_nothing_is_said(root: Path, said: Callable[..., list[str]]) -> None:
    declare(root, "one", 'dependencies = ["Left~=1.0", "right"]\n')
    assert said("test") == []


def test_who_builds_a_wheel_is_not_told_what_it_needs_to_run(
    root: Path, said: Callable[..., list[str]]
) -> None:
    declare(root, "one", 'dependencies = ["absent"]\n')
    assert said("wheel") == []
    assert len(said("wheel", "one")) == 1
    assert len(said("test")) == 1


EXTENSION = '[[tool.setuptools.ext-modules]]\nname = "one._fast"\nsources = ["fast.c"]\n'
MATURIN = '[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n'


@pytest.mark.parametrize(
    ("declared", "setup", "remedy"),
    [
        (EXTENSION, "", "pipeline dev wheel -- python -c 'import setuptools; setuptools.setup()'"),
        ("", "setup(ext_modules=[])\n", "pipeline dev wheel -- python setup.py build_ext"),
        (MATURIN, "", "`pipeline run wheel`, and take them from its wheel"),
    ],
)
def test_modules_that_are_not_compiled_are_told_with_their_remedy(
    root: Path, said: Callable[..., list[str]], declared: str, setup: str, remedy: str
) -> None:
    declare(root, "one", declared)
    if setup:
        (root / "packages/one/setup.py").write_text(setup)
    (words,) = said("test")
    assert "`one` has modules to compile, and none is built in place for Python 3.11" in words
    assert remedy in words
    assert said("wheel") == []


@pytest.mark.parametrize(
    ("file", "loads"),
    [
        ("_fast.cpython-311-x86_64-linux-gnu.so", True),
        ("_fast.abi3.so", True),
        ("_fast.so", True),
        ("_fast.cpython-313-x86_64-linux-gnu.so", False),
    ],
)
def test_only_a_module_for_the_places_python_counts_as_compiled(
    root: Path, said: Callable[..., list[str]], file: str, *, loads: bool
) -> None:
    declare(root, "one", EXTENSION)
    (root / "packages/one/src/one/deep").mkdir()
    (root / "packages/one/src/one/deep" / file).touch()
    assert (said("test") == []) is loads


def test_a_package_without_modules_says_so(root: Path, said: Callable[..., list[str]]) -> None:
    declare(root, "one", "[tool.setuptools]\npackages = []\n")
    assert said("test") == ["of `one` no import package was found, so only its metadata is there"]


def test_the_version_that_is_locked_is_looked_at(
    root: Path, said: Callable[..., list[str]]
) -> None:
    declare(root, "one", 'dependencies = ["left!=1", "right==1"]\n')
    (words,) = said("test")
    assert "needs `left!=1`, which" in words
