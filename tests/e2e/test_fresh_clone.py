from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.slow]


def launch(
    root: Path, environ: Mapping[str, str], *words: str, before: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run ``./pipelinew`` as the README says."""
    return subprocess.run(
        [*before, "./pipelinew", *words],
        cwd=root,
        env=dict(environ),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_two_commands_of_the_readme_do_everything_in_a_fresh_clone(
    tool: Path, tmp_path: Path, pure: Project, settings: Mapping[str, str]
) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(tool), str(clone)], check=True)
    ours = replace(pure, root=clone)
    cache = tmp_path / "empty cache"
    path = {"PATH": os.environ.get("PATH", os.defpath)}
    environ = {**settings, **path, "PIPELINE_CACHE_DIR": str(cache)}

    drafted = launch(clone, environ, "run", "release", "--draft")
    assert drafted.returncode == 0, drafted.stderr
    head = ours.git("rev-parse", "HEAD").strip()
    for words in ("### Features", "accepted", "commit   release: ", head[:12], "tag      v"):
        assert words in drafted.stdout
    assert "setting up the tool's own environment" in drafted.stderr
    assert ours.git("status", "--porcelain") == ""
    assert not (clone / "dist").exists()

    alone = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "-r", "--net")
    bare = {**path, "HOME": str(tmp_path), "PIPELINE_CACHE_DIR": str(cache)}
    again = launch(clone, bare, "run", "release", "--draft", "--offline", before=alone)
    assert again.returncode == 0, again.stderr
    digests = re.findall(r"\b[0-9a-f]{64}\b", drafted.stdout)
    assert len(digests) == 2
    assert re.findall(r"\b[0-9a-f]{64}\b", again.stdout) == digests

    tested = launch(clone, environ, "exec", "pytest", "-q", "tests/unit/plan", "tests/unit/config")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "passed" in tested.stdout
    assert ours.git("status", "--porcelain") == ""
