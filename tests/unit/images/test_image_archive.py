"""OCI archives: the same bytes for the same layout, and read strictly."""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError, NetworkError, VerificationError
from pipeline.images.archive import held, opened, take
from pipeline.images.assemble import assemble
from pipeline.images.based import Base
from pipeline.lock.types import Lock, LockedImage, LockedPlatform
from pipeline.registry.pin import pin
from tests.unit.images.archives import write_archive
from tests.unit.registry.making import Blob, Made, directory, file, image, index, layer, link, tar

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.lock.types import LockedBase
    from pipeline.store.store import Store

AMD64 = "linux/amd64"
ONE = image(layer([file("a", b"1")]), layer([file("b", b"2")], "zstd"))


def layout(root: Path, *images: Made) -> Path:
    """Write images as an OCI layout and return its directory."""
    blobs = root / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for one in images:
        for each in (one.manifest, *one.blobs):
            (blobs / each.sha256).write_bytes(each.data)
    (root / "index.json").write_bytes(index(*images).data)
    (root / "oci-layout").write_bytes(b'{"imageLayoutVersion": "1.0.0"}')
    return root


def test_the_same_layout_gives_the_same_archive(tmp_path: Path) -> None:
    first, second = (layout(tmp_path / name, ONE) for name in "ab")
    for path in second.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    write_archive(first, tmp_path / "a.tar")
    write_archive(second, tmp_path / "b.tar")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    with tarfile.open(tmp_path / "a.tar") as archive:
        assert archive.getnames() == sorted(archive.getnames())
        assert {(m.uid, m.gid, m.mtime) for m in archive.getmembers()} == {(0, 0, 315532800)}


def test_an_image_comes_out_of_its_archive_as_it_went_in(store: Store, tmp_path: Path) -> None:
    write_archive(layout(tmp_path / "layout", ONE), tmp_path / "it.tar")
    base = pinned(tmp_path, "it.tar")
    take(tmp_path, list(base.blobs), store)
    context = assemble("it", lock_of(base), AMD64, store)
    assert context.digest == ONE.manifest.sha256
    assert context.layout
    again = tmp_path / "again.tar"
    write_archive(context.layout(), again)
    os.rename(again, tmp_path / "it.tar")
    assert pinned(tmp_path, "it.tar") == base


def pinned(root: Path, name: str, platform: str = AMD64) -> LockedBase:
    with opened(root, name) as archive:
        return pin(archive, platform)[0]


def lock_of(base: LockedBase, *, digest: str = ONE.manifest.sha256) -> Lock:
    platform = LockedPlatform(digest=digest, packages=(), base=base)
    declared = {"from": [base.source]}
    return Lock(epoch=0, images={"it": LockedImage(declared=declared, platforms={AMD64: platform})})


def test_an_archive_may_hold_several_platforms(store: Store, tmp_path: Path) -> None:
    two = [
        image(layer([file("a", name.encode())]), architecture=name) for name in ("amd64", "arm64")
    ]
    write_archive(layout(tmp_path / "layout", *two), tmp_path / "it.tar")
    for one in two:
        base = pinned(tmp_path, "it.tar", f"linux/{one.architecture}")
        take(tmp_path, list(base.blobs), store)
        assert (Base(base, store).directory() / "a").read_text() == one.architecture
    assert held(tmp_path, "it.tar") == [one.manifest.sha256 for one in two]


def test_an_archive_by_another_tool_is_read(store: Store, tmp_path: Path) -> None:
    root = layout(tmp_path / "layout", ONE)
    with tarfile.open(tmp_path / "it.tar", "w") as archive:
        archive.add(root / "blobs", "blobs")
        archive.add(root / "oci-layout", "oci-layout")
        archive.add(root / "index.json", "index.json")
        archive.addfile(tarfile.TarInfo("repositories"), io.BytesIO())
    take(tmp_path, list(pinned(tmp_path, "it.tar").blobs), store)


def test_a_blob_with_other_bytes_is_not_taken(store: Store, tmp_path: Path) -> None:
    root = layout(tmp_path / "layout", ONE)
    write_archive(root, tmp_path / "it.tar")
    base = pinned(tmp_path, "it.tar")
    blob = root / "blobs" / "sha256" / ONE.layers[0].sha256
    blob.write_bytes(b"x" * blob.stat().st_size)
    (tmp_path / "it.tar").unlink()
    write_archive(root, tmp_path / "it.tar")
    with pytest.raises(VerificationError, match="was expected"):
        take(tmp_path, list(base.blobs), store)
    assert not store.has_blob(ONE.layers[0].sha256)


def test_a_blob_that_is_not_there_is_named(store: Store, tmp_path: Path) -> None:
    root = layout(tmp_path / "layout", ONE)
    write_archive(root, tmp_path / "it.tar")
    base = pinned(tmp_path, "it.tar")
    (root / "blobs" / "sha256" / ONE.config.sha256).unlink()
    (tmp_path / "it.tar").unlink()
    write_archive(root, tmp_path / "it.tar")
    with pytest.raises(VerificationError, match=ONE.config.sha256):
        take(tmp_path, list(base.blobs), store)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cut short"),
        (b"PK\x03\x04" + bytes(508), "wrong checksum"),
        (tar([file("oci-layout", b"{}")]), "holds no `index.json`"),
        (tar([file("index.json", b"[]")]), "no object"),
        (tar([file("../index.json", b"{}")]), "leads out"),
        (tar([directory("blobs"), link("index.json", "../x")]), "out of the root"),
        (tar([file("index.json", b" " * (5 << 20))]), "absurdly large"),
        (tar([file("index.json", ONE.manifest.data)]), "no index"),
    ],
)
def test_what_is_no_archive_is_refused(data: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "it.tar").write_bytes(data)
    with pytest.raises(VerificationError, match=words):
        held(tmp_path, "it.tar")


def test_an_archive_that_is_not_there_is_a_mistake_of_the_declaration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        held(tmp_path, "absent.tar")


@pytest.mark.parametrize(
    ("settings", "own"),
    [
        ({}, True),
        ({"Env": ["A=1"], "WorkingDir": "/w", "Entrypoint": ["/x"], "User": "root"}, True),
        ({"User": "1000"}, False),
        ({"Shell": ["/bin/bash", "-c"]}, False),
        ({"OnBuild": ["RUN evil"]}, False),
    ],
)
def test_what_would_change_how_steps_run_is_taken_out(
    settings: dict[str, object], *, own: bool, store: Store, tmp_path: Path
) -> None:
    made = image(layer([file("a", b"1")]), settings={"Env": ["A=1"], **settings})
    base = stored(made, store, tmp_path)
    context = assemble("it", lock_of(base, digest=""), AMD64, store)
    assert (context.digest == made.manifest.sha256) is own
    assert dict(context.env) == {"A": "1"}
    assert context.layout
    texts = b"".join(path.read_bytes() for path in context.layout().rglob("*") if path.is_file())
    assert (b"1000" in texts or b"evil" in texts or b"/bin/bash" in texts) is False


def stored(made: Made, store: Store, tmp_path: Path) -> LockedBase:
    write_archive(layout(tmp_path / "layout", made), tmp_path / "it.tar")
    base = pinned(tmp_path, "it.tar")
    take(tmp_path, list(base.blobs), store)
    return base


def test_variables_on_top_keep_the_layers_and_change_the_digest(
    store: Store, tmp_path: Path
) -> None:
    base = stored(ONE, store, tmp_path)
    unknown = LockedPlatform(digest="", packages=(), base=base)
    child = LockedPlatform(digest="", packages=())
    lock = Lock(
        epoch=0,
        images={
            "it": LockedImage(declared={"from": [base.source]}, platforms={AMD64: unknown}),
            "more": LockedImage(
                declared={"from": ["image it"], "env": ["B=2"]}, platforms={AMD64: child}
            ),
        },
    )
    plain, more = (assemble(name, lock, AMD64, store) for name in ("it", "more"))
    assert more.layers == plain.layers
    assert dict(more.env)["B"] == "2"
    assert more.digest != plain.digest == ONE.manifest.sha256
    assert more.layout
    names = {path.name for path in (more.layout() / "blobs" / "sha256").iterdir()}
    assert {one.sha256 for one in ONE.layers} < names


def test_a_layer_that_was_not_fetched_is_told(store: Store, tmp_path: Path) -> None:
    base = stored(ONE, store, tmp_path)
    store.blob_path(ONE.layers[1].sha256).unlink()
    with pytest.raises(NetworkError, match="not fetched yet"):
        Base(base, store).directory()


def test_a_layer_that_rotted_in_the_store_is_refused(store: Store, tmp_path: Path) -> None:
    base = stored(ONE, store, tmp_path)
    path = store.blob_path(ONE.layers[1].sha256)
    path.chmod(0o600)
    path.write_bytes(Blob(data=b"x" * 100, media_type="").data)
    with pytest.raises(VerificationError):
        Base(base, store).directory()
