"""Where a project's download cache is: a directory, or a branch that is followed into one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from pipeline.checkout.git import index
from pipeline.checkout.remotes import follow
from pipeline.checkout.worktree import is_repository
from pipeline.downloads.directory import Directory
from pipeline.errors import UsageError
from pipeline.files import sha256_bytes

VARIABLE = "PIPELINE_DOWNLOAD_CACHE"
GIT = "git+"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A download cache. With a ``url`` the directory is our own clone of that ``branch``."""

    CHECK_OUT: ClassVar[str] = "run `git submodule update --init`"
    """What to do about an `absence`."""

    directory: Directory
    url: str = field(default="", repr=False)
    branch: str = ""

    @classmethod
    def of(cls, declared: str, named: str, *, root: Path, clones: Path) -> Place | None:
        """Return the place that a project declares, None for none.

        ``named`` is a directory that PIPELINE_DOWNLOAD_CACHE puts in its stead; ``root`` is what a
        declared path is relative to, and clones lie below ``clones``.
        """
        if named:
            return cls(directory=Directory(Path(named).absolute()))
        if not declared.startswith(GIT):
            return cls(directory=Directory(root / declared)) if declared else None
        url, _, branch = declared.removeprefix(GIT).rpartition("#")
        directory = Directory(clones / sha256_bytes(declared.encode())[:32])
        return cls(directory=directory, url=url, branch=branch)

    def refresh(self) -> bool:
        """Bring a clone to what its branch has now, which may use the network.

        Returns whether there is anything to look at that was not before. NetworkError.
        """
        return bool(self.url) and follow(self.url, self.branch, self.directory.path)

    def absence(self) -> str:
        """Say why there is nothing: a submodule that is not checked out. Empty for no such thing.

        Git would not see what is put there.
        """
        path = self.directory.path
        if self.url or (path / ".git").exists() or not is_repository(path.parent):
            return ""
        if not any(one.is_submodule for one in index(path.parent, path.name)):
            return ""
        return f"the download cache `{path.name}` is a submodule that is not checked out"

    def readable(self) -> Directory:
        """Return the directory, to see what it holds; UsageError when it is not checked out."""
        if absence := self.absence():
            raise UsageError(absence, hint=self.CHECK_OUT)
        return self.directory

    def writable(self) -> Directory:
        """Return the directory, to change it; UsageError where changes would be lost."""
        if self.url:
            raise UsageError(
                f"the download cache is the branch `{self.branch}` of another repository, and our "
                "copy of it is only read",
                hint=f"clone it, name your clone in `{VARIABLE}`, and push when you are done",
            )
        return self.readable()
