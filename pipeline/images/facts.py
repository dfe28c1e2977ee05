"""What an unpacked image has that plans depend on: its CPython, where that stands, its C library.

Of Debian's packages the lock knows it by their versions; an image of a registry has to be looked
into. Nothing of it is run, so it works for any architecture, and links are followed inside the
image only.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINK_LIMIT = 40
PROGRAM = re.compile(r"python(3\.[0-9]+)")
GLIBC = re.compile(rb"GNU C Library \([^\n]{0,200}release version ([0-9]+\.[0-9]+)")
LIBC_LIMIT = 64 << 20
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """``python`` like ``3.11`` and its ``interpreter``, ``glibc`` like ``2.36``; empty for none."""

    python: str = ""
    interpreter: str = ""
    glibc: str = ""


def facts(root: Path, *, path: str, triplet: str) -> Facts:
    """Return what the image unpacked at ``root`` has.

    ``path`` is the image's PATH: its ``python3`` is the interpreter, or else the highest
    ``python3.N`` of the first directory that has any. ``triplet`` is Debian's for its platform.
    """
    python, interpreter = _interpreter(root, path or DEFAULT_PATH)
    return Facts(python=python, interpreter=interpreter, glibc=_glibc(root, triplet))


def _interpreter(root: Path, path: str) -> tuple[str, str]:
    for directory in path.split(":"):
        found = dict(_programs(root, directory))
        if not found:
            continue
        chosen = resolve(root, f"{directory}/python3")
        for version, name in found.items():
            if chosen is not None and chosen == resolve(root, name):
                return version, name
        version = max(found, key=lambda version: int(version.partition(".")[2]))
        return version, found[version]
    return "", ""


def _programs(root: Path, directory: str) -> Iterator[tuple[str, str]]:
    """Yield the versions of the interpreters in a directory of the image, and their paths."""
    directory = directory.rstrip("/")
    host = resolve(root, directory) if directory.startswith("/") else None
    if host is None or not os.path.isdir(host):
        return
    for name in sorted(os.listdir(host)):
        match = PROGRAM.fullmatch(name)
        program = resolve(root, f"{directory}/{name}") if match else None
        if match and program is not None and os.access(program, os.X_OK):
            # Python finds its library from where its program really is.
            real = program.removeprefix(str(root))
            yield match[1], real if real.endswith(f"/{name}") else f"{directory}/{name}"


def _glibc(root: Path, triplet: str) -> str:
    for directory in (f"/lib/{triplet}", f"/usr/lib/{triplet}", "/lib64", "/usr/lib64", "/lib"):
        found = resolve(root, f"{directory}/libc.so.6")
        if found is None:
            continue
        with open(found, "rb") as stream:
            # The library says its version when it is run; the words stand in it as they are.
            match = GLIBC.search(stream.read(LIBC_LIMIT))
        if match:
            return match[1].decode()
    return ""


def resolve(root: Path, path: str) -> str | None:
    """Return the host's path of a file or directory of the image, its links followed inside.

    None where the path leads nowhere, or to something that is neither.
    """
    base = str(root)
    trail: list[str] = []
    pending = path.split("/")[::-1]
    links = 0
    while pending:
        name = pending.pop()
        if name in {"", "."}:
            continue
        if name == "..":
            del trail[-1:]
            continue
        host = "/".join((base, *trail, name))
        try:
            mode = os.lstat(host).st_mode
        except OSError:
            return None
        if stat.S_ISLNK(mode):
            links += 1
            if links > LINK_LIMIT:
                return None
            target = os.readlink(host)
            if target.startswith("/"):
                trail.clear()
            pending += target.split("/")[::-1]
        elif stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and not any(pending)):
            trail.append(name)
        else:
            return None
    return "/".join((base, *trail))
