from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import PipelineError
from pipeline.release import tags
from pipeline.release.conditions import obstacles, remote_obstacles
from pipeline.stages.release import moved_on
from pipeline.stages.releasing import Releasing
from tests.release.conftest import DAY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.release.conftest import Project


def told(project: Project, **environ: str) -> str:
    return "\n".join(f"{o.what} | {o.hint}" for o in obstacles(project.scene(None, **environ)))


def dirty(project: Project) -> None:
    project.write("code.py", "x = 2\n")


def untracked(project: Project) -> None:
    project.write("other.py", "")


def detached(project: Project) -> None:
    project.git("checkout", "--quiet", "--detach")


def wrong_branch(project: Project) -> None:
    project.git("checkout", "--quiet", "-b", "topic")


def tagged(project: Project) -> None:
    project.git("tag", "v1.0.0")


def tagged_without_commit(project: Project) -> None:
    project.git("tag", "v1.0.0", project.git("hash-object", "-w", "code.py"))


def older(project: Project) -> None:
    project.git("tag", "v2.0.0")


def no_fragments(project: Project) -> None:
    project.git("rm", "--quiet", "changes/1.feature.md")
    project.commit()


def unknown_kind(project: Project) -> None:
    project.write("changes/2.featrue.md", "x")
    project.commit()


def empty(project: Project) -> None:
    project.write("changes/2.fix.md", " \n")
    project.commit()


def ignored(project: Project) -> None:
    project.write(".gitignore", "changes/3*\n")
    project.write("changes/3.fix.md", "Only here.")
    project.git("add", ".gitignore")
    project.git("commit", "--quiet", "--message", "ignore")


def merging(project: Project) -> None:
    project.write(".git/MERGE_HEAD", project.git("rev-parse", "HEAD") + "\n")


def noted_already(project: Project) -> None:
    project.write("CHANGELOG.md", project.read("CHANGELOG.md") + "\n## 1.0.0 (2020-01-01)\n\n- x\n")
    project.commit()


STANDING_IN_THE_WAY = pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (dirty, "`code.py` | commit or stash"),
        (untracked, "`other.py` (untracked) | commit or stash"),
        (detached, "no branch is checked out"),
        (wrong_branch, "the branch `topic` is none that is released from"),
        (tagged, "tag `v1.0.0` exists already"),
        (tagged_without_commit, "tag `v1.0.0` exists already"),
        (older, "1.0.0 is older than 2.0.0"),
        (no_fragments, "no news fragments"),
        (unknown_kind, "no kind of note, so towncrier overlooks it"),
        (empty, "it is empty"),
        (ignored, "git ignores `changes/3.fix.md`"),
        (merging, "in the middle of something (`MERGE_HEAD`)"),
        (noted_already, "has a section for 1.0.0 already"),
    ],
)


@STANDING_IN_THE_WAY
def test_what_stands_in_the_way_is_told(
    project: Project, spoil: Callable[[Project], None], words: str
) -> None:
    spoil(project)
    assert words in told(project)


@pytest.mark.slow
@STANDING_IN_THE_WAY
def test_the_release_and_its_draft_end_before_anything_is_done(
    project: Project, spoil: Callable[[Project], None], words: str
) -> None:
    spoil(project)
    status, log = project.git("status", "--porcelain"), project.git("log", "--all", "--format=%H")
    refused = project.run("run", "release").expect(7)
    assert words.partition(" | ")[0] in refused.stderr
    assert "hint: " in refused.stderr
    assert project.git("status", "--porcelain") == status
    assert project.git("log", "--all", "--format=%H") == log
    draft = project.run("run", "release", "--draft", "--json").expect(7)
    assert draft.stderr.endswith(refused.stderr[refused.stderr.index("error: ") :])
    document = json.loads(draft.stdout)
    assert document["blocked"][0]["what"] == document["error"]["message"]
    assert document["cells"][-1]["result"]["blockers"][0] == document["error"]["message"]
    about_the_place = spoil in {dirty, untracked, detached, wrong_branch, merging}
    anywhere = project.run("run", "release", "--draft", "--anywhere", "--quiet")
    assert anywhere.status == (0 if about_the_place else 7)
    assert ("\naside    " if about_the_place else "\nblocked  ") in anywhere.stdout


def test_a_draft_that_nothing_blocks_says_so_in_json(project: Project) -> None:
    draft = json.loads(project.run("run", "release", "--draft", "--json").expect(0).stdout)
    assert draft["blocked"] == []
    assert "error" not in draft


def test_anywhere_is_for_drafts_alone(project: Project) -> None:
    assert (
        "`--anywhere` is about drafts"
        in project.run("run", "release", "--anywhere").expect(2).stderr
    )


@pytest.mark.slow
def test_what_was_fetched_blocks_a_draft_as_the_remote_blocks_the_release(
    project: Project, tmp_path: Path
) -> None:
    project.git("clone", "--quiet", str(project.remote), str(tmp_path / "other"))
    other = type(project)(tmp_path / "other")
    other.write("code.py", "x = 3\n")
    other.commit()
    other.git("push", "--quiet", "origin", "main")
    project.git("fetch", "--quiet")
    for words in ((), ("--draft",), ("--offline",)):
        refused = project.run("run", "release", "--quiet", *words).expect(7)
        assert "`main` on `origin` has commits that are not here" in refused.stderr


def test_nothing_stands_in_the_way_of_a_clean_project(project: Project) -> None:
    assert told(project) == ""


@pytest.mark.slow
def test_a_branch_that_moves_on_while_it_is_built_is_not_released(project: Project) -> None:
    releasing = Releasing(scene=project.scene(), release=project.planned())
    assert tuple(moved_on(releasing)) == ()
    dirty(project)
    project.commit()
    (found,) = moved_on(releasing)
    assert "the branch has moved on" in found.what
    assert found.blocks_draft(anywhere=True)


def test_everything_is_told_at_once(project: Project) -> None:
    dirty(project)
    wrong_branch(project)
    tagged(project)
    refused = project.run("run", "release").expect(7)
    assert refused.stderr.count("also: ") == 2


def test_a_near_miss_of_a_kind_is_pointed_out(project: Project) -> None:
    unknown_kind(project)
    assert "did you mean `feature`?" in told(project)


def test_outside_of_git_there_is_one_reason(project: Project, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    project.git("checkout-index", "--all", f"--prefix={plain}/")
    assert "no git repository" in type(project)(plain).run("run", "release").expect(7).stderr


def test_a_shallow_clone_is_told_how_to_get_the_rest(project: Project, tmp_path: Path) -> None:
    project.write("code.py", "x = 2\n")
    project.commit()
    project.git("push", "--quiet")
    project.git("clone", "--quiet", "--depth=1", f"file://{project.remote}", str(tmp_path / "c"))
    assert "git fetch --unshallow" in told(type(project)(tmp_path / "c"))


def test_a_clock_that_is_behind_the_last_commit_is_told_unless_it_is_set_on_purpose(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", f"{2_000_000_000} +0000")
    project.write("code.py", "x = 2\n")
    project.commit()
    assert "the clock says" in project.run("run", "release").expect(7).stderr
    assert told(project, SOURCE_DATE_EPOCH=str(DAY)) == ""


def test_a_moment_that_is_none_is_wrong_usage(project: Project) -> None:
    refused = project.run("run", "release", "--draft", SOURCE_DATE_EPOCH="soon").expect(2)
    assert "`SOURCE_DATE_EPOCH` is `soon`" in refused.stderr


@pytest.mark.slow
def test_nobody_to_commit_as_is_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{who}_NAME")
        monkeypatch.delenv(f"GIT_{who}_EMAIL")
    assert "set `user.name`" in told(project)
    assert "set `user.name`" in project.run("run", "release").expect(7).stderr
    draft = project.run("run", "release", "--draft", "--quiet").expect(0)
    assert "\naside    git does not know who commits" in draft.stdout


@pytest.mark.slow
def test_the_remote_is_asked_for_the_tag_and_for_commits_that_are_not_here(
    project: Project, tmp_path: Path
) -> None:
    assert remote_obstacles(project.scene(), "origin") == ()
    project.git("clone", "--quiet", str(project.remote), str(tmp_path / "other"))
    other = type(project)(tmp_path / "other")
    other.write("code.py", "x = 3\n")
    other.commit()
    other.git("tag", "v1.0.0")
    other.git("push", "--quiet", "origin", "main", "v1.0.0")
    refused = project.run("run", "release").expect(7)
    assert "`origin` has the tag `v1.0.0` already" in refused.stderr
    assert "commits that are not here" in refused.stderr
    project.run("run", "release", "--offline").expect(0)


def test_a_remote_that_is_not_there_is_a_network_failure_that_hides_passwords(
    project: Project,
) -> None:
    project.git("remote", "set-url", "origin", "http://me:hunter2@127.0.0.1:9/x.git")
    failed = project.run("run", "release").expect(5)
    assert "--offline" in failed.stderr
    assert "hunter2" not in failed.stderr + failed.stdout
    assert project.git("tag") == ""


def test_a_changelog_without_its_start_line_is_a_configuration_error(project: Project) -> None:
    project.write("CHANGELOG.md", "# Changelog\n")
    project.commit()
    for words in (("run", "release", "--draft"), ("run", "release")):
        refused = project.run(*words).expect(2)
        assert "CHANGELOG.md" in refused.stderr
        assert "hint: add the line `<!-- towncrier release notes start -->`" in refused.stderr


@pytest.mark.slow
def test_a_changelog_that_is_not_there_yet_is_begun(project: Project) -> None:
    project.git("rm", "--quiet", "CHANGELOG.md")
    project.commit()
    project.run("run", "release", "--quiet").expect(0)
    text = project.read("CHANGELOG.md")
    assert text.startswith("# Changelog\n\n<!-- towncrier release notes start -->\n\n## 1.0.0 (")


def test_pushing_is_refused_where_there_is_nothing_to_push(project: Project) -> None:
    assert "--draft" in project.run("run", "release", "--push", "--draft").expect(2).stderr
    assert "about a release" in project.run("run", "changelog", "--push").expect(2).stderr
    project.git("remote", "remove", "origin")
    assert "no remote" in project.run("run", "release", "--push").expect(7).stderr


def test_a_tag_of_another_version_is_no_tag_of_this_one(project: Project) -> None:
    assert tags.other_tag(project.root, "v{version}", "1.0.0") == ""
    project.git("tag", "v0.9.0")
    assert tags.other_tag(project.root, "v{version}", "1.0.0") == "v0.9.0"
    project.git("tag", "v1.0.0")
    assert tags.other_tag(project.root, "v{version}", "1.0.0") == ""


def test_towncrier_and_project_must_name_the_same_changelog(project: Project) -> None:
    project.write("pyproject.toml", project.read("pyproject.toml").replace("CHANGELOG", "NEWS"))
    project.commit()
    with pytest.raises(PipelineError, match=r"towncrier writes notes to `NEWS\.md`"):
        project.planned()
