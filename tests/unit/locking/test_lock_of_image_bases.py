"""Images of registries and archives in the lock: written, read, refused when odd, stale."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.config.load import load as load_pipeline
from pipeline.errors import ConfigError, LockError, UsageError
from pipeline.lock.file import dump, load
from pipeline.lock.types import ImageBlob, Lock, LockedBase, LockedImage, LockedPlatform
from pipeline.locking import declared
from pipeline.locking.settings import Settings
from pipeline.locking.stale import check
from tests.unit.images.archives import write_archive
from tests.unit.registry.making import file, image, layer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.registry.making import Made

SOURCE = "registry registry.example/it"
OCI = "application/vnd.oci.image"


def blob(letter: str, kind: str, diff_id: str = "") -> ImageBlob:
    return ImageBlob(
        source=SOURCE,
        sha256=letter * 64,
        size=7,
        media_type=f"{OCI}.{kind}",
        diff_id=diff_id,
    )


BASE = LockedBase(
    source=SOURCE,
    manifest=blob("a", "manifest.v1+json"),
    config=blob("b", "config.v1+json"),
    layers=(
        blob("c", "layer.v1.tar+gzip", "d" * 64),
        blob("e", "layer.v1.tar+zstd", "f" * 64),
    ),
)
PLATFORM = LockedPlatform(
    digest="a" * 64,
    packages=(),
    python="3.12",
    glibc="2.36",
    interpreter="/usr/local/bin/python3.12",
    base=BASE,
)
LOCK = Lock(
    epoch=1,
    images={
        "it": LockedImage(
            declared={"from": ["registry registry.example/it:1"]},
            platforms={"linux/amd64": PLATFORM},
        )
    },
)


def written(directory: Path, text: str) -> Path:
    path = directory / "pipeline.lock"
    path.write_text(text)
    return path


def test_a_base_is_dumped_and_loaded_again(tmp_path: Path) -> None:
    assert load(written(tmp_path, dump(LOCK))) == LOCK


def test_every_blob_has_a_line_of_its_own() -> None:
    lines = dump(LOCK).splitlines()
    assert [sum(letter * 64 in line for line in lines) for letter in "bce"] == [1, 1, 1]
    assert all(sum(letter * 64 in line for letter in "bce") <= 1 for line in lines)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("base", "source"), "registry https://registry.example/it"),
        (("base", "source"), "archive ../it.tar"),
        (("base", "source"), "archive /it.tar"),
        (("base", "source"), "image it"),
        (("base", "manifest"), ["a" * 64, 7]),
        (("base", "manifest"), ["A" * 64, 7, f"{OCI}.manifest.v1+json"]),
        (("base", "config"), ["b" * 64, -1, f"{OCI}.config.v1+json"]),
        (("base", "config"), ["b" * 64, 7, "text/html\r\nX: y"]),
        (("base", "layers"), [["c" * 64, 7, f"{OCI}.layer.v1.tar"]]),
        (("base",), {"source": SOURCE}),
        (("interpreter",), "/usr/../bin/python3.11"),
        (("interpreter",), "python3.11"),
    ],
)
def test_an_odd_base_is_refused(path: tuple[str, ...], value: object, tmp_path: Path) -> None:
    document = json.loads(dump(LOCK))
    place = document["images"]["it"]["platforms"]["linux/amd64"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(LockError, match="malformed"):
        load(written(tmp_path, json.dumps(document)))


def repository(root: Path, start: str) -> Path:
    (root / "images").mkdir(exist_ok=True)
    (root / "pipeline.yaml").write_text("version: 1\nstages: {n: {kind: changelog}}\n")
    (root / "images" / "it.yaml").write_text(f"from: {{{start}}}\n")
    return root


def archive(path: Path, made: Made) -> None:
    layout = path.with_suffix(".layout")
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for one in (made.manifest, *made.blobs):
        (blobs / one.sha256).write_bytes(one.data)
    index = {"schemaVersion": 2, "manifests": [made.manifest.descriptor]}
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    path.unlink(missing_ok=True)
    write_archive(layout, path)


def test_another_reference_makes_the_lock_stale(tmp_path: Path) -> None:
    pipeline = load_pipeline(repository(tmp_path, 'registry: "registry.example/it:1"'))
    words = declared.image(pipeline.images["it"], tmp_path)
    lock = Lock(epoch=1, images={"it": LockedImage(declared=words, platforms={})})
    assert check(pipeline, lock) == []
    moved = load_pipeline(repository(tmp_path, 'registry: "registry.example/it:2"'))
    assert [str(one) for one in check(moved, lock)] == [
        "images.it: from (+registry registry.example/it:2, -registry registry.example/it:1)"
    ]


def test_another_archive_of_the_same_name_makes_the_lock_stale(tmp_path: Path) -> None:
    pipeline = load_pipeline(repository(tmp_path, "archive: it.tar"))
    archive(tmp_path / "it.tar", image(layer([file("a", b"1")])))
    words = declared.image(pipeline.images["it"], tmp_path)
    lock = Lock(epoch=1, images={"it": LockedImage(declared=words, platforms={})})
    assert check(pipeline, lock) == []
    archive(tmp_path / "second.tar", image(layer([file("a", b"2")])))
    (tmp_path / "second.tar").rename(tmp_path / "it.tar")
    (stale,) = check(pipeline, lock)
    assert stale.what == "archive"


def test_an_archive_that_is_gone_is_named(tmp_path: Path) -> None:
    pipeline = load_pipeline(repository(tmp_path, "archive: it.tar"))
    with pytest.raises(ConfigError, match=r"`it\.tar`"):
        declared.image(pipeline.images["it"], tmp_path)


@pytest.mark.parametrize(
    "start", ["archive: ../it.tar", "archive: /it.tar", "registry: a:1, archive: it.tar"]
)
def test_an_archive_lies_in_the_repository(start: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        load_pipeline(repository(tmp_path, start))


def test_debian_packages_are_not_put_on_an_image_of_others(tmp_path: Path) -> None:
    root = repository(tmp_path, 'registry: "registry.example/it:1"')
    (root / "images" / "more.yaml").write_text("from: {image: it}\npackages: [gcc]\n")
    with pytest.raises(ConfigError, match="image `more` adds Debian packages to"):
        load_pipeline(root)


def test_registries_are_the_first_that_are_set(tmp_path: Path) -> None:
    daemon = tmp_path / "daemon.json"
    daemon.write_text('{"registry-mirrors": ["https://daemon.example"]}')
    machine = Settings(environ={}, daemon_settings=daemon)
    assert machine.registries == ("https://daemon.example",)
    file_says = ("https://file.example",)
    own = Settings(environ={}, daemon_settings=daemon, declared_registries=file_says)
    assert own.registries == file_says
    environ = {"PIPELINE_REGISTRY_MIRROR": "https://a.example, http://b.example/x"}
    told = Settings(environ=environ, daemon_settings=daemon, declared_registries=file_says)
    assert told.registries == ("https://a.example", "http://b.example/x")


def test_a_mirror_with_a_password_in_it_is_refused_and_not_shown(tmp_path: Path) -> None:
    environ = {"PIPELINE_REGISTRY_MIRROR": "https://ada:s3cret@a.example"}
    settings = Settings(environ=environ, daemon_settings=tmp_path / "none")
    with pytest.raises(UsageError, match="no address of a registry") as caught:
        _ = settings.registries
    assert "s3cret" not in f"{caught.value}{caught.value.hint}"
