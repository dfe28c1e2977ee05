from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING

from pipeline.engines.loading import Parts, archive

if TYPE_CHECKING:
    from pathlib import Path


def layout(directory: Path, layers: list[bytes]) -> str:
    """Write a layout and return its manifest's digest."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def add(data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return digest

    manifest = {
        "config": {"digest": f"sha256:{add(b'{}')}"},
        "layers": [{"digest": f"sha256:{add(layer)}"} for layer in layers],
    }
    return add(json.dumps(manifest).encode())


def test_the_archive_names_configuration_and_layers_and_holds_each_once(tmp_path: Path) -> None:
    big = b"x" * 1500
    digest = layout(tmp_path, [big, b"second", big])
    data = b"".join(archive(Parts.of(tmp_path, digest), "name:tag"))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        names = tar.getnames()
        contents = {name: tar.extractfile(name).read() for name in names}  # type: ignore[union-attr]
    (document,) = json.loads(contents.pop("manifest.json"))
    assert document["RepoTags"] == ["name:tag"]
    assert [contents[name] for name in document["Layers"]] == [big, b"second", big]
    assert contents[document["Config"]] == b"{}"
    assert len(names) == 4
    assert all(name == hashlib.sha256(text).hexdigest() for name, text in contents.items())


def test_the_archive_is_the_same_each_time(tmp_path: Path) -> None:
    parts = Parts.of(tmp_path, layout(tmp_path, [b"layer"]))
    assert list(archive(parts, "n:t")) == list(archive(parts, "n:t"))
