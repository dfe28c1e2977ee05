"""Images of a real registry, from its blobs to what a step sees."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.engines.protocol import BuildRequest, ImageContext
from pipeline.engines.sandbox import SandboxEngine
from pipeline.errors import LockError, NetworkError
from pipeline.images.assemble import assemble
from pipeline.lock.decode import decode
from pipeline.lock.file import dump
from pipeline.lock.types import Lock, LockedImage, LockedPlatform
from pipeline.locking.fetch import everything, fetch
from pipeline.locking.settings import Settings
from pipeline.registry.client import Hosts, Registry
from pipeline.registry.logins import Logins
from pipeline.registry.pin import pin
from pipeline.registry.reference import Reference
from tests.unit.registry.making import (
    Made,
    directory,
    file,
    hard,
    image,
    layer,
    link,
    opaque,
    whiteout,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.store.store import Store
    from tests.registry.conftest import Server
    from tests.unit.registry.making import Member

pytestmark = [pytest.mark.registry, pytest.mark.slow]

AMD64 = "linux/amd64"


def settings(tmp_path: Path, **changes: object) -> Settings:
    made = Settings(environ={"HOME": str(tmp_path)}, daemon_settings=tmp_path / "none")
    return replace(made, **changes)  # type: ignore[arg-type]


def locked(reference: str, tmp_path: Path, platform: str = AMD64) -> Lock:
    """Pin a reference as `pipeline lock` does."""
    known = Registry(Hosts(mirrors=()), Logins({"HOME": str(tmp_path)}))
    base, _ = pin(known.documents(Reference.parse(reference)), platform)
    one = LockedPlatform(digest=base.manifest.sha256, packages=(), base=base)
    declared = {"from": [f"registry {reference}"]}
    return Lock(epoch=0, images={"it": LockedImage(declared=declared, platforms={platform: one})})


def assembled(reference: str, store: Store, tmp_path: Path) -> ImageContext:
    lock = locked(reference, tmp_path)
    fetch(everything(lock), store, settings(tmp_path))
    return assemble("it", lock, AMD64, store)


def built(context: ImageContext, command: str, store: Store) -> dict[str, str]:
    """Run a command in an image and return the files it left in /out."""
    text = f"FROM it AS b\nWORKDIR /out\nRUN {command}\nFROM scratch\nCOPY --from=b /out /\n"
    request = BuildRequest(dockerfile=text, contexts={"it": context}, platform=AMD64)
    tree = SandboxEngine(store).build(request, lambda _: None).output
    return {e.path: store.read_blob(e.digest).decode() for e in tree.entries if e.kind == "file"}


@pytest.fixture
def layered(programs: list[Member]) -> Made:
    """Return an image of three layers, each packed in its own way, with deletions."""
    lowest = [
        *programs,
        directory("tmp", mode=0o1777),
        directory("conf"),
        file("conf/kept", b"kept"),
        file("conf/gone", b"gone"),
        file("data/one", b"1"),
        file("data/two", b"2"),
        file("old", b"old"),
        hard("same", "old"),
        link("way", "data"),
    ]
    middle = [whiteout("conf/gone"), directory("data"), opaque("data"), file("data/new", b"new")]
    highest = [file("old", b"young"), file("way/through", b"through the link")]
    return image(
        layer(lowest),
        layer(middle, "zstd"),
        layer(highest, ""),
        settings={"Env": ["COLOUR=blue"], "WorkingDir": "/data"},
    )


@pytest.mark.sandbox
def test_a_step_sees_what_the_layers_make_together(
    registry: Server, layered: Made, store: Store, tmp_path: Path
) -> None:
    context = assembled(registry.push("layers", "1", layered), store, tmp_path)
    command = (
        "ls /conf /data > names && cat /old /same /way/through > texts && echo $COLOUR > colour"
    )
    found = built(context, command, store)
    assert found["names"] == "/conf:\nkept\n\n/data:\nnew\nthrough\n"
    assert found["texts"] == "youngoldthrough the link"
    assert found["colour"] == "blue\n"


def test_the_layout_holds_the_registrys_own_bytes(
    registry: Server, layered: Made, store: Store, tmp_path: Path
) -> None:
    context = assembled(registry.push("own", "1", layered), store, tmp_path)
    assert context.digest == layered.manifest.sha256
    assert context.layout
    blobs = context.layout() / "blobs" / "sha256"
    for blob in (layered.manifest, *layered.blobs):
        assert (blobs / blob.sha256).read_bytes() == blob.data
    (entry,) = json.loads((context.layout() / "index.json").read_bytes())["manifests"]
    assert entry["digest"] == f"sha256:{layered.manifest.sha256}"


def test_an_index_gives_each_platform_its_own_image(
    registry: Server, store: Store, tmp_path: Path
) -> None:
    two = [
        image(layer([file("which", name.encode())]), architecture=name)
        for name in ("amd64", "arm64")
    ]
    reference = registry.push("several", "1", *two)
    for one in two:
        platform = f"linux/{one.architecture}"
        lock = locked(reference, tmp_path, platform)
        fetch(everything(lock), store, settings(tmp_path))
        context = assemble("it", lock, platform, store)
        assert (context.layers[0] / "which").read_text() == one.architecture
        assert context.digest == one.manifest.sha256
    with pytest.raises(LockError, match="not for linux/s390x"):
        locked(reference, tmp_path, "linux/s390x")


def test_an_image_of_dockers_own_format_is_taken_as_it_is(
    registry: Server, store: Store, tmp_path: Path
) -> None:
    made = image(layer([file("a", b"a")], docker=True), docker=True)
    context = assembled(registry.push("docker", "1", made), store, tmp_path)
    assert (context.layers[0] / "a").read_bytes() == b"a"
    assert context.digest == made.manifest.sha256


def test_a_tag_that_moved_changes_nothing_that_is_locked(
    registry: Server, store: Store, tmp_path: Path
) -> None:
    first, second = (image(layer([file("n", n)])) for n in (b"1", b"2"))
    reference = registry.push("moving", "1", first)
    lock = decode(dump(locked(reference, tmp_path)).encode())
    registry.push("moving", "1", second)
    fetch(everything(lock), store, settings(tmp_path))
    assert (assemble("it", lock, AMD64, store).layers[0] / "n").read_bytes() == b"1"
    moved = locked(reference, tmp_path)
    assert moved.images["it"].platforms[AMD64].digest == second.manifest.sha256


def test_offline_an_image_is_made_from_what_was_fetched(
    registry: Server, store: Store, tmp_path: Path
) -> None:
    lock = locked(registry.push("later", "1", image(layer([file("a", b"a")]))), tmp_path)
    off = settings(tmp_path, offline=True)
    with pytest.raises(NetworkError, match="the network is off"):
        fetch(everything(lock), store, off)
    fetch(everything(lock), store, settings(tmp_path))
    assert fetch(everything(lock), store, off).present == 3
    assert assemble("it", lock, AMD64, store).layers


def test_a_mirror_is_asked_where_no_host_is_named(
    registry: Server, store: Store, tmp_path: Path
) -> None:
    made = image(layer([file("a", b"a")]))
    registry.push("mirrored/library/thing", "1", made)
    known = settings(tmp_path, declared_registries=(f"http://{registry.host}/mirrored",))
    client = Registry(Hosts(mirrors=known.registries), Logins({}))
    base, _ = pin(client.documents(Reference.parse("library/thing:1")), AMD64)
    assert base.source == "registry library/thing"
    fetch(base.blobs, store, known)
    assert all(store.has_blob(blob.sha256) for blob in base.blobs)


def test_an_image_that_is_not_there_is_told_by_name(registry: Server, tmp_path: Path) -> None:
    with pytest.raises(LockError, match=r"there is no image `127\.0\.0\.1:\d+/nothing:1`"):
        locked(f"{registry.host}/nothing:1", tmp_path)


def test_a_large_layer_comes_whole(registry: Server, store: Store, tmp_path: Path) -> None:
    data = hashlib.sha256(b"x").digest() * (1 << 18)
    made = image(*(layer([file(f"f{n}", data[n:])], "") for n in range(4)))
    context = assembled(registry.push("large", "1", made), store, tmp_path)
    for number in range(4):
        assert (context.layers[0] / f"f{number}").read_bytes() == data[number:]
