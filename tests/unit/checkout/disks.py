"""Work trees that differ from their commit though ``git status`` says nothing.

Each function changes a repository with the files of `FILES`, and is one way that git's
documentation knows of.
"""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Repository

    Case = Callable[[Repository], None]

FILES = {
    "code.py": "X = 1\n",
    "lines.txt": "one\ntwo\n",
    "notes.nb": "cell\n",
    "kept/deep.py": "Y = 2\n",
    "tool.sh": "#!/bin/sh\n",
}
CASES: dict[Case, str] = {}


def case(cause: str) -> Callable[[Case], Case]:
    """List a case with the cause that is told."""

    def listed(function: Case) -> Case:
        CASES[function] = cause
        return function

    return listed


def begin(repository: Repository) -> None:
    """Commit the files, one of them executable, and a link."""
    for path, text in FILES.items():
        repository.write(path, text)
    (repository.root / "tool.sh").chmod(0o755)
    (repository.root / "link").symlink_to("code.py")
    repository.commit()


def again(repository: Repository, *paths: str) -> None:
    """Let git write files anew, after what it was told about them."""
    for path in paths:
        (repository.root / path).unlink()
    repository.git("checkout", "--quiet", "--", *paths)


ALLOWED = ("-c", "protocol.file.allow=always")


def add_submodule(repository: Repository, other: Path, place: str) -> None:
    """Add a submodule and commit it."""
    repository.git(*ALLOWED, "submodule", "--quiet", "add", str(other), place)
    repository.commit()


def attributes(repository: Repository, line: str) -> None:
    repository.write(".gitattributes", f"{line}\n")
    repository.commit()


@case("its mode on disk (core.fileMode=false)")
def modes_that_the_disk_cannot_keep(repository: Repository) -> None:
    repository.git("config", "core.fileMode", "false")
    (repository.root / "code.py").chmod(0o755)
    (repository.root / "tool.sh").chmod(0o644)


@case("its mode on disk (core.fileMode=false)")
def modes_of_one_work_tree(repository: Repository) -> None:
    repository.git("config", "extensions.worktreeConfig", "true")
    repository.git("config", "--worktree", "core.fileMode", "false")
    (repository.root / "code.py").chmod(0o755)


@case("its kind on disk (core.symlinks=false)")
def links_that_the_disk_cannot_keep(repository: Repository) -> None:
    repository.git("config", "core.symlinks", "false")
    again(repository, "link")


@case("filter=strip")
def a_clean_filter(repository: Repository) -> None:
    attributes(repository, "*.nb filter=strip")
    repository.git("config", "filter.strip.clean", "sed /output/d")
    repository.write("notes.nb", "cell\noutput: private\n")
    repository.git("add", "notes.nb")


@case("filter=crypt")
def a_smudge_filter(repository: Repository) -> None:
    repository.git("config", "filter.crypt.clean", "tr b-zA a-y_")
    repository.git("config", "filter.crypt.smudge", "tr a-y_ b-zA")
    repository.git("config", "filter.crypt.required", "true")
    attributes(repository, "*.nb filter=crypt")
    again(repository, "notes.nb")


@case("filter=strip")
def a_filter_by_attributes_of_this_clone(repository: Repository) -> None:
    repository.git("config", "filter.strip.clean", "sed /output/d")
    repository.write(".git/info/attributes", "*.nb filter=strip\n")
    repository.write("notes.nb", "cell\noutput: private\n")
    repository.git("add", "notes.nb")


@case("filter=strip")
def a_filter_by_attributes_of_this_person(repository: Repository) -> None:
    repository.git("config", "filter.strip.clean", "sed /output/d")
    repository.write(".git/mine", "*.nb filter=strip\n")
    repository.git("config", "core.attributesFile", str(repository.root / ".git" / "mine"))
    repository.write("notes.nb", "cell\noutput: private\n")
    repository.git("add", "notes.nb")


@case("filter=strip")
def a_filter_by_a_macro(repository: Repository) -> None:
    repository.git("config", "filter.strip.clean", "sed /output/d")
    attributes(repository, "[attr]notebook filter=strip\n*.nb notebook")
    repository.write("notes.nb", "cell\noutput: private\n")
    repository.git("add", "notes.nb")


@case("line ends (core.autocrlf)")
def line_ends_by_setting(repository: Repository) -> None:
    repository.git("config", "core.autocrlf", "true")
    again(repository, "lines.txt", "code.py")


@case("line ends (core.autocrlf)")
def line_ends_on_the_way_in(repository: Repository) -> None:
    repository.git("config", "core.autocrlf", "input")
    repository.git("config", "core.safecrlf", "false")
    (repository.root / "lines.txt").write_bytes(b"one\r\ntwo\r\n")
    repository.git("add", "lines.txt")


@case("line ends (eol=crlf)")
def line_ends_by_attribute(repository: Repository) -> None:
    attributes(repository, "*.txt text eol=crlf")
    again(repository, "lines.txt")


@case("line ends (text=auto)")
def line_ends_of_the_platform(repository: Repository) -> None:
    repository.git("config", "core.eol", "crlf")
    attributes(repository, "* text=auto")
    again(repository, "lines.txt")


@case("line ends (crlf)")
def line_ends_by_the_old_attribute(repository: Repository) -> None:
    repository.git("config", "core.eol", "crlf")
    attributes(repository, "*.txt crlf")
    again(repository, "lines.txt")


@case("ident")
def an_identity(repository: Repository) -> None:
    repository.write("lines.txt", "$Id$\n")
    attributes(repository, "*.txt ident")
    again(repository, "lines.txt")


@case("working-tree-encoding=UTF-16")
def an_encoding(repository: Repository) -> None:
    repository.write(".gitattributes", "*.txt text working-tree-encoding=UTF-16\n")
    (repository.root / "lines.txt").write_bytes("one\n".encode("utf-16"))
    repository.commit()


@case("assume-unchanged")
def assumed_unchanged(repository: Repository) -> None:
    repository.git("update-index", "--assume-unchanged", "code.py")
    repository.write("code.py", "X = 2\n")


@case("assume-unchanged")
def ignored_by_stat(repository: Repository) -> None:
    repository.git("config", "core.ignoreStat", "true")
    again(repository, "code.py")
    repository.write("code.py", "X = 2\n")


@case("skip-worktree")
def skipped_in_the_work_tree(repository: Repository) -> None:
    repository.git("update-index", "--skip-worktree", "code.py")
    repository.write("code.py", "X = 2\n")


@case("it is not there (skip-worktree)")
def skipped_and_gone(repository: Repository) -> None:
    repository.git("update-index", "--skip-worktree", "code.py")
    (repository.root / "code.py").unlink()


@case("it is not there (skip-worktree)")
def a_sparse_checkout(repository: Repository) -> None:
    repository.git("sparse-checkout", "set", "--no-cone", "/*", "!/kept/")


@case("it is not there (skip-worktree)")
def a_sparse_index(repository: Repository) -> None:
    left = {path.name for path in repository.root.iterdir() if path.is_dir()} - {".git", "kept"}
    words = ("--cone", "--sparse-index", *sorted(left or {"elsewhere"}))
    repository.git("sparse-checkout", "set", *words)


@case("skip-worktree")
def a_file_outside_of_a_sparse_checkout(repository: Repository) -> None:
    repository.git("sparse-checkout", "set", "--no-cone", "/*", "!/kept/")
    repository.git("config", "sparse.expectFilesOutsideOfPatterns", "true")
    repository.write("kept/deep.py", "Y = 3\n")


@case("its content was changed")
def a_change_that_stat_does_not_tell(repository: Repository) -> None:
    """Keep size and set the time back, where git was told to look at nothing else."""
    repository.git("config", "core.trustctime", "false")
    repository.git("config", "core.checkStat", "minimal")
    file = repository.root / "code.py"
    os.utime(file, (1_000_000_000, 1_000_000_000))
    repository.git("add", "code.py")
    repository.git("update-index", "--refresh")
    file.write_text("X = 2\n")
    os.utime(file, (1_000_000_000, 1_000_000_000))


@case("git replaces its blob")
def a_replaced_blob(repository: Repository) -> None:
    repository.write("other", "X = 3\n")
    other = repository.git("hash-object", "-w", "other").strip()
    (repository.root / "other").unlink()
    repository.git("replace", repository.git("rev-parse", "HEAD:code.py").strip(), other)
    again(repository, "code.py")
    # An index younger than its files is believed (racy-git); a moment later this one would be.
    later = time.time() + 10
    os.utime(repository.root / ".git" / "index", (later, later))


@case("assume-unchanged")
def a_split_index(repository: Repository) -> None:
    repository.git("config", "core.splitIndex", "true")
    repository.git("update-index", "--split-index")
    assumed_unchanged(repository)


@case("assume-unchanged")
def objects_that_are_borrowed(repository: Repository) -> None:
    """Git reads them through ``info/alternates``."""
    objects = repository.root / ".git" / "objects"
    lender = repository.root.parent / "lender"
    shutil.move(objects, lender)
    (objects / "info").mkdir(parents=True)
    (objects / "info" / "alternates").write_text(f"{lender}\n")
    assumed_unchanged(repository)
