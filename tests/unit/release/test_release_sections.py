from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError
from pipeline.release.sections import Changelog, merged, read
from pipeline.release.settings import Settings, read_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    text = 'directory = "changes"\nfilename = "NEWS.md"\nstart_string = "<!-- -->\\n"'
    (tmp_path / "towncrier.toml").write_text(f"[tool.towncrier]\n{text}")
    return read_settings(tmp_path)


def taken_apart(settings: Settings, *sections: str) -> Changelog:
    return read("# News\n\n<!-- -->\n\n" + "\n".join(sections), settings, where="NEWS.md")


@pytest.mark.parametrize(
    ("heading", "version"),
    [
        ("## 1.2.0 (2026-11-20)\n", "1.2.0"),
        ("# thing v1.2.0rc1\n", "1.2.0rc1"),
        ("## [26.8.0] - 2026\n", "26.8.0"),
        ("thing 1.2 (2026-11-20)\n======================\n", "1.2"),
    ],
)
def test_a_release_s_heading_is_recognised(settings: Settings, heading: str, version: str) -> None:
    found = taken_apart(settings, f"{heading}\n- Needs 3.11 now.\n- `## 9.9`\n")
    assert [section.version for section in found.sections] == [version]


@pytest.mark.parametrize("line", ["### 1.2.x fixes", "#1.2", "- 1.2.0", "#### 1.2.0", "1.2.0"])
def test_what_only_looks_like_one_is_none(settings: Settings, line: str) -> None:
    assert taken_apart(settings, f"{line}\n").sections == ()


def test_taking_apart_loses_nothing(settings: Settings) -> None:
    text = "# News\n\n<!-- -->\nloose\r\n\n## 2.0\nb\n## 1.0\na"
    assert read(text, settings, where="NEWS.md").text == text


def test_sections_come_in_by_version_and_ours_stay_as_they_are(settings: Settings) -> None:
    ours = taken_apart(settings, "## 2.0.0\n\nours\n", "## 1.0.0\n\nold\n")
    theirs = taken_apart(
        settings, "## 1.0.2\n\nc\n", "## 1.0.1\n\nb\n", "## 1.0.0\n\nother words\n"
    )
    whole, added = merged(ours, theirs)
    assert added == ("1.0.2", "1.0.1")
    assert whole.text == (
        "# News\n\n<!-- -->\n\n## 2.0.0\n\nours\n\n## 1.0.2\n\nc\n\n## 1.0.1\n\nb\n\n"
        "## 1.0.0\n\nold\n"
    )
    assert merged(whole, theirs) == (whole, ())


def test_a_line_without_releases_takes_all(settings: Settings) -> None:
    whole, _ = merged(taken_apart(settings), taken_apart(settings, "## 1.0\n\na\n"))
    assert whole.text == "# News\n\n<!-- -->\n\n## 1.0\n\na\n"


def test_a_changelog_without_its_start_line_is_refused(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="lacks the line"):
        read("# News\n", settings, where="NEWS.md")
