from __future__ import annotations

import pytest

from pipeline.errors import UsageError
from pipeline.plan.matrix import Cell
from pipeline.plan.selection import Selection, TagFilter, select

TARGETS = ("linux_x86_64", "linux_arm64")
PYTHONS = ("cp311", "cp313")
WHEELS = tuple(
    Cell(stage="wheel", axes=(("target", target), ("python", python)))
    for target in TARGETS
    for python in PYTHONS
    if (target, python) != ("linux_arm64", "cp311")
)
CELLS = {
    "sdist": (Cell(stage="sdist"),),
    "wheel": WHEELS,
    "docs": tuple(Cell(stage="docs", axes=(("python", "cp311"), ("level", n))) for n in "ab"),
}


def chosen(*words: str, **axes: tuple[str, ...]) -> list[str]:
    """Return the names of the cells selected by words, and by values of axes as flags give them."""
    wanted = tuple(axes.items())
    parsed = [Selection.parse(word) for word in words or ("*",)]
    return [
        cell.name
        for cell in select(
            CELLS, [Selection(stage=p.stage, values=p.values, axes=wanted) for p in parsed]
        )
    ]


def refused(*words: str, **axes: tuple[str, ...]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        chosen(*words, **axes)
    return caught.value


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


def test_nothing_asked_for_means_every_cell() -> None:
    assert len(select(CELLS, ())) == 6


def test_a_value_of_an_axis_narrows_the_stages_that_have_it_and_leaves_the_others() -> None:
    assert chosen(target=("linux_arm64",)) == [
        "sdist",
        "wheel[linux_arm64,cp313]",
        "docs[cp311,a]",
        "docs[cp311,b]",
    ]
    assert chosen("wheel", python=("cp311",)) == ["wheel[linux_x86_64,cp311]"]


def test_values_of_one_axis_add_up_and_axes_narrow_one_another() -> None:
    assert len(chosen("wheel", python=PYTHONS)) == 3
    both = chosen("wheel", python=PYTHONS, target=("linux_arm64",))
    assert both == ["wheel[linux_arm64,cp313]"]


def test_values_of_axes_may_be_globs() -> None:
    assert len(chosen("wheel", target=("linux_*",), python=("cp31[13]",))) == 3


def test_values_of_axes_narrow_what_a_word_names() -> None:
    assert chosen("wheel[cp313]", target=("linux_x86_64",)) == ["wheel[linux_x86_64,cp313]"]
    assert chosen("wheel[cp313]", "docs[b]", target=("linux_x86_64",)) == [
        "wheel[linux_x86_64,cp313]",
        "docs[cp311,b]",
    ]


def test_an_axis_that_no_cell_asked_for_has_changes_nothing() -> None:
    assert chosen("sdist", target=("linux_arm64",)) == ["sdist"]


@pytest.mark.parametrize(
    ("words", "axes", "message", "hint"),
    [
        ("whel", {}, "unknown stage `whel`", "did you mean `wheel`?"),
        ("other", {}, "unknown stage `other`", "the stages are sdist, wheel, docs"),
        (
            "wheel[cp312]",
            {},
            "stage `wheel` has no cell with `cp312`",
            "`wheel[linux_x86_64,cp311]`",
        ),
        ("w*[cp312]", {}, "no cell of `w*` has `cp312` in its matrix", "`pipeline list '*'`"),
        (
            "wheel",
            {"target": ("linux_arm46",)},
            "no cell that is asked for has `linux_arm46` on its axis `target`",
            "did you mean `linux_arm64`?",
        ),
        (
            "wheel",
            {"target": ("linux_*", "macos*")},
            "has `macos*` on its axis `target`",
            "there is `linux_x86_64`, `linux_arm64`",
        ),
        ("docs", {"python": ("cp313",)}, "has `cp313` on its axis `python`", "mean `cp311`?"),
        (
            "sdist",
            {"python": ("cp399",)},
            "no cell that is asked for has `cp399` on its axis `python`",
            "did you mean `cp313`?",
        ),
        (
            "wheel",
            {"target": ("linux_arm64",), "python": ("cp311",)},
            "no cell of `wheel` is for `linux_arm64` and `cp311`",
            "its cells are `wheel[linux_x86_64,cp311]`",
        ),
        ("sdist", {"colour": ("red",)}, "no stage has an axis `colour`", "names the cells"),
    ],
)
def test_what_no_cell_has_is_refused_with_what_there_is(
    words: str, axes: dict[str, tuple[str, ...]], message: str, hint: str
) -> None:
    error = refused(words, **axes)
    assert message in error.message
    assert hint in error.hint


def test_of_many_cells_a_hint_names_a_few() -> None:
    many = {"w": tuple(Cell(stage="w", axes=(("n", str(n)),)) for n in range(200))}
    with pytest.raises(UsageError) as caught:
        select(many, [Selection.parse("w[x]")])
    assert caught.value.hint.endswith("`w[7]` and 192 more")


TAGGED = {
    name: (Cell(stage=name, tags=tuple(tags.split())),)
    for name, tags in {
        "pure": "wheel",
        "native": "wheel platform-specific",
        "unit": "test",
        "slow": "test nightly",
        "docs": "",
    }.items()
}


def tagged(*filters: str, stage: str = "*") -> list[str]:
    tags = tuple(TagFilter.parse(text) for text in filters)
    return [cell.name for cell in select(TAGGED, [Selection(stage=stage, tags=tags)])]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (["wheel"], ["pure", "native"]),
        (["+wheel"], ["pure", "native"]),
        (["wheel", "+platform-specific"], ["native"]),
        (["wheel", "-platform-specific"], ["pure"]),
        (["wheel,test", "-nightly"], ["pure", "native", "unit"]),
        (["-wheel,test"], ["docs"]),
        (["-wheel,-test"], ["docs"]),
        (["-nightly"], ["pure", "native", "unit", "docs"]),
        (["plat*"], ["native"]),
    ],
)
def test_tags_select_as_pants_does(filters: list[str], names: list[str]) -> None:
    assert tagged(*filters) == names


def test_tags_narrow_what_words_name() -> None:
    assert tagged("-nightly", stage="[us]*") == ["unit"]


@pytest.mark.parametrize("text", ["wheal", "-wheal", "wheel,wheal"])
def test_a_tag_that_no_stage_has_is_refused_with_the_nearest(text: str) -> None:
    with pytest.raises(UsageError, match="no stage has the tag `wheal`") as caught:
        tagged(text)
    assert caught.value.hint == "did you mean `wheel`?"


def test_tags_that_leave_nothing_are_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no cell of `native` has the tag `test`") as caught:
        tagged("test", stage="native")
    assert caught.value.hint == "its tags are `wheel`, `platform-specific`"
    with pytest.raises(UsageError, match="has the tag `wheel` and lacks the tag `wheel` and"):
        tagged("wheel", "-wheel,platform-specific")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lacks the name"),
        ("-", "lacks the name"),
        ("a,", "lacks the name"),
        ("-a,+b", "one sign"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        TagFilter.parse(text)
    assert "--tag" in caught.value.hint
