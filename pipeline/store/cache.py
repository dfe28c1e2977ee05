"""What `pipeline cache` does: list what is stored, check all of it, remove what is not used."""

from __future__ import annotations

import fcntl
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import PipelineError, StoreError
from pipeline.files import sha256_file
from pipeline.store.derived import hash_open_file
from pipeline.store.faults import guarded
from pipeline.store.results import decode
from pipeline.store.scan import scan
from pipeline.store.trees import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import stat_result
    from pathlib import Path

    from pipeline.store.store import Store

LIVED_IN = frozenset({"environment"})
"""Kinds of directories in which people run Python, so that bytecode is added to them."""

BYTECODE = re.compile(r"(^|/)__pycache__/[^/]+\.pyc$")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing in the store.

    ``kind`` is ``blob``, ``result``, ``partial`` or a derived directory's kind; ``key`` its
    digest or key; ``size`` what it holds in bytes; ``used`` when it was last used, to a day (Unix
    time); ``label`` a result's name for people.
    """

    kind: str
    key: str
    size: int
    used: float
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Damage:
    """Something that was not as it was written, and was removed; ``what`` says how it differed."""

    kind: str
    key: str
    path: Path
    what: str


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What was removed, sorted by kind and key, and how many bytes that were."""

    items: tuple[Item, ...]

    @property
    def size(self) -> int:
        """The bytes of everything removed."""
        return sum(item.size for item in self.items)


def listing(store: Store) -> list[Item]:
    """Return everything in the store, sorted by kind and key; StoreError when unreadable."""
    partials = store.root / "partial"
    with guarded("listing the store", store.root):
        found = [*_files("blob", store.blobs.all()), *_files("partial", partials.iterdir())]
        for path in store.results.all():
            row = decode(path.name, path.read_bytes())
            status = path.stat()
            label = row.label if row else ""
            found.append(_item("result", path, status.st_size, status, label))
        for path in store.directories.all():
            record = store.directories.record(path)
            tree = _record(record)
            status = (record if tree else path).stat()
            found.append(_item(path.parent.name, path, tree.size if tree else 0, status))
    return sorted(found, key=lambda item: (item.kind, item.key))


def verify(store: Store) -> list[Damage]:
    """Read and hash everything in the store again, remove what is damaged, and say what it was.

    Other runs may go on meanwhile. What is removed is made or fetched again when it is needed.
    """
    with guarded("checking the store", store.root):
        found = list(_damaged_blobs(store))
        found += _damaged_results(store)
        found += _damaged_directories(store)
    return found


def prune(store: Store, *, keep: frozenset[str], older_than: float) -> Pruned:
    """Remove what was last used before ``older_than`` (Unix time), but for the keys in ``keep``.

    ``keep`` holds digests and keys of any kind; a result that stays keeps its tree and blobs.
    Raises StoreError, having removed nothing, while another run has the store open.
    """
    with guarded("pruning the store", store.root):
        _lock_alone(store)
        try:
            return _prune(store, keep, older_than)
        finally:
            fcntl.flock(store.descriptor, fcntl.LOCK_SH)


def _lock_alone(store: Store) -> None:
    try:
        fcntl.flock(store.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        fcntl.flock(store.descriptor, fcntl.LOCK_SH)
        raise StoreError(
            f"the store `{store.root}` is in use by another run, so nothing may be removed now",
            hint="wait for the other run to end, then prune again",
        ) from error


def _prune(store: Store, keep: frozenset[str], older_than: float) -> Pruned:
    idle: list[Item] = []
    needed: set[str] = set()
    for item in listing(store):
        if item.used < older_than and item.key not in keep:
            idle.append(item)
        elif item.kind == "result":
            needed |= _needed(store, item.key)
    removed = tuple(item for item in idle if item.kind != "blob" or item.key not in needed)
    # Results first: when we are killed half way, no row is left that names a missing blob.
    for item in sorted(removed, key=lambda item: item.kind != "result"):
        _remove(store, item)
    for leftover in (*(store.root / "locks").iterdir(), *store.directories.orphans()):
        leftover.unlink()
    return Pruned(items=removed)


def _needed(store: Store, key: str) -> set[str]:
    result = store.get_result(key)
    if result is None:
        return set()
    tree = store.load_tree(result.tree)
    return {result.tree, *(entry.digest for entry in tree.entries)}


def _remove(store: Store, item: Item) -> None:
    match item.kind:
        case "blob":
            store.blob_path(item.key).unlink()
        case "result":
            store.results.path(item.key).unlink()
        case "partial":
            store.partial_path(item.key).unlink()
        case kind:
            store.directories.discard(store.directories.path(kind, item.key))


def _damaged_blobs(store: Store) -> Iterator[Damage]:
    for path in store.blobs.all():
        try:
            found = sha256_file(path)
        except OSError as error:
            what = f"it cannot be read: {error.strerror}"
        else:
            if found == path.name:
                continue
            what = f"its bytes have sha256 `{found}`"
        path.unlink(missing_ok=True)
        yield Damage(kind="blob", key=path.name, path=path, what=what)


def _damaged_results(store: Store) -> Iterator[Damage]:
    for path in store.results.all():
        if decode(path.name, path.read_bytes()) is None:
            what = "its text is damaged"
        elif store.get_result(path.name) is None:
            what = "its tree or a file of it is missing"
        else:
            continue
        path.unlink()
        yield Damage(kind="result", key=path.name, path=path, what=what)


def _damaged_directories(store: Store) -> Iterator[Damage]:
    for path in store.directories.all():
        bytecode = path.parent.name in LIVED_IN
        what = _difference(_record(store.directories.record(path)), path, bytecode=bytecode)
        if what:
            store.directories.discard(path)
            yield Damage(kind=path.parent.name, key=path.name, path=path, what=what)


def _difference(recorded: Tree | None, path: Path, *, bytecode: bool) -> str:
    """Return how a directory differs from its record, empty when it does not.

    With ``bytecode`` what Python has written meanwhile is no difference.
    """
    if recorded is None:
        return "the record of what it held is missing or damaged"
    try:
        found = scan(path, hash_open_file)
    except PipelineError as error:
        return error.message
    except OSError as error:
        return f"`{error.filename}` cannot be read: {error.strerror}"
    before = {entry.path: entry for entry in recorded.entries}
    after = {entry.path: entry for entry in found.entries}
    changed = sorted(
        name
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name)
        and not (bytecode and name not in before and BYTECODE.search(name))
    )
    if not changed:
        return ""
    more = f" and {len(changed) - 1} more" if changed[1:] else ""
    return f"`{changed[0]}`{more} is not what was written"


def _record(path: Path) -> Tree | None:
    try:
        return Tree.decode(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _files(kind: str, paths: Iterable[Path]) -> Iterator[Item]:
    for path in paths:
        status = path.stat()
        yield _item(kind, path, status.st_size, status)


def _item(kind: str, path: Path, size: int, status: stat_result, label: str = "") -> Item:
    return Item(kind=kind, key=path.name, size=size, used=status.st_mtime, label=label)
