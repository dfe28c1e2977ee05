from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError, StageFailedError
from pipeline.release import changelog
from pipeline.release.fragments import faults, leftovers, list_fragments
from pipeline.release.settings import read_settings

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
[project]
name = "thing"

[tool.towncrier]
directory = "changes"
filename = "CHANGELOG.md"
title_format = "## {name} {version} ({project_date})"
issue_format = "#{issue}"

[[tool.towncrier.type]]
directory = "feature"
name = "Features"
showcontent = true
"""


def project(root: Path, settings: str = SETTINGS, **notes: str) -> Path:
    """Write a project with the given fragments (``_`` for a dot) and return its root."""
    (root / "changes").mkdir()
    (root / "pyproject.toml").write_text(settings, encoding="utf-8")
    for name, text in notes.items():
        (root / "changes" / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return root


def counted(root: Path) -> tuple[str, ...]:
    return tuple(one.path for one in list_fragments(root, read_settings(root)))


def faulty(root: Path) -> tuple[str, ...]:
    return tuple(one.path for one in faults(root, read_settings(root)))


def snapshot(root: Path) -> dict[str, tuple[int, int]]:
    """Return what a write anywhere below ``root`` would change."""
    return {
        os.path.join(parent, name): (info.st_mtime_ns, info.st_size)
        for parent, directories, files in os.walk(root)
        for name in (*directories, *files, ".")
        for info in [os.stat(os.path.join(parent, name))]
    }


def test_the_draft_holds_version_date_and_every_note(tmp_path: Path) -> None:
    project(tmp_path, **{"7_feature_md": "It rolls änd rocks.", "9_feature_md": "Wheels."})
    text = changelog.draft(tmp_path, version="1.2rc1", date="2026-11-20", changes="changes")
    assert text.startswith("## thing 1.2rc1 (2026-11-20)\n")
    assert "- It rolls änd rocks. (#7)\n" in text
    assert text.endswith("- Wheels. (#9)\n")


def test_drafting_changes_nothing(tmp_path: Path) -> None:
    project(tmp_path, **{"7_feature_md": "It rolls."})
    before = snapshot(tmp_path)
    changelog.draft(tmp_path, version="1", date="2026-11-20")
    assert snapshot(tmp_path) == before


def test_the_draft_is_the_same_whatever_the_locale_and_the_caller_s_python_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, **{"7_feature_md": "Grüße."})
    plain = changelog.draft(tmp_path, version="1", date="2026-11-20")
    monkeypatch.setenv("LC_ALL", "POSIX")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")
    assert changelog.draft(tmp_path, version="1", date="2026-11-20") == plain


def test_modules_of_the_repository_are_not_run(tmp_path: Path) -> None:
    settings = SETTINGS.replace('[project]\nname = "thing"', "").replace(
        "[tool.towncrier]", '[tool.towncrier]\npackage = "thing"'
    )
    project(tmp_path, settings, **{"7_feature_md": "It rolls."})
    witness = tmp_path / "witness"
    for name in ("click", "thing", "towncrier"):
        (tmp_path / f"{name}.py").write_text(
            f"open({str(witness)!r}, 'w').close()\n", encoding="utf-8"
        )
    text = changelog.draft(tmp_path, version="1", date="2026-11-20")
    assert text.startswith("## thing 1 ")
    assert not witness.exists()


def test_without_fragments_the_draft_says_so(tmp_path: Path) -> None:
    project(tmp_path)
    text = changelog.draft(tmp_path, version="1", date="2026-11-20")
    assert "No significant changes" in text
    assert counted(tmp_path) == ()


def test_a_version_that_was_released_is_shown_with_the_notes_it_has(tmp_path: Path) -> None:
    project(tmp_path)
    notes = "## thing 1.1 (2026-11-20)\n\n- It rolls. (#7)\n"
    start = read_settings(tmp_path).start
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n{start}\n{notes}\n\n## thing 1.0 (x)\n")
    assert changelog.draft(tmp_path, version="1.1", date="2026-11-21") == notes
    assert "No significant" in changelog.draft(tmp_path, version="1.2", date="2026-11-21")
    (tmp_path / "changes" / "9.feature.md").write_text("It rocks.\n")
    assert "It rocks." in changelog.draft(tmp_path, version="1.1", date="2026-11-21")


def test_towncrier_s_own_words_are_passed_on_when_it_fails(tmp_path: Path) -> None:
    settings = SETTINGS.replace('directory = "changes"', 'directory = "changes"\nignore = []')
    project(tmp_path, settings, rubbish="x")
    with pytest.raises(StageFailedError) as caught:
        changelog.draft(tmp_path, version="1", date="2026-11-20")
    assert any("Invalid news fragment name: rubbish" in line for line in caught.value.detail)
    assert "-m towncrier build --draft" in caught.value.hint


def test_settings_of_a_directory_above_are_never_used(tmp_path: Path) -> None:
    project(tmp_path)
    below = tmp_path / "below"
    below.mkdir()
    with pytest.raises(ConfigError, match="no settings"):
        changelog.draft(below, version="1", date="2026-11-20")


def test_a_project_and_towncrier_must_agree_on_the_directory(tmp_path: Path) -> None:
    project(tmp_path)
    with pytest.raises(ConfigError, match="declares `news`") as caught:
        changelog.draft(tmp_path, version="1", date="2026-11-20", changes="news")
    assert caught.value.where == "pyproject.toml"


def test_unreadable_settings_name_their_file(tmp_path: Path) -> None:
    project(tmp_path, "[tool.towncrier\n")
    with pytest.raises(ConfigError, match=r"pyproject\.toml: it cannot be read"):
        read_settings(tmp_path)


def test_fragments_are_counted_and_what_towncrier_overlooks_is_named(tmp_path: Path) -> None:
    project(
        tmp_path,
        **{
            "7_feature_md": "x",
            "8_feature_2_md": "y",
            "9_featrue_md": "",
            "README_md": "",
            "a": "",
        },
    )
    (tmp_path / "changes" / ".gitkeep").touch()
    assert counted(tmp_path) == ("changes/7.feature.md", "changes/8.feature.2.md")
    assert faulty(tmp_path) == ("changes/9.featrue.md", "changes/a")
    text = changelog.draft(tmp_path, version="1", date="2026-11-20")
    assert "#7" in text
    assert "#9" not in text, "towncrier reads it after all"


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ('[tool.towncrier]\ndirectory = "changes/"\n', "1.bugfix.md"),
        ('[tool.towncrier]\ndirectory = "changes"\n[tool.towncrier.fragment.chore]\n', "1.chore"),
        (
            '[tool.towncrier]\ndirectory = "changes"\n[[tool.towncrier.type]]\nname = "Odd"\n',
            "1.odd",
        ),
    ],
)
def test_each_way_to_declare_types_is_understood(tmp_path: Path, table: str, expected: str) -> None:
    project(tmp_path, table)
    for name in ("1.bugfix.md", "1.chore", "1.odd"):
        (tmp_path / "changes" / name).write_text("note", encoding="utf-8")
    assert [one.path for one in list_fragments(tmp_path, read_settings(tmp_path))] == [
        f"changes/{expected}"
    ]
    text = changelog.draft(tmp_path, version="1", date="2026-11-20")
    assert text.count("note") == 1, "towncrier counts otherwise"


def test_a_project_s_own_template_beside_its_fragments_is_no_fragment(tmp_path: Path) -> None:
    settings = SETTINGS.replace("issue_format", 'template = "changes/notes.md"\nissue_format')
    project(tmp_path, settings, notes_md="{{ versiondata.version }}")
    assert faulty(tmp_path) == ()


LEFT = (
    *("7.feature.md~", "7.feature.md.orig", "7.feature.md.rej", "7.feature.md.bak"),
    *(".7.feature.md.swp", ".7.feature.md.swo", "7.feature.md.save", "7.feature.md.tmp"),
    *("#7.feature.md#", ".#7.feature.md", "._7.feature.md", ".~lock.7.feature.md#"),
    *("7.feature.md.kate-swp", "7.feature.md___jb_tmp___", "7.feature.ORIG"),
)


def test_what_an_editor_or_a_merge_left_is_no_note_and_is_told(tmp_path: Path) -> None:
    project(tmp_path, **{"7_feature_md": "It rolls."})
    for name in LEFT:
        (tmp_path / "changes" / name).write_text("It rolled once.")
    settings = read_settings(tmp_path)
    assert counted(tmp_path) == ("changes/7.feature.md",)
    assert set(leftovers(tmp_path, settings)) == {f"changes/{name}" for name in LEFT}
    assert faulty(tmp_path) == ()
    (tmp_path / "scratch").mkdir()
    release = changelog.render(
        tmp_path, settings, tmp_path / "scratch", version="1", date="2026-11-20"
    )
    assert release.removed == ("changes/7.feature.md",)
    for notes in (release.notes, changelog.draft(tmp_path, version="1", date="2026-11-20")):
        assert "It rolls." in notes
        assert "once" not in notes


def test_files_of_file_managers_are_overlooked_without_a_word(tmp_path: Path) -> None:
    project(tmp_path, **{"7_feature_md": "It rolls."})
    for name in (".DS_Store", "Thumbs.db", "7.md~"):
        (tmp_path / "changes" / name).write_bytes(b"\x00\xff")
    assert faulty(tmp_path) == leftovers(tmp_path, read_settings(tmp_path)) == ()


def test_an_ending_that_is_a_kind_is_no_sign_of_an_editor(tmp_path: Path) -> None:
    settings = SETTINGS.replace('directory = "feature"', 'directory = "old"')
    project(tmp_path, settings, **{"7_old": "It rolls."})
    assert counted(tmp_path) == ("changes/7.old",)
    (tmp_path / "changes" / "#7.old#").write_text("It rolled once.")
    assert counted(tmp_path) == ("changes/7.old",)
