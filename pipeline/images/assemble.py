"""From the lock to an image: layers made once, stacked, and checked against the locked digest.

A layer is a directory of the store, found by a key over everything that determines its bytes: the
packages or wheels, the layers below it and `FORMAT`. So images share layers, and assembling one
whose layers stand is a matter of milliseconds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.engines.protocol import ImageContext
from pipeline.errors import LockError, NetworkError, VerificationError
from pipeline.files import sha256_bytes
from pipeline.images.layer import LayerDigest, measure
from pipeline.images.oci import Layer, OciImage
from pipeline.store.trees import Entry, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pipeline.lock.types import DebianPackage, Lock, LockedPlatform, PythonFile
    from pipeline.store.store import Store

FORMAT = 1
"""Raised whenever the same packages come out as other bytes; locks are then to be made again."""

CONTENT = "root"
RECORD = "layer.json"
ENVIRONMENT = (
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("LANG", "C.UTF-8"),
)


def assemble(name: str, lock: Lock, platform: str, store: Store) -> ImageContext:
    """Return image ``name`` on ``platform`` (``linux/amd64``), made from what the store has.

    Raises LockError when it is not locked, NetworkError when a locked file was not fetched,
    VerificationError when a file is not what the lock names or the image comes out with another
    digest than the locked one (an empty digest in the lock is not compared).
    """
    locked = _locked(name, lock, platform)
    image = OciImage(
        platform=platform,
        layers=_layers(_stack(name, lock, platform), store),
        env=_environment(name, lock),
    )
    if locked.digest not in {"", image.digest}:
        raise VerificationError(
            f"image `{name}` for {platform} comes out as `{image.digest}`, "
            f"but the lock has `{locked.digest}`",
            hint="run `pipeline lock`; another version of `pipeline` may have made the lock",
        )
    return ImageContext(
        digest=image.digest,
        platform=platform,
        layers=tuple(part.directory for part in image.layers),
        env=image.env,
        layout=lambda: store.derived("layout", image.digest, image.write_layout),
    )


def image_digest(name: str, lock: Lock, platform: str, store: Store) -> str:
    """Return the digest to be locked for an image whose packages are all in the store."""
    return assemble(name, lock, platform, store).digest


def parent_name(name: str, lock: Lock) -> str:
    """Return the image that image ``name`` starts from, empty when that is a Debian suite."""
    (start,) = lock.images[name].declared["from"]
    word, _, value = start.partition(" ")
    return value if word == "image" else ""


def _locked(name: str, lock: Lock, platform: str) -> LockedPlatform:
    image = lock.images.get(name)
    if image is None or platform not in image.platforms:
        raise LockError(f"image `{name}` is not locked for {platform}", hint="run `pipeline lock`")
    return image.platforms[platform]


def _stack(name: str, lock: Lock, platform: str) -> list[LockedPlatform]:
    """Return an image and those it starts from, lowest first."""
    stack: list[LockedPlatform] = []
    seen: set[str] = set()
    while name:
        if name in seen:
            raise LockError(f"image `{name}` starts from itself", hint="run `pipeline lock`")
        seen.add(name)
        stack.insert(0, _locked(name, lock, platform))
        name = parent_name(name, lock)
    return stack


def _environment(name: str, lock: Lock) -> tuple[tuple[str, str], ...]:
    """Return the variables of an image's configuration: ours, then those of each image's own."""
    below = parent_name(name, lock)
    variables = dict(_environment(below, lock) if below else ENVIRONMENT)
    for line in lock.images[name].declared.get("env", ()):
        variable, _, value = line.partition("=")
        variables[variable] = value
    return tuple(variables.items())


def _layers(stack: Sequence[LockedPlatform], store: Store) -> tuple[Layer, ...]:
    made: list[Layer] = []
    for locked in stack:
        if locked.packages or not made:
            made.append(_Maker(store=store, lower=tuple(made)).debian(locked.packages))
        if locked.wheels:
            maker = _Maker(store=store, lower=tuple(made))
            made.append(maker.python(locked.wheels, _python(stack, locked)))
    return tuple(made)


def _python(stack: Sequence[LockedPlatform], locked: LockedPlatform) -> str:
    python = locked.python or next((below.python for below in stack if below.python), "")
    if not python:
        raise LockError(
            "an image has Python packages locked but no Python", hint="run `pipeline lock`"
        )
    return python


@dataclass(frozen=True, kw_only=True)
class _Maker:
    """Makes one layer on top of ``lower``."""

    store: Store
    lower: tuple[Layer, ...]

    def debian(self, packages: Sequence[DebianPackage]) -> Layer:
        def fill(directory: Path) -> None:
            from pipeline.images.debian import Package, unpack  # noqa: PLC0415

            found = [
                Package(
                    name=package.name,
                    version=package.version,
                    architecture=package.architecture,
                    path=self._file(package.path, package.sha256),
                )
                for package in packages
            ]
            unpack(found, directory, [layer.directory for layer in self.lower])

        rows = sorted([p.name, p.version, p.architecture, p.sha256] for p in packages)
        return self._layer({"debian": rows}, f"{len(packages)} Debian packages", fill)

    def python(self, wheels: Sequence[PythonFile], python: str) -> Layer:
        def fill(directory: Path) -> None:
            from pipeline.images.environment import unpack_system  # noqa: PLC0415

            files = [(wheel.name, self._file(wheel.name, wheel.sha256)) for wheel in wheels]
            unpack_system(files, directory, python=python)

        rows = sorted([wheel.name, wheel.sha256] for wheel in wheels)
        return self._layer({"python": python, "wheels": rows}, f"{len(wheels)} wheels", fill)

    def _layer(
        self, parts: Mapping[str, object], origin: str, fill: Callable[[Path], None]
    ) -> Layer:
        below = [layer.tar.sha256 for layer in self.lower]
        key = sha256_bytes(json.dumps([FORMAT, below, parts], sort_keys=True).encode())

        def make(directory: Path) -> Tree:
            content = directory / CONTENT
            content.mkdir()
            content.chmod(0o755)
            fill(content)
            return _record(directory)

        path = self.store.derived("layer", key, make)
        return Layer(directory=path / CONTENT, tar=_read_record(path / RECORD), origin=origin)

    def _file(self, name: str, digest: str) -> Path:
        """Return a stored file whose bytes have just been checked."""
        if not self.store.has_blob(digest):
            raise NetworkError(f"`{name}` was not fetched yet", hint="run `pipeline fetch`")
        with self.store.open_blob(digest) as stream:
            while stream.read(1 << 20):
                pass
        return self.store.blob_path(digest)


def _record(directory: Path) -> Tree:
    """Write down a new layer's digest beside its files, and return the tree of all of it."""
    tar, entries = measure(directory / CONTENT)
    data = json.dumps({"sha256": tar.sha256, "size": tar.size}).encode()
    (directory / RECORD).write_bytes(data)
    below = [
        Entry(
            path=f"{CONTENT}/{e.path}",
            kind=e.kind,
            digest=e.digest,
            size=e.size,
            executable=e.executable,
            target=e.target,
        )
        for e in entries
    ]
    return Tree.of([*below, Entry(path=RECORD, digest=sha256_bytes(data), size=len(data))])


def _read_record(path: Path) -> LayerDigest:
    try:
        found = json.loads(path.read_bytes())
        return LayerDigest(sha256=found["sha256"], size=found["size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VerificationError(
            f"the layer's record `{path}` is damaged",
            hint="run `pipeline cache verify`, which removes what is damaged",
        ) from error
