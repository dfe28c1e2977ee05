from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.release.conftest import Project


def test_a_note_is_written_from_flags_and_from_standard_input(project: Project) -> None:
    made = project.run("changes", "new", "--kind", "fix", "--issue", "12", "--text", "It starts.")
    assert made.expect(0).stdout == "changes/12.fix.md\n"
    assert project.read("changes/12.fix.md") == "It starts.\n"
    more = project.run("changes", "new", "--kind", "fix", "--issue", "012", stdin="And stops.\n")
    assert more.expect(0).stdout == "changes/12.fix.1.md\n"
    orphan = project.run("changes", "new", "--kind", "feature", stdin="Größer, *and* better yet!")
    assert orphan.expect(0).stdout == "changes/+groer-and-better-yet.feature.md\n"
    named = ("changes", "new", "--kind", "fix", "--slug", "my-slug", "--text", "x", "--json")
    assert json.loads(project.run(*named).expect(0).stdout) == {
        "fragment": "changes/+my-slug.fix.md"
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--kind", "featur", "--text", "x"), "the kinds are `breaking`, `feature`, `fix`"),
        (("--kind", "fix", "--text", "  "), "the note is empty"),
        (("--text", "x"), "a note needs a kind"),
        (("--kind", "fix", "--issue", "../x", "--text", "x"), "cannot be an issue's number"),
        (("--kind", "fix", "--slug", "a/b", "--text", "x"), "cannot be part of a name"),
        (("--kind", "fix", "--section", "Web", "--text", "x"), "there is no section `Web`"),
        (("--kind", "fix", "--text", "x", "stray"), "takes no further word"),
    ],
)
def test_a_note_that_would_be_lost_is_not_written(
    project: Project, words: tuple[str, ...], told: str
) -> None:
    assert told in project.run("changes", "new", *words).expect(2).stderr
    assert project.git("status", "--porcelain") == ""


def test_sections_have_directories_of_their_own(project: Project) -> None:
    sections = "".join(
        f'[[tool.towncrier.section]]\nname = "{name}"\npath = "{path}"\n'
        for name, path in (("Web", "web"), ("", ""))
    )
    project.write("pyproject.toml", project.read("pyproject.toml") + sections)
    for section, path in (("Web", "changes/web/2.fix.md"), (None, "changes/2.fix.md")):
        words = () if section is None else ("--section", section)
        made = project.run("changes", "new", "--kind", "fix", "--issue", "2", *words, stdin="x")
        assert made.expect(0).stdout == f"{path}\n"
    project.write("changes/wbe/3.fix.md", "x")
    assert "reads no fragments in `wbe`" in project.run("changes", "preview").expect(2).stderr


@pytest.mark.slow
def test_a_preview_shows_what_a_release_of_today_would_add(project: Project) -> None:
    shown = project.run("changes", "preview", SOURCE_DATE_EPOCH="1795132800").expect(0)
    assert shown.stdout == "## 1.0.0 (2026-11-20)\n\n### Features\n\n- It greets. (#1)\n"


def topic(project: Project) -> None:
    project.git("checkout", "--quiet", "-b", "topic")


def test_a_change_needs_a_note_of_its_own(project: Project) -> None:
    topic(project)
    check = ("changes", "check", "--since", "origin/main")
    assert "nothing was changed" in project.run(*check).expect(0).stdout
    project.write("code.py", "x = 2\n")
    refused = project.run(*check).expect(7)
    assert "nothing in `changes` tells of what was changed since `origin/main`" in refused.stderr
    assert "`pipeline changes new`" in refused.stderr
    assert "`code.py`" in refused.stderr
    project.write("changes/5.internal.md", "tidy")
    project.commit()
    assert "kinds that do not count: changes/5.internal.md" in project.run(*check).expect(7).stderr
    project.write("changes/5.fix.md", "It counts.")
    assert "changes/5.fix.md" in project.run(*check).expect(0).stdout
    project.commit()
    assert "1 news fragment" in project.run("changes", "check").expect(0).stdout


def test_removing_somebody_s_note_is_no_note(project: Project) -> None:
    topic(project)
    project.git("rm", "--quiet", "changes/1.feature.md")
    project.run("changes", "check").expect(7)


def test_what_is_exempt_and_what_is_a_release_needs_none(project: Project) -> None:
    topic(project)
    project.write("docs/a/b.md", "x")
    project.write("setup.cfg", "x")
    project.commit()
    assert "changes-exempt" in project.run("changes", "check").expect(0).stdout
    project.write("code.py", "x = 3\n")
    project.commit()
    project.run("changes", "check").expect(7)
    project.write("CHANGELOG.md", project.read("CHANGELOG.md") + "x")
    assert "it is a release" in project.run("changes", "check").expect(0).stdout


def test_only_what_the_branch_itself_changed_counts(project: Project) -> None:
    topic(project)
    project.write("docs/x.md", "x")
    project.commit()
    project.git("checkout", "--quiet", "main")
    project.write("code.py", "x = 4\n")
    project.commit()
    project.git("checkout", "--quiet", "topic")
    project.run("changes", "check", "--since", "main").expect(0)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("changes/2.featrue.md", "x", "did you mean `feature`?"),
        ("changes/3.fix.md", "", "it is empty"),
        ("changes/01.feature.md", "x", "the same note to towncrier"),
    ],
)
def test_a_faulty_fragment_fails_the_check(
    project: Project, name: str, text: str, told: str
) -> None:
    project.write(name, text)
    refused = project.run("changes", "check").expect(2)
    assert told in refused.stderr
    assert "changes/" in refused.stderr


def test_a_commit_that_is_not_here_is_told(project: Project, tmp_path: Path) -> None:
    refused = project.run("changes", "check", "--since", "elsewhere").expect(2)
    assert "`elsewhere` is no commit here" in refused.stderr
    project.run("changes", "check", "--since", "--all").expect(2)
    project.write("code.py", "x = 2\n")
    project.commit()
    project.git("push", "--quiet")
    first = project.git("rev-parse", "HEAD~")
    project.git("clone", "--quiet", "--depth=1", f"file://{project.remote}", str(tmp_path / "c"))
    shallow = type(project)(tmp_path / "c")
    assert "--unshallow" in shallow.run("changes", "check", "--since", first).expect(2).stderr


def test_placeholders_get_their_number_without_taking_anybody_s_place(project: Project) -> None:
    for name in ("+b.fix", "+a.fix", ".feature", "5.fix", "5.feature.1"):
        project.write(f"changes/{name}.md", name)
    drafted = project.run("changes", "renumber", "--to", "5", "--draft").expect(0)
    assert drafted.stdout.splitlines() == [
        "changes/+a.fix.md -> changes/5.fix.1.md",
        "changes/+b.fix.md -> changes/5.fix.2.md",
        "changes/.feature.md -> changes/5.feature.md",
    ]
    assert (project.root / "changes/+a.fix.md").exists()
    project.run("changes", "renumber", "--to", "#5").expect(0)
    assert project.read("changes/5.fix.1.md") == "+a.fix"
    assert project.read("changes/5.fix.2.md") == "+b.fix"
    assert project.read("changes/5.fix.md") == "5.fix"
    assert project.read("changes/5.feature.md") == ".feature"
    project.run("changes", "check", "--since", "HEAD").expect(0)
    again = project.run("changes", "renumber", "--to", "5").expect(0)
    assert again.stdout == "every fragment has a number\n"


def test_only_the_named_placeholders_are_renumbered(project: Project) -> None:
    for name in ("+a.fix", "+b.fix"):
        project.write(f"changes/{name}.md", name)
    project.run("changes", "renumber", "--to", "9", "changes/+a.fix.md").expect(0)
    assert (project.root / "changes/+b.fix.md").exists()
    wrong = project.run("changes", "renumber", "--to", "9", "changes/1.feature.md").expect(2)
    assert "no fragment without a number" in wrong.stderr
    assert "needs the number" in project.run("changes", "renumber").expect(2).stderr


@pytest.mark.slow
def test_a_backup_of_a_note_is_left_out_of_the_release_and_told(project: Project) -> None:
    project.write("changes/1.feature.md~", "It greeted once.\n")
    project.commit()
    for words in (("changes", "preview"), ("run", "changelog"), ("run", "release", "--draft")):
        ran = project.run(*words).expect(0)
        assert "greeted" not in ran.stdout
        assert "`changes/1.feature.md~` is what an editor or a merge left" in ran.stderr
    project.run("run", "release").expect(0)
    assert "greeted" not in project.read("CHANGELOG.md")
    assert project.read("changes/1.feature.md~") == "It greeted once.\n"
