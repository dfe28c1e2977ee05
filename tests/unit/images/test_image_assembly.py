from __future__ import annotations

import hashlib
import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import LockError, NetworkError, VerificationError
from pipeline.images.assemble import assemble, image_digest
from pipeline.lock.types import Lock, LockedImage, LockedPlatform, PythonFile
from pipeline.store.store import Store
from tests.unit.images.conftest import entry, locked

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.lock.types import DebianPackage
    from tests.unit.images.conftest import Debs, Wheels

AMD64 = "linux/amd64"


def image(
    packages: list[DebianPackage],
    *,
    start: str = "debian bookworm",
    digest: str = "",
    wheels: tuple[PythonFile, ...] = (),
    env: tuple[str, ...] = (),
    python: str = "3.11",
) -> LockedImage:
    platform = LockedPlatform(
        digest=digest, packages=tuple(packages), wheels=wheels, python=python, glibc="2.36"
    )
    return LockedImage(
        declared={"from": [start], "env": list(env)},
        platforms={AMD64: platform, "linux/arm64": platform},
    )


@pytest.fixture
def base(debs: Debs, store: Store) -> DebianPackage:
    return locked(debs.make([entry("./usr/bin/gcc", b"gcc", mode=0o755)], name="gcc"), store)


@pytest.fixture
def more(debs: Debs, store: Store) -> DebianPackage:
    return locked(debs.make([entry("./usr/bin/g++", b"g++", mode=0o755)], name="g++"), store)


def test_an_image_is_its_layers_and_a_digest(base: DebianPackage, store: Store) -> None:
    context = assemble("a", Lock(epoch=1, images={"a": image([base])}), AMD64, store)
    (layer,) = context.layers
    assert (layer / "usr/bin/gcc").read_bytes() == b"gcc"
    assert len(context.digest) == 64
    assert dict(context.env)["PATH"].startswith("/usr/local/sbin:")


def test_the_digest_is_the_same_in_another_store_with_another_epoch_and_order(
    base: DebianPackage, more: DebianPackage, store: Store, tmp_path: Path
) -> None:
    digest = image_digest("a", Lock(epoch=1, images={"a": image([base, more])}), AMD64, store)
    with Store.open(tmp_path / "other") as other:
        for package in (base, more):
            other.add_blob_file(store.blob_path(package.sha256))
        lock = Lock(epoch=2, images={"a": image([more, base])})
        assert image_digest("a", lock, AMD64, other) == digest


def test_packages_platform_and_variables_change_the_digest(
    base: DebianPackage, more: DebianPackage, store: Store
) -> None:
    images = {
        "a": image([base]),
        "b": image([base, more]),
        "c": image([base], env=("A=1",)),
    }
    lock = Lock(epoch=1, images=images)
    digests = {image_digest(name, lock, AMD64, store) for name in images}
    digests.add(image_digest("a", lock, "linux/arm64", store))
    assert len(digests) == 4


def test_another_digest_than_the_locked_one_is_refused(base: DebianPackage, store: Store) -> None:
    lock = Lock(epoch=1, images={"a": image([base], digest="0" * 64)})
    with pytest.raises(VerificationError, match="comes out as"):
        assemble("a", lock, AMD64, store)
    digest = image_digest("a", Lock(epoch=1, images={"a": image([base])}), AMD64, store)
    right = Lock(epoch=1, images={"a": image([base], digest=digest)})
    assert assemble("a", right, AMD64, store).digest == digest


def test_an_image_on_another_shares_its_layers(
    base: DebianPackage, more: DebianPackage, wheels: Wheels, store: Store
) -> None:
    name, path = wheels.make({"thing.py": ""})
    wheel = PythonFile(name=name, sha256=store.add_blob_file(path), size=path.stat().st_size)
    images = {
        "low": image([base], env=("A=low", "B=low")),
        "mid": image([more], start="image low", env=("B=mid",)),
        "top": image([], start="image mid", wheels=(wheel,), python=""),
    }
    lock = Lock(epoch=1, images=images)
    low, mid, top = (assemble(name, lock, AMD64, store) for name in images)
    assert top.layers[:2] == mid.layers
    assert mid.layers[:1] == low.layers
    assert (top.layers[2] / "usr/local/lib/python3.11/dist-packages/thing.py").exists()
    assert {name: dict(top.env)[name] for name in "AB"} == {"A": "low", "B": "mid"}


def test_what_is_not_locked_or_starts_from_itself_is_an_error_of_the_lock(
    base: DebianPackage, store: Store
) -> None:
    lock = Lock(epoch=1, images={"a": image([base], start="image a")})
    with pytest.raises(LockError, match="not locked for linux/amd64"):
        assemble("b", lock, AMD64, store)
    with pytest.raises(LockError, match="starts from itself"):
        assemble("a", lock, AMD64, store)


def test_a_package_that_was_not_fetched_is_named(base: DebianPackage, store: Store) -> None:
    store.blob_path(base.sha256).unlink()
    with pytest.raises(NetworkError, match=r"gcc\.deb"):
        assemble("a", Lock(epoch=1, images={"a": image([base])}), AMD64, store)


def test_a_rotten_package_is_refused_and_removed(base: DebianPackage, store: Store) -> None:
    path = store.blob_path(base.sha256)
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(VerificationError):
        assemble("a", Lock(epoch=1, images={"a": image([base])}), AMD64, store)
    assert not store.has_blob(base.sha256)


def test_a_refused_package_leaves_no_layer(debs: Debs, store: Store) -> None:
    bad = locked(debs.make([entry("../evil")], name="bad"), store)
    with pytest.raises(VerificationError):
        assemble("a", Lock(epoch=1, images={"a": image([bad])}), AMD64, store)
    assert not list(store.directories.all())


def test_the_layout_is_what_its_digests_say(base: DebianPackage, store: Store) -> None:
    context = assemble("a", Lock(epoch=1, images={"a": image([base], env=("A=1",))}), AMD64, store)
    assert context.layout is not None
    layout = context.layout()
    blobs = layout / "blobs/sha256"
    for blob in blobs.iterdir():
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    index = json.loads((layout / "index.json").read_text())
    (entry_,) = index["manifests"]
    assert entry_["digest"] == f"sha256:{context.digest}"
    assert entry_["annotations"] == {"org.opencontainers.image.ref.name": "locked"}
    manifest = json.loads((blobs / context.digest).read_text())
    config = json.loads((blobs / manifest["config"]["digest"].removeprefix("sha256:")).read_text())
    assert config["architecture"] == "amd64"
    assert "A=1" in config["config"]["Env"]
    assert config["rootfs"]["diff_ids"] == [part["digest"] for part in manifest["layers"]]
    (layer,) = manifest["layers"]
    with tarfile.open(blobs / layer["digest"].removeprefix("sha256:")) as tar:
        assert "usr/bin/gcc" in tar.getnames()
    assert json.loads((layout / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}


def test_a_layer_changed_after_it_was_made_never_gets_into_a_layout(
    base: DebianPackage, store: Store
) -> None:
    context = assemble("a", Lock(epoch=1, images={"a": image([base])}), AMD64, store)
    (context.layers[0] / "usr/bin/gcc").write_bytes(b"bad")
    assert context.layout is not None
    with pytest.raises(VerificationError, match="was changed"):
        context.layout()
