"""The store: what was fetched and built, addressed by content, shared by every run of a user.

``blobs/`` holds bytes under their sha256, ``results/`` what each key's build gave, ``derived/``
directories made from blobs, ``partial/`` downloads that were interrupted, ``work/`` what is being
made right now. `Store` is the one door to them; each room is a module of its own. How it stays
sound under kills, power cuts and several runs at once is told in ``docs/design/store.md``.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from pipeline.errors import StoreError, VerificationError
from pipeline.files import CHUNK
from pipeline.store import locks
from pipeline.store.blobs import Blobs, BlobWriter
from pipeline.store.faults import guarded
from pipeline.store.intake import TreeIntake, adopt
from pipeline.store.opened import Opened
from pipeline.store.results import Result, Results
from pipeline.store.scan import scan
from pipeline.store.trees import Tree
from pipeline.store.unpack import Unpacker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["BlobWriter", "Result", "Store"]


class Store(Opened):
    """A store that is open, with all of its rooms; see `Opened`."""

    def __init__(self, root: Path, descriptor: int) -> None:
        super().__init__(root, descriptor)
        self.blobs = Blobs(root / "blobs", self.room)
        self.results = Results(root / "results", self.room)

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

    @contextmanager
    def scratch(self, label: str) -> Iterator[Path]:
        """Give a private directory that is removed at the end, or by a later run if we are killed.

        ``label`` begins its name, for people who look.
        """
        with self.room.directory(label) as path:
            yield path
