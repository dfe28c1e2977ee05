"""Git, asked by running it, with its answers as values.

Git is started in the project's root with an environment made here and a configuration that
switches off what a repository could use to run programs of its own: file system monitors, hooks,
pagers, prompts. Every list is read NUL-separated, every path goes behind ``--`` and is taken
literally. Reading never writes: git is told not to refresh the index on the way.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.checkout.worktree import is_repository, refuse_undecodable, unignored_files
from pipeline.errors import PipelineError
from pipeline.process import Completed, printable, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

HARDENED = (
    "--no-pager",
    "--no-optional-locks",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "protocol.file.allow=user"),
    *("-c", "submodule.recurse=false"),
    *("-c", "log.showSignature=false"),
)

INHERITED = (
    *("PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR"),
    *("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"),
)
"""What git may see of our environment: where it is, whose configuration it reads, who commits.

GIT_DIR and its kin are left out on purpose: inside a hook they name some other repository.
"""

LIST = ("--literal-pathspecs", "ls-files", "-z")

OLDEST = (2, 29)
"""The git that has all we ask of it, by its release notes: `init --object-format` came last.

Before it, in order: `rev-parse --show-object-format` (2.25), `config --type` (2.18),
`for-each-ref` with `%(if:equals=)` (2.13), `cat-file --filters` (2.11).
"""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A line of ``git status``: its two letters, and the path from the top of the repository."""

    code: str
    path: str

    def __str__(self) -> str:
        return f"{self.code} {self.path}"


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """A row of the index: path, mode in octal, and object; of a submodule that is its commit."""

    path: str
    mode: str
    blob: str

    @property
    def is_submodule(self) -> bool:
        """Whether it is another repository's commit (git calls that a gitlink)."""
        return self.mode == "160000"

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.mode == "120000"

    @property
    def is_executable(self) -> bool:
        """Whether it is a file that may be executed."""
        return self.mode == "100755"


def index(root: Path, below: str = "") -> tuple[Tracked, ...]:
    """Return what git tracks below ``root / below``, relative to ``root``, sorted by path.

    Of a conflict, each path stands once.
    """
    found: dict[str, Tracked] = {}
    for row in rows(ask(root, *LIST, "--stage", "--", below or ".")):
        facts, _, path = row.partition("\t")
        mode, blob, _ = facts.split(" ")
        found[path] = Tracked(path=path, mode=mode, blob=blob)
    refuse_undecodable(found)
    return tuple(found[path] for path in sorted(found))


def listed_tree(root: Path, tree: str) -> tuple[Tracked, ...]:
    """Return the files, links and submodules of a tree or commit; paths are relative to it."""
    found = []
    for row in rows(ask(root, "ls-tree", "-r", "-z", "--full-tree", tree)):
        facts, _, path = row.partition("\t")
        mode, _, blob = facts.split(" ")
        found.append(Tracked(path=path, mode=mode, blob=blob))
    return tuple(found)


def index_flags(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """Return which paths git was told not to look at (git-update-index(1)), each with the word."""
    wanted = set(paths)
    found = {}
    for row in rows(ask(root, *LIST, "-v", "--", ".")):
        letter, _, path = row.partition(" ")
        if path in wanted and letter == "S":
            found[path] = "skip-worktree"
        elif path in wanted and letter.islower():
            found[path] = "assume-unchanged"
    return found


def tracked_files(root: Path, below: str = "") -> tuple[str, ...]:
    """Return the tracked files and links below ``root / below`` that are there, sorted.

    Submodules and what was deleted, or hidden behind a link that took a directory's place, are
    left out.
    """
    paths = [one.path for one in index(root, below) if not one.is_submodule]
    absent = set(absent_files(root, paths))
    return tuple(path for path in paths if path not in absent)


def absent_files(root: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Return which paths are no files or links on disk, or lie behind a link.

    They are relative to ``root``.
    """
    linked: dict[str, bool] = {}
    return tuple(path for path in paths if not _is_there(root, path, linked))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What git is told in a work tree: values by lower-case key, and the files they stand in."""

    values: Mapping[str, str]
    files: frozenset[str]

    def flag(self, key: str) -> bool:
        """Return a boolean that is true unless it is said otherwise (git-config(1), "Values")."""
        return self.values.get(key, "true").lower() not in {"false", "no", "off", "0", ""}


def settings(root: Path) -> Settings:
    """Return the settings that hold in ``root``."""
    parts = ask(root, "config", "--list", "--show-origin", "-z").split("\0")[:-1]
    values: dict[str, str] = {}
    home = os.environ.get("HOME", "")
    beside = ask(root, "rev-parse", "--git-path", "config.worktree").rstrip("\n")
    named = os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    files = {str(root / beside), f"{home}/.gitconfig", f"{named}/git/config"}
    for origin, row in zip(parts[::2], parts[1::2], strict=True):
        key, given, value = row.partition("\n")
        values[key] = value if given else "true"
        if origin.startswith("file:"):
            files.add(str(root / origin.removeprefix("file:")))
    return Settings(values=values, files=frozenset(files))


def _is_there(root: Path, path: str, linked: dict[str, bool]) -> bool:
    parent = path.rpartition("/")[0]
    if parent and _crosses_link(root, parent, linked):
        return False
    try:
        mode = os.lstat(root / path).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _crosses_link(root: Path, directory: str, linked: dict[str, bool]) -> bool:
    if directory not in linked:
        parent = directory.rpartition("/")[0]
        linked[directory] = bool(parent and _crosses_link(root, parent, linked)) or os.path.islink(
            root / directory
        )
    return linked[directory]


def untracked_files(root: Path, below: str = "") -> tuple[str, ...]:
    """Return what git neither tracks nor ignores below ``root / below``, sorted.

    A nested repository appears as its directory with a final slash.
    """
    output = ask(root, *LIST, "--others", "--exclude-standard", "--", below or ".")
    return tuple(sorted(rows(output)))


def ignored_files(root: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Return which files, relative to ``root``, git neither tracks nor would add, sorted."""
    there = [path for path in paths if os.path.lexists(root / path)]
    if not there:
        return ()
    words = ("--others", "--ignored", "--exclude-standard", "--", *there)
    return tuple(sorted(rows(ask(root, *LIST, *words))))


def input_files(root: Path, below: str = "") -> tuple[str, ...]:
    """Return the files a stage may see by default: tracked ones, or outside git unignored ones.

    A directory that merely lies inside of somebody's repository without a tracked file, such as
    an sdist unpacked below ``dist``, counts as outside of git.
    """
    if is_repository(root):
        tracked = tracked_files(root, below)
        if tracked or ask(root, *LIST, "--", "."):
            return tracked
    return unignored_files(root, below)


def status(root: Path) -> tuple[Change, ...]:
    """Return what keeps the whole work tree from being clean, untracked files included."""
    output = ask(root, "status", "-z", "--porcelain=v1", "--untracked-files=all", "--no-renames")
    return tuple(Change(code=row[:2], path=row[3:]) for row in rows(output))


def head(root: Path) -> str:
    """Return the commit checked out, as a full object name; empty before the first commit."""
    return attempt(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").stdout.strip()


def branch(root: Path) -> str:
    """Return the branch checked out; empty when HEAD is detached."""
    return attempt(root, "symbolic-ref", "--quiet", "--short", "HEAD").stdout.strip()


def tags(root: Path) -> Mapping[str, str]:
    """Return each tag and the object it names, annotated tags peeled to their commit."""
    form = "%(refname:strip=2)%00%(objectname)%00%(*objectname)"
    found: dict[str, str] = {}
    for line in ask(root, "for-each-ref", f"--format={form}", "refs/tags").split("\n")[:-1]:
        name, direct, peeled = line.split("\0")
        found[name] = peeled or direct
    return found


def remotes(root: Path) -> tuple[str, ...]:
    """Return the names of the remotes, that of the current branch first."""
    names = ask(root, "remote").split()
    wanted = attempt(root, "config", "--get", f"branch.{branch(root)}.remote").stdout.strip()
    return tuple(sorted(names, key=lambda name: (name != wanted, name != "origin", name)))


def identity(root: Path) -> str:
    """Return who would commit, as ``Name <address>``; empty when git was not told."""
    completed = attempt(root, "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    return "" if completed.status else completed.stdout.rpartition(">")[0] + ">"


def rows(output: str) -> list[str]:
    """Return the NUL-separated rows of an answer."""
    return output.split("\0")[:-1]


def ask(
    root: Path,
    *command: str,
    stdin: bytes | None = None,
    variables: Mapping[str, str] | None = None,
) -> str:
    """Run git, which must succeed, and return what it printed; PipelineError with its words."""
    completed = attempt(root, *command, stdin=stdin, variables=variables)
    if completed.status:
        raise failure(root, command, completed)
    return completed.stdout


def attempt(
    root: Path,
    *command: str,
    stdin: bytes | None = None,
    variables: Mapping[str, str] | None = None,
) -> Completed:
    """Run git, hardened, and return how it ended; ``variables`` are added to its environment."""
    if not shutil.which("git"):
        raise PipelineError(
            "git is not installed, so nobody can say which files belong to the project",
            hint="install git (`apt install git`), or work in an exported copy without `.git`",
        )
    env = {**environment(), **(variables or {})}
    return run(["git", *HARDENED, *command], env=env, cwd=root, stdin=stdin)


def version(environ: Mapping[str, str]) -> str:
    """Return what git calls its version, ``2.39.5 (Apple Git-154)``; empty where none starts."""
    try:
        said = run(["git", "version"], env=environ).stdout
    except PipelineError:
        return ""
    return said.strip().removeprefix("git version ")


def is_too_old(version: str) -> bool:
    """Whether a version is older than `OLDEST`. One that is no number, as of a build, is not."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) < OLDEST


def environment() -> dict[str, str]:
    """Return the variables that git is started with."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {
        **inherited,
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_EDITOR": ":",
        "GIT_ADVICE": "0",
        # What a person has put in the place of objects and of parents is in no clone of others.
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_GRAFT_FILE": os.devnull,
    }


def failure(root: Path, command: tuple[str, ...], completed: Completed) -> PipelineError:
    """Return what a call of git that failed is told as."""
    words = completed.stderr.strip()
    if "dubious ownership" in words:
        hint = f"if you trust it: `git config --global --add safe.directory {root}`"
    else:
        hint = f"repeat it with `{printable(['git', '-C', str(root), *command])}`"
    return PipelineError(
        f"git ended with status {completed.status}",
        hint=hint,
        detail=tuple(words.splitlines()[-20:]),
    )
