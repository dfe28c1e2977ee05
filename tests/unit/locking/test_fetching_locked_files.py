from __future__ import annotations

import hashlib
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.downloads.directory import Directory
from pipeline.downloads.place import Place
from pipeline.errors import NetworkError, VerificationError
from pipeline.lock.types import (
    DebianPackage,
    Lock,
    LockedFile,
    LockedImage,
    LockedPlatform,
    LockedRequirement,
    LockedStage,
    PythonFile,
    RequirementSet,
)
from pipeline.locking.fetch import Progress, everything, fetch, missing
from pipeline.locking.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.store.store import Store
    from tests.unit.locking.conftest import Answers, Site


def package(site: Site, name: str, data: bytes) -> DebianPackage:
    """Put a package into the pool and return its row of the lock."""
    path = f"pool/main/{name[0]}/{name}/{name}_1_all.deb"
    site.put(f"/debian/{path}", data)
    return DebianPackage(
        name=name,
        version="1",
        architecture="all",
        path=path,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
    )


def wheel(site: Site, name: str, data: bytes) -> PythonFile:
    """Put a wheel on the index and return its row of the lock."""
    file = f"{name}-1-py3-none-any.whl"
    sha256 = site.put(f"/files/{file}", data)
    link = f'<a href="/files/{file}#sha256={sha256}">{file}</a>'
    site.put(f"/simple/{name}/", link.encode(), kind="text/html")
    return PythonFile(name=file, sha256=sha256, size=len(data))


def test_all_that_is_missing_comes_in_with_progress(
    site: Site, settings: Settings, store: Store
) -> None:
    files = [package(site, f"p{n}", bytes([n]) * 1000) for n in range(8)]
    mixed: list[LockedFile] = [*files, wheel(site, "thing", b"wheel"), files[0]]
    store.add_blob(bytes([0]) * 1000)
    seen: list[Progress] = []
    report = fetch(mixed, store, settings, seen.append)
    assert (report.fetched, report.present, report.size) == (8, 1, 7005)
    assert missing(mixed, store) == ()
    assert seen[-1] == Progress(files_done=8, files=8, bytes_done=7005, bytes=7005)


def test_offline_opens_no_socket_and_names_what_is_missing(
    settings: Settings, site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    files: list[LockedFile] = [package(site, "bash", b"a"), wheel(site, "thing", b"b")]
    offline = Settings(environ=settings.environ, offline=True)
    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(NetworkError) as caught:
        fetch(files, store, offline)
    assert [line.split()[0] for line in caught.value.detail] == [
        "bash_1_all.deb",
        "thing-1-py3-none-any.whl",
    ]
    for data in (b"a", b"b"):
        store.add_blob(data)
    assert fetch(files, store, offline).present == 2


def test_of_many_that_failed_only_the_first_are_named(
    settings: Settings, site: Site, store: Store
) -> None:
    files = [package(site, f"p{number:02}", b"%d" % number) for number in range(40)]
    site.answers.clear()
    with pytest.raises(NetworkError) as caught:
        fetch(files, store, settings)
    assert len(caught.value.detail) == 14
    assert (caught.value.detail[0], caught.value.detail[-1]) == (
        "40 files could not be fetched:",
        "and 28 more",
    )


def test_the_second_mirror_serves_what_the_first_lacks(
    settings: Settings, site: Site, store: Store
) -> None:
    file = package(site, "bash", b"a")
    mirrors = (f"{site.address}/empty", f"{site.address}/debian")
    made = Settings(environ=settings.environ, declared_mirrors=mirrors)
    vars(made)["pip"] = settings.pip
    fetch([file], store, made)
    assert store.has_blob(file.sha256)


def test_a_package_that_left_the_pool_is_said_to_be_gone(
    site: Site, settings: Settings, store: Store
) -> None:
    gone = package(site, "bash", b"a")
    site.answers.clear()
    with pytest.raises(NetworkError, match="gone from the pool") as caught:
        fetch([gone], store, settings)
    assert "`bash` 1 for all" in str(caught.value)
    assert "mirrors:" in caught.value.hint
    assert "`pipeline lock --update IMAGE`" in caught.value.hint  # plain `lock` would keep it


def test_a_wheel_that_left_the_index_is_named(site: Site, settings: Settings, store: Store) -> None:
    gone = wheel(site, "thing", b"a")
    site.answers.clear()
    with pytest.raises(NetworkError, match=r"no index has `thing-1-py3-none-any\.whl`") as caught:
        fetch([gone], store, settings)
    assert "`pipeline lock --update thing`" in caught.value.hint  # plain `lock` would keep it
    sdist = PythonFile(name="thing-1.tar.gz", sha256=gone.sha256, size=1)
    with pytest.raises(NetworkError) as caught:
        fetch([sdist], store, settings)
    assert "another version in the stage's `source`" in caught.value.hint


def test_what_could_be_had_stays_and_all_that_could_not_is_named(
    site: Site, settings: Settings, store: Store, answers: Answers
) -> None:
    good, flipped, gone = (package(site, name, name.encode()) for name in ("good", "flip", "gone"))
    site.script(f"/debian/{flipped.path}", answers.whole(b"flop"))
    del site.answers[f"/debian/{gone.path}"]
    with pytest.raises(VerificationError, match="flip_1_all") as caught:
        fetch([good, flipped, gone], store, settings)
    assert store.has_blob(good.sha256)
    assert not store.has_blob(flipped.sha256)
    said = "\n".join(caught.value.detail)
    assert "flip_1_all.deb" in said
    assert "gone_1_all.deb" in said


def test_an_interruption_ends_the_fetch_and_the_next_one_completes_it(
    site: Site, settings: Settings, store: Store
) -> None:
    files = [package(site, f"p{n}", bytes([n]) * 5000) for n in range(20)]

    def interrupt(progress: Progress) -> None:
        if progress.files_done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(files, store, settings, interrupt)
    fetch(files, store, settings)
    assert missing(files, store) == ()


def test_everything_is_images_stages_and_sources_but_no_environment() -> None:
    def file(name: str) -> PythonFile:
        return PythonFile(name=f"{name}-1-py3-none-any.whl", sha256=name * 64, size=1)

    def locked(name: str) -> RequirementSet:
        row = LockedRequirement(name=name, version="1", files=(file(name),))
        return RequirementSet(declared={}, requirements=(row,))

    platform = LockedPlatform(digest="", packages=(), wheels=(file("a"),))
    lock = Lock(
        epoch=0,
        images={"i": LockedImage(declared={}, platforms={"linux/amd64": platform})},
        stages={"s": LockedStage(sets={"x": locked("b"), "y": locked("b")})},
        environments={"dev": locked("c")},
        sources={"d==1": file("d")},
    )
    assert sorted(f.sha256[0] for f in everything(lock)) == ["a", "b", "d"]


def test_what_the_download_cache_has_is_not_asked_for_elsewhere(
    settings: Settings, site: Site, store: Store, tmp_path: Path
) -> None:
    kept, other = wheel(site, "kept", b"in the cache"), wheel(site, "other", b"on the index")
    source = tmp_path / "source"
    source.write_bytes(b"in the cache")
    directory = Directory(tmp_path / "downloads")
    directory.put(kept.name, source, kept.sha256)
    with_cache = replace(settings, downloads=Place(directory=directory))
    vars(with_cache)["pip"] = settings.pip
    report = fetch([kept, other], store, with_cache)
    assert (report.fetched, report.present) == (1, 1)
    assert site.paths() == ["/simple/other/", f"/files/{other.name}"]
    assert missing([kept, other], store) == ()


def test_offline_the_download_cache_is_enough(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"deb")
    sha256 = hashlib.sha256(b"deb").hexdigest()
    locked = DebianPackage(
        name="a", version="1", architecture="all", path="pool/a_1_all.deb", sha256=sha256, size=3
    )
    directory = Directory(tmp_path / "downloads")
    directory.put("a_1_all.deb", source, sha256)
    fetch([locked], store, replace(settings, offline=True, downloads=Place(directory=directory)))
    assert store.has_blob(sha256)
