"""Which files of the working tree a stage sees, and their tree.

The layout of the repository is kept: a file ``packages/a/x.py`` is ``/src/packages/a/x.py``
inside, and steps run in ``/src/packages/a`` for ``source: packages/a``. A link that leaves the
directory of its project is replaced by what it leads to: no archive of the project could hold it.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline.checkout import git, lfs
from pipeline.checkout.worktree import git_index_path, top_directory, unignored_files
from pipeline.errors import ConfigError, StoreError
from pipeline.store.trees import Entry, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipeline.store.stat import StatCache

MAXIMUM_LINKS = 40
"""Links on the way to a file, as in the kernel (path_resolution(7))."""


@dataclass(frozen=True, kw_only=True)
class SourceTree:
    """Files of the checkout; two of equal content are equal.

    ``base`` is the repository. ``elsewhere`` says of some paths which other one has the content.
    """

    tree: Tree
    base: Path = field(compare=False)
    elsewhere: Mapping[str, str] = field(default_factory=dict, compare=False)

    def place(self, path: str) -> Path:
        """Return where the content of a path lies."""
        return self.base / self.elsewhere.get(path, path)


@dataclass(frozen=True, kw_only=True)
class Part:
    """The work tree of one repository: the project's, or that of a submodule.

    ``below`` is where it begins, empty or with a slash at its end; ``tracked`` are the rows of its
    index, by path from the project's root. ``modes`` and ``links`` say whether git trusts the disk
    with them (``core.fileMode`` and ``core.symlinks`` in git-config(1)). ``read`` are the files
    that all this stands in.
    """

    below: str
    tracked: Mapping[str, git.Tracked]
    modes: bool
    links: bool
    read: frozenset[str]

    @classmethod
    def of(cls, root: Path, below: str = "") -> Part:
        """Return the part of the project ``root`` that begins at ``below``."""
        place = root / below
        rows = (replace(one, path=below + one.path) for one in git.index(place))
        settings = git.settings(place)
        return cls(
            below=below,
            tracked={one.path: one for one in rows},
            modes=settings.flag("core.filemode"),
            links=settings.flag("core.symlinks"),
            read=settings.files | {str(git_index_path(place)), str(place / ".git")},
        )


class Checkout:
    """A repository's working tree, read once a run.

    Every file's digest comes from the stat cache, so a second run costs one `lstat` a file.
    ``without`` is a directory that is no input of anything: that of the download cache, of which
    only what the lock names counts.

    What a submodule's own repository tracks counts like any other file. ``watched`` has every path
    that decided so far, ``left_out`` the tracked files that stages lack since they are not on disk,
    ``beyond`` those outside of ``root`` that links lead to.
    """

    def __init__(self, root: Path, stats: StatCache, *, without: str = "") -> None:
        self.root = root
        self._without = f"{without}/" if without else ""
        self.watched: set[str] = set()
        self.left_out: set[str] = set()
        self.beyond: set[str] = set()
        self._stats = stats
        self._matching: dict[str, tuple[str, ...]] = {}
        self._trees: dict[tuple[str, tuple[str, ...]], SourceTree] = {}
        self._known: dict[str, Entry | None] = {}

    def remember(self) -> None:
        """Save what was hashed, for the next run."""
        self._stats.save()

    @cached_property
    def files(self) -> tuple[str, ...]:
        """All files that may be inputs: what git tracks, or outside git what is not ignored."""
        if self._parts:
            absent = set(self.absent)
            known = [name for name in self._rows if name not in absent]
        else:
            known = list(unignored_files(self.root))
        return tuple(sorted(name for name in known if not self._is_download(name)))

    def _is_download(self, name: str) -> bool:
        return bool(self._without) and name.startswith(self._without)

    @cached_property
    def _parts(self) -> tuple[Part, ...]:
        """The repositories of the work tree, none outside of git.

        A directory that merely lies inside of somebody's repository without a tracked file, such
        as an sdist unpacked below ``dist``, counts as outside of git.
        """
        if top_directory(self.root) is None:
            return ()
        found = [Part.of(self.root)]
        if not found[0].tracked:
            return ()
        for part in found:  # grows on the way: submodules have submodules
            found += [
                Part.of(self.root, f"{one.path}/")
                for one in part.tracked.values()
                if one.is_submodule and self._is_checked_out(one.path)
            ]
        for part in found:
            self.watched |= part.read
        return tuple(found)

    def _is_checked_out(self, submodule: str) -> bool:
        place = self.root / submodule
        self.watched.add(str(place / ".git"))
        return not place.is_symlink() and (place / ".git").exists()

    @cached_property
    def _rows(self) -> Mapping[str, tuple[git.Tracked, Part]]:
        """What git tracks, without submodules, each with whose it is."""
        return {
            path: (one, part)
            for part in self._parts
            for path, one in part.tracked.items()
            if not one.is_submodule
        }

    @cached_property
    def absent(self) -> tuple[str, ...]:
        """Tracked files that are not on disk: deleted, or left out by a sparse checkout."""
        absent = git.absent_files(self.root, self._rows)
        self.watched.update(str(self.root / name) for name in absent)
        return tuple(name for name in absent if not self._is_download(name))

    @cached_property
    def _pointers(self) -> frozenset[str]:
        """Files that are pointers of Git LFS and should be their content."""
        found: set[str] = set()
        for part in self._parts:
            own = [name for name in self.files if name in part.tracked]
            attributes = [name for name in own if PurePosixPath(name).name == ".gitattributes"]
            self.watched.update(str(self.root / name) for name in attributes)
            cut = len(part.below)
            within = lfs.pointers(self.root / part.below, [name[cut:] for name in own])
            found.update(part.below + name for name in within)
        return frozenset(found)

    def source(self, source: str, inputs: tuple[str, ...]) -> SourceTree:
        """Return the tree of a stage's inputs.

        ``source`` is a directory, ``inputs`` globs relative to the repository; without any,
        everything below ``source``. Raises ConfigError when nothing matches, or when the content
        of something that git tracks there is not here.
        """
        wanted = (source, inputs)
        if wanted not in self._trees:
            self._trees[wanted] = self._source(source, inputs)
        return self._trees[wanted]

    def _source(self, source: str, inputs: tuple[str, ...]) -> SourceTree:
        self.require_submodules(inputs or (source,))
        names = self._names(source, inputs)
        if not names:
            meant = f"inputs {', '.join(inputs)}" if inputs else f"`{source}`"
            raise ConfigError(
                f"no file of the repository matches {meant}, so there is nothing to build from",
                where="pipeline.yaml",
                hint="new files count once git tracks them: `git add` them",
            )
        wanted = re.compile("|".join(map(glob_pattern, inputs or (source or ".",))))
        self.left_out.update(name for name in self.absent if wanted.fullmatch(name))
        entries: dict[str, Entry] = {}
        elsewhere: dict[str, str] = {}
        for name in self._with_link_targets(names, source):
            for entry, place in self._entries(name, name, source):
                entries[entry.path] = entry
                if place != entry.path:
                    elsewhere[entry.path] = place
        self._require_contents({elsewhere.get(name, name) for name in entries})
        tree = Tree.of(list(entries.values()))
        return SourceTree(tree=tree, base=self.root, elsewhere=elsewhere)

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
            return sorted({name for glob in inputs for name in self.matching(glob)})
        if source in {".", ""}:
            return list(self.files)
        return list(self._starting_with(f"{PurePosixPath(source).as_posix()}/"))

    def require_submodules(self, globs: Iterable[str]) -> None:
        """Raise ConfigError where globs reach into a submodule that is not checked out."""
        for part in self._parts:
            for one in part.tracked.values():
                if (
                    one.is_submodule
                    and not self._is_checked_out(one.path)
                    and any(reaches(glob, one.path) for glob in globs)
                ):
                    raise ConfigError(
                        f"the submodule `{one.path}` is not checked out (commit {one.blob[:12]}), "
                        "so its files would be missing",
                        where=".gitmodules",
                        hint="run `git submodule update --init --recursive`, or leave it out of "
                        "the stage's `inputs`",
                    )

    def _require_contents(self, names: Iterable[str]) -> None:
        if found := sorted(self._pointers.intersection(names)):
            raise ConfigError(
                f"`{found[0]}` is a pointer of Git LFS, whose content is not here"
                + (f"; so are {len(found) - 1} more files" if len(found) > 1 else ""),
                where=found[0],
                hint="`git lfs pull` brings it",
            )

    def _with_link_targets(self, names: list[str], source: str) -> list[str]:
        """Add what links point to that stay links, so that they lead somewhere."""
        known = set(names)
        listed = set(self.files)
        pending = list(names)
        while pending:
            entry = self.entry(pending.pop())
            if entry is None or entry.kind != "link" or _leaves(entry, source):
                continue
            target = _target(entry)
            if target in listed and target not in known:
                known.add(target)
                pending.append(target)
        return sorted(known)

    def _entries(
        self, name: str, path: str, source: str, passed: tuple[str, ...] = ()
    ) -> Iterator[tuple[Entry, str]]:
        """Yield what the file ``path`` is in the tree under ``name``, each with its place.

        ``passed`` are the directories that links led into on the way.
        """
        entry = self.entry(path)
        if entry is None:
            return
        if entry.kind != "link" or not (passed or _leaves(entry, source)):
            yield replace(entry, path=name), path
            return
        end = self._end_of(path)
        if end is None:
            # A backend would drop it without a word, since it leads nowhere in a step.
            raise ConfigError(
                f"the link `{path}` leads out of the repository, to `{entry.target}`",
                where=path,
                hint="let it lead to a file that git tracks, or leave it out of `inputs`",
            )
        found = self._tracked_at(end)
        circular = end == "." or end in passed or path.startswith(f"{end}/")
        if circular or not found:
            there = not circular and (self.root / end).exists()
            why = "which git does not track" if there else "which is not there"
            must = f"a link that leaves `{source}` must lead to files that git tracks"
            raise ConfigError(
                f"the link `{path}` leads to `{end}`, {'where it is itself' if circular else why}",
                where=path,
                hint=f"`git add {end}`: {must}" if there else must,
            )
        for one in found:
            yield from self._entries(name + one.removeprefix(end), one, source, (*passed, end))

    def _tracked_at(self, end: str) -> list[str]:
        """Return the files that are, or lie below, a path that may begin with ``..``."""
        if not end.startswith("../"):
            return [end] if end in self._listed else list(self._starting_with(f"{end}/"))
        if not self._parts:
            return []
        beyond = [one.path for one in git.index(self.root, end) if not one.is_submodule]
        found = [name for name in beyond if os.path.lexists(self.root / name)]
        self.beyond.update(found)
        return found

    @cached_property
    def _listed(self) -> frozenset[str]:
        return frozenset(self.files)

    def _end_of(self, path: str) -> str | None:
        """Return where a link ends, relative to the root; None out of the repository."""
        top = str(top_directory(self.root) or self.root)
        here = str(self.root)
        rest = path.split("/")[::-1]
        followed = 0
        while rest:
            part = rest.pop()
            here = os.path.normpath(os.path.join(here, part))
            if not (here == top or here.startswith(f"{top}/")):
                return None
            link = self.entry(os.path.relpath(here, self.root))
            if link and link.kind == "link":
                followed += 1
                target = link.target
                if target.startswith("/") or followed > MAXIMUM_LINKS:
                    return None
                rest += target.split("/")[::-1]
                here = os.path.dirname(here)
        return os.path.relpath(here, self.root)

    def entry(self, name: str) -> Entry | None:
        """Return what is at a path, None where that is no file and no link."""
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> Entry | None:
        path = self.root / name
        self.watched.add(str(path))
        row, part = self._rows.get(name, (None, None))
        try:
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                return Entry(path=name, kind="link", target=os.readlink(path))
            if not stat.S_ISREG(status.st_mode):
                return None
            if row and part and row.is_link and not part.links:
                # Git writes the target into a file where there can be no links.
                return Entry(path=name, kind="link", target=os.fsdecode(path.read_bytes()))
            digest, status = self._stats.digest(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"`{name}` cannot be read: {error.strerror}") from error
        executable = bool(status.st_mode & stat.S_IXUSR)
        if row and part and not part.modes:
            executable = row.is_executable
        return Entry(path=name, digest=digest, size=status.st_size, executable=executable)


def _target(link: Entry) -> str:
    """Return where a link leads, by its words alone."""
    return os.path.normpath(os.path.join(os.path.dirname(link.path), link.target))


def _leaves(link: Entry, source: str) -> bool:
    """Whether a link below ``source`` leads out of it."""
    inside = "" if source in {".", ""} else f"{PurePosixPath(source).as_posix()}/"
    target = _target(link)
    if not inside:
        return target == ".." or target.startswith(("../", "/"))
    return link.path.startswith(inside) and not f"{target}/".startswith(inside)


def reaches(glob: str, directory: str) -> bool:
    """Whether a glob, as `glob_pattern` takes it, could match something below a directory."""
    wanted = [part for part in glob.removeprefix("./").split("/") if part not in {"", "."}]
    for part in directory.split("/"):
        if not wanted or "**" in wanted[0]:
            return True
        if not re.fullmatch(glob_pattern(wanted.pop(0)), part):
            return False
    return True


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
