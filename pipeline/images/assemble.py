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
from pipeline.images.based import CONTENT, Base, below
from pipeline.images.layer import LayerDigest, measure
from pipeline.images.oci import Layer, OciImage, made_layer
from pipeline.store.trees import Entry, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pipeline.lock.types import DebianPackage, Lock, LockedPlatform, PythonFile
    from pipeline.store.store import Store

FORMAT = 1
"""Raised whenever the same packages come out as other bytes; locks are then to be made again."""

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
    made = _made(_stack(name, lock, platform), store)
    image = _image(name, lock, platform, made)
    if locked.digest not in {"", image.digest}:
        raise VerificationError(
            f"image `{name}` for {platform} comes out as `{image.digest}`, "
            f"but the lock has `{locked.digest}`",
            hint="run `pipeline lock`; another version of `pipeline` may have made the lock",
        )
    return ImageContext(
        digest=image.digest,
        platform=platform,
        layers=made.directories,
        env=image.env,
        workdir=image.workdir,
        layout=lambda: store.derived("layout", image.digest, image.write_layout),
    )


def tree_image(directory: Path, platform: str, store: Store) -> ImageContext:
    """Return the files of a directory that does not change as an image of one layer."""
    layer = made_layer(directory, measure(directory)[0], "files")
    image = OciImage(platform=platform, layers=(layer,), env=())
    return ImageContext(
        digest=image.digest,
        platform=platform,
        layers=(directory,),
        layout=lambda: store.derived("layout", image.digest, image.write_layout),
    )


def image_digest(name: str, lock: Lock, platform: str, store: Store) -> str:
    """Return the digest to be locked for an image whose packages are all in the store."""
    return assemble(name, lock, platform, store).digest


def parent_name(name: str, lock: Lock) -> str:
    """Return the image of the repository that image ``name`` starts from, empty for another."""
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


@dataclass(frozen=True, kw_only=True)
class _Made:
    """The layers of an image and the directories to mount for them, both lowest first."""

    layers: tuple[Layer, ...] = ()
    directories: tuple[Path, ...] = ()
    base: Base | None = None

    def plus(self, directory: Path, layer: Layer) -> _Made:
        return _Made(
            layers=(*self.layers, layer),
            directories=(*self.directories, directory),
            base=self.base,
        )


def _image(name: str, lock: Lock, platform: str, made: _Made) -> OciImage:
    declared = _variables(name, lock)
    if made.base is None:
        env = tuple((dict(ENVIRONMENT) | declared).items())
        return OciImage(platform=platform, layers=made.layers, env=env)
    own = made.base.configuration
    same = len(made.layers) == len(own.diff_ids) and not declared and not own.rest
    return OciImage(
        platform=platform,
        layers=made.layers,
        env=tuple((dict(own.env) | declared).items()),
        workdir=own.workdir,
        original=made.base.original if same else None,
    )


def _variables(name: str, lock: Lock) -> dict[str, str]:
    """Return the variables that an image and those it starts from declare."""
    parent = parent_name(name, lock)
    variables = _variables(parent, lock) if parent else {}
    for line in lock.images[name].declared.get("env", ()):
        variable, _, value = line.partition("=")
        variables[variable] = value
    return variables


def _made(stack: Sequence[LockedPlatform], store: Store) -> _Made:
    made = _Made()
    for locked in stack:
        if locked.base:
            base = Base(locked.base, store)
            made = _Made(layers=base.layers(), directories=(base.directory(),), base=base)
        elif locked.packages or not made.directories:
            made = _Maker(store=store, lower=made).debian(locked.packages)
        if locked.wheels:
            made = _Maker(store=store, lower=made).python(locked.wheels, _python(stack, locked))
    return made


def _python(stack: Sequence[LockedPlatform], locked: LockedPlatform) -> LockedPlatform:
    """Return the image of a stack that says which interpreter an image's packages are for."""
    found = locked if locked.python else next((below for below in stack if below.python), None)
    if not found:
        raise LockError(
            "an image has Python packages locked but no Python", hint="run `pipeline lock`"
        )
    return found


@dataclass(frozen=True, kw_only=True)
class _Maker:
    """Makes one layer on top of ``lower``."""

    store: Store
    lower: _Made

    def debian(self, packages: Sequence[DebianPackage]) -> _Made:
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
            unpack(found, directory, self.lower.directories)

        rows = sorted([p.name, p.version, p.architecture, p.sha256] for p in packages)
        return self._layer({"debian": rows}, f"{len(packages)} Debian packages", fill)

    def python(self, wheels: Sequence[PythonFile], on: LockedPlatform) -> _Made:
        def fill(directory: Path) -> None:
            from pipeline.images.environment import unpack_system  # noqa: PLC0415

            files = [(wheel.name, self._file(wheel.name, wheel.sha256)) for wheel in wheels]
            unpack_system(files, directory, python=on.python, interpreter=on.interpreter)

        rows = sorted([wheel.name, wheel.sha256] for wheel in wheels)
        parts: dict[str, object] = {"python": on.python, "wheels": rows}
        if on.interpreter:
            parts["interpreter"] = on.interpreter
        return self._layer(parts, f"{len(wheels)} wheels", fill)

    def _layer(
        self, parts: Mapping[str, object], origin: str, fill: Callable[[Path], None]
    ) -> _Made:
        lower = [layer.diff_id for layer in self.lower.layers]
        key = sha256_bytes(json.dumps([FORMAT, lower, parts], sort_keys=True).encode())

        def make(directory: Path) -> bytes:
            content = directory / CONTENT
            content.mkdir()
            content.chmod(0o755)
            fill(content)
            return _record(directory).encoded

        path = self.store.derived("layer", key, make)
        content = path / CONTENT
        return self.lower.plus(content, made_layer(content, _read_record(path / RECORD), origin))

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
    record = Entry(path=RECORD, digest=sha256_bytes(data), size=len(data))
    return Tree.of([*map(below, entries), record])


def _read_record(path: Path) -> LayerDigest:
    try:
        found = json.loads(path.read_bytes())
        return LayerDigest(sha256=found["sha256"], size=found["size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VerificationError(
            f"the layer's record `{path}` is damaged",
            hint="run `pipeline cache verify`, which removes what is damaged",
        ) from error
