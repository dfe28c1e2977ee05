"""Where a work tree differs from its commit, also where ``git status`` says nothing, and why.

Git compares what it would commit, and looks only where it was told to. So bytes are compared here:
each file's as it is on disk with its blob. docs/design/release.md lists the causes.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.checkout import git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

ATTRIBUTES = ("filter", "working-tree-encoding", "ident", "eol", "text", "crlf")
"""By what git changes content on its way to the disk and back (gitattributes(5))."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A tracked file that is on disk otherwise than in the commit, or not at all."""

    path: str
    cause: str

    def __str__(self) -> str:
        return f"`{self.path}` on disk differs from the commit: {self.cause}"


def differences(root: Path, commit: str) -> tuple[Difference, ...]:
    """Return where the files below ``root`` differ from a commit, sorted by path.

    Content that Git LFS keeps is no difference to its pointer. A submodule that is not checked out
    is left out, one at another commit is a single difference.
    """
    found = list(_differences(root, f"{commit}:./"))
    return tuple(sorted(found, key=lambda difference: difference.path))


def _differences(root: Path, tree: str) -> Iterator[Difference]:
    rows = git.listed_tree(root, tree)
    kept = git.settings(root)
    modes, links = kept.flag("core.filemode"), kept.flag("core.symlinks")
    other: dict[str, git.Tracked] = {}
    blobs = _blobs(root, [one.path for one in rows if not one.is_submodule], rows)
    for one in rows:
        if one.is_submodule:
            yield from _of_submodule(root, one)
            continue
        status = _status(root / one.path)
        if status is None or blobs.get(one.path) != one.blob:
            other[one.path] = one
        elif one.is_link != stat.S_ISLNK(status.st_mode):
            yield Difference(path=one.path, cause=_because("kind", links, "core.symlinks"))
        elif not one.is_link and one.is_executable != bool(status.st_mode & stat.S_IXUSR):
            yield Difference(path=one.path, cause=_because("mode", modes, "core.fileMode"))
    yield from _causes(root, other)


def _because(what: str, trusted: bool, setting: str) -> str:  # noqa: FBT001 - a value, no switch
    return f"its {what} on disk" + ("" if trusted else f" ({setting}=false)")


def _of_submodule(root: Path, pinned: git.Tracked) -> Iterator[Difference]:
    place = root / pinned.path
    if place.is_symlink() or not (place / ".git").exists():
        return
    if git.head(place) != pinned.blob:
        cause = f"the submodule is at {git.head(place)[:12] or 'no commit'}"
        yield Difference(path=pinned.path, cause=f"{cause}, not at {pinned.blob[:12]}")
        return
    for one in _differences(place, pinned.blob):
        yield Difference(path=f"{pinned.path}/{one.path}", cause=one.cause)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None


def _blobs(root: Path, paths: Iterable[str], rows: tuple[git.Tracked, ...]) -> dict[str, str]:
    """Return the blob of each file as it is on disk; what is neither file nor link has none."""
    found: dict[str, str] = {}
    files: dict[str, Path] = {}
    algorithm = "sha256" if any(len(one.blob) == 64 for one in rows) else "sha1"
    for path in paths:
        status = _status(root / path)
        if status is None:
            continue
        place = (root / path).absolute()
        if stat.S_ISLNK(status.st_mode) or "\n" in str(place):
            link = stat.S_ISLNK(status.st_mode)
            data = os.fsencode(os.readlink(place)) if link else place.read_bytes()
            named = hashlib.new(algorithm, b"blob %d\0" % len(data) + data, usedforsecurity=False)
            found[path] = named.hexdigest()
        elif stat.S_ISREG(status.st_mode):
            files[path] = place
    # Absolute, since git takes them from the top of the repository, wherever it was started.
    given = "".join(f"{place}\n" for place in files.values()).encode()
    lines = git.ask(root, "hash-object", "--no-filters", "--stdin-paths", stdin=given).split()
    return found | dict(zip(files, lines, strict=True))


def _causes(root: Path, other: Mapping[str, git.Tracked]) -> Iterator[Difference]:
    if not other:
        return
    attributes = _attributes(root, other)
    flags = git.index_flags(root, other)
    replaced = set(git.ask(root, "replace", "--list").split())
    for path, one in other.items():
        said = attributes.get(path, {})
        flag = flags.get(path, "")
        if not os.path.lexists(root / path):
            yield Difference(path=path, cause=f"it is not there{f' ({flag})' if flag else ''}")
        elif flag:
            yield Difference(path=path, cause=flag)
        elif one.blob in replaced:
            yield Difference(path=path, cause=f"git replaces its blob {one.blob[:12]}")
        elif said.get("filter") != "lfs":
            yield Difference(path=path, cause=_by_attributes(root / path, said))


def _by_attributes(path: Path, said: Mapping[str, str]) -> str:
    words = {
        name: name if value == "set" else f"{name}={value}"
        for name, value in said.items()
        if value not in {"unspecified", "unset"}
    }
    data = path.read_bytes() if path.is_file() else b""
    if by_value := words.get("filter") or words.get("working-tree-encoding"):
        return by_value
    if "ident" in words and b"$Id: " in data:
        return words["ident"]
    if b"\r\n" in data:
        named = words.get("eol") or words.get("text") or words.get("crlf")
        return f"line ends ({named or 'core.autocrlf'})"
    return "its content was changed"


def _attributes(root: Path, paths: Iterable[str]) -> dict[str, dict[str, str]]:
    given = "".join(f"{path}\0" for path in paths).encode()
    answer = iter(git.rows(git.ask(root, "check-attr", "-z", "--stdin", *ATTRIBUTES, stdin=given)))
    found: dict[str, dict[str, str]] = {}
    for path, name, value in zip(answer, answer, answer, strict=True):
        found.setdefault(path, {})[name] = value
    return found
