from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from pipeline.config.stages import ChangelogStage, PublishStage, ReleaseStage, Stage
from pipeline.errors import PipelineError
from pipeline.execute.hosting import Hosting, memory
from pipeline.execute.means import Options
from pipeline.plan.matrix import Cell
from pipeline.plan.types import Plan, PlannedCell
from pipeline.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import Repository

TODAY = dt.date(2026, 11, 20)


def planned(stage: Stage, kind: str) -> PlannedCell:
    return PlannedCell(cell=Cell(stage=stage.name), stage=stage, kind=kind, needs=(), recipe=None)


PUBLISH = planned(PublishStage(name="publish"), "publish")
CHANGELOG = planned(ChangelogStage(name="changelog"), "changelog")
RELEASE = planned(ReleaseStage(name="release"), "release")


def hosting(*cells: PlannedCell, **options: object) -> Hosting:
    made = Options(today=TODAY, **options)  # type: ignore[arg-type]
    return Hosting.of(Plan(cells=cells), made)


def test_only_a_run_that_is_no_draft_publishes() -> None:
    assert not hosting(PUBLISH, draft=False).drafts(PUBLISH)
    assert hosting(PUBLISH).drafts(PUBLISH)


def test_a_run_that_cuts_a_release_only_rehearses_the_upload() -> None:
    cutting = hosting(CHANGELOG, PUBLISH, RELEASE, draft=False)
    assert cutting.drafts(PUBLISH)
    assert not cutting.drafts(RELEASE)


def test_a_stage_that_the_plan_does_not_name_may_publish_nothing() -> None:
    given = {"publish": {"thing-1.0.tar.gz": "a" * 64}}
    assert hosting(PUBLISH).expected(PUBLISH) is None
    assert hosting(PUBLISH, expected=given).expected(PUBLISH) == given["publish"]
    assert hosting(PUBLISH, expected={}).expected(PUBLISH) == {}


def test_an_interrupted_run_waits_no_longer() -> None:
    running = hosting(PUBLISH)
    running.pause(PUBLISH)(0.0)
    running.interrupted.set()
    with pytest.raises(PipelineError, match="was interrupted"):
        running.pause(PUBLISH)(3600.0)


def test_what_is_noted_lies_in_the_git_directory_of_all_work_trees(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit("a.txt")
    repository.git("worktree", "add", "-q", str(tmp_path / "linked"))
    with Store.open(tmp_path / "store") as store:
        wanted = (repository.root / ".git" / "pipeline").resolve()
        assert memory(repository.root, store).resolve() == wanted
        assert memory(tmp_path / "linked", store).resolve() == wanted
        outside = tmp_path / "outside"
        outside.mkdir()
        assert memory(outside, store).is_relative_to(tmp_path / "store")
