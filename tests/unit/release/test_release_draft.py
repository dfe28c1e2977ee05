from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.checkout.git import Change
from pipeline.config.model import Project
from pipeline.release.draft import Situation, decide, look
from pipeline.release.planned import PlannedRelease

if TYPE_CHECKING:
    from tests.unit.conftest import Repository

READY = Situation(
    version="1.2rc1",
    tag="v1.2rc1",
    is_repository=True,
    head="0123456789abcdef",
    branch="main",
    upstream="main",
    remote="origin",
    written=("CHANGELOG.md",),
    removed=("changes/1.fix.md",),
)


def test_a_ready_checkout_can_be_released() -> None:
    draft = decide(READY)
    assert draft.blockers == ()
    assert draft.clean
    assert draft.lines == (
        "commit   release: 1.2rc1",
        "onto     main at 0123456789ab",
        "writes   CHANGELOG.md",
        "removes  changes/1.fix.md",
        "tag      v1.2rc1 (Pre-release v1.2rc1)",
        "push     git push --atomic origin HEAD:refs/heads/main refs/tags/v1.2rc1",
    )


def test_everything_that_forbids_a_release_is_a_line_of_the_draft() -> None:
    changes = (Change(code=" M", path="a.py"),)
    refused = ("the work tree is not clean: `a.py`", "there are no news fragments")
    draft = decide(replace(READY, changes=changes, tagged="fedcba9876543210", refused=refused))
    assert not draft.clean
    assert draft.tag_exists
    assert draft.lines[-2:] == tuple(f"blocked  {reason}" for reason in refused)


def test_looking_at_a_real_checkout_finds_what_git_says(repository: Repository) -> None:
    repository.commit("a.py")
    repository.git("remote", "add", "origin", "somewhere")
    planned = PlannedRelease(
        version="1.2",
        tag="v1.2",
        parent="",
        notes="",
        epoch=0,
        written={"CHANGELOG.md": b""},
        removed=("changes/1.feature.md",),
    )
    seen = look(repository.root, Project(), version="1.2", planned=planned)
    assert seen.head == repository.git("rev-parse", "HEAD").strip()
    assert (seen.branch, seen.upstream, seen.remote) == ("main", "main", "origin")
    assert (seen.written, seen.removed) == (("CHANGELOG.md",), ("changes/1.feature.md",))
    repository.git("config", "branch.main.merge", "refs/heads/trunk")
    repository.git("tag", "-a", "-m", "Release", "v1.2")
    repository.write("a.py", "changed")
    draft = decide(look(repository.root, Project(), version="1.2"))
    assert draft.tag_exists
    assert not draft.clean
    assert "HEAD:refs/heads/trunk" in draft.push


def test_outside_of_git_a_draft_names_no_commit(repository: Repository) -> None:
    root = repository.root.parent / "plain"
    root.mkdir()
    draft = decide(look(root, Project(), version="1.2"))
    assert "onto     (detached) at (no commit)" in draft.lines
