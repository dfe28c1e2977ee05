"""Checks of what is in a wheel, file by file and as a whole; each returns its findings."""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING

from pipeline.wheels.archive import folded_name
from pipeline.wheels.binaries import check_binaries, check_extensions, is_extension, runs_elf
from pipeline.wheels.findings import finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipeline.wheels.findings import Finding
    from pipeline.wheels.names import WheelName
    from pipeline.wheels.seen import Seen

_STARTUP = (".pth", ".start")
_SITE_DIRECTORIES = ("purelib", "platlib")

STARTUP_LIMIT = 64 << 10
"""Bytes of a start-up file that are read to recognise it."""

_NAMES = r"'[\w.]+'"
_SITE = r"sys\._getframe\(1\)\.f_locals\['sitedir'\]"
_MODULE = (
    r"importlib\.util\.module_from_spec\(importlib\.machinery\.PathFinder\.find_spec"
    rf"\({_NAMES}, \[os\.path\.dirname\(p\)\]\)\)"
)
_UNLESS = r"(?:m or |not ie and (?:not pep420 and )?)"
_KNOWN_STATEMENTS = re.compile(
    "|".join(
        (
            r"import sys, types, os",
            r"has_mfs = sys\.version_info > \(3, 5\)",
            r"pep420 = sys\.version_info > \(3, 3\)",
            rf"p = os\.path\.join\({_SITE}, \*\({_NAMES},(?: {_NAMES},?)*\)\)",
            r"(?:importlib = )?(?:has_mfs and )?__import__\('importlib\.(?:util|machinery)'\)",
            rf"m = (?:has_mfs and )?sys\.modules\.setdefault\({_NAMES}, {_MODULE}\)",
            r"ie = os\.path\.exists\(os\.path\.join\(p, ?'__init__\.py'\)\)",
            rf"m = {_UNLESS}sys\.modules\.setdefault\({_NAMES}, ?types\.ModuleType\({_NAMES}\)\)",
            r"mp = \(m or \[\]\) and m\.__dict__\.setdefault\('__path__', ?\[\]\)",
            r"\(p not in mp\) and mp\.append\(p\)",
            rf"m and setattr\(sys\.modules\[{_NAMES}\], {_NAMES}, m\)",
        )
    )
)
"""What setuptools writes for a namespace package, statement by statement: a package's path is made
longer, and nothing else is imported or run."""

_SHIM_STATEMENTS = re.compile(
    r"import os|var = 'SETUPTOOLS_USE_DISTUTILS'"
    r"|enabled = os\.environ\.get\(var, '(?:stdlib|local)'\) == 'local'"
    r"|enabled and __import__\('_distutils_hack'\)\.add_shim\(\)"
)
"""How setuptools itself takes the place of `distutils`."""

LFS_POINTER = re.compile(
    rb"version https://(?:git-lfs\.github\.com/spec|hawser\.github\.com/spec)/v1\r?\n"
)
"""The first line of what Git LFS leaves where it fetched nothing (git-lfs, docs/spec.md); its
pre-release called itself hawser."""

LFS_SIZE = 1024
"""Bytes that a pointer has less than, by the same specification."""

_DEVICES = re.compile(r"con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]", re.IGNORECASE)
"""Names that mean a device in every directory, with any suffix ("Naming Files, Paths, and
Namespaces" of the Win32 documentation)."""

_WINDOWS_PATH_LIMIT = 260

SIZE_LIMIT = 100 << 20
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
    if seen.is_lfs:
        yield finding(
            "lfs-pointer", f"`{name}` is a pointer of Git LFS: its content was not fetched"
        )


def is_lfs_pointer(head: bytes) -> bool:
    """Whether a file is a pointer of Git LFS, going by its first `LFS_SIZE` bytes."""
    return len(head) < LFS_SIZE and LFS_POINTER.match(head) is not None


def startup_files(names: Sequence[str], data: str) -> tuple[str, ...]:
    """Return the files that Python's `site` runs at start-up (PEP 829)."""
    roots = {"", *(f"{data}/{directory}" for directory in _SITE_DIRECTORIES)}
    return tuple(n for n in names if n.endswith(_STARTUP) and n.rpartition("/")[0] in roots)


def check_startup(
    project: str, files: Mapping[str, bytes], allowed: frozenset[str]
) -> Iterator[Finding]:
    """Yield start-up files, given with their content, unless their name is allowed."""
    for name, content in files.items():
        if name.rpartition("/")[2] in allowed:
            continue
        rule = "known-pth" if _is_known(project, content) else "unexpected-pth"
        yield finding(rule, f"`{name}` would run whenever Python starts")


def _is_known(project: str, content: bytes) -> bool:
    known = _SHIM_STATEMENTS if project == "setuptools" else _KNOWN_STATEMENTS
    statements = [one.strip() for one in re.split(r"[;\n]", content.decode(errors="replace"))]
    return any(statements) and all(known.fullmatch(one) for one in statements if one)


def check_emptiness(names: Sequence[str], info: str) -> Iterator[Finding]:
    """Yield that a wheel holds nothing besides its ``.dist-info`` directory.

    A backend that finds no package says nothing of it.
    """
    if all(name.startswith(f"{info}/") for name in names):
        yield finding("installs-nothing", "the wheel holds no file besides its metadata")


def check_tags(name: WheelName, files: Sequence[Seen]) -> Iterator[Finding]:
    """Yield contradictions between the file name's tags and what the files are."""
    elves = [seen for seen in files if seen.is_elf]
    if not runs_elf(name):
        for seen in elves:
            if is_extension(seen.name):
                words = f"`{seen.name}` is an extension module in a wheel for `{name.platforms[0]}`"
                yield finding("elf-in-pure", words)
            else:
                words = f"`{seen.name}` is an ELF file in a wheel for `{name.platforms[0]}`"
                yield finding("elf-bundled", words)
    elif not elves and any("linux" in platform for platform in name.platforms):
        yield finding("platform-without-elf", f"no file is compiled for `{name.platforms[0]}`")
    yield from check_binaries(name, files)
    yield from check_extensions(name, files)


def check_windows(names: Sequence[str]) -> Iterator[Finding]:
    """Yield names that are another file, or none, once Windows unpacks them."""
    folded: dict[str, str] = {}
    for name in names:
        if reason := _no_windows_name(name):
            yield finding("windows-name", f"`{name}` {reason}")
        before = folded.setdefault(folded_name(name), name)
        if before != name:
            words = f"`{before}` and `{name}` are one file where case or Unicode's forms are folded"
            yield finding("windows-name", words)


def _no_windows_name(name: str) -> str:
    for part in name.split("/"):
        if _DEVICES.fullmatch(part.partition(".")[0].rstrip(" ")):
            return f"has the part `{part}`, which is a device on Windows"
        if part.endswith((".", " ")):
            return f"has the part `{part}`, whose end Windows drops"
        if found := re.search(r'[<>:"|?*\\]', part):
            return f"has the character `{found[0]}`, which no name on Windows may have"
        if not part.isprintable():
            return "has invisible characters"
    if len(name) > _WINDOWS_PATH_LIMIT:
        return f"has over {_WINDOWS_PATH_LIMIT} characters, more than Windows takes by default"
    return ""


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
