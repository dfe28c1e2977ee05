"""Small images with all their bytes at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.images import layer
from pipeline.images.bundle import Bundle, LayerFile, from_layout, stream
from pipeline.images.oci import OciImage, made_layer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

AMD64 = "linux/amd64"


def filled(place: Path, files: Mapping[str, bytes]) -> Path:
    """Make a directory with files."""
    place.mkdir(parents=True)
    for name, data in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    return place


def bundle(place: Path, content: bytes = b"below", platform: str = AMD64) -> Bundle:
    """Return an image of one layer with one file, ``/etc/below``."""
    root = filled(place / "root", {"etc/below": content})
    tar, _ = layer.measure(root)
    env = (("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8"))
    image = OciImage(platform=platform, layers=(made_layer(root, tar, "a test"),), env=env)
    image.write_layout(place / "layout")
    return from_layout(place / "layout", image.digest)


def topmost(place: Path, content: bytes = b"above") -> LayerFile:
    """Return a layer with one file, ``/etc/above``."""
    root = filled(place / "top", {"etc/above": content})
    file = place / "top.tar"
    with file.open("wb") as output:
        written = layer.write(root, output)
    return LayerFile(path=file, digest=written.sha256, size=written.size)


def archive(made: Bundle, file: Path, tag: str = "1.0") -> Path:
    """Write an archive in which the image is called ``app``."""
    file.write_bytes(b"".join(stream(made, name="app", tag=tag)))
    return file
