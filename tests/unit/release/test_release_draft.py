from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.checkout.git import Change
from pipeline.config.model import Project
from pipeline.release.draft import Situation, decide, look
from pipeline.release.fragments import Fragments

if TYPE_CHECKING:
    from tests.unit.conftest import Repository

READY = Situation(
    version="1.2rc1",
    tag="v1.2rc1",
    changelog="CHANGELOG.md",
    is_repository=True,
    head="0123456789abcdef",
    branch="main",
    identity="Ada <ada@example.org>",
    remote="origin",
    fragments=Fragments(counted=("changes/1.fix.md",), overlooked=()),
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
        "push     git push origin main v1.2rc1",
    )


def test_everything_that_forbids_a_release_is_named_at_once() -> None:
    changes = tuple(Change(code=" M", path=f"f{number}") for number in range(12))
    draft = decide(
        replace(
            READY,
            head="",
            branch="",
            changes=changes,
            tagged="fedcba9876543210",
            identity="",
            refused=("the index would refuse `a.whl`",),
        )
    )
    assert not draft.clean
    assert draft.tag_exists
    assert len(draft.blockers) == 6
    told = "\n".join(draft.blockers)
    for word in (
        "no commit",
        "no branch",
        "`f9` and 2 more",
        "at fedcba987654",
        "user.name",
        "a.whl",
    ):
        assert word in told


def test_a_release_without_notes_is_remarked_but_not_forbidden() -> None:
    draft = decide(replace(READY, fragments=Fragments(counted=(), overlooked=("changes/x",))))
    assert draft.blockers == ()
    assert len(draft.remarks) == 2


def test_looking_at_a_real_checkout_finds_what_git_says(repository: Repository) -> None:
    repository.write("pyproject.toml", '[tool.towncrier]\ndirectory = "changes"\n')
    repository.write("changes/1.feature.md", "new")
    repository.commit("a.py")
    repository.git("remote", "add", "origin", "somewhere")
    seen = look(repository.root, Project(), version="1.2")
    assert decide(seen).blockers == ()
    assert seen.head == repository.git("rev-parse", "HEAD").strip()
    assert seen.fragments.counted == ("changes/1.feature.md",)
    repository.git("tag", "-a", "-m", "Release", "v1.2")
    repository.write("a.py", "changed")
    draft = decide(look(repository.root, Project(), version="1.2"))
    assert draft.tag_exists
    assert len(draft.blockers) == 2


def test_outside_of_git_a_release_is_forbidden_with_one_reason(repository: Repository) -> None:
    root = repository.root.parent / "plain"
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.towncrier]\n", encoding="utf-8")
    draft = decide(look(root, Project(), version="1.2"))
    assert len(draft.blockers) == 1
    assert "no git repository" in draft.blockers[0]
