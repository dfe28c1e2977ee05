"""A compiler in an image, and what it makes programs for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pipeline.platforms import Target

PLACE = "/cross"
"""Where the files that put a compiler to use lie in a step."""

SYSROOT = "/sysroot"
"""Where the image of the other platform lies, with its headers and libraries."""

TOOLCHAIN = "/toolchain"
"""Where the C library lies that zig made before."""

ZIG = f"{TOOLCHAIN}/ziglang"
"""A link to zig, made in the step: what zig keeps can be found again under the same path only."""

Family = Literal["zig", "gcc"]
Libc = Literal["gnu", "musl"]


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """What compiles in a cell, and for what.

    ``floor`` is the oldest glibc that what it makes runs with, such as ``2.17``; empty with musl,
    and where the libraries of the image decide. ``cross`` says that the machine it runs on is
    another than the target's. ``cached`` names the very zig where ccache is to stand before it: it
    sees a script and has to tell one zig from another.
    """

    family: Family
    target: Target
    libc: Libc = "gnu"
    floor: str = ""
    cross: bool = True
    cached: str = ""

    @property
    def triplet(self) -> str:
        """The target in the compiler's words: ``aarch64-linux-gnu.2.17``."""
        floor = f".{self.floor}" if self.floor else ""
        return f"{self.target.machine}-linux-{self.libc}{floor}"

    @property
    def sysroot(self) -> str:
        """Where headers and libraries of the target lie, empty where it is the image itself."""
        return SYSROOT if self.cross else ""

    @property
    def foreign(self) -> bool:
        """Whether the target's Python is another build of CPython than that of the step."""
        return self.cross or self.libc == "musl"
