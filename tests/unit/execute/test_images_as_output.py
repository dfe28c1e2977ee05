from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.engines.protocol import ImageContext
from pipeline.errors import PipelineError, StoreError, VerificationError
from pipeline.execute.packing import bundled, pack, save
from pipeline.execute.provision import _fits
from pipeline.files import sha256_file
from pipeline.plan.recipe import ImageOutput
from pipeline.registry.parcel import open_parcel
from pipeline.store.store import Store
from tests.unit.images.bundling import AMD64, bundle, filled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.store.trees import Tree

OUTPUT = ImageOutput(
    file="app-1.oci.tar", name="app", tag="1", environment=True, annotations=(("a", "b"),)
)
PREFIX = "org.opencontainers.image"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def base(tmp_path: Path) -> ImageContext:
    digest = bundle(tmp_path / "base").digest
    layout = tmp_path / "base" / "layout"
    return ImageContext(digest=digest, platform=AMD64, layers=(), layout=lambda: layout)


@pytest.fixture
def tree(store: Store, tmp_path: Path) -> Tree:
    return store.add_tree(filled(tmp_path / "out", {"env/bin/app": b"#!", "etc/app": b"x"}))


def test_a_tree_becomes_one_archive_of_an_image(
    store: Store, base: ImageContext, tree: Tree
) -> None:
    made = pack(OUTPUT, tree, base, store, epoch=1_000_000_000)
    (entry,) = made.entries
    assert entry.path == "app-1.oci.tar"
    assert store.load_tree(made.digest) == made
    parcel = open_parcel(store.blob_path(entry.digest))
    assert json.loads(parcel.manifest)["annotations"] == {
        "a": "b",
        f"{PREFIX}.base.digest": f"sha256:{base.digest}",
        f"{PREFIX}.created": "2001-09-09T01:46:40Z",
    }
    assert len(parcel.blobs) == 3


def test_the_same_tree_becomes_the_same_archive(
    store: Store, base: ImageContext, tree: Tree
) -> None:
    assert pack(OUTPUT, tree, base, store, epoch=1) == pack(OUTPUT, tree, base, store, epoch=1)
    assert pack(OUTPUT, tree, base, store, epoch=1) != pack(OUTPUT, tree, base, store, epoch=2)


def test_a_saved_archive_appears_whole_with_its_digest(base: ImageContext, tmp_path: Path) -> None:
    entry = save(bundled(base), tmp_path / "a.oci.tar", name="a", tag="1")
    assert sha256_file(tmp_path / "a.oci.tar") == entry.digest
    assert (tmp_path / "a.oci.tar").stat().st_size == entry.size
    assert open_parcel(tmp_path / "a.oci.tar").digest == base.digest


def test_an_archive_that_cannot_be_written_leaves_nothing(
    base: ImageContext, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "it.oci.tar").mkdir()
    with pytest.raises(PipelineError, match="cannot be written"):
        save(bundled(base), tmp_path / "a" / "it.oci.tar", name="a", tag="1")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["it.oci.tar"]


def test_an_image_without_a_layout_cannot_be_packed() -> None:
    with pytest.raises(StoreError, match="no OCI layout"):
        bundled(ImageContext(digest="0" * 64, platform=AMD64, layers=()))


@pytest.mark.parametrize(
    ("name", "platform"),
    [
        ("a-1-py3-none-any.whl", "linux/arm64"),
        ("a-1-cp311-cp311-linux_x86_64.whl", "linux/amd64"),
        ("a-1-cp311-cp311-manylinux_2_17_aarch64.manylinux2014_aarch64.whl", "linux/arm64"),
    ],
)
def test_a_wheel_for_the_platform_is_taken(name: str, platform: str) -> None:
    assert _fits(name, platform)


def test_what_is_no_wheel_is_left_out() -> None:
    assert not _fits("a-1.tar.gz", "linux/amd64")


def test_a_wheel_for_another_platform_is_refused() -> None:
    with pytest.raises(VerificationError, match="is not for linux/arm64"):
        _fits("a-1-cp311-cp311-linux_x86_64.whl", "linux/arm64")
