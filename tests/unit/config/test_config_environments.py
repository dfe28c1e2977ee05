from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.config.load import load
from pipeline.errors import ConfigError
from pipeline.platforms import Workplace

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config.model import Environment


def declare(root: Path, text: str) -> dict[str, Environment]:
    """Return the environments of a repository that declares them so."""
    body = f"version: 1\nenvironments:\n{text}\nstages:\n  notes: {{kind: changelog}}\n"
    (root / "pipeline.yaml").write_text(body)
    return dict(load(root).environments)


def test_an_environment_is_for_every_platform_and_the_top_unless_it_says_otherwise(
    tmp_path: Path,
) -> None:
    found = declare(tmp_path, "  dev: {}\n  ci: {source: a, platforms: linux_arm64}")
    assert found["dev"].platforms == tuple(Workplace)
    assert found["dev"].sources == (".",)
    assert found["ci"].platforms == (Workplace.LINUX_ARM64,)
    assert found["ci"].sources == ("a",)


def test_additions_on_one_platform_are_read(tmp_path: Path) -> None:
    found = declare(tmp_path, "  dev: {also-on: {macos_arm64: {extras: [mac], requires: x>1}}}")
    addition = found["dev"].also_on["macos_arm64"]
    assert (addition.extras, addition.requires) == (("mac",), ("x>1",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  dev: {platforms: [windows]}", "not `windows`"),
        ("  dev: {platforms: []}", "for no platform"),
        ("  dev: {platforms: [macos_arm64, macos_arm64]}", "stands twice"),
        ("  dev: {also-on: {linux: {requires: x}}}", "`linux` cannot be a name"),
        ("  dev: {platforms: macos_arm64, also-on: {linux_arm64: {}}}", "which it is not for"),
        ("  dev: {conflicts: [dev]}", "conflicts with itself"),
        ("  dev: {conflicts: [cuda]}", "unknown environment: `cuda`"),
        ("  dev: {source: 'packages/*'}", "matches no directory"),
        ("  dev: {source: ../else}", "must stay inside the repository"),
        ("  dev: {export: dev.toml}", "cannot be the name of a lock of PEP 751"),
        ("  dev: {export: pylock.a.b.toml}", "cannot be the name of a lock of PEP 751"),
        ("  dev: {export: x.txt}\n  ci: {export: [y.txt, x.txt]}", "exported to the same file"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_stands(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        declare(tmp_path, text)
    assert caught.value.where.startswith("pipeline.yaml:3:" if "\n" not in text else "pipeline.")
