"""What a sandboxed step is, as a value that can be printed, compared and sent.

Nothing here touches the system. `Spec.wire` gives plain dictionaries, tuples and numbers, which is
what the launcher child reads (it must start fast and so knows no dataclasses) and what `json`
prints.
"""

from __future__ import annotations

import posixpath
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from pipeline.sandbox.wire import Wire


def _check_target(target: str) -> None:
    if not target.startswith("/") or posixpath.normpath(target) != target or target == "/":
        raise ValueError(f"`{target}` is not an absolute, normal path below the root")


def _check_source(source: str) -> None:
    if not source.startswith("/") or "\0" in source:
        raise ValueError(f"`{source}` is not an absolute path of the host")


@dataclass(frozen=True, kw_only=True)
class Bind:
    """A file or directory of the host, seen at ``target``; symlinks in ``source`` are followed."""

    source: str
    target: str
    read_only: bool = True
    kind: Literal["bind"] = field(default="bind", init=False)

    def __post_init__(self) -> None:
        _check_source(self.source)
        _check_target(self.target)


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """Directories merged into one view, without changing them.

    ``lower`` is lowest first, as image layers are listed. What the step writes lands in ``upper``,
    unless the view is ``read_only``; ``work`` is the kernel's scratch directory on the same file
    system, empty to begin with (Documentation/filesystems/overlayfs.rst). ``target`` is ``/`` for
    the root file system.
    """

    target: str
    lower: tuple[str, ...]
    upper: str
    work: str
    read_only: bool = False
    kind: Literal["overlay"] = field(default="overlay", init=False)

    def __post_init__(self) -> None:
        if not self.lower:
            raise ValueError("an overlay needs at least one lower directory")
        for source in (*self.lower, self.upper, self.work):
            _check_source(source)
        if self.target != "/":
            _check_target(self.target)


@dataclass(frozen=True, kw_only=True)
class Tmpfs:
    """An empty file system in memory of at most ``size`` bytes, gone with the step."""

    target: str
    size: int
    kind: Literal["tmpfs"] = field(default="tmpfs", init=False)

    def __post_init__(self) -> None:
        _check_target(self.target)
        if self.size <= 0:
            raise ValueError(f"`{self.target}` needs a size above zero")


Mount = Bind | Overlay | Tmpfs


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Limits of one step; zero means none beyond the fixed ones that docs/design/sandbox.md lists.

    ``seconds`` of wall time; ``memory`` in bytes (of the whole step where a cgroup can be had, else
    of each process); ``processes`` alive at once, threads counted; ``output`` bytes of standard
    output and error together; ``disk`` bytes in the uppers; ``file_size`` bytes of any one file.
    """

    seconds: float = 0.0
    memory: int = 0
    processes: int = 4096
    output: int = 0
    disk: int = 0
    file_size: int = 0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 0:
                raise ValueError(f"the bound `{name}` is below zero")


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One step: a root file system, what is mounted into it, a program, its bounds.

    ``mounts`` are made in the order given, so that a later one may lie inside an earlier one. An
    ``argv`` of nothing sets everything up, runs nothing and ends well. ``argv[0]`` without a slash
    is looked for in the PATH of ``env``, which is the whole environment. ``cwd`` is made if absent.
    ``network`` is ``none`` (a loopback of its own) or ``host``. ``interactive`` passes the caller's
    terminal through; it is for looking into a failed step by hand, never for a build. ``user`` is
    the number that the program sees itself and the owner of its files as; the group is alike.
    """

    root: Overlay
    mounts: tuple[Mount, ...] = ()
    argv: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    cwd: str = "/"
    hostname: str = "buildkitsandbox"
    network: Literal["none", "host"] = "none"
    limits: Bounds = Bounds()
    umask: int = 0o022
    interactive: bool = False
    user: int = 0

    def __post_init__(self) -> None:
        if self.root.target != "/":
            raise ValueError("the root's target is `/`")
        if self.cwd != "/":
            _check_target(self.cwd)
        if self.network not in {"none", "host"}:
            raise ValueError(f"`{self.network}` is no network; `none` and `host` are")
        for name, value in self.env:
            if not name or "=" in name or "\0" in name + value:
                raise ValueError(f"`{name}` cannot be an environment variable")
        if any("\0" in word for word in self.argv):
            raise ValueError("an argument holds a NUL byte")

    def wire(self) -> Wire:
        """Return the same as nested dictionaries, tuples, strings and numbers."""
        return cast("Wire", asdict(self))

    @property
    def overlays(self) -> tuple[Overlay, ...]:
        """Every overlay, the root first."""
        return (self.root, *(mount for mount in self.mounts if isinstance(mount, Overlay)))
