"""A release killed before each of its steps: finished by the next run, or taken back whole."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.checkout import git
from pipeline.errors import ReleaseRefusedError
from pipeline.release import journal as journals
from pipeline.release import placing
from pipeline.release.cut import cut, finish, undo
from pipeline.stages import release as stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.release.conftest import Project

MOST = 200
"""More steps than any release takes."""


class Guillotine:
    """Kills this process before the step of a number, counted from 0."""

    def __init__(self, fatal: int) -> None:
        self.left = fatal

    def step(self, call: Callable[..., object]) -> Callable[..., object]:
        """Return ``call``, counted as a step."""

        def counted(*words: object, **named: object) -> object:
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self.left -= 1
            return call(*words, **named)

        return counted

    def stand_before_everything(self) -> None:
        """Count each call of git, and each change of a file, as a step."""
        places = ((git, "run"), (journals, "atomic_write"), (placing, "atomic_write"))
        for place, name in (*places, (Path, "unlink")):
            setattr(place, name, self.step(getattr(place, name)))


def killed_at(fatal: int, work: Callable[[], object]) -> bool:
    """Do some work in a process that is killed before its step of a number; False if it ended."""
    child = os.fork()
    if child == 0:
        Guillotine(fatal).stand_before_everything()
        try:
            work()
        except BaseException:  # noqa: BLE001 - the status is all that gets out
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0, "it failed where it should have been killed"
    return False


def with_changed_version(project: Project) -> Project:
    """Make a release harder to take back: the version file is staged, and another one edited."""
    project.write("VERSION", "1.0.0rc1\n")
    project.git("add", "VERSION")
    project.write("VERSION", "1.0.0rc2\n")
    project.write("changes/+more.fix.md", "It stays.\n")
    project.git("add", "changes")
    project.git("commit", "--quiet", "--message", "more", "--", "changes")
    return project


def outcome(project: Project) -> tuple[object, ...]:
    """Return what counts of a finished release, whenever it was made."""
    return (
        project.git("rev-parse", "HEAD^{tree}"),
        project.git("rev-parse", "HEAD~"),
        project.git("tag", "-l", "--format=%(contents)"),
        project.git("rev-parse", "v1.0.0rc2^{}") == project.git("rev-parse", "HEAD"),
        project.git("status", "--porcelain"),
        project.read("CHANGELOG.md"),
        project.read("VERSION"),
    )


@pytest.mark.slow
def test_wherever_it_is_killed_the_next_run_finishes_it(project: Project, tmp_path: Path) -> None:
    base = with_changed_version(project)
    planned = base.planned()
    whole = base.copy(tmp_path / "whole")
    cut(whole.root, planned, kept="VERSION")
    expected = outcome(whole)
    interrupted = resumed = 0
    for fatal in range(MOST):
        one = base.copy(tmp_path / f"at-{fatal}")
        if not killed_at(fatal, partial(cut, one.root, planned, kept="VERSION")):
            break
        interrupted += 1
        if stage.resume(one.scene(), push=False) is None and not one.git("tag"):
            assert one.state == base.state, f"killed at {fatal}: half done without a journal"
            cut(one.root, planned, kept="VERSION")
        else:
            resumed += 1
        assert outcome(one) == expected, f"killed at step {fatal}"
        assert journals.read(one.root) is None
    assert interrupted > 20
    assert resumed > 10


@pytest.mark.slow
def test_wherever_it_is_killed_it_can_be_taken_back(project: Project, tmp_path: Path) -> None:
    base = with_changed_version(project)
    planned, before = base.planned(), base.state
    undone = 0
    for fatal in range(MOST):
        one = base.copy(tmp_path / f"at-{fatal}")
        if not killed_at(fatal, partial(cut, one.root, planned, kept="VERSION")):
            break
        journal = journals.read(one.root)
        if journal is None:
            assert one.state == before or outcome(one)[3]
            continue
        undone += 1
        undo(one.root, journal)
        assert one.state == before, f"killed at step {fatal}"
        assert journals.read(one.root) is None
    assert undone > 10


@pytest.mark.slow
def test_taking_back_may_itself_be_killed(project: Project, tmp_path: Path) -> None:
    base = with_changed_version(project)
    planned, before = base.planned(), base.state
    begun = base
    # The last step removes the journal: before it all else is done.
    for fatal in range(MOST):
        one = base.copy(tmp_path / f"at-{fatal}")
        if not killed_at(fatal, partial(cut, one.root, planned, kept="VERSION")):
            break
        if journals.read(one.root):
            begun = one
    journal = journals.read(begun.root)
    assert journal is not None
    assert begun.git("tag")
    assert begun.git("status", "--porcelain") == ""
    for fatal in range(MOST):
        one = begun.copy(tmp_path / f"undo-{fatal}")
        if not killed_at(fatal, partial(undo, one.root, journal)):
            break
        if journals.read(one.root) is not None:
            undo(one.root, journal)
        assert one.state == before, f"killed at step {fatal}"


def begun(project: Project) -> journals.Journal:
    """Kill a release when its tag is there and its branch has not moved."""
    planned = project.planned()
    for fatal in range(MOST):
        assert killed_at(fatal, partial(cut, project.root, planned, kept="VERSION"))
        if (journal := journals.read(project.root)) and project.git("tag"):
            return journal
        assert project.git("tag") == "", "it left a tag without a journal"
    raise AssertionError


@pytest.mark.slow
def test_the_command_finishes_what_was_begun_without_building(project: Project) -> None:
    journal = begun(project)
    done = project.run("run", "release", "--json").expect(0)
    result = json.loads(done.stdout)["cells"][0]["result"]
    assert (result["commit"], result["tag"]) == (journal.commit, "v1.0.0")
    assert project.git("rev-parse", "HEAD") == journal.commit
    assert project.git("status", "--porcelain") == ""


@pytest.mark.slow
def test_the_command_takes_back_what_was_begun(project: Project) -> None:
    before = project.state
    begun(project)
    assert "half cut" in project.run("run", "release", "--draft", "--quiet").expect(0).stdout
    project.run("release", "abort").expect(0)
    assert project.state == before
    assert "nothing to take back" in project.run("release", "abort").expect(7).stderr


@pytest.mark.slow
def test_a_branch_that_moved_on_is_neither_lost_nor_overwritten(project: Project) -> None:
    journal = begun(project)
    project.write("code.py", "x = 2\n")
    mine = project.commit()
    with pytest.raises(ReleaseRefusedError, match="has moved on"):
        finish(project.root, journal)
    undo(project.root, journal)
    assert project.git("rev-parse", "main") == mine
    assert project.git("tag") == ""


@pytest.mark.slow
def test_a_file_that_was_edited_meanwhile_is_left_as_it_is(project: Project) -> None:
    journal = begun(project)
    project.write("CHANGELOG.md", "my own words\n")
    finish(project.root, journal)
    assert project.read("CHANGELOG.md") == "my own words\n"
    assert project.git("status", "--porcelain").split() == ["M", "CHANGELOG.md"]


@pytest.mark.slow
def test_two_releases_are_not_cut_at_once(project: Project) -> None:
    with journals.alone(project.root):
        refused = project.run("run", "release", "--quiet").expect(7)
    assert "another process" in refused.stderr
    assert project.git("tag") == ""


@pytest.mark.slow
def test_a_journal_that_nobody_can_read_is_named(project: Project) -> None:
    begun(project)
    path = journals.directory(project.root) / journals.NAME
    path.write_text('{"format": 9}')
    refused = project.run("run", "release").expect(7)
    assert str(path) in refused.stderr
