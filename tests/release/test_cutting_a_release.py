from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import PipelineError, ReleaseRefusedError
from pipeline.lock.file import FILE, load
from pipeline.release import journal as journals
from pipeline.release.cut import cut
from tests.release.conftest import DAY

if TYPE_CHECKING:
    from tests.release.conftest import Project

NOTES = "## 1.0.0 (2026-11-20)\n\n### Features\n\n- It greets. (#1)\n"


def cut_now(project: Project) -> str:
    return cut(project.root, project.planned(), kept="VERSION").commit


def test_a_release_is_one_commit_and_an_annotated_tag_with_the_notes(project: Project) -> None:
    parent = project.git("rev-parse", "HEAD")
    commit = cut_now(project)
    assert project.git("log", "-1", "--format=%H %P %s%n%b") == f"{commit} {parent} release: 1.0.0"
    assert project.git("cat-file", "-t", "v1.0.0") == "tag"
    assert project.git("tag", "-l", "--format=%(contents)", "v1.0.0") == (
        f"Release v1.0.0\n\n{NOTES}".strip()
    )
    assert NOTES in project.read("CHANGELOG.md")
    assert not (project.root / "changes" / "1.feature.md").exists()
    assert project.git("status", "--porcelain") == ""
    assert project.git("diff", "--name-status", "HEAD~").split() == [
        *("M", "CHANGELOG.md", "D", "changes/1.feature.md")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.0.0a1", "1.0.0b2", "1.0.0rc3", "1.0.0.dev4"])
def test_what_comes_before_a_release_is_tagged_as_a_pre_release(
    project: Project, version: str
) -> None:
    project.write("VERSION", version)
    cut_now(project)
    subject = project.git("tag", "-l", "--format=%(contents:subject)")
    assert subject == f"Pre-release v{version}"


@pytest.mark.slow
@pytest.mark.parametrize("text", ["1.1.0", "1.1.0\n", "1.1.0\r\n"])
def test_the_version_file_goes_along_as_the_person_wrote_it(project: Project, text: str) -> None:
    project.write("VERSION", text)
    cut_now(project)
    assert project.read("VERSION") == text
    shown = subprocess.run(
        ["git", "show", "HEAD:VERSION"], cwd=project.root, check=True, capture_output=True
    )
    assert shown.stdout.decode() == text
    assert project.git("status", "--porcelain") == ""


@pytest.mark.slow
def test_other_work_is_not_touched_and_not_committed(project: Project) -> None:
    planned = project.planned()
    project.write("code.py", "staged = 1\n")
    project.git("add", "code.py")
    project.write("code.py", "unstaged = 1\n")
    project.write("new.py", "")
    cut(project.root, planned, kept="VERSION")
    assert project.read("code.py") == "unstaged = 1\n"
    assert project.git("show", ":code.py") == "staged = 1"
    assert project.git("show", "HEAD:code.py") == "x = 1"
    assert project.git("status", "--porcelain").split("\n") == ["MM code.py", "?? new.py"]


@pytest.mark.slow
def test_hooks_of_the_repository_do_not_run(project: Project) -> None:
    for name in ("pre-commit", "commit-msg", "post-commit", "reference-transaction"):
        hook = project.root / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)
    cut_now(project)


@pytest.mark.slow
def test_a_project_below_the_top_of_its_repository_is_released_alone(project: Project) -> None:
    below = project.root / "packages" / "thing"
    below.mkdir(parents=True)
    for name in ("VERSION", "pyproject.toml", "CHANGELOG.md", "pipeline.yaml", FILE, "changes"):
        project.git("mv", name, f"packages/thing/{name}")
    project.commit()
    nested = type(project)(below)
    cut(below, nested.planned(), kept="VERSION")
    assert project.git("diff", "--name-only", "HEAD~").split() == [
        *("packages/thing/CHANGELOG.md", "packages/thing/changes/1.feature.md")
    ]
    assert project.git("status", "--porcelain") == ""


@pytest.mark.slow
def test_line_ends_and_modes_are_what_git_is_told_they_are(project: Project) -> None:
    project.write(".gitattributes", "CHANGELOG.md text eol=crlf\n")
    (project.root / "CHANGELOG.md").chmod(0o755)
    project.git("add", "--renormalize", ".")
    project.commit()
    project.git("checkout", "--quiet", "--", ".")
    cut_now(project)
    assert "\r\n" in project.read("CHANGELOG.md")
    assert "\r" not in project.git("cat-file", "blob", "HEAD:CHANGELOG.md")
    assert project.git("ls-tree", "HEAD", "CHANGELOG.md").startswith("100755")
    assert project.git("status", "--porcelain") == ""


@pytest.mark.slow
def test_a_release_in_a_linked_work_tree_leaves_the_other_one_alone(project: Project) -> None:
    project.git("branch", "release/1")
    project.git("worktree", "add", "--quiet", "../linked", "release/1")
    before = project.read("CHANGELOG.md")
    linked = type(project)(project.root.parent / "linked")
    cut_now(linked)
    assert linked.git("status", "--porcelain") == ""
    assert project.git("status", "--porcelain") == ""
    assert project.read("CHANGELOG.md") == before


@pytest.mark.slow
def test_a_tag_made_by_somebody_else_meanwhile_undoes_the_cut(project: Project) -> None:
    planned = project.planned()
    project.git("tag", "v1.0.0")
    before = project.state
    with pytest.raises(ReleaseRefusedError, match="somebody else"):
        cut(project.root, planned, kept="VERSION")
    assert project.state == before
    assert journals.read(project.root) is None


@pytest.mark.slow
def test_a_signature_that_cannot_be_made_leaves_nothing_behind(project: Project) -> None:
    project.git("config", "gpg.program", "false")
    for name in ("tag.gpgSign", "commit.gpgSign"):
        project.git("config", name, "true")
        before = project.state
        with pytest.raises(PipelineError):
            cut_now(project)
        assert project.state == before
        assert journals.read(project.root) is None


@pytest.mark.slow
def test_signatures_are_made_where_git_s_settings_ask_for_them(project: Project) -> None:
    signer = project.root.parent / "signer"
    signer.write_text(
        "#!/bin/sh\ncat >/dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\n"
        "printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nx\\n-----END PGP SIGNATURE-----\\n'\n"
    )
    signer.chmod(0o755)
    for name, value in {
        "gpg.program": str(signer),
        "tag.gpgSign": "true",
        "commit.gpgSign": "true",
    }.items():
        project.git("config", name, value)
    cut_now(project)
    assert "BEGIN PGP SIGNATURE" in project.git("cat-file", "tag", "v1.0.0")
    assert "BEGIN PGP SIGNATURE" in project.git("cat-file", "commit", "HEAD")


@pytest.mark.slow
def test_the_epoch_moves_with_the_second_release_and_stays_for_the_first(project: Project) -> None:
    assert project.planned().epoch == DAY - 1000
    cut_now(project)
    project.write("VERSION", "1.1.0")
    project.write("changes/2.fix.md", "It greets again.")
    project.commit()
    later = {"SOURCE_DATE_EPOCH": str(DAY + 7)}
    planned = project.planned(**later)
    assert planned.epoch == DAY + 7
    cut(project.root, planned, kept="VERSION")
    assert load(project.root / FILE).epoch == DAY + 7
    assert project.git("status", "--porcelain") == ""


@pytest.mark.slow
def test_an_epoch_that_was_moved_by_hand_is_the_release_s(project: Project) -> None:
    cut_now(project)
    project.write("VERSION", "1.1.0")
    project.write("changes/2.fix.md", "It greets again.")
    project.write(FILE, project.read(FILE).replace(str(DAY - 1000), str(DAY - 5)))
    project.commit()
    assert project.planned().epoch == DAY - 5


def test_the_command_cuts_then_pushes_both_or_neither(project: Project) -> None:
    cut_first = project.run("run", "release", "--quiet", "--json").expect(0)
    result = json.loads(cut_first.stdout)["cells"][-1]["result"]
    assert result["pushed"] is False
    assert result["push"] == "git push --atomic origin HEAD:refs/heads/main refs/tags/v1.0.0"
    assert project.git("ls-remote", "origin", "refs/tags/*") == ""
    project.run("run", "release", "--push").expect(0)
    assert project.git("ls-remote", "origin", "main").split()[0] == result["commit"]
    assert "refs/tags/v1.0.0" in project.git("ls-remote", "origin")
    again = project.run("run", "release").expect(7)
    assert "tag `v1.0.0` exists already" in again.stderr
    assert "hint: `pipeline release propose`" in again.stderr


@pytest.mark.slow
def test_a_remote_that_takes_no_branch_takes_no_tag_either(project: Project) -> None:
    hook = project.remote / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\ncase "$1" in refs/heads/*) exit 1;; esac\n')
    hook.chmod(0o755)
    before = project.git("ls-remote", "origin")
    refused = project.run("run", "release", "--push").expect(7)
    assert "took neither" in refused.stderr
    assert project.git("ls-remote", "origin") == before
    undone = project.run("release", "abort").expect(0)
    assert "was taken back" in undone.stdout
    assert project.git("tag") == ""
    hook.unlink()
    project.run("run", "release", "--push").expect(0)
    assert "refs/tags/v1.0.0" in project.git("ls-remote", "origin")


@pytest.mark.slow
def test_what_is_public_is_not_taken_back(project: Project) -> None:
    hook = project.root / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    project.run("run", "release", "--push").expect(5)
    project.git("push", "--quiet", "--no-verify", "origin", "main", "v1.0.0")
    assert "public" in project.run("release", "abort").expect(7).stderr
    hook.unlink()
    project.run("run", "release", "--push").expect(0)
    assert journals.read(project.root) is None


def test_the_draft_shows_that_very_commit_and_changes_nothing(project: Project) -> None:
    before = project.state
    drafted = project.run("run", "release", "--draft", "--quiet", "--json").expect(0)
    notes, release = (cell["result"] for cell in json.loads(drafted.stdout)["cells"])
    assert release["blockers"] == []
    assert (release["written"], release["removed"]) == (
        ["CHANGELOG.md"],
        ["changes/1.feature.md"],
    )
    assert project.state == before
    project.run("run", "release", "--quiet").expect(0)
    assert notes["notes"] in project.read("CHANGELOG.md")
    assert sorted(project.git("diff", "--name-only", "HEAD~").split()) == [
        *release["written"],
        *release["removed"],
    ]
