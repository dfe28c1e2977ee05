"""What a case is: data about Dockerfiles, the files they see, and what has to come of them.

Expectations are written from the Dockerfile reference and from what BuildKit does. Nothing here
may be computed by the code under test.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.store.trees import Entry, Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

EPOCH = 1_600_000_000
"""SOURCE_DATE_EPOCH of every case."""

HEAD = "FROM base AS build\nWORKDIR /out\n"
TAIL = "FROM scratch\nCOPY --from=build /out /\n"


def steps(*lines: str) -> str:
    """Return the Dockerfile whose output is what ``lines`` leave in `/out`, where they start."""
    return HEAD + "\n".join(lines) + "\n" + TAIL


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of a context. ``holes`` are bytes of nothing after ``text`` (a sparse file)."""

    text: str = ""
    mode: int = 0o644
    holes: int = 0
    time: int = EPOCH - 1000
    xattrs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Link:
    """A symbolic link, in a context or an output."""

    target: str


@dataclass(frozen=True)
class HardLink:
    """Another name for a file of the same context."""

    of: str


@dataclass(frozen=True)
class Folder:
    """A directory of a context; others come with the files in them."""

    mode: int = 0o755


@dataclass(frozen=True)
class Pattern:
    """A file of ``size`` bytes that no compression makes small."""

    size: int


@dataclass(frozen=True)
class Archive:
    """A tar archive of one small file."""

    name: str
    text: str


Item = str | File | Link | HardLink | Folder | Pattern | Archive
"""A string is a file of that text with mode 0644."""


@dataclass(frozen=True)
class Program:
    """An output file that may be executed."""

    text: str = ""


@dataclass(frozen=True)
class Digest:
    """An output file known by its size and sha256."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Empty:
    """An output directory with nothing in it."""


Made = str | Program | Link | Digest | Empty


@dataclass(frozen=True, kw_only=True)
class Fails:
    """The build ends badly.

    ``status`` is that of the step that failed, None where no step did (a missing source).
    ``says`` are words in what the step printed, which have to be handed on.
    """

    status: int | None = None
    says: str = ""


@dataclass(frozen=True)
class Refused:
    """Reading the Dockerfile refuses it, for every engine, with these words."""

    words: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """One Dockerfile and its surroundings.

    ``context`` is the build's own context, ``contexts`` the named ones besides `base`.
    ``output`` is what has to come out; ``beyond`` are words of the sandbox's refusal where it
    cannot do what BuildKit does.
    """

    name: str
    dockerfile: str
    context: Mapping[str, Item] = field(default_factory=dict)
    contexts: Mapping[str, Mapping[str, Item]] = field(default_factory=dict)
    output: Mapping[str, Made] | Fails | Refused
    beyond: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    network: str = "none"

    @property
    def tree(self) -> Tree:
        """The output as a value, from what was written down."""
        assert not isinstance(self.output, Fails | Refused)
        return Tree.of([_entry(path, made) for path, made in self.output.items()])


def _entry(path: str, made: Made) -> Entry:
    match made:
        case Link(target):
            return Entry(path=path, kind="link", target=target)
        case Empty():
            return Entry(path=path, kind="dir")
        case Digest(size, sha256):
            return Entry(path=path, digest=sha256, size=size)
        case Program(text) | str(text):
            data = text.encode(errors="surrogateescape")
            return Entry(
                path=path,
                digest=hashlib.sha256(data).hexdigest(),
                size=len(data),
                executable=isinstance(made, Program),
            )
