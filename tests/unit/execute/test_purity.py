"""A pure wheel is held against its sources, the last release, the lock and its stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.config.stages import Matrix, Variant, WheelStage
from pipeline.execute.purity import Known, reasons
from pipeline.lock.types import Lock, LockedRequirement, LockedStage, PythonFile, RequirementSet
from pipeline.plan.matrix import Cell
from pipeline.plan.types import PlannedCell
from pipeline.release.listing import with_files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import Repository

WHEEL = "some_thing-1.1-py3-none-any.whl"
COMPILED = "some_thing-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
EXTENSIONS = (
    "from setuptools import Extension, setup\nsetup(ext_modules=[Extension('a', ['a.c'])])\n"
)


def planned(stage: WheelStage | None = None, **axes: str) -> PlannedCell:
    stage = stage or WheelStage(name="wheel", image="python")
    cell = Cell(stage="wheel", axes=tuple(axes.items()))
    return PlannedCell(cell=cell, stage=stage, kind="wheel", needs=(), recipe=None)


def known(root: Path, *wheels: str) -> Known:
    files = tuple(PythonFile(name=name, sha256="0" * 64, size=1) for name in wheels)
    locked = LockedRequirement(name="some-thing", version="1.0", files=files)
    found = RequirementSet(declared={}, requirements=(locked,))
    stages = {"test": LockedStage(sets={"cp311-linux_x86_64": found})}
    return Known(lock=Lock(epoch=0, stages=stages), root=root, tag="v{version}")


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": SETUPTOOLS, "setup.py": EXTENSIONS},
        {"setup.py": EXTENSIONS},
        {"pyproject.toml": f"{SETUPTOOLS}[tool.setuptools]\next-modules = [{{name = 'a'}}]\n"},
        {"pyproject.toml": SETUPTOOLS.replace('"setuptools"', '"setuptools", "Cython>=3"')},
        {"pyproject.toml": SETUPTOOLS.replace('"setuptools"', '"setuptools", "mypy"')},
        {"pyproject.toml": '[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n'},
    ],
)
@pytest.mark.parametrize("place", [".", "packages/thing"])
def test_sources_with_modules_to_compile_are_a_reason(
    tmp_path: Path, files: dict[str, str], place: str
) -> None:
    for name, text in files.items():
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / place / name).write_text(text)
    (told,) = reasons(WHEEL, planned(source=place), tmp_path, known(tmp_path))
    assert told.startswith("its sources have modules that")


def test_sources_without_any_are_none(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(SETUPTOOLS)
    (tmp_path / "setup.py").write_text("from setuptools import setup\nsetup()\n")
    assert not list(reasons(WHEEL, planned(), tmp_path, known(tmp_path)))


def test_platform_wheels_in_the_lock_are_a_reason(tmp_path: Path) -> None:
    (told,) = reasons(WHEEL, planned(), None, known(tmp_path, COMPILED.replace("_t", ".T")))
    assert told == "`pipeline.lock` has `some.Thing-1.0-cp311-cp311-manylinux_2_17_x86_64.whl`"
    assert not list(reasons(WHEEL, planned(), None, known(tmp_path, COMPILED, WHEEL)))
    assert not list(reasons(WHEEL, planned(), None, known(tmp_path, f"other_{COMPILED}")))


def test_platform_wheels_of_the_last_release_are_a_reason(repository: Repository) -> None:
    for version, wheel in (("0.9", WHEEL), ("1.0", COMPILED)):
        repository.commit()
        notes = with_files(f"v{version}\n\nWords.", {"publish": {wheel: "0" * 64}})
        repository.git("tag", "-a", f"v{version}", "--cleanup=verbatim", "-m", notes)
    found = list(reasons(WHEEL, planned(), None, known(repository.root)))
    assert found == [f"the release `v1.0` has `{COMPILED}`"]
    repository.commit()
    notes = with_files("v1.1\n\nWords.", {"publish": {WHEEL: "0" * 64}})
    repository.git("tag", "-a", "v1.1", "--cleanup=verbatim", "-m", notes)
    assert not list(reasons(WHEEL, planned(), None, known(repository.root)))


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (
            WheelStage(name="wheel", image="i", variant=Variant(cuda="13.0")),
            "builds it for CUDA 13.0",
        ),
        (WheelStage(name="wheel", image="i", repair="manylinux_2_28"), "`repair: manylinux_2_28`"),
        (
            WheelStage(name="wheel", image="i", matrix=Matrix(axes={"python": ("3.11", "3.12")})),
            "for each `python`",
        ),
    ],
)
def test_what_a_stage_declares_is_a_reason(tmp_path: Path, stage: WheelStage, words: str) -> None:
    (told,) = reasons(WHEEL, planned(stage), None, known(tmp_path))
    assert words in told


def test_one_declaration_for_many_packages_is_none(tmp_path: Path) -> None:
    stage = WheelStage(name="wheel", image="i", repair="manylinux_2_28")
    assert not list(reasons(WHEEL, planned(stage, source="packages/a"), None, known(tmp_path)))
