"""Checks of the compiled files in a wheel against what its tags promise."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from pipeline.wheels.findings import finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.wheels.elf import SymbolVersion
    from pipeline.wheels.findings import Finding
    from pipeline.wheels.names import WheelName
    from pipeline.wheels.seen import Seen

Glibc = tuple[int, ...]

_EXTENSION = re.compile(r"\.cpython-(?P<soabi>(?P<digits>\d+)[a-z]*)(-(?P<host>[^/.]+))?\.so$")
_STABLE = ".abi3.so"
_MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_\w+")
_OLD_NAMES = {"manylinux1_": (2, 5), "manylinux2010_": (2, 12), "manylinux2014_": (2, 17)}
_HOST_LIBC = {"gnu": "manylinux", "musl": "musllinux"}

_ALSO_CALLED = {
    "aarch64": ("_arm64_v8a",),
    "armv7l": ("_armv6l", "_armeabi_v7a"),
    "i686": ("_x86",),
}
"""Further names of processors in tags: those of Android (PEP 738), and of an older ARM."""

_NAMED_VERSIONS: dict[str, Glibc] = {"GLIBC_ABI_DT_RELR": (2, 36)}
"""Versions of glibc's that have no number, and the release that brought them."""

_PROMISES_NOTHING: Glibc = (99,)
"""For ``GLIBC_PRIVATE`` and what we do not know: good for one build of glibc, so for no floor."""

_SCRATCH = re.compile(
    r"/(src|env|out|built|finished|inside|cross|sysroot|toolchain|tmp|var/tmp|dev/shm)(/|$)"
)
"""Where anyone may put a library, or where nothing is but during a build."""


def glibc_of(version: SymbolVersion) -> Glibc:
    """Return the release of glibc that has a version, empty for that of another library."""
    if not version.version.startswith("GLIBC_"):
        return ()
    if version.version in _NAMED_VERSIONS:
        return _NAMED_VERSIONS[version.version]
    number = version.version.removeprefix("GLIBC_")
    if not re.fullmatch(r"\d{1,4}(\.\d{1,4}){1,3}", number):
        return _PROMISES_NOTHING
    return tuple(int(part) for part in number.split("."))


def highest(versions: Sequence[SymbolVersion]) -> SymbolVersion | None:
    """Return what needs the newest glibc, None when nothing needs one."""
    found = max(versions, key=glibc_of, default=None)
    return found if found is not None and glibc_of(found) else None


def glibc_needed(files: Sequence[Seen]) -> str:
    """Return the version of glibc that a wheel's files need, such as ``2.17``, or nothing."""
    found = highest([version for seen in files if seen.elf for version in seen.elf.versions])
    if found is None:
        return ""
    number = glibc_of(found)
    return found.version if number == _PROMISES_NOTHING else ".".join(map(str, number))


def is_extension(file: str) -> bool:
    """Whether a file is named as only an extension module of CPython is."""
    return file.endswith(_STABLE) or _EXTENSION.search(file) is not None


def runs_elf(name: WheelName) -> bool:
    """Whether a wheel is for platforms whose programs are ELF files; elsewhere they are data."""
    return any("linux" in platform or "android" in platform for platform in name.platforms)


def check_binaries(name: WheelName, files: Sequence[Seen]) -> Iterator[Finding]:
    """Yield what is wrong with the compiled files of a wheel for one platform."""
    if not runs_elf(name):
        return
    floor = glibc_floor(name.platforms)
    for seen in files:
        if seen.fault:
            yield finding("elf-malformed", f"`{seen.name}` is an ELF file that {seen.fault}")
        if seen.elf is None or seen.elf.device:
            continue
        yield from _check_machine(name, seen)
        yield from _check_libc(name, seen)
        yield from _check_paths(name, seen)
        if floor is not None:
            yield from _check_glibc(seen, *floor)


def glibc_floor(platforms: Sequence[str]) -> tuple[str, Glibc] | None:
    """Return the tag that promises to run with the oldest glibc, and that; None without one."""
    found: list[tuple[Glibc, str]] = []
    for platform in platforms:
        if match := _MANYLINUX.fullmatch(platform):
            found.append(((int(match[1]), int(match[2])), platform))
        found += [(old, platform) for name, old in _OLD_NAMES.items() if platform.startswith(name)]
    if not found:
        return None
    glibc, platform = min(found)
    return platform, glibc


def _check_machine(name: WheelName, seen: Seen) -> Iterator[Finding]:
    machine = seen.elf.machine if seen.elf else ""
    called = (f"_{machine}", *_ALSO_CALLED.get(machine, ()))
    if not any(platform.endswith(called) for platform in name.platforms):
        words = f"`{seen.name}` is for {machine}, the wheel for `{name.platforms[0]}`"
        yield finding("elf-architecture", words)


def _check_glibc(seen: Seen, platform: str, floor: Glibc) -> Iterator[Finding]:
    """Yield the newest version that a file needs when it is newer than promised."""
    worst = highest(seen.elf.versions if seen.elf else ())
    if worst is not None and glibc_of(worst) > floor:
        words = f"`{seen.name}` needs `{worst}` of `{worst.library}`"
        yield finding("glibc-too-new", f"{words}, newer than `{platform}` promises")


def _check_libc(name: WheelName, seen: Seen) -> Iterator[Finding]:
    """Yield a finding for a file that needs the C library that the tag does not speak of."""
    for needed in seen.elf.needed if seen.elf else ():
        is_musl = needed.startswith("libc.musl-")
        tag = "manylinux" if is_musl else "musllinux" if needed == "libc.so.6" else ""
        if tag and any(platform.startswith(tag) for platform in name.platforms):
            words = f"`{seen.name}` needs `{needed}`, the wheel is for `{name.platforms[0]}`"
            yield finding("wrong-libc", words)


def _check_paths(name: WheelName, seen: Seen) -> Iterator[Finding]:
    """Yield the search paths that lead where the wheel has no say.

    An entry that is empty or relative means the working directory of whoever starts Python.
    """
    for entry in dict.fromkeys(seen.elf.paths if seen.elf else ()):
        if entry.startswith("/"):
            rule = "rpath-unsafe" if _SCRATCH.match(entry) else "rpath-outside"
            yield finding(rule, f"`{seen.name}` looks for libraries in `{entry}`")
        elif not re.match(r"\$ORIGIN|\$\{ORIGIN\}", entry):
            words = f"`{seen.name}` looks for libraries in `{entry}`, below the working directory"
            yield finding("rpath-unsafe", words)
        elif _leaves(seen.name, name, entry):
            words = f"`{seen.name}` looks for libraries in `{entry}`, outside of site-packages"
            yield finding("rpath-outside", words)


def _leaves(file: str, name: WheelName, entry: str) -> bool:
    """Whether an entry with ``$ORIGIN`` leads out of where the wheel's files are installed."""
    directory = posixpath.dirname(file)
    for root in ("platlib", "purelib"):
        if f"{directory}/".startswith(f"{name.data}/{root}/"):
            directory = directory.removeprefix(f"{name.data}/{root}").removeprefix("/")
    if directory.startswith(f"{name.data}/"):
        directory = ""  # scripts and data go elsewhere, in directories that others fill too
    rest = re.sub(r"^\$(ORIGIN|\{ORIGIN\})/?", "", entry)
    return posixpath.normpath(posixpath.join(directory, rest)).split("/")[0] == ".."


def check_extensions(name: WheelName, files: Sequence[Seen]) -> Iterator[Finding]:
    """Yield extension modules that the interpreters of the tags do not load."""
    for seen in files:
        match = _EXTENSION.search(seen.name)
        if not match:
            continue
        if f"cp{match['digits']}" not in name.pythons or not {
            f"cp{match['soabi']}",
            "none",
        } & {*name.abis}:
            tags = "-".join((".".join(name.pythons), ".".join(name.abis)))
            yield finding("soabi-mismatch", f"`{seen.name}` does not load in `{tags}`")
        yield from _check_host(name, seen, match["host"] or "")


def _check_host(name: WheelName, seen: Seen, host: str) -> Iterator[Finding]:
    """Yield a finding when an extension's own name speaks of another platform than the wheel's."""
    machine, _, libc = host.partition("-linux-")
    tag = _HOST_LIBC.get(libc)
    if tag is None or machine not in {"x86_64", "aarch64"}:
        return
    for platform in name.platforms:
        others = {*_HOST_LIBC.values()} - {tag}
        if platform.startswith(tuple(others)) or not platform.endswith(f"_{machine}"):
            words = f"`{seen.name}` is named for `{host}`, the wheel for `{platform}`"
            yield finding("soabi-mismatch", words)
