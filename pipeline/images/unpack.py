"""From the packed layers of an image to one directory, each byte checked on its way.

Every layer is unpacked into a bag: its members in order, and the content of its files in numbered
files. Which of them the image has in the end is settled in memory (`Flat`); then they are moved to
their places. So layers are unpacked side by side, nothing that is written is ever deleted or
written through, and what was overwritten by a higher layer leaves no trace.

All layers make one directory. Sharing lower layers between images would save room, but whiteouts
in a directory that overlayfs reads need devices or extended attributes, which the store's records
do not know and which not every file system and kernel has.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.images.extract import MEMBER_LIMIT, RATIO_FREE, RATIO_LIMIT, SIZE_LIMIT
from pipeline.images.flatten import Directory, File, Flat, Item, Link
from pipeline.images.layertar import LayerTar
from pipeline.images.names import WHITEOUT
from pipeline.images.root import SHARED_MODE, Root
from pipeline.images.streams import CHUNK, Buffer, unpacked
from pipeline.store.trees import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from hashlib import _Hash
    from pathlib import Path
    from typing import BinaryIO

    from pipeline.images.tar import Member

THREADS = 4


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A layer to unpack.

    ``path`` is its file, of ``size`` bytes and packed as ``suffix`` says (``.gz``); ``sha256`` is
    what the file must have and ``diff_id`` what its tar must have; ``label`` names it in errors.
    """

    label: str
    path: Path
    size: int
    suffix: str
    sha256: str
    diff_id: str


def unpack(layers: Sequence[Packed], directory: Path, scratch: Path) -> list[Entry]:
    """Make ``layers``, lowest first, into the empty ``directory``; return its entries.

    ``scratch`` is an empty directory of the same file system. Modes become 0644, 0755 and 1777,
    owners ours; times stay what they are, since bytecode goes by them. Raises VerificationError
    for a layer that is not what its digests say, or holds what it must not.
    """
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        futures = []
        for number, layer in enumerate(layers):
            bag = scratch / str(number)
            bag.mkdir()
            futures.append(pool.submit(_bag, layer, bag))
        try:
            bags = [future.result() for future in futures]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    flat = Flat()
    for layer, items in zip(layers, bags, strict=True):
        flat.apply(items, layer.label)
    return _write(flat, directory)


def _bag(layer: Packed, directory: Path) -> list[Item]:
    """Unpack one layer into ``directory`` and return its members."""
    packed, tar = sha256(), sha256()
    total = 0
    items: list[Item] = []
    with layer.path.open("rb") as stream, Root(directory) as root:
        plain = _hashed(unpacked(layer.suffix, _pieces(stream, packed), layer.label), tar)
        reader = LayerTar(Buffer(plain), layer.label)
        for member in reader:
            total += member.size
            if len(items) >= MEMBER_LIMIT or _absurd(total, layer.size):
                raise reader.refusal(member.path, "makes the image absurdly large")
            items.append((member, _file(member, reader, root, directory, len(items))))
        for _ in plain:
            pass
    _compare(layer.label, packed.hexdigest(), layer.sha256)
    _compare(f"the tar in {layer.label}", tar.hexdigest(), layer.diff_id)
    return items


def _file(
    member: Member, reader: LayerTar, root: Root, directory: Path, number: int
) -> File | None:
    if member.kind != "file" or member.path.rpartition(b"/")[2].startswith(WHITEOUT):
        return None
    name = str(number)
    program = bool(member.mode & 0o111)
    digest = root.file(name.encode(), reader.content(), program=program, time=member.time)
    return File(staged=directory / name, digest=digest, size=member.size, program=program)


def _absurd(total: int, packed: int) -> bool:
    return total > SIZE_LIMIT or total > max(RATIO_FREE, RATIO_LIMIT * packed)


def _pieces(stream: BinaryIO, digest: _Hash) -> Iterator[bytes]:
    while piece := stream.read(CHUNK // 4):
        digest.update(piece)
        yield piece


def _hashed(pieces: Iterator[bytes], digest: _Hash) -> Iterator[bytes]:
    for piece in pieces:
        digest.update(piece)
        yield piece


def _compare(label: str, found: str, expected: str) -> None:
    if found != expected:
        raise VerificationError(
            f"{label} has sha256 `{found}`, where `{expected}` was expected",
            hint="run `pipeline cache verify`, then again; when it stays so, the image is broken",
        )


def _write(flat: Flat, directory: Path) -> list[Entry]:
    entries: list[Entry] = []
    directories: list[tuple[bytes, int]] = [(b"", flat.root.time)]
    placed: dict[int, bytes] = {}
    with Root(directory) as root:
        for path, node in flat.walk():
            name = path.decode()
            match node:
                case Directory():
                    directories.append((path, node.time))
                    if node.shared:
                        root.directory(path, SHARED_MODE)
                    else:
                        root.directory(path)
                    if not node.entries:
                        entries.append(Entry(path=name, kind="dir"))
                case Link():
                    root.link(path, node.target, time=node.time)
                    entries.append(Entry(path=name, kind="link", target=node.target.decode()))
                case File():
                    _place(root, path, node, placed)
                    entries.append(_entry(name, node))
    _set_times(directory, directories)
    return entries


def _place(root: Root, path: bytes, file: File, placed: dict[int, bytes]) -> None:
    """Move a file to its place, or link it to where it stands already."""
    first = placed.setdefault(id(file), path)
    if first == path:
        root.adopt(path, file.staged)
    else:
        root.hard_link(path, first)


def _entry(name: str, file: File) -> Entry:
    return Entry(path=name, digest=file.digest, size=file.size, executable=file.program)


def _set_times(directory: Path, directories: list[tuple[bytes, int]]) -> None:
    base = os.fsencode(directory)
    for path, time in reversed(directories):
        os.utime(os.path.join(base, path), (time, time), follow_symlinks=False)
