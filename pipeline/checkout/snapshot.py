"""The files of a commit in a directory of their own: from git's objects, and from nothing else.

What lies in a work tree need not be what its commit holds, also where ``git status`` is silent:
filters, line ends, modes that the file system cannot keep, files that git was told not to look at
(docs/design/release.md lists them all). So a release, and whoever rebuilds its tag, works on a copy
in which git wrote each blob as it is, each mode as the tree has it, and each link as a link.

The copy is a repository whose objects are borrowed (gitrepository-layout(5), ``info/alternates``).
Nothing else is: no settings, no attributes but those in the tree, no replacements (git-replace(1)),
no grafts, and no remote from which git would fetch what is missing.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline.checkout import git, history, lfs
from pipeline.checkout.worktree import common_directory, is_repository, top_directory
from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.checkout.inputs import Checkout

SHOWN = 5
"""How many files a refusal names."""

EXACT = "* -text -ident !eol !filter !working-tree-encoding\n"
"""Attributes by which git writes each blob as it is (gitattributes(5)); as ``info/attributes``
they go before those in the tree."""

DECLARATIONS = ("pipeline.yaml", "pipeline.lock", "images/*.yaml", "dockerfiles/**/*")
"""What a run reads beside its inputs, and would read before git tracks it."""

ALONE = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ATTR_NOSYSTEM": "1"}
"""Variables with which git heeds no settings but those of the repository (git(1))."""


class IncompleteCommitError(PipelineError):
    """Objects of a commit are not in this clone (exit 1)."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a repository's objects are: its git directory, and its work tree if there is one."""

    directory: Path
    work_tree: Path | None


def lay_out(root: Path, commit: str, directory: Path, changed: Iterable[str] = ()) -> Path:
    """Write the project ``root``, as a commit has it, below ``directory``; return its place there.

    ``directory`` must not exist; it becomes the top of a repository that tracks what the commit
    tracks. Files of submodules come from their own repositories at the pinned commit; one that
    cannot be had stays empty. ``changed`` are paths from the top of the repository that are taken
    from the work tree instead, as ``git add`` would take them. ``commit`` may be empty: then
    nothing but these is written. IncompleteCommitError when not all
    objects are here.
    """
    top = root.joinpath(git.ask(root, "rev-parse", "--show-cdup").rstrip("\n")).resolve()
    objects = top / git.ask(top, "rev-parse", "--git-path", "objects").rstrip("\n")
    source = Source(directory=objects.parent, work_tree=top)
    below = history.prefix(root)
    form = git.ask(root, "rev-parse", "--show-object-format").strip()
    _begin(directory, source, form)
    _read(directory, commit)
    _take(top, directory, objects, changed)
    _write(source, directory, below)
    (directory / below).mkdir(parents=True, exist_ok=True)
    return directory / below


def changed_paths(root: Path, wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what `lay_out` takes from the work tree to show it as it would be committed.

    That is each change that ``git status`` tells of tracked files, and new ones among the
    declarations and below the directories ``wanted``. Paths are from the top of the repository.
    """
    own = history.prefix(root)
    new = {own + name for name in declarations(root)}
    below = tuple(f"{own}{directory}/" for directory in wanted)
    return tuple(
        change.path
        for change in git.status(root)
        if change.code != "??" or change.path in new or (below and change.path.startswith(below))
    )


def declarations(root: Path) -> tuple[str, ...]:
    """Return the declarations that are there, whether git knows them or not."""
    found = (path for pattern in DECLARATIONS for path in root.glob(pattern) if path.is_file())
    return tuple(path.relative_to(root).as_posix() for path in found)


def copy_files(checkout: Checkout, directory: Path) -> Path:
    """Copy inputs and declarations as they are on disk; return the project's place in the copy.

    ``directory`` must not exist; it becomes the top of a repository that tracks the inputs. What
    the disk cannot say, such as modes and links on some, is as git knows it.
    """
    root = checkout.root
    below = history.prefix(root) if is_repository(root) else ""
    copy = directory / below
    copy.mkdir(parents=True)
    inputs = (*checkout.files, *sorted(checkout.beyond))
    for name in dict.fromkeys((*inputs, *declarations(root))):
        entry, target = checkout.entry(name), copy / name
        if entry is None:
            continue
        Path(os.path.normpath(target.parent)).mkdir(parents=True, exist_ok=True)
        if entry.kind == "link":
            target.symlink_to(entry.target)
        else:
            shutil.copyfile(root / name, target)
            target.chmod(entry.mode)
    if shutil.which("git"):
        _ask(directory, "init", "--quiet", "--template=", ".")
        _enter(directory, [os.path.normpath(below + name) for name in inputs])
    return copy


def change(project: Path, written: Mapping[str, bytes], removed: Iterable[str]) -> None:
    """Write and remove files of a copy, whose index follows."""
    for name, data in written.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes(data)
    for name in removed:
        (project / name).unlink()
    if shutil.which("git") and (top := top_directory(project)):
        below = project.relative_to(top)
        _enter(top, [(below / name).as_posix() for name in (*written, *removed)])


def _enter(copy: Path, paths: Iterable[str]) -> None:
    """Let the index of a copy follow its files, which are taken as they are."""
    given = "".join(f"{path}\0" for path in paths).encode()
    attributes = copy / ".git" / "info" / "attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text(EXACT, encoding="utf-8")
    _ask(copy, "update-index", "--add", "--remove", "-z", "--stdin", stdin=given)
    attributes.unlink()


def _begin(copy: Path, source: Source, form: str) -> None:
    """Make a repository without a commit that borrows the objects of another one."""
    copy.mkdir(parents=True, exist_ok=True)
    _ask(copy, "init", "--quiet", "--template=", f"--object-format={form}", ".")
    for name, text in (
        ("objects/info/alternates", f"{source.directory / 'objects'}\n"),
        ("info/attributes", EXACT),
    ):
        file = copy / ".git" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _read(copy: Path, commit: str) -> None:
    """Fill the index of the copy."""
    if not commit:
        return
    command = ("read-tree", commit)
    ended = git.attempt(copy, *command, variables=ALONE)
    if ended.status:
        raise IncompleteCommitError(
            f"the commit {commit[:12]} is not here as a whole: a directory of it is missing",
            hint="fetch all of its objects, as `git fetch --refetch` does in a partial clone",
            detail=tuple(ended.stderr.strip().splitlines()[-5:]),
        )


def _take(top: Path, copy: Path, objects: Path, changed: Iterable[str]) -> None:
    """Enter files of the work tree into the copy's index, as `git add` would."""
    paths = list(changed)
    if not paths:
        return
    variables = {
        "GIT_INDEX_FILE": str(copy / ".git" / "index"),
        "GIT_OBJECT_DIRECTORY": str(copy / ".git" / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
    }
    given = "".join(f"{path}\0" for path in paths).encode()
    command = ("update-index", "--add", "--remove", "-z", "--stdin")
    git.ask(top, *command, stdin=given, variables=variables)


def _write(source: Source, copy: Path, below: str = "") -> None:
    """Write what the copy's index has below a directory, with what links there lead to."""
    tracked = {one.path: one for one in git.index(copy)}
    pending = [one for one in tracked.values() if one.path.startswith(below)]
    written: set[str] = set()
    while pending:
        _require_objects(copy, pending)
        names = [one.path for one in pending]
        given = "".join(f"{name}\0" for name in names).encode()
        _ask(copy, "checkout-index", "--force", "-z", "--stdin", stdin=given)
        written.update(names)
        links = [one.path for one in pending if one.is_link] if below else []
        ends = {end for link in links for end in _ends(copy, link, tracked)}
        pending = [tracked[name] for name in sorted(ends - written)]
    for name in sorted(written):
        if tracked[name].is_submodule:
            _write_submodule(source, copy, name, tracked[name].blob)
    # From here on the attributes are those of the commit, for whoever asks for them.
    (copy / ".git" / "info" / "attributes").unlink()
    regular = [n for n in sorted(written) if not tracked[n].is_link and not tracked[n].is_submodule]
    lfs.fill(copy, regular, lfs.storage(source.directory))


def _ends(copy: Path, link: str, tracked: Iterable[str]) -> set[str]:
    """Return what a link leads to, or passes on the way: a file, or all of a directory."""
    target = os.path.normpath(os.path.join(os.path.dirname(link), os.readlink(copy / link)))
    return {
        name
        for name in tracked
        if f"{name}/".startswith(f"{target}/") or f"{target}/".startswith(f"{name}/")
    }


def _require_objects(copy: Path, wanted: Sequence[git.Tracked]) -> None:
    given = "".join(f"{one.blob}\n" for one in wanted if not one.is_submodule).encode()
    found = _ask(copy, "cat-file", "--batch-check=%(objectname)", stdin=given).splitlines()
    absent = {line.split(" ")[0] for line in found if line.endswith(" missing")}
    names = [one.path for one in wanted if one.blob in absent]
    if names:
        shown = ", ".join(f"`{name}`" for name in names[:SHOWN])
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        raise IncompleteCommitError(
            f"this clone lacks the content of {shown}{more}, so the commit is not here as a whole",
            hint="fetch all objects: `git fetch --refetch --no-filter` in a partial clone, "
            "else clone again",
        )


def _write_submodule(source: Source, copy: Path, path: str, commit: str) -> None:
    """Lay out a submodule at its pinned commit, where one of its repositories has that."""
    for found in _repositories(source, copy, path):
        form = "sha256" if len(commit) == 64 else "sha1"
        place = copy / path
        _begin(place, found, form)
        if not git.attempt(place, "cat-file", "-e", f"{commit}^{{commit}}", variables=ALONE).status:
            _read(place, commit)
            _write(found, place)
            return
        shutil.rmtree(place / ".git")


def _repositories(source: Source, copy: Path, path: str) -> Iterable[Source]:
    """Yield where a submodule's objects may be: in its work tree, or kept from an earlier one."""
    tree = source.work_tree / path if source.work_tree else None
    if tree and (tree / ".git").exists() and is_repository(tree):
        directory = common_directory(tree)
        if directory:
            yield Source(directory=directory, work_tree=tree)
    if not (copy / ".gitmodules").is_file():
        return
    words = ("config", "-z", "--file", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$")
    for row in git.rows(git.attempt(copy, *words, variables=ALONE).stdout):
        key, _, value = row.partition("\n")
        name = key.removeprefix("submodule.").removesuffix(".path")
        if value == path and ".." not in PurePosixPath(name).parts:
            yield Source(directory=source.directory / "modules" / name, work_tree=None)


def _ask(copy: Path, *command: str, stdin: bytes | None = None) -> str:
    return git.ask(copy, *command, stdin=stdin, variables=ALONE)
