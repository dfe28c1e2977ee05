"""Programs of another architecture: whether the kernel runs them, and what to do when not.

The kernel hands a foreign program to an emulator that was registered with it (`binfmt_misc`,
Documentation/admin-guide/binfmt-misc.rst). In a root file system that does not hold the emulator
this works only for one that the kernel opened beforehand (flag F). Reading the registrations would
miss those made outside of a container we are in, so a tiny program is run; they only explain.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.dockerfile.lexing import logical_lines
from pipeline.engines.protocol import ImageContext
from pipeline.platforms import Target
from pipeline.sandbox.launch import launch
from pipeline.sandbox.spec import Overlay, Spec

if TYPE_CHECKING:
    from pipeline.engines.protocol import BuildRequest

REGISTRATIONS = Path("/proc/sys/fs/binfmt_misc")
MOUNT = f"mount -t binfmt_misc binfmt_misc {REGISTRATIONS}"
PACKAGE = "qemu-user-static"

_EXIT_0 = {
    # xor edi, edi; mov eax, 60; syscall
    "x86_64": (62, bytes.fromhex("31ff b83c000000 0f05")),
    # mov x0, 0; mov x8, 93; svc 0
    "aarch64": (183, bytes.fromhex("000080d2 a80b80d2 010000d4")),
}
_ADDRESS = 0x400000
_HEADERS = 64 + 56


def platforms(request: BuildRequest) -> frozenset[str]:
    """Return the platforms whose programs a build runs: those of the images it starts from.

    An image that is only mounted or copied from runs nothing, nor does a build without a RUN. The
    name after FROM may be a variable, which could mean any of the images.
    """
    lines = logical_lines(request.dockerfile)[1]
    if not any(line.name == "RUN" for line in lines):
        return frozenset()
    bases = {line.rest.split()[0] for line in lines if line.name == "FROM" and line.rest.split()}
    images = {n: each for n, each in request.contexts.items() if isinstance(each, ImageContext)}
    some = images if any("$" in base for base in bases) else images.keys() & bases
    return frozenset(images[name].platform for name in some)


def runs(platform: str, directory: Path) -> bool:
    """Whether programs of ``platform`` run in the sandbox; SandboxError where none does at all.

    ``directory`` is a place for a few files.
    """
    lower, upper, work = (directory / name for name in ("lower", "upper", "work"))
    for path in (lower, upper, work):
        path.mkdir(mode=0o700)
    program = lower / "program"
    program.write_bytes(_program(Target.of_platform(platform).machine))
    program.chmod(0o755)
    root = Overlay(target="/", lower=(str(lower),), upper=str(upper), work=str(work))
    return launch(Spec(root=root, argv=("/program",)), lambda _: None).status == 0


def why_not(platform: str, registrations: Path = REGISTRATIONS) -> tuple[str, str]:
    """Return why programs of ``platform`` do not run, in one sentence, and what helps."""
    what = f"programs for `{platform}` do not run on this machine"
    machine = Target.of_platform(platform).machine
    if not (registrations / "register").exists():
        return f"{what}: binfmt_misc is not mounted", f"install `{PACKAGE}`, and as root `{MOUNT}`"
    handlers = [each for each in os.listdir(registrations) if machine in each]
    if not handlers:
        reason = f"{what}: no emulator is registered"
        given = f"/usr/lib/binfmt.d/qemu-{machine}.conf"
        return reason, (
            f"install `{PACKAGE}`; without systemd also, as root, "
            f"`cat {given} > {registrations}/register`"
        )
    return (
        f"{what}: the emulator `{handlers[0]}` is off, or was registered without the flag F",
        f"enable it, or install `{PACKAGE}`, which registers it so that any root can use it",
    )


def _program(machine: str) -> bytes:
    """Return an ELF executable that ends well at once (elf(5))."""
    number, code = _EXIT_0[machine]
    size = _HEADERS + len(code)
    identity = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)
    entry = _ADDRESS + _HEADERS
    header = struct.pack("<HHIQQQIHHHHHH", 2, number, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _ADDRESS, _ADDRESS, size, size, 0x10000)
    return identity + header + segment + code
