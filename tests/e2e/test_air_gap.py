"""Machines without network: a bundle is all that is carried, or a download cache all there is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import Ran, link_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.e2e.conftest import Project

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.extended,
]

ALONE = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "-r", "--net")
"""What starts a program in a network namespace of its own, whose one interface is down."""

DECLARED = "\nproject: {download-cache: kept}\n"
TARGET = "linux_x86_64"


@dataclass(frozen=True)
class Machine:
    """A machine that has a clone and a bundle and nothing else: no network, no home, no cache."""

    project: Project
    place: Path

    @property
    def cache(self) -> Path:
        return self.place / "cache"

    def launch(self, *words: str) -> Ran:
        """Run ``./pipelinew`` without network, with the bare Python of the machine."""
        home = self.place / "home"
        home.mkdir(parents=True, exist_ok=True)
        environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "PIPELINE_CACHE_DIR": str(self.cache),
        }
        launcher = str(self.project.tool / "pipelinew")
        done = subprocess.run(
            [*ALONE, launcher, *words],
            cwd=self.project.root,
            env=environ,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def origin(
    copies: Callable[[Path, Path], Project],
    fetched: Callable[[str], Path],
    settings: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Project:
    """Return the example `pure` on the machine with network, with a store of downloads."""
    base = tmp_path_factory.mktemp("origin")
    link_store(fetched("pure"), base / "store", "blobs")
    return replace(copies(base, base / "store"), environ=settings)


@pytest.fixture(scope="session")
def bundle(origin: Project) -> Path:
    """Return a bundle of the example, written on the machine with network."""
    path = origin.cache.parent / "all.bundle"
    origin.run("cache", "export", str(path), "--platform", TARGET).expect(0)
    return path


@pytest.fixture
def machine(origin: Project, tmp_path: Path) -> Machine:
    return Machine(origin, tmp_path / "machine")


def changed(bundle: Path, member: str, target: Path) -> Path:
    """Return a copy of a bundle in which one byte of a member is another."""
    with tarfile.open(bundle) as archive:
        name = next(name for name in archive.getnames() if name.startswith(member))
        offset = archive.getmember(name).offset_data
    data = bytearray(bundle.read_bytes())
    data[offset + 100] ^= 1
    target.write_bytes(data)
    return target


def test_a_bundle_is_the_same_bytes_for_the_same_lock(
    origin: Project, bundle: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    origin.run("cache", "export", str(again), "--platform", TARGET, "--offline").expect(0)
    assert again.read_bytes() == bundle.read_bytes()


def test_a_bundle_is_all_that_the_main_job_needs_on_a_machine_without_network(
    machine: Machine, bundle: Path
) -> None:
    imported = machine.launch("cache", "import", str(bundle)).expect(0)
    assert "installing its hash-locked requirements from" in imported.stderr
    drafted = machine.launch("run", "release", "--draft").expect(0)
    assert "### Features" in drafted.stdout
    assert "example_duration-1.0.0-py3-none-any.whl" in drafted.stdout
    assert machine.launch("fetch", "--offline").expect(0).stdout.startswith("all ")


@pytest.mark.parametrize("member", ["downloads/pool", "downloads/", "pipeline.lock", "bundle.json"])
def test_a_bundle_that_was_tampered_with_is_refused_and_nothing_of_it_stays(
    member: str, machine: Machine, bundle: Path, tmp_path: Path
) -> None:
    machine.launch("cache", "import", str(changed(bundle, member, tmp_path / "x"))).expect(4)
    assert list((machine.cache / "blobs").rglob("*")) == []


def test_a_tool_that_was_tampered_with_is_never_run(
    machine: Machine, bundle: Path, tmp_path: Path
) -> None:
    ended = machine.launch("cache", "import", str(changed(bundle, "tool/uv", tmp_path / "x")))
    assert ended.status == 4
    assert "is not the one that was locked" in ended.stderr
    assert [path.name for path in (machine.cache / "tool").iterdir() if path.is_dir()] == []


def test_a_bundle_cut_short_is_refused_by_the_launcher_too(
    machine: Machine, bundle: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short"
    short.write_bytes(bundle.read_bytes()[:-30_000_000])
    machine.launch("cache", "import", str(short)).expect(4)
    assert [path.name for path in (machine.cache / "tool").iterdir() if path.is_dir()] == []


def test_a_bundle_of_another_lock_is_refused(
    bundle: Path, copies: Callable[[Path, Path], Project], tmp_path: Path
) -> None:
    other = copies(tmp_path, tmp_path / "cache")
    other.edit_lock(lambda lock: lock.update(epoch=1))
    ended = other.run("cache", "import", str(bundle)).expect(3)
    assert "made for another `pipeline.lock`" in ended.stderr


def test_with_a_download_cache_every_build_works_without_any_index(
    origin: Project, copies: Callable[[Path, Path], Project], tmp_path: Path
) -> None:
    ours = replace(copies(tmp_path, tmp_path / "cache"), environ=origin.environ)
    declared = (ours.root / "pipeline.yaml").read_text()
    ours.write("pipeline.yaml", declared + DECLARED)
    link_store(origin.cache, tmp_path / "linked", "blobs")
    ours.using(tmp_path / "linked").run("cache", "add", "--locked").expect(0)
    ours.git("add", "--all")
    alone = replace(ours, environ={})
    alone.run("fetch", "--offline", before=ALONE).expect(0)
    built = alone.run("run", "test", "--json", before=ALONE).expect(0).document
    sizes = [o["size"] for cell in built["cells"] for o in cell["outputs"]]
    assert max(sizes) < 100_000, "the download cache is no part of the sdist"
    alone.run("lock", "--offline", "--update", "pytest", before=ALONE).expect(0)
    alone.run("cache", "verify", "--downloads", before=ALONE).expect(0)
    sums = ours.root / "kept" / "SHA256SUMS"
    whole = sums.read_text()
    sums.write_text("".join(whole.splitlines(keepends=True)[1:-1]))
    alone.run("cache", "verify", "--downloads", before=ALONE).expect(4)
    alone.run("cache", "add", "--locked", "--offline", before=ALONE).expect(0)
    assert sums.read_text() == whole, "files that a killed run left without a line take it"
    refused = alone.run("lock", "--offline", "--update", "python", before=ALONE).expect(5)
    assert "the network is off" in refused.stderr


def test_a_release_is_added_upgraded_and_removed_and_pruned_by_branches(
    origin: Project, copies: Callable[[Path, Path], Project], tmp_path: Path
) -> None:
    ours = replace(copies(tmp_path, tmp_path / "cache"), environ=origin.environ)
    ours.write("pipeline.yaml", (ours.root / "pipeline.yaml").read_text() + DECLARED)
    kept = ours.root / "kept"
    ours.run("cache", "add", "iniconfig==2.0.0", "MarkupSafe==3.0.2").expect(0)
    (first, compiled) = sorted(path.name for path in kept.glob("*.whl"))
    assert first.startswith("MarkupSafe-3.0.2-cp311-cp311-manylinux")
    assert compiled == "iniconfig-2.0.0-py3-none-any.whl"
    upgraded = ours.run("cache", "upgrade", "iniconfig", "--json").expect(0).document["added"]
    assert len(upgraded) == 1
    ours.run("cache", "remove", "iniconfig==2.0").expect(0)
    assert not (kept / compiled).exists()
    ours.run("cache", "prune", "--downloads", "--branches", "none-such").expect(2)
    branch = ours.git("branch", "--show-current").strip()
    named = json.loads((ours.root / "pipeline.lock").read_text())
    pruned = ours.run("cache", "prune", "--downloads", "--branches", branch, "--json").expect(0)
    assert first in pruned.document["removed"]
    assert all(name in str(named) for name in (path.name for path in kept.glob("*.whl")))
    missing = ours.run("cache", "add", "iniconfig==99").expect(3)
    assert "no index has a file" in missing.stderr


FORK = """[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"
[project]
name = "iniconfig"
version = "2.0.5"
requires-python = ">=3.8"
[tool.hatch.build.targets.wheel]
packages = ["iniconfig"]
"""


def test_a_fork_is_built_here_and_the_lock_prefers_it(
    origin: Project, copies: Callable[[Path, Path], Project], tmp_path: Path
) -> None:
    link_store(origin.cache, tmp_path / "cache", "blobs")
    ours = replace(copies(tmp_path, tmp_path / "cache"), environ=origin.environ)
    ours.write("pipeline.yaml", (ours.root / "pipeline.yaml").read_text() + DECLARED)
    fork = tmp_path / "a fork"
    (fork / "iniconfig").mkdir(parents=True)
    (fork / "pyproject.toml").write_text(FORK)
    (fork / "iniconfig" / "__init__.py").write_text("class IniConfig: ...\n")
    words = ("cache", "add", "--fork", str(fork), "--local", "acme1")
    added = ours.run(*words, "--json").expect(0).document["added"]
    assert added == ["iniconfig-2.0.5+acme1-py3-none-any.whl", "iniconfig-2.0.5+acme1.tar.gz"]
    assert ours.run(*words, "--json").expect(0).document["added"] == []
    assert (fork / "pyproject.toml").read_text() == FORK
    ours.run("lock", "--update", "iniconfig").expect(0)
    lock = (ours.root / "pipeline.lock").read_text()
    assert '["iniconfig", "2.0.5+acme1"' in lock
    (fork / "iniconfig" / "__init__.py").write_text("class IniConfig: changed = True\n")
    refused = ours.run(*words).expect(4)
    assert "never changes" in refused.stderr
    ours.run("cache", "remove", "iniconfig==2.0.5+acme1").expect(3)


def test_a_python_that_the_bundle_has_no_wheels_for_is_told(
    machine: Machine, bundle: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    with tarfile.open(bundle) as whole, tarfile.open(small, "w:") as kept:
        for member in whole:
            if not member.name.startswith("tool/uv-"):
                kept.addfile(member, whole.extractfile(member))
    ended = machine.launch("cache", "import", str(small)).expect(5)
    python = ".".join(map(str, sys.version_info[:2]))
    assert f"lacks wheels of the tool for Python {python}" in ended.stderr
