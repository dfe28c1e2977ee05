"""Matrices: what `include` and `exclude` may say, and how each mistake in them is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from pipeline.config.matrix import cell_name, combined, sources
from pipeline.config.reference import pages

if TYPE_CHECKING:
    from pipeline.config.stages import Matrix
    from tests.unit.config.conftest import Repository

AXES = "target: [linux_x86_64, linux_arm64], python: [cp311, cp313]"


def stage(matrix: str, more: str = "") -> str:
    head = "version: 1\nstages:\n  w:\n    kind: wheel\n    image: python\n"
    return f"{head}    matrix: {{{matrix}}}\n{more}"


def names(matrix: Matrix, directories: tuple[str, ...] = ()) -> list[str]:
    return [cell_name("w", axes) for axes in combined(matrix, directories).cells]


def test_a_matrix_holds_axes_and_two_keys_that_are_none(repository: Repository) -> None:
    text = stage(f"{AXES}, exclude: [{{python: cp311}}], include: [{{python: cp313, level: fast}}]")
    matrix = repository.load(text).stages["w"].matrix
    assert list(matrix.axes) == ["target", "python"]
    assert matrix.exclude == ({"python": "cp311"},)
    assert matrix.include == ({"python": "cp313", "level": "fast"},)
    assert matrix.names == ("target", "python", "level")
    assert names(matrix) == ["w[linux_x86_64,cp313,fast]", "w[linux_arm64,cp313,fast]"]


def test_a_single_block_stands_for_a_list_of_that_one(repository: Repository) -> None:
    text = stage(f"{AXES}, exclude: {{python: cp311, target: linux_arm64}}")
    assert len(names(repository.load(text).stages["w"].matrix)) == 3


def test_every_value_of_a_block_knows_its_place(repository: Repository) -> None:
    pipeline = repository.load(stage("include: [{python: cp311}, {python: cp313}]"))
    where = pipeline.where("stages", "w", "matrix", "include", "1", "python")
    assert where == "pipeline.yaml:6:50"


def test_the_example_of_the_reference_makes_the_cells_it_names(repository: Repository) -> None:
    page = pages()["pipeline-yaml.md"]
    shown = page.partition("```yaml\nmatrix:\n")[2].partition("```")
    declared = yaml.safe_load(f"matrix:\n{shown[0]}")["matrix"]
    stages = {"w": {"kind": "wheel", "image": "python", "matrix": declared}}
    text = yaml.safe_dump({"version": 1, "stages": stages}, sort_keys=False)
    made = names(repository.load(text).stages["w"].matrix)
    told = shown[2].partition(". ")[0]
    assert len(made) == 4
    assert all(f"`{name[1:]}`" in told for name in made)


def test_a_directory_of_a_glob_can_be_excluded(repository: Repository) -> None:
    for name in ("a", "b"):
        repository.write(f"packages/{name}/pyproject.toml", "")
    text = stage("source: packages/*, exclude: [{source: packages/a}]")
    matrix = repository.load(text).stages["w"].matrix
    found = sources(matrix, repository.root)["packages/*"]
    assert names(matrix, tuple(found)) == ["w[packages/b]"]


# The mistake stands at the `@`; what begins with a comma follows `AXES`.
MISTAKES = [
    # what is no block
    (
        "include: [@fast]",
        "an entry of `matrix.include` of stage `w` must be a block of names, not `fast`",
        "no axis can have this name",
    ),
    ("exclude: @fast", "must be a block of names, not `fast`", "no axis can have this name"),
    (", include: [@[a]]", "not a list", "write blocks such as"),
    (", include: [@{}]", "an entry of `matrix.include` of stage `w` names no axis", "take it out"),
    (", exclude: [@{}]", "an entry of `matrix.exclude` of stage `w` names no axis", "take it out"),
    (", exclude: [{python: @[cp311]}]", "must be text, not a list", ""),
    (", include: [{@Python: cp311}]", "`Python` cannot be a name", "lower-case"),
    (", include: [{python: @3.13}]", "YAML takes `3.13` for a number", "quote it"),
    # axes and values
    (
        ", include: [{python: cp313, include: @a}]",
        "no axis can be called `include`",
        "call it otherwise",
    ),
    (
        ", exclude: [{pyton: @cp311}]",
        "`exclude` of stage `w` names an unknown axis: `pyton`",
        "did you mean `python`?",
    ),
    ("exclude: [{python: @cp311}]", "unknown axis: `python`", "declares no axes"),
    (
        ", include: [{target: @linux_arm46, python: cp311}]",
        "names an unknown target: `linux_arm46`",
        "did you mean `linux_arm64`?",
    ),
    (", include: [{python: @'3.14', level: a}]", "not the tag of a CPython", "write `cp314`"),
    (", include: [{level: @a b}]", "`a b` cannot be a value of an axis", "leave out blanks"),
    (", include: [{level: @''}]", "cannot be a value of an axis", "leave out blanks"),
    (", include: [{source: @nowhere}]", "`nowhere`, but there is no such directory", ""),
    (", include: [{source: @'p/*'}]", "must be one directory", "values of the axis `source`"),
    # what matches nothing
    (
        ", exclude: [{python: @cp31}]",
        "an entry of `exclude` matches no cell of stage `w`: `cp31` is no value of `python`",
        "did you mean `cp31",
    ),
    (
        ", exclude: [{python: cp311}, @{python: cp311, target: linux_arm64}]",
        "an entry of `exclude` matches no cell of stage `w`",
        "take it out",
    ),
    (
        "source: [., images], exclude: [{source: @packages/a}]",
        "`packages/a` is no value of `source`",
        "did you mean `images`?",
    ),
    (
        ", @exclude: [{python: cp311}, {python: cp313}]",
        "`exclude` leaves no cell of stage `w`",
        "take an entry out",
    ),
    # what adds nothing, or half a cell
    (
        ", include: [@{target: linux_arm64, python: cp313}]",
        "an entry of `include` adds nothing: stage `w` has such a cell",
        "take it out",
    ),
    (", include: [@{python: cp313}]", "adds nothing", "name a further axis"),
    (
        ", include: [@{python: cp314}]",
        "adds a cell to stage `w` without `target`",
        "name a value for every axis",
    ),
    (
        ", include: [{target: linux_arm64, python: cp314}, @{target: linux_arm64, python: cp314}]",
        "doubles the cell `w[linux_arm64,cp314]`",
        "keep one",
    ),
    ("include: [{a: x}, @{b: x}]", "doubles the cell `w[x]`", "keep one"),
]


@pytest.mark.parametrize(("matrix", "words", "hint"), MISTAKES)
def test_a_matrix_that_cannot_be_meant_is_refused_once_and_in_its_place(
    repository: Repository, matrix: str, words: str, hint: str
) -> None:
    repository.write("images/pyproject.toml", "")
    whole = stage(AXES + matrix if matrix.startswith(",") else matrix)
    place = whole.splitlines()[5].index("@") + 1
    error = repository.refused(whole.replace("@", ""))
    assert error.where == f"pipeline.yaml:6:{place}"
    assert words in error.message
    assert hint in error.hint
    assert error.detail == ()


def test_what_is_included_counts_for_the_bound_on_cells(repository: Repository) -> None:
    blocks = ", ".join(f"{{python: cp311, n: v{n}}}" for n in range(1001))
    error = repository.refused(stage(f"include: [{blocks}]"))
    assert error.message == "the matrix of stage `w` has 1001 cells, more than 1000"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("    env: {LEVEL: 'x{level}'}\n", "`{level}` in `env.LEVEL` of stage `w`"),
        ("    build-args: {LEVEL: '{level}'}\n", "`{level}` in `build-args.LEVEL` of stage `w`"),
        ("    source: '{level}'\n", "`{level}` in `source` of stage `w`"),
    ],
)
def test_an_axis_of_some_cells_cannot_be_filled_in_for_all(
    repository: Repository, more: str, words: str
) -> None:
    blocks = "include: [{python: cp313, level: fast}]"
    error = repository.refused(stage(f"{AXES}, {blocks}", more))
    assert error.message == f"{words} has no value in cell `w[linux_x86_64,cp311]`"
    assert error.where.startswith("pipeline.yaml:7:")
    everywhere = "include: [{level: images}, {python: cp313, level: .}]"
    repository.write("images/pyproject.toml", "")
    assert repository.load(stage(f"{AXES}, {everywhere}", more)).stages


def test_an_image_is_looked_for_in_every_cell(repository: Repository) -> None:
    text = stage("include: [{v: python}, {v: other}]").replace("image: python", "image: '{v}'")
    error = repository.refused(text)
    assert "names an unknown image: `other`" in error.message
