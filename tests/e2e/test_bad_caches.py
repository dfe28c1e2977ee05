from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

MOUNTING = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "-r", "--mount")


def test_a_cache_path_that_is_a_file_is_1_with_a_hint(pure: Project, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine\n")
    refused = pure.using(file).run("run", "wheel").expect(1)
    assert str(file) in refused.stderr
    assert "PIPELINE_CACHE_DIR" in refused.stderr
    assert file.read_text() == "mine\n"


def test_a_cache_that_cannot_be_written_is_1_with_a_hint(pure: Project) -> None:
    script = (
        f'mount --bind "{pure.cache}" "{pure.cache}" && mount -o remount,ro,bind "{pure.cache}"'
    )
    read_only = (*MOUNTING, "/bin/sh", "-c", f'{script} && exec "$@"', "sh")
    pure.run("list", before=read_only).expect(0)
    refused = pure.run("run", "wheel", before=read_only).expect(1)
    assert "Read-only file system" in refused.stderr
    assert "PIPELINE_CACHE_DIR" in refused.stderr
    assert not (pure.root / "dist").exists()
    pure.run("run", "wheel").expect(0)


def test_a_full_disk_is_1_with_a_hint_and_nothing_of_it_is_trusted(
    pure: Project, downloads: Path, small_disk: Path
) -> None:
    shutil.copytree(downloads / "blobs", small_disk / "blobs")
    cramped = pure.using(small_disk)
    wanted = pure.run("run", "wheel", "--json").expect(0).digests
    for megabytes in (30, 50, 90):
        resize(small_disk, megabytes)
        full = cramped.run("run", "wheel", "--offline", "--rebuild").expect(1)
        assert "No space left on device" in full.stderr
        assert "hint: free space" in full.stderr
    resize(small_disk, 400)
    assert cramped.run("run", "wheel", "--offline", "--json").expect(0).digests == wanted
    assert "is what it says" in cramped.run("cache", "verify").expect(0).stdout


def resize(place: Path, megabytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(place)], check=True)


def test_a_cache_of_another_format_is_refused_not_used(pure: Project) -> None:
    (pure.cache / "format").write_text("pipeline store 99\n")
    refused = pure.run("run", "wheel").expect(1)
    assert "another version" in refused.stderr
    assert "hint:" in refused.stderr


def test_a_pruned_cache_is_filled_again_from_the_lock(pure: Project) -> None:
    first = pure.run("run", "wheel", "--json").expect(0).digests
    pruned = pure.run("cache", "prune", "--older-than", "0", "--json").expect(0).document
    assert {item["kind"] for item in pruned["items"]} >= {"blob", "layer", "result"}
    empty = pure.run("run", "wheel", "--offline", "--rebuild").expect(5)
    assert "network is off" in empty.stderr
    assert first


def test_distributions_that_cannot_be_placed_are_1_with_a_hint(
    pure: Project, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("mine\n")
    refused = pure.run("run", "wheel", "--dist", str(file)).expect(1)
    assert "--dist" in refused.stderr
    assert file.read_text() == "mine\n"
