from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.conftest import Project, Ran

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

STAGES = """\
version: 1
stages:
  sdist: {kind: sdist, image: python, matrix: {source: "packages/*"}}
  wheel: {kind: wheel, image: python, needs: [sdist], matrix: {source: "packages/*"}}
"""
PROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "NAME"
version = "1.0"
"""


def add_package(project: Project, name: str) -> None:
    project.write(f"packages/{name}/pyproject.toml", PROJECT.replace("NAME", name))
    project.write(f"packages/{name}/{name}/__init__.py", f'"""The package {name}."""\n')


def lock_packages(project: Project, *names: str) -> None:
    """Lock every package as the example `pure` is locked, whose backend they have."""

    def change(lock: dict[str, Any]) -> None:
        for sets in lock["stages"].values():
            (key,) = sets.keys() & {key for key in sets if ":" not in key} or {min(sets)}
            locked = sets[key]
            locked["declared"].pop("hook inputs", None)
            sets.clear()
            base = key.rpartition(":")[2]
            sets.update({f"packages/{name}:{base}": locked for name in names})
        for absent in lock["stages"].keys() - {"sdist", "wheel"}:
            del lock["stages"][absent]

    project.edit_lock(change)


@pytest.fixture
def packages(pure: Project) -> Project:
    """Return a repository of two small packages, built once."""
    pure.git("rm", "-r", "--quiet", "src", "tests", "pyproject.toml", "README.md")
    pure.write("pipeline.yaml", STAGES)
    for name in ("one", "two"):
        add_package(pure, name)
    lock_packages(pure, "one", "two")
    pure.git("commit", "--quiet", "--message", "two packages")
    for _ in range(5):  # a run is recorded once its inputs have been at rest for a moment
        ran = pure.run("run", "wheel", "--json").expect(0)
        if answered(pure.run("run", "wheel")):
            assert len(ran.digests) == 4
            return pure
    pytest.fail("no run was recorded")


def answered(ran: Ran) -> bool:
    """Whether a run was answered from the record, before anything was read."""
    return "cells" not in ran.stderr


def cached(ran: Ran) -> set[str]:
    return {cell["cell"] for cell in ran.document["cells"] if cell["cached"]}


def test_a_run_with_nothing_changed_is_answered_with_the_same_words(packages: Project) -> None:
    looked = packages.run("run", "wheel", "--json", "--jobs", "2").expect(0)
    first = packages.run("run", "wheel", "--json").expect(0)
    assert answered(first)
    assert first.digests == looked.digests
    assert len(cached(first)) == 4
    told = packages.run("run", "wheel").expect(0)
    assert told.stdout.count("packages") == 0
    assert told.stdout.count(".whl") == 2


def touch(path: Path) -> None:
    os.utime(path)


def write_dockerfile(project: Project) -> None:
    project.write(
        "dockerfiles/wheel.Dockerfile.j2", '{% extends "pipeline/wheel.Dockerfile.j2" %}\n'
    )


def new_file(project: Project) -> None:
    project.write("packages/two/two/more.py", "VALUE = 1\n")


CHANGES: dict[str, tuple[Callable[[Any], object], set[str]]] = {
    "source": (
        lambda p: p.write("packages/one/one/__init__.py", "VALUE = 2\n"),
        {"sdist[packages/two]", "wheel[packages/two]"},
    ),
    "new file": (new_file, {"sdist[packages/one]", "wheel[packages/one]"}),
    "lock": (lambda p: touch(p.root / "pipeline.lock"), set()),
    "declaration": (lambda p: touch(p.root / "pipeline.yaml"), set()),
    "image": (lambda p: touch(p.root / "images" / "python.yaml"), set()),
    "template": (write_dockerfile, set()),
    "tool": (lambda p: touch(p.tool / "pipeline" / "errors.py"), set()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_may_matter_ends_the_record(packages: Project, change: str) -> None:
    do, still = CHANGES[change]
    before = packages.run("run", "wheel", "--json").digests
    do(packages)
    ran = packages.run("run", "wheel", "--json").expect(0)
    assert not answered(ran)
    if still:
        assert cached(ran) == still
        assert len({*ran.digests.items()} - {*before.items()}) == 2
    else:
        assert ran.digests == before


def test_a_new_package_is_built_as_soon_as_it_is_there(packages: Project) -> None:
    add_package(packages, "three")
    stale = packages.run("run", "wheel").expect(3)
    assert "packages/three" in stale.stderr
    lock_packages(packages, "one", "two", "three")
    ran = packages.run("run", "wheel", "--json").expect(0)
    assert "three-1.0.tar.gz" in ran.digests


def test_a_package_that_is_gone_is_built_no_more(packages: Project) -> None:
    packages.git("rm", "-r", "--quiet", "packages/two")
    lock_packages(packages, "one")
    ran = packages.run("run", "wheel", "--json").expect(0)
    assert {name.partition("-")[0] for name in ran.digests} == {"one"}


@pytest.mark.parametrize("damage", ["remove", "change", "cut"])
def test_a_distribution_that_was_touched_is_placed_again(packages: Project, damage: str) -> None:
    (file,) = (packages.root / "dist").glob("one-*.whl")
    whole = file.read_bytes()
    if damage == "remove":
        file.unlink()
    elif damage == "change":
        packages.flip(file)
    else:
        file.write_bytes(whole[:-1])
    assert not answered(packages.run("run", "wheel").expect(0))
    assert file.read_bytes() == whole


def test_a_declaration_that_appears_is_read(packages: Project) -> None:
    (packages.root / "images" / "new.yaml").write_text("# nothing\n")
    assert "images/new.yaml" in packages.run("run", "wheel").expect(2).stderr


def test_another_command_line_is_not_answered_from_the_record(packages: Project) -> None:
    for words in (("--draft",), ("--rebuild",), ("--dist", "elsewhere")):
        assert not answered(packages.run("run", "wheel", *words).expect(0)), words
    assert (packages.root / "elsewhere").is_dir()


def test_a_file_that_git_does_not_know_is_named_by_a_run_that_builds_without_it(
    pure: Project,
) -> None:
    (pure.root / "src" / "forgotten.py").write_text("X = 1\n")
    ran = pure.run("run", "wheel", "--rebuild", "--offline").expect(0)
    assert "not among the inputs, as git does not know them: `src/forgotten.py`" in ran.stderr
    pure.git("add", "src/forgotten.py")
    assert "not among the inputs" not in pure.run("run", "wheel", "--offline").expect(0).stderr
