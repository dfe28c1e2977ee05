"""Checks of what is in a wheel, file by file and as a whole; each returns its findings."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from pipeline.wheels.binaries import check_binaries, check_extensions
from pipeline.wheels.findings import finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.wheels.findings import Finding
    from pipeline.wheels.names import WheelName
    from pipeline.wheels.seen import Seen

_STARTUP = (".pth", ".start")
_SITE_DIRECTORIES = ("purelib", "platlib")

SIZE_LIMIT = 100_000_000
"""Bytes a file may have at an index unless the project was granted more."""

WRITTEN = (".py", ".pyi", ".md", ".rst", ".j2")
"""Files that people write: what they say of ``/src`` or ``/env`` was not left there by a build."""


def check_file(seen: Seen) -> Iterator[Finding]:
    """Yield what is wrong with a file whatever archive it is in."""
    name = seen.name
    if seen.mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX):
        yield finding("privileged-mode", f"`{name}` has mode {stat.S_IMODE(seen.mode):04o}")
    if seen.mode & stat.S_IWOTH:
        yield finding("world-writable", f"`{name}` has mode {stat.S_IMODE(seen.mode):04o}")
    if name.endswith((".pyc", ".pyo")) or "__pycache__" in name.split("/"):
        yield finding("bytecode-inside", f"`{name}` is bytecode")
    if seen.build_path and not name.endswith(WRITTEN):
        yield finding("absolute-build-path", f"`{name}` names `{seen.build_path}`")


def check_startup(names: Sequence[str], data: str, allowed: frozenset[str]) -> Iterator[Finding]:
    """Yield files that Python's `site` runs at start-up unless their name is allowed (PEP 829)."""
    roots = {"", *(f"{data}/{directory}" for directory in _SITE_DIRECTORIES)}
    for name in names:
        directory, _, base = name.rpartition("/")
        if base.endswith(_STARTUP) and directory in roots and base not in allowed:
            yield finding("unexpected-pth", f"`{name}` would run whenever Python starts")


def check_tags(name: WheelName, files: Sequence[Seen]) -> Iterator[Finding]:
    """Yield contradictions between the file name's tags and what the files are."""
    elves = [seen for seen in files if seen.is_elf]
    if "any" in name.platforms:
        for seen in elves:
            yield finding("elf-in-pure", f"`{seen.name}` is an ELF file in a wheel for `any`")
    elif not elves and any("linux" in platform for platform in name.platforms):
        yield finding("platform-without-elf", f"no file is compiled for `{name.platforms[0]}`")
    yield from check_binaries(name, files)
    yield from check_extensions(name, files)


def check_size(size: int) -> Iterator[Finding]:
    """Yield a finding for a file that an index would only take from who was granted more."""
    if size > SIZE_LIMIT:
        words = f"it has {size:,} bytes; an index takes {SIZE_LIMIT:,} unless it granted more"
        yield finding("size-limit", words)


def check_purelib(name: WheelName, files: Sequence[Seen], *, purelib: bool) -> Iterator[Finding]:
    """Yield a finding when Root-Is-Purelib sends files to the wrong directory."""
    root_elf = next(
        (seen for seen in files if seen.is_elf and not seen.name.startswith(f"{name.data}/")), None
    )
    if purelib and root_elf is not None:
        yield finding("purelib-mismatch", f"it says purelib but has `{root_elf.name}`")
    if not purelib and "any" in name.platforms:
        yield finding("purelib-mismatch", "it says platlib but is for `any` platform")
