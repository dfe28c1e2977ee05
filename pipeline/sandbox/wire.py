"""The shapes of a spec on its way to the launcher child, for the type checker.

The child never imports this at run time: `typing` alone would cost it a third of its budget.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class BindWire(TypedDict):
    """`pipeline.sandbox.spec.Bind`."""

    kind: Literal["bind"]
    source: str
    target: str
    read_only: bool


class OverlayWire(TypedDict):
    """`pipeline.sandbox.spec.Overlay`."""

    kind: Literal["overlay"]
    target: str
    lower: tuple[str, ...]
    upper: str
    work: str
    read_only: bool


class TmpfsWire(TypedDict):
    """`pipeline.sandbox.spec.Tmpfs`."""

    kind: Literal["tmpfs"]
    target: str
    size: int


class LimitsWire(TypedDict):
    """`pipeline.sandbox.spec.Bounds`."""

    seconds: float
    memory: int
    processes: int
    output: int
    disk: int
    file_size: int


class Wire(TypedDict):
    """`pipeline.sandbox.spec.Spec`."""

    root: OverlayWire
    mounts: tuple[BindWire | OverlayWire | TmpfsWire, ...]
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    cwd: str
    hostname: str
    network: Literal["none", "host"]
    limits: LimitsWire
    umask: int
    interactive: bool
    user: int


class Order(TypedDict):
    """What the child gets: the spec, and what the launching side worked out for it.

    ``parent`` is the process id to live under, ``filter`` the seccomp program, ``cgroup`` a
    directory to move into or nothing.
    """

    spec: Wire
    parent: int
    filter: bytes
    cgroup: str
