from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError
from pipeline.release.version import (
    commit_subject,
    is_local,
    is_prerelease,
    read_version,
    tag_name,
    tag_subject,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("text", ["1.2", "1.2\n", "  1.2 \r\n", "1!2.0rc1.post3.dev4+cu128.5", "0"])
def test_a_canonical_version_is_read_whatever_white_space_surrounds_it(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "VERSION"
    file.write_bytes(text.encode())
    assert read_version(file) == text.strip()


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("1.2-rc.1", "`1.2rc1`"),
        ("v1.2", "`1.2`"),
        ("1.02", "`1.2`"),
        ("", "alone in the file"),
        ("1.2\n1.3", "alone in the file"),
        ("next", "alone in the file"),
        ("\u0661.2", "alone in the file"),
    ],
)
def test_another_spelling_is_refused_with_the_canonical_one(
    tmp_path: Path, text: str, advice: str
) -> None:
    file = tmp_path / "VERSION"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_version(file)
    assert advice in caught.value.hint
    assert caught.value.where == "VERSION"


def test_a_missing_or_binary_version_file_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_version(tmp_path / "VERSION")
    (tmp_path / "VERSION").write_bytes(b"\xff\xfe1")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_version(tmp_path / "VERSION")


@pytest.mark.parametrize(
    "version", ["1a1", "1.0b2", "1.0rc3", "1.0.dev4", "1.0rc1.post2", "1.dev0+x"]
)
def test_alpha_beta_candidate_and_development_versions_are_prereleases(version: str) -> None:
    assert is_prerelease(version)
    assert tag_subject(f"v{version}", version) == f"Pre-release v{version}"


@pytest.mark.parametrize("version", ["1", "1.0.post1", "1!2.3", "1.0+dev.a1"])
def test_final_and_post_releases_are_not_prereleases(version: str) -> None:
    assert not is_prerelease(version)
    assert tag_subject(f"v{version}", version) == f"Release v{version}"


def test_the_commit_is_named_after_the_version() -> None:
    assert commit_subject("1.2rc1") == "release: 1.2rc1"


def test_a_local_version_is_told_from_a_public_one() -> None:
    assert is_local("1.0+cu128")
    assert not is_local("1.0.post1")


def test_a_tag_is_made_by_the_pattern() -> None:
    assert tag_name("v{version}", "1.2") == "v1.2"
    assert tag_name("core/{version}", "1!2") == "core/1!2"


def test_a_pattern_without_the_version_is_refused() -> None:
    with pytest.raises(ConfigError, match="lacks"):
        tag_name("latest", "1.2")


@pytest.mark.parametrize(
    "pattern",
    [
        *("-{version}", "v {version}", "v..{version}", "{version}.lock", "a//{version}"),
        *("/{version}", "{version}/", ".{version}", "a/.{version}", "v^{version}", "v@{{version}"),
        *(
            "v:{version}",
            "v\\{version}",
            "v[{version}",
            "v\x7f{version}",
            "{version}.",
            "x.lock/{version}",
        ),
    ],
)
@pytest.mark.usefixtures("git_identity")
def test_what_git_would_refuse_as_a_tag_is_refused_here(pattern: str) -> None:
    name = pattern.replace("{version}", "1.2")
    verdict = subprocess.run(["git", "check-ref-format", f"refs/tags/{name}"], check=False)
    assert verdict.returncode or name.startswith("-"), "git takes it: the test is wrong"
    with pytest.raises(ConfigError, match="cannot be the name of a tag"):
        tag_name(pattern, "1.2")
