from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.config.stages import ChangelogStage, Matrix, SdistStage
from pipeline.errors import ConfigError
from pipeline.plan.agreeing import Agreeing
from pipeline.plan.matrix import Cell, cells

if TYPE_CHECKING:
    from pathlib import Path

AXES: dict[str, tuple[str, ...]] = {
    "target": ("linux_x86_64", "linux_arm64"),
    "python": ("cp311", "cp313"),
}

Block = dict[str, str]


def axes(**values: tuple[str, ...]) -> ChangelogStage:
    return ChangelogStage(name="stage", matrix=Matrix(axes=values))


def names(
    root: Path,
    axes: dict[str, tuple[str, ...]] = AXES,
    *,
    include: tuple[Block, ...] = (),
    exclude: tuple[Block, ...] = (),
) -> list[str]:
    matrix = Matrix(axes=axes, include=include, exclude=exclude)
    return [cell.name[5:] for cell in cells(ChangelogStage(name="stage", matrix=matrix), root)]


def test_a_stage_without_a_matrix_is_one_cell_with_its_own_name(tmp_path: Path) -> None:
    (cell,) = cells(axes(), tmp_path)
    assert cell.name == "stage"


def test_cells_are_the_product_of_the_axes_in_declared_order(tmp_path: Path) -> None:
    assert names(tmp_path) == [
        "[linux_x86_64,cp311]",
        "[linux_x86_64,cp313]",
        "[linux_arm64,cp311]",
        "[linux_arm64,cp313]",
    ]


def test_excluded_are_the_cells_that_have_all_of_a_blocks_values(tmp_path: Path) -> None:
    one = names(tmp_path, exclude=({"target": "linux_arm64", "python": "cp311"},))
    assert one == ["[linux_x86_64,cp311]", "[linux_x86_64,cp313]", "[linux_arm64,cp313]"]
    row = names(tmp_path, exclude=({"target": "linux_arm64"},))
    assert row == ["[linux_x86_64,cp311]", "[linux_x86_64,cp313]"]


def test_a_block_with_a_further_axis_extends_the_cells_that_agree(tmp_path: Path) -> None:
    assert names(tmp_path, include=({"python": "cp313", "level": "fast"},)) == [
        "[linux_x86_64,cp311]",
        "[linux_x86_64,cp313,fast]",
        "[linux_arm64,cp311]",
        "[linux_arm64,cp313,fast]",
    ]


def test_a_block_that_shares_no_axis_extends_every_cell_and_a_later_one_overrides_it(
    tmp_path: Path,
) -> None:
    blocks = ({"level": "plain"}, {"python": "cp313", "level": "fast"})
    assert names(tmp_path, include=blocks) == [
        "[linux_x86_64,cp311,plain]",
        "[linux_x86_64,cp313,fast]",
        "[linux_arm64,cp311,plain]",
        "[linux_arm64,cp313,fast]",
    ]


def test_a_block_that_agrees_with_no_cell_is_one_of_its_own(tmp_path: Path) -> None:
    block = {"python": "cp314", "target": "linux_arm64"}
    assert names(tmp_path, include=(block,))[4:] == ["[linux_arm64,cp314]"]


def test_what_was_added_is_not_extended_by_a_later_block(tmp_path: Path) -> None:
    blocks = ({"python": "cp314", "target": "linux_arm64"}, {"level": "fast"})
    made = names(tmp_path, {"target": ("linux_x86_64",), "python": ("cp311",)}, include=blocks)
    assert made == ["[linux_x86_64,cp311,fast]", "[linux_arm64,cp314]"]


def test_what_is_excluded_can_be_included_again_with_more(tmp_path: Path) -> None:
    block = {"target": "linux_arm64", "python": "cp311"}
    made = names(tmp_path, exclude=(block,), include=(block | {"level": "slow"},))
    assert made[2:] == ["[linux_arm64,cp313]", "[linux_arm64,cp311,slow]"]


def test_without_axes_each_block_is_a_cell(tmp_path: Path) -> None:
    blocks = ({"target": "linux_x86_64", "python": "cp311"}, {"target": "linux_arm64"})
    assert names(tmp_path, {}, include=blocks) == ["[linux_x86_64,cp311]", "[linux_arm64]"]


def test_a_source_glob_means_the_directories_with_a_project_file(tmp_path: Path) -> None:
    for name in ("b", "a", "notes"):
        (tmp_path / "packages" / name).mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / "packages" / name / "pyproject.toml").touch()
    matrix = Matrix(axes={"source": ("packages/*", "packages/a")})
    stage = SdistStage(name="sdist", image="python", matrix=matrix)
    assert [cell.get("source") for cell in cells(stage, tmp_path)] == ["packages/a", "packages/b"]


def test_a_directory_that_a_glob_means_can_be_excluded(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "packages" / name).mkdir(parents=True)
        (tmp_path / "packages" / name / "pyproject.toml").touch()
    made = names(tmp_path, {"source": ("packages/*",)}, exclude=({"source": "packages/a"},))
    assert made == ["[packages/b]"]


def test_a_source_glob_that_matches_nothing_is_refused_by_name(tmp_path: Path) -> None:
    matrix = Matrix(axes={"source": ("libs/*",)})
    with pytest.raises(ConfigError, match=r"libs/\*"):
        cells(SdistStage(name="sdist", image="python", matrix=matrix), tmp_path)


def test_placeholders_are_filled_and_other_braces_left_alone() -> None:
    cell = Cell(stage="wheel", axes=(("python", "cp311"),))
    assert cell.fill("image-{python} {other} {}") == "image-cp311 {other} {}"


def agrees(one: Cell, other: Cell) -> bool:
    """Whether no axis that both have differs: how a need finds the cells it means."""
    mine = dict(one.axes)
    return all(mine.get(axis, value) == value for axis, value in other.axes)


def test_the_index_finds_the_cells_that_agree_in_declared_order(tmp_path: Path) -> None:
    blocks = ({"python": "cp313", "level": "fast"}, {"target": "linux_arm64", "python": "cp314"})
    matrix = Matrix(axes=AXES, include=blocks)
    wheels = cells(ChangelogStage(name="wheel", matrix=matrix), tmp_path)
    agreeing = Agreeing({"wheel": wheels})
    for mine in (
        (),
        (("python", "cp313"),),
        (("level", "fast"),),
        (("level", "slow"),),
        (("python", "cp311"), ("level", "slow")),
        (("python", "cp314"), ("target", "linux_arm64"), ("other", "x")),
        (("python", "cp399"),),
    ):
        cell = Cell(stage="test", axes=mine)
        assert agreeing.with_cell(cell, "wheel") == [one for one in wheels if agrees(cell, one)]
