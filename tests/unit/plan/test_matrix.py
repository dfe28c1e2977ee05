from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.config.stages import ChangelogStage, SdistStage
from pipeline.errors import ConfigError, UsageError
from pipeline.plan.matrix import Cell, Selection, cells

if TYPE_CHECKING:
    from pathlib import Path


def axes(**values: tuple[str, ...]) -> ChangelogStage:
    return ChangelogStage(name="stage", matrix=values)


def test_a_stage_without_a_matrix_is_one_cell_with_its_own_name(tmp_path: Path) -> None:
    (cell,) = cells(axes(), tmp_path)
    assert cell.name == "stage"


def test_cells_are_the_product_of_the_axes_in_declared_order(tmp_path: Path) -> None:
    found = cells(axes(target=("linux_x86_64", "linux_arm64"), python=("cp311", "cp313")), tmp_path)
    assert [cell.name for cell in found] == [
        "stage[linux_x86_64,cp311]",
        "stage[linux_x86_64,cp313]",
        "stage[linux_arm64,cp311]",
        "stage[linux_arm64,cp313]",
    ]


def test_a_source_glob_means_the_directories_with_a_project_file(tmp_path: Path) -> None:
    for name in ("b", "a", "notes"):
        (tmp_path / "packages" / name).mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / "packages" / name / "pyproject.toml").touch()
    stage = SdistStage(name="sdist", image="python", matrix={"source": ("packages/*",)})
    assert [cell.get("source") for cell in cells(stage, tmp_path)] == ["packages/a", "packages/b"]


def test_a_source_glob_that_matches_nothing_is_refused_by_name(tmp_path: Path) -> None:
    stage = SdistStage(name="sdist", image="python", matrix={"source": ("libs/*",)})
    with pytest.raises(ConfigError, match=r"libs/\*"):
        cells(stage, tmp_path)


def test_placeholders_are_filled_and_other_braces_left_alone() -> None:
    cell = Cell(stage="wheel", axes=(("python", "cp311"),))
    assert cell.fill("image-{python} {other} {}") == "image-cp311 {other} {}"


def test_cells_agree_unless_a_shared_axis_differs() -> None:
    wheel = Cell(stage="wheel", axes=(("source", "a"), ("python", "cp311")))
    assert wheel.agrees(Cell(stage="sdist", axes=(("source", "a"),)))
    assert wheel.agrees(Cell(stage="docs"))
    assert not wheel.agrees(Cell(stage="sdist", axes=(("source", "b"),)))


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("wheel", True),
        ("whe*", True),
        ("sdist", False),
        ("wheel[linux_arm64]", True),
        ("wheel[cp311,linux_arm64]", True),
        ("wheel[linux_*]", True),
        ("wheel[linux_x86_64]", False),
        ("wheel[cp3]", False),
    ],
)
def test_a_selection_matches_by_stage_and_by_values(text: str, matches: bool) -> None:  # noqa: FBT001
    cell = Cell(stage="wheel", axes=(("target", "linux_arm64"), ("python", "cp311")))
    assert Selection.parse(text).matches(cell) is matches


def test_an_unclosed_selection_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"wheel\[cp311"):
        Selection.parse("wheel[cp311")
