"""Which files of the working tree a stage sees, and their tree.

The layout of the repository is kept: a file ``packages/a/x.py`` is ``/src/packages/a/x.py``
inside, and steps run in ``/src/packages/a`` for ``source: packages/a``.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline.checkout import git
from pipeline.errors import ConfigError, StoreError
from pipeline.store.trees import Entry, Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.store.stat import StatCache


@dataclass(frozen=True, kw_only=True)
class SourceTree:
    """Files of the checkout; two of equal content are equal.

    ``base`` is the repository. ``instead`` says for some paths which file is read in their stead.
    """

    tree: Tree
    base: Path = field(compare=False)
    instead: Mapping[str, Path] = field(default_factory=dict, compare=False)

    def place(self, path: str) -> Path:
        """Return where the content of a path lies."""
        return self.instead.get(path, self.base / path)


class Checkout:
    """A repository's working tree, read once a run.

    Every file's digest comes from the stat cache, so a second run costs one `lstat` a file.
    ``instead`` shows it as a release will leave it: a path with another file's content, or without
    the path where that is None. ``without`` is a directory that is no input of anything: that of
    the download cache, of which only what the lock names counts.
    """

    def __init__(
        self,
        root: Path,
        stats: StatCache,
        instead: Mapping[str, Path | None] | None = None,
        *,
        without: str = "",
    ) -> None:
        self.root = root
        self._without = f"{without}/" if without else ""
        self._instead = {path: file for path, file in (instead or {}).items() if file}
        self._gone = frozenset(path for path, file in (instead or {}).items() if not file)
        self.watched: dict[str, os.stat_result] = {}
        self._stats = stats
        self._listing: tuple[str, ...] | None = None
        self._matching: dict[str, tuple[str, ...]] = {}
        self._trees: dict[tuple[str, tuple[str, ...]], SourceTree] = {}

    def remember(self) -> None:
        """Save what was hashed, for the next run."""
        self._stats.save()

    @property
    def files(self) -> tuple[str, ...]:
        """All files that may be inputs: what git tracks, or outside git what is not ignored."""
        if self._listing is None:
            known = {*git.input_files(self.root), *self._instead} - self._gone
            if self._without:
                known = {name for name in known if not name.startswith(self._without)}
            self._listing = tuple(sorted(known))
        return self._listing

    def source(self, source: str, inputs: tuple[str, ...]) -> SourceTree:
        """Return the tree of a stage's inputs.

        ``source`` is a directory, ``inputs`` globs relative to the repository; without any,
        everything below ``source``. Raises ConfigError when nothing matches.
        """
        wanted = (source, inputs)
        if wanted not in self._trees:
            names = self._names(source, inputs)
            if not names:
                meant = f"inputs {', '.join(inputs)}" if inputs else f"`{source}`"
                raise ConfigError(
                    f"no file of the repository matches {meant}, so there is nothing to build from",
                    where="pipeline.yaml",
                    hint="new files count once git tracks them: `git add` them",
                )
            entries = [self._entry(name) for name in names]
            tree = Tree.of([entry for entry in entries if entry is not None])
            self._trees[wanted] = SourceTree(tree=tree, base=self.root, instead=self._instead)
        return self._trees[wanted]

    def matching(self, glob: str) -> tuple[str, ...]:
        """Return the files that a glob matches, sorted; each glob is looked up once."""
        if glob not in self._matching:
            pattern = re.compile(glob_pattern(glob))
            names = self._starting_with(literal_prefix(glob))
            self._matching[glob] = tuple(name for name in names if pattern.fullmatch(name))
        return self._matching[glob]

    def _starting_with(self, prefix: str) -> tuple[str, ...]:
        files = self.files
        start = bisect_left(files, prefix)
        return files[start : bisect_left(files, f"{prefix}{chr(sys.maxunicode)}", start)]

    def _names(self, source: str, inputs: tuple[str, ...]) -> list[str]:
        if inputs:
            names = sorted({name for glob in inputs for name in self.matching(glob)})
        elif source in {".", ""}:
            names = list(self.files)
        else:
            names = list(self._starting_with(f"{PurePosixPath(source).as_posix()}/"))
        return self._with_link_targets(names)

    def _with_link_targets(self, names: list[str]) -> list[str]:
        """Add what links point to, so that ``packages/a/VERSION -> ../../VERSION`` works."""
        known = set(names)
        listed = set(self.files)
        pending = list(names)
        while pending:
            name = pending.pop()
            target = _link_target(self.root, name)
            if target in listed and target not in known:
                known.add(target)
                pending.append(target)
        return sorted(known)

    def _entry(self, name: str) -> Entry | None:
        path = self._instead.get(name, self.root / name)
        try:
            found = path.lstat()
            self.watched[name] = found
            if stat.S_ISLNK(found.st_mode):
                return Entry(path=name, kind="link", target=os.readlink(path))
            if not stat.S_ISREG(found.st_mode):
                return None
            digest, found = self._stats.digest(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"`{name}` cannot be read: {error.strerror}") from error
        executable = name not in self._instead and bool(found.st_mode & stat.S_IXUSR)
        return Entry(path=name, digest=digest, size=found.st_size, executable=executable)


def _link_target(root: Path, name: str) -> str:
    path = root / name
    if not path.is_symlink():
        return ""
    joined = os.path.normpath(os.path.join(os.path.dirname(name), os.readlink(path)))
    return "" if joined.startswith(("..", "/")) else joined


def literal_prefix(glob: str) -> str:
    """Return what all paths that a glob matches begin with."""
    return re.split(r"[*?]", "" if glob == "." else glob.removeprefix("./"))[0].rstrip("/")


def glob_pattern(glob: str) -> str:
    """Return the regular expression of a glob: ``*`` and ``?`` stop at ``/``, ``**`` does not.

    A glob that names a directory, with or without ``/`` at its end, means all below it.
    """
    pattern = ""
    position = 0
    glob = glob.removeprefix("./")
    if glob in {"", "."}:
        return ".*"
    while position < len(glob):
        if glob.startswith("**/", position):
            pattern, position = pattern + "(?:.*/)?", position + 3
        elif glob.startswith("**", position):
            pattern, position = pattern + ".*", position + 2
        else:
            character = glob[position]
            simple = {"*": "[^/]*", "?": "[^/]"}
            pattern, position = pattern + simple.get(character, re.escape(character)), position + 1
    return f"(?:{pattern.rstrip('/')})(?:/.*)?" if not glob.endswith("**") else f"(?:{pattern})"
