"""The store: what was fetched and built, addressed by content, shared by every run of a user.

``blobs/`` holds bytes under their sha256, ``results/`` what each key's build gave, ``derived/``
directories made from blobs, ``partial/`` downloads that were interrupted, ``work/`` what is being
made right now. `Store` is the one door to them; each room is a module of its own. How it stays
sound under kills, power cuts and several runs at once is told in ``docs/design/store.md``.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Self

from pipeline.errors import StoreError, VerificationError
from pipeline.files import CHUNK, atomic_write
from pipeline.store import locks
from pipeline.store.blobs import Blobs, BlobWriter
from pipeline.store.derived import Derived
from pipeline.store.faults import guarded
from pipeline.store.intake import TreeIntake, adopt
from pipeline.store.results import Result, Results
from pipeline.store.rooms import Room, sweep
from pipeline.store.scan import scan
from pipeline.store.trees import Tree
from pipeline.store.unpack import Unpacker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["BlobWriter", "Result", "Store"]

FORMAT = b"pipeline store 1\n"
CACHEDIR_TAG = b"""Signature: 8a477f597d28d172789f06886806bc55
# This directory is a cache that `pipeline` can make again; see https://bford.info/cachedir/
"""
FOLDERS = ("blobs", "results", "derived", "partial", "locks", "work")


class Store:
    """A store that is open: it holds a shared lock, which keeps `cache.prune` away."""

    def __init__(self, root: Path, descriptor: int) -> None:
        self.root = root
        self.descriptor = descriptor
        self.room = Room(root / "work")
        self.blobs = Blobs(root / "blobs", self.room)
        self.results = Results(root / "results", self.room)
        self.directories = Derived(root / "derived", root / "locks", self.room)

    @classmethod
    def open(cls, root: Path) -> Store:
        """Open the store at ``root``, making it (0700) when it is not there.

        Waits while someone prunes it. Removes what killed runs left. Raises StoreError when it
        cannot be written to or was made by a version with another format.
        """
        with guarded("using the store", root):
            descriptor = _lock_shared(root)
            try:
                _check_format(root)
                sweep(root / "work")
            except BaseException:
                os.close(descriptor)
                raise
        return cls(root, descriptor)

    def close(self) -> None:
        """Remove this store's unfinished things and give up its lock; may be called twice."""
        self.room.close()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def blob_path(self, digest: str) -> Path:
        """Return where a blob stands or would stand; it must not be changed there."""
        return self.blobs.path(digest)

    def has_blob(self, digest: str) -> bool:
        """Return whether a blob is there; its bytes are not read."""
        return self.blobs.size(digest) is not None

    def add_blob(self, data: bytes) -> str:
        """Store bytes and return their digest."""
        return self.blobs.add(data)

    def add_blob_file(self, path: Path) -> str:
        """Store a copy of a file and return its digest, taken of the bytes that were copied."""
        with guarded("reading", path), open(path, "rb", buffering=0) as source:
            with self.blobs.writer() as writer:
                while data := source.read(CHUNK):
                    writer.write(data)
            return writer.digest

    def new_blob(self, expected: str = "") -> BlobWriter:
        """Return a context manager to write a blob in pieces; see `BlobWriter`.

        With ``expected`` other bytes are refused with VerificationError and not stored.
        """
        return self.blobs.writer(expected)

    def read_blob(self, digest: str) -> bytes:
        """Return a blob's bytes, checked; VerificationError names a damaged one and removes it."""
        return self.blobs.read(digest)

    def open_blob(self, digest: str) -> BinaryIO:
        """Return a blob as a stream, not seekable, whose end is reached only by the right bytes.

        A damaged blob raises VerificationError at its end, so what was read counts only then.
        """
        return self.blobs.open(digest)

    def partial_path(self, digest: str) -> Path:
        """Return where an interrupted download of a blob rests, whether there is one or not."""
        return self.root / "partial" / self.blobs.path(digest).name

    def adopt_partial(self, digest: str) -> None:
        """Make the file at `partial_path` the blob, without copying it.

        It is read once more and removed with VerificationError when its bytes are others.
        """
        with guarded("storing", self.partial_path(digest)):
            adopt(self.blobs, self.partial_path(digest), digest)

    def key_lock(self, kind: str, key: str) -> AbstractContextManager[None]:
        """Return a context manager that one process or thread of all can be in at a time."""
        self.directories.path(kind, key)
        return locks.held(self.root / "locks" / f"{kind}-{key}")

    def add_tree(self, directory: Path) -> Tree:
        """Store every file below a directory, and their tree, which is returned.

        Links are kept as links. Raises VerificationError for devices, sockets and FIFOs.
        """
        with self.room.directory("tree") as temporary, guarded("storing", directory):
            intake = TreeIntake(self.blobs, temporary)
            tree = scan(directory, intake.take)
            intake.publish()
        self.put_tree(tree)
        return tree

    def put_tree(self, tree: Tree) -> None:
        """Store a tree whose blobs are here; StoreError names one that is not."""
        for entry in tree.entries:
            if entry.kind == "file" and self.blobs.size(entry.digest) != entry.size:
                raise StoreError(
                    f"`{entry.path}` has no blob `{entry.digest}` of {entry.size} bytes, so the "
                    "tree that names it cannot be stored",
                    hint="run it again: what is missing is made anew",
                )
        self.blobs.add(tree.encoded)

    def load_tree(self, digest: str) -> Tree:
        """Return a stored tree.

        Raises StoreError when it is missing, VerificationError when it is damaged.
        """
        data = self.blobs.read(digest)
        try:
            return Tree.decode(data)
        except ValueError as error:
            raise VerificationError(f"the blob `{digest}` is not a tree") from error

    def materialise(self, tree: Tree, destination: Path, *, epoch: int) -> None:
        """Write a tree as real files below ``destination``, a new or empty directory.

        Modes are 0644 and 0755 whatever the umask, times are ``epoch`` (Unix seconds) throughout.
        Each file is checked while it is copied: VerificationError names a damaged blob, which is
        removed. What was written until then stays.
        """
        with guarded("writing files below", destination):
            Unpacker(self.blobs, destination, epoch).unpack(tree)

    def get_result(self, key: str) -> Result | None:
        """Return what a key's build gave, None when it or anything it needs is not there."""
        result = self.results.read(key)
        if result is None:
            return None
        try:
            tree = self.load_tree(result.tree)
        except (StoreError, VerificationError):
            return None
        whole = all(
            self.blobs.size(entry.digest) == entry.size
            for entry in tree.entries
            if entry.kind == "file"
        )
        return result if whole else None

    def put_result(self, key: str, result: Result) -> None:
        """Note what a key's build gave; its tree must be stored already (StoreError)."""
        if not self.has_blob(result.tree):
            raise StoreError(
                f"the tree `{result.tree}` is not stored, so no result can name it",
                hint="run it again",
            )
        self.results.write(key, result)

    def derived(self, kind: str, key: str, make: Callable[[Path], Tree | None]) -> Path:
        """Return a directory that is made once for all runs; see `Derived.get`."""
        return self.directories.get(kind, key, make)

    @contextmanager
    def scratch(self, label: str) -> Iterator[Path]:
        """Give a private directory that is removed at the end, or by a later run if we are killed.

        ``label`` begins its name, for people who look.
        """
        with self.room.directory(label) as path:
            yield path


def _lock_shared(root: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        descriptor = os.open(root / "lock", flags, 0o600)
    except FileNotFoundError:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(root / "lock", flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_format(root: Path) -> None:
    try:
        with open(root / "format", "rb") as stream:
            found = stream.read(100)
    except FileNotFoundError:
        _initialise(root)
        return
    if found == FORMAT:
        if not all(os.path.isdir(f"{root}/{folder}") for folder in FOLDERS):
            _initialise(root)
    else:
        raise StoreError(
            f"the store `{root}` was made by another version of `pipeline`: "
            f"it says {found.decode(errors='replace').strip()!r}",
            hint="set `PIPELINE_CACHE_DIR` to another directory, or remove this one",
        )


def _initialise(root: Path) -> None:
    """Make the folders, then the file that says they are there. Two at once do no harm."""
    for folder in FOLDERS:
        (root / folder).mkdir(mode=0o700, exist_ok=True)
    atomic_write(root / "CACHEDIR.TAG", CACHEDIR_TAG)
    atomic_write(root / "format", FORMAT)
