"""The instructions of a Dockerfile as frozen values.

Words are kept as written: variables are replaced when a stage is evaluated. Two values are equal
when they say the same, wherever they stand: line numbers do not count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pipeline.dockerfile.lexing import Heredoc

NetworkMode = Literal["default", "none", "host"]
MountType = Literal["bind", "cache", "tmpfs", "secret", "ssh"]


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """What every instruction has: the number of its first line, and itself on one line."""

    line: int = field(compare=False)
    text: str = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class Arg(Instruction):
    """``ARG name[=default]...``; a default of None means that it has none."""

    pairs: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, kw_only=True)
class Env(Instruction):
    """``ENV name=value...``."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Label(Instruction):
    """``LABEL name=value...``; has no effect on a tree of files."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Workdir(Instruction):
    """``WORKDIR path``."""

    path: str


@dataclass(frozen=True, kw_only=True)
class User(Instruction):
    """``USER name[:group]``."""

    user: str


@dataclass(frozen=True, kw_only=True)
class Shell(Instruction):
    """``SHELL ["program", "argument"...]``."""

    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Start(Instruction):
    """What says how an image is started, such as ``CMD``; has no effect on a tree of files."""

    keyword: str
    command: str | tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Copy(Instruction):
    """``COPY`` or ``ADD``.

    ``origin`` is the stage or context of ``--from``, empty for the context of the build;
    ``mode`` is that of ``--chmod`` as written; ``others`` are further flags, ``--parents``.
    """

    keyword: str
    sources: tuple[str, ...]
    documents: tuple[Heredoc, ...]
    destination: str
    origin: str = ""
    mode: str = ""
    owner: str = ""
    others: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Mount:
    """``RUN --mount``. Words hold variables as written; ``read_only`` has each type's default.

    ``size`` is a word such as ``64m``; ``mode`` octal digits; ``required`` is for secrets, and
    ``variable`` the environment variable that a secret goes to instead of a file; ``owner`` is
    ``uid=`` or ``gid=`` with a number that is not root's; ``shared`` is for caches that
    several steps may use at once.
    """

    type: MountType
    target: str = ""
    origin: str = ""
    source: str = ""
    read_only: bool = True
    size: str = ""
    id: str = ""
    mode: str = ""
    required: bool = False
    variable: str = ""
    owner: str = ""
    shared: bool = False


@dataclass(frozen=True, kw_only=True)
class Run(Instruction):
    """``RUN``: a line for the shell, or the words of the exec form."""

    command: str | tuple[str, ...]
    documents: tuple[Heredoc, ...] = ()
    network: NetworkMode = "default"
    mounts: tuple[Mount, ...] = ()


Step = Arg | Env | Label | Workdir | User | Shell | Start | Copy | Run


@dataclass(frozen=True, kw_only=True)
class From(Instruction):
    """``FROM base [AS name]``; ``platform`` as written."""

    base: str
    name: str = ""
    platform: str = ""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A ``FROM`` and what follows it."""

    start: From
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Dockerfile:
    """A whole file: the ``ARG`` lines before the first ``FROM``, and the stages."""

    args: tuple[Arg, ...]
    stages: tuple[Stage, ...]
    escape: str = "\\"
