"""A maintenance line beside the main one: backported fixes, their notes, and both changelogs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.release.conftest import know_nobody

if TYPE_CHECKING:
    from pathlib import Path

    from tests.release.conftest import Project


@pytest.fixture(scope="module")
def first_lines(first_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project where 1.0.1 was released on a line of its own, with a fix of main's."""
    parent = tmp_path_factory.mktemp("lines")
    with pytest.MonkeyPatch.context() as patch:
        know_nobody(patch, parent / "home")
        return with_a_line(first_project.copy(parent))


@pytest.fixture
def lines(first_lines: Project, tmp_path: Path) -> Project:
    """Return a copy of `first_lines` that a test may change."""
    return first_lines.copy(tmp_path)


def with_a_line(project: Project) -> Project:
    project.run("run", "release", "--quiet", "--push").expect(0)
    project.git("checkout", "--quiet", "-b", "release/1.0")
    project.git("checkout", "--quiet", "main")
    project.write("changes/7.fix.md", "It stops.\n")
    project.write("changes/8.feature.md", "It sings.\n")
    project.commit()
    project.git("checkout", "--quiet", "release/1.0")
    project.git("checkout", "main", "--", "changes/7.fix.md")
    project.commit("backport")
    project.run("release", "propose", "--write").expect(0)
    project.run("run", "release", "--quiet", "--push").expect(0)
    project.git("checkout", "--quiet", "main")
    return project


@pytest.mark.slow
def test_a_maintenance_branch_releases_its_own_next_version(lines: Project) -> None:
    assert lines.git("log", "-1", "--format=%s", "v1.0.1") == "release: 1.0.1"
    assert lines.git("show", "v1.0.1:VERSION") == "1.0.1"
    assert lines.git("ls-remote", "origin", "release/1.0").split()[0] == lines.git(
        "rev-parse", "v1.0.1^{}"
    )


@pytest.mark.slow
def test_a_note_that_another_line_has_released_is_not_released_again(lines: Project) -> None:
    lines.write("VERSION", "1.1.0")
    refused = lines.run("run", "release").expect(7)
    assert "`changes/7.fix.md` was released as part of 1.0.1 already" in refused.stderr
    assert "hint: merge those notes back: `pipeline changes sync v1.0.1`" in refused.stderr


@pytest.mark.slow
@pytest.mark.parametrize("reference", ["v1.0.1", "origin/release/1.0"])
def test_syncing_brings_the_notes_and_takes_the_fragments(lines: Project, reference: str) -> None:
    drafted = lines.run("changes", "sync", reference, "--draft").expect(0)
    assert lines.git("status", "--porcelain") == ""
    done = lines.run("changes", "sync", reference).expect(0)
    assert done.stdout == drafted.stdout
    assert done.stdout.splitlines() == [
        "CHANGELOG.md: the notes of 1.0.1",
        "removed changes/7.fix.md, which is among them",
    ]
    text = lines.read("CHANGELOG.md")
    assert text.index("## 1.0.1 (") < text.index("- It stops. (#7)") < text.index("## 1.0.0 (")
    assert (lines.root / "changes/8.feature.md").exists()
    lines.commit("sync")
    assert lines.run("changes", "sync", reference).expect(0).stdout == "nothing is missing here\n"
    lines.write("VERSION", "1.1.0")
    lines.run("run", "release", "--quiet").expect(0)
    text = lines.read("CHANGELOG.md")
    assert text.count("It stops.") == 1
    assert text.index("## 1.1.0 (") < text.index("- It sings. (#8)") < text.index("## 1.0.1 (")
    assert "\n\n\n\n" not in text


@pytest.mark.slow
def test_a_note_is_recognised_by_its_text_under_another_number(lines: Project) -> None:
    lines.git("mv", "changes/7.fix.md", "changes/70.fix.md")
    lines.commit()
    assert "removed changes/70.fix.md" in lines.run("changes", "sync", "v1.0.1").stdout


def test_a_note_that_says_something_else_by_now_stays(lines: Project) -> None:
    lines.write("changes/7.fix.md", "It stops, and says so.\n")
    lines.commit()
    lines.run("changes", "sync", "v1.0.1").expect(0)
    assert (lines.root / "changes/7.fix.md").exists()


def test_what_is_not_committed_is_not_overwritten(lines: Project) -> None:
    lines.write("CHANGELOG.md", lines.read("CHANGELOG.md") + "\nmine\n")
    before = lines.state
    refused = lines.run("changes", "sync", "v1.0.1").expect(7)
    assert "not committed" in refused.stderr
    assert lines.state == before


@pytest.mark.parametrize(
    ("words", "told"),
    [((), "needs one branch"), (("v9",), "git knows no commit `v9`")],
)
def test_another_line_must_be_named_and_here(
    lines: Project, words: tuple[str, ...], told: str
) -> None:
    assert told in lines.run("changes", "sync", *words).expect(2).stderr
