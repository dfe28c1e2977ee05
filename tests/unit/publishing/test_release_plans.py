from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ReleaseRefusedError, UsageError
from pipeline.publishing.planned import PlannedFile, ReleasePlan, dump, load, refuse_unplanned

if TYPE_CHECKING:
    from pathlib import Path

A, B = "a" * 64, "b" * 64
PLAN = ReleasePlan(
    version="1.0",
    onto="c" * 40,
    commit="release: 1.0",
    tag="v1.0",
    tag_subject="Release v1.0",
    notes="## 1.0\n",
    files=(
        PlannedFile(stage="publish", name="thing-1.0.tar.gz", sha256=A, size=3),
        PlannedFile(stage="inner", name="other-1.0.tar.gz", sha256=B, size=4),
    ),
)


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "release.plan.json"
    path.write_text(dump(PLAN))
    assert load(path) == PLAN
    assert PLAN.expected() == {
        "publish": {"thing-1.0.tar.gz": A},
        "inner": {"other-1.0.tar.gz": B},
    }


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({**PLAN.document, "format": 99})])
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "release.plan.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="is no plan"):
        load(path)


def test_an_absent_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path / "release.plan.json")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ({"one": A}, "two: planned, but not made"),
        ({"one": A, "two": B, "three": A}, "three: it is not in the plan"),
        ({"one": B, "two": B}, f"one: planned with sha256 {A}, made with {B}"),
    ],
)
def test_what_is_not_planned_is_refused(made: dict[str, str], reason: str) -> None:
    with pytest.raises(ReleaseRefusedError) as caught:
        refuse_unplanned(made, {"one": A, "two": B})
    assert caught.value.detail == (reason,)


def test_what_is_planned_passes() -> None:
    refuse_unplanned({"one": A}, {"one": A})
