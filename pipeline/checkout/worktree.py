"""What can be told of a checkout without starting git.

Kept apart from `pipeline.checkout.git` because a run in which nothing changed asks only these
questions, and importing what starts programs would cost it more than the answers do.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipeline.checkout.ignore import Rules
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NEVER = frozenset({".git", ".hg", ".svn", "__pycache__"})
"""Directories that are no source, wherever they lie."""

NEVER_AT_THE_TOP = frozenset({"dist", "build"})
"""Where build output lies by custom. Deeper down these are common names of packages."""

COMPILED = (".pyc", ".pyo")


def top_directory(root: Path) -> Path | None:
    """Return the top of the work tree that ``root`` lies in, or None outside of git.

    It is looked for in ``root`` and above, as git does.
    """
    return next((one for one in (root, *root.parents) if (one / ".git").exists()), None)


def git_directory(root: Path) -> Path | None:
    """Return the git directory of the work tree that ``root`` lies in, or None.

    In a linked work tree and in a submodule ``.git`` is a file that names it
    (gitrepository-layout(5)).
    """
    top = top_directory(root)
    if top is None:
        return None
    marker = top / ".git"
    return marker if marker.is_dir() else _linked(marker)


def common_directory(root: Path) -> Path | None:
    """Return the git directory that all work trees of a repository share, or None outside of git.

    In a linked work tree the file ``commondir`` names it (gitrepository-layout(5)).
    """
    directory = git_directory(root)
    if directory is None:
        return None
    try:
        named = os.fsdecode((directory / "commondir").read_bytes()).rstrip("\r\n")
    except OSError:
        return directory
    return directory / named


def _linked(marker: Path) -> Path | None:
    try:
        text = marker.read_bytes().decode(errors="surrogateescape")
    except OSError:
        return None
    word, _, target = text.rstrip("\r\n").partition(": ")
    return marker.parent / target if word == "gitdir" and target else None


def git_index_path(root: Path) -> Path | None:
    """Return the index file of the work tree that ``root`` lies in, or None outside of git.

    Git replaces that file whenever the set of tracked files changes, so whoever remembers what
    was tracked need only watch it. It does not exist before the first ``git add``.
    """
    directory = git_directory(root)
    return directory / "index" if directory else None


def is_repository(root: Path) -> bool:
    """Tell whether ``root`` lies in a git work tree."""
    return git_directory(root) is not None


def unignored_files(root: Path, below: str = "") -> tuple[str, ...]:
    """Return the files and links below ``root / below``, relative to ``root``, sorted.

    For directories that no git knows, such as an unpacked sdist. Left out are what the
    ``.gitignore`` files from ``root`` downwards name, version control directories and nested
    clones, compiled Python, virtual environments, and ``dist`` and ``build`` at the top.
    Directories are never entered through a symbolic link. OSError as scandir(3) raises it.
    """
    prefix = "" if below in {"", "."} else f"{below.strip('/')}/"
    rules = Rules.none()
    if prefix:
        parts = prefix.split("/")[:-1]
        for depth in range(len(parts)):
            rules = rules.below(root, "".join(f"{part}/" for part in parts[:depth]))
    found = sorted(_walk(root, prefix, rules))
    refuse_undecodable(found)
    return tuple(found)


def refuse_undecodable(paths: Iterable[str]) -> None:
    """Raise ConfigError when a path is not UTF-8: no archive and no lock could carry its name.

    Such names arrive with surrogates from the file system, with U+FFFD from `pipeline.process`.
    """
    for path in paths:
        if not path.isascii() and any(c == "\ufffd" or "\ud800" <= c <= "\udfff" for c in path):
            shown = path.encode(errors="backslashreplace").decode()
            raise ConfigError(
                f"the name of the file `{shown}` is not UTF-8",
                hint="rename the file",
            )


def _walk(root: Path, prefix: str, rules: Rules) -> Iterator[str]:
    rules = rules.below(root, prefix)
    with os.scandir(root / prefix) as entries:
        found = list(entries)
    for entry in found:
        path = f"{prefix}{entry.name}"
        is_directory = entry.is_dir(follow_symlinks=False)
        if rules.ignores(path, is_directory=is_directory):
            continue
        if is_directory:
            if _is_source_directory(entry, at_the_top=not prefix):
                yield from _walk(root, f"{path}/", rules)
        elif _is_source_file(entry):
            yield path


def _is_source_directory(entry: os.DirEntry[str], *, at_the_top: bool) -> bool:
    if entry.name in NEVER or (at_the_top and entry.name in NEVER_AT_THE_TOP):
        return False
    return not any(
        os.path.lexists(os.path.join(entry.path, name)) for name in (".git", "pyvenv.cfg")
    )


def _is_source_file(entry: os.DirEntry[str]) -> bool:
    if entry.name.endswith(COMPILED) or entry.name in NEVER:
        return False
    return entry.is_symlink() or entry.is_file(follow_symlinks=False)
