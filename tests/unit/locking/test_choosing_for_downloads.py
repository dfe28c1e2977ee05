"""Which files of a release a project's platforms need, and what its forks change in resolving."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.cli.main import main
from pipeline.config.model import Environment, Pipeline
from pipeline.config.stages import SdistStage
from pipeline.downloads.directory import Directory
from pipeline.downloads.place import Place
from pipeline.errors import LockError, NetworkError
from pipeline.lock.types import (
    DebianPackage,
    ImageBlob,
    Lock,
    LockedBase,
    LockedImage,
    LockedPlatform,
    LockedStage,
    PythonFile,
    RequirementSet,
)
from pipeline.locking import uv
from pipeline.locking.adding import release
from pipeline.locking.index import Index
from pipeline.locking.whole import locked_targets, whole
from pipeline.platforms import Target

if TYPE_CHECKING:
    from pipeline.locking.settings import Settings
    from pipeline.network.transport import Client
    from tests.unit.locking.conftest import Site

NAMES = (
    "thing-1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
    "thing-1.0-cp311-cp311-manylinux_2_17_aarch64.whl",
    "thing-1.0-cp312-cp312-manylinux_2_17_x86_64.whl",
    "thing-1.0-cp311-cp311-macosx_11_0_arm64.whl",
    "thing-1.0.tar.gz",
    "thing-1.0.1-py3-none-any.whl",
)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def offer(site: Site, *names: str) -> None:
    files = [
        {"filename": n, "url": f"/files/{n}", "hashes": {"sha256": digest(n)}, "size": 7}
        for n in names
    ]
    kind = "application/vnd.pypi.simple.v1+json"
    site.put("/simple/thing/", json.dumps({"files": files}).encode(), kind=kind)


def image(**platforms: LockedPlatform) -> LockedImage:
    named = {f"linux/{name}": locked for name, locked in platforms.items()}
    return LockedImage(declared={}, platforms=named)


PLATFORM = LockedPlatform(digest="", packages=(), python="3.11", glibc="2.36")
LOCK = Lock(epoch=0, images={"python": image(amd64=PLATFORM)})


def pipeline(**changes: object) -> Pipeline:
    return replace(Pipeline(root=Path(), version=1, stages={}), **changes)  # type: ignore[arg-type]


def chosen(settings: Settings, lock: Lock | None = LOCK, **changes: object) -> set[str]:
    return {file.name for file in release("thing", "1.0", pipeline(**changes), lock, settings)}


def test_each_locked_platform_gets_its_best_wheel(site: Site, settings: Settings) -> None:
    offer(site, *NAMES)
    assert chosen(settings) == {NAMES[0]}
    both = Lock(epoch=0, images={"python": image(amd64=PLATFORM, arm64=PLATFORM)})
    assert chosen(settings, both) == {NAMES[0], NAMES[1]}


def test_with_environments_for_people_every_wheel_they_could_use_is_needed(
    site: Site, settings: Settings
) -> None:
    offer(site, *NAMES)
    assert chosen(settings, environments={"dev": Environment()}) == set(NAMES[:4])


def test_before_there_is_a_lock_every_wheel_that_could_be_needed_is(
    site: Site, settings: Settings
) -> None:
    offer(site, *NAMES)
    assert chosen(settings, None) == set(NAMES[:4])


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "{\n<<<<<<< ours\n=======\n>>>>>>> theirs\n}"])
def test_a_release_is_added_without_a_lock_that_can_be_read(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    kind, name = "application/vnd.pypi.simple.v1+json", NAMES[0]
    sha256 = site.put(f"/files/{name}", b"x")
    row = {"filename": name, "url": f"/files/{name}", "hashes": {"sha256": sha256}, "size": 1}
    site.put("/simple/thing/", json.dumps({"files": [row]}).encode(), kind=kind)
    monkeypatch.setenv("PIPELINE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_INDEX_URL", f"{site.address}/simple")
    declared = "version: 1\nproject: {download-cache: kept}\nstages: {notes: {kind: changelog}}\n"
    (tmp_path / "pipeline.yaml").write_text(declared)
    if text:
        (tmp_path / "pipeline.lock").write_text(text)
    assert main(["-C", str(tmp_path), "cache", "add", "thing==1.0"]) == 0
    assert (tmp_path / "kept" / name).read_bytes() == b"x"


def test_the_sdist_comes_where_a_stage_builds_it_or_no_wheel_fits(
    site: Site, settings: Settings
) -> None:
    offer(site, *NAMES)
    stage = SdistStage(name="sdist", image="python", source="Thing==1.0.0")
    assert chosen(settings, stages={"sdist": stage}) == {NAMES[0], NAMES[4]}
    assert chosen(settings, Lock(epoch=0)) == {NAMES[4]}


def test_a_release_that_no_index_has_is_refused(site: Site, settings: Settings) -> None:
    offer(site, NAMES[5])
    with pytest.raises(LockError, match="no index has a file of"):
        chosen(settings)


@pytest.fixture
def kept(settings: Settings, tmp_path: Path) -> Settings:
    """Return settings with a download cache that holds a fork."""
    source = tmp_path / "source"
    source.write_bytes(b"")
    directory = Directory(tmp_path / "kept")
    directory.put("thing-1.0+acme1-py3-none-any.whl", source, digest(""))
    made = replace(settings, downloads=Place(directory=directory))
    vars(made)["pip"] = settings.pip
    return made


def test_uv_is_given_the_download_cache_and_offline_nothing_else(kept: Settings) -> None:
    request = uv.Request(requirements=("thing",), python="3.11")
    words = uv.command(request, Path("/x"), kept)
    assert kept.downloads is not None
    assert words[words.index("--find-links") + 1] == str(kept.downloads.directory.path)
    assert "--no-index" not in words
    assert "--no-index" in uv.command(request, Path("/x"), replace(kept, offline=True))


def test_a_fork_is_preferred_and_stays_when_its_name_is_to_move(kept: Settings) -> None:
    request = uv.Request(
        requirements=("thing",),
        python="3.11",
        pins=(("thing", "1.0"), ("other", "2")),
        moving=frozenset({"thing", "other"}),
    )
    assert dict(uv._preferred(request, kept)) == {"thing": "1.0+acme1", "other": "2"}
    words = uv.command(request, Path("/x"), kept)
    assert "other" in words
    assert "thing" not in words


def test_the_download_cache_goes_before_indexes_and_offline_they_are_left_out(
    kept: Settings, client: Client, site: Site
) -> None:
    offer(site, NAMES[0])
    names = [link.name for link in Index(client, kept).links("thing")]
    assert names == ["thing-1.0+acme1-py3-none-any.whl", NAMES[0]]
    before = len(site.paths())
    offline = replace(kept, offline=True)
    vars(offline)["pip"] = replace(kept.pip, find_links=(f"{site.address}/links/",))
    assert [link.name for link in Index(client, offline).links("thing")] == names[:1]
    assert len(site.paths()) == before


def test_a_whole_lock_has_each_file_once_and_can_be_cut_down_to_platforms() -> None:
    deb = DebianPackage(
        name="a", version="1", architecture="arm64", path="pool/a.deb", sha256="1" * 64, size=1
    )
    blobs = [
        ImageBlob(source=source, sha256=sha256, size=1, media_type="application/vnd.x")
        for source, sha256 in (("registry thing", "2" * 64), ("archive a.tar", "3" * 64))
    ]
    base = LockedBase(source="", manifest=blobs[0], config=blobs[1], layers=())
    wheels = tuple(PythonFile(name=n, sha256=digest(n), size=1) for n in NAMES)
    arm = LockedPlatform(digest="", packages=(deb,), wheels=wheels[1:2])
    intel = LockedPlatform(digest="", packages=(), wheels=wheels[:1], base=base)
    lock = Lock(
        epoch=0,
        images={"python": image(amd64=intel, arm64=arm)},
        stages={"s": LockedStage(sets={"cp311-linux_x86_64": RequirementSet(declared={})})},
        sources={"thing==1.0": wheels[4]},
    )
    assert locked_targets(lock) == (Target.LINUX_X86_64, Target.LINUX_ARM64)
    assert set(whole(lock)) == {deb, blobs[0], wheels[0], wheels[1], wheels[4]}
    assert set(whole(lock, [Target.LINUX_ARM64])) == {deb, wheels[1], wheels[4]}


def test_without_network_and_download_cache_resolving_says_what_it_needs(
    settings: Settings,
) -> None:
    request = uv.Request(requirements=("thing",), python="3.11", label="stage `x`")
    with pytest.raises((LockError, NetworkError)):
        uv.resolve(request, replace(settings, offline=True))
