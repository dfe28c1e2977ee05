from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.sandbox, pytest.mark.network]


def test_a_draft_prints_changelog_verdicts_commit_and_tag_and_changes_nothing(
    pure: Project,
) -> None:
    drafted = pure.run("run", "release", "--draft").expect(0)
    assert "## 1.0.0" in drafted.stdout
    print(drafted.stdout, drafted.stderr)
    assert pure.git("status", "--porcelain") == ""
    assert not (pure.root / "dist").exists()
