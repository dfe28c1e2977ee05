"""Write the programs in ``bin/``: static ELF files that print their machine's name.

They stand for what another build made: a Go or Rust program, a vendor's library. Each is a header,
two program headers and some instructions, so no compiler is needed to make or to check them.
"""

from __future__ import annotations

import struct
from pathlib import Path

ADDRESS = 0x400000
HEADERS = 64 + 2 * 56


def x86_64(text: bytes) -> bytes:
    """Return instructions for write(1, text), exit(0), and the text."""
    code = (
        b"\xb8\x01\x00\x00\x00",  # mov eax, 1 (write)
        b"\xbf\x01\x00\x00\x00",  # mov edi, 1
        b"\x48\x8d\x35\x10\x00\x00\x00",  # lea rsi, [rip + 16]
        b"\xba" + struct.pack("<I", len(text)),  # mov edx, length
        b"\x0f\x05",  # syscall
        b"\xb8\x3c\x00\x00\x00",  # mov eax, 60 (exit)
        b"\x31\xff",  # xor edi, edi
        b"\x0f\x05",  # syscall
    )
    return b"".join(code) + text


def aarch64(text: bytes) -> bytes:
    """Return the same for the other machine."""
    words = (
        0xD2800020,  # mov x0, 1
        0x100000E1,  # adr x1, 28 bytes on
        0xD2800002 | len(text) << 5,  # mov x2, length
        0xD2800808,  # mov x8, 64 (write)
        0xD4000001,  # svc 0
        0xD2800000,  # mov x0, 0
        0xD2800BA8,  # mov x8, 93 (exit)
        0xD4000001,  # svc 0
    )
    return struct.pack("<8I", *words) + text


def elf(number: int, body: bytes) -> bytes:
    """Return an executable for the machine ``number`` whose code comes after the headers."""
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    rest = (2, number, 1, ADDRESS + HEADERS, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    size = HEADERS + len(body)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, ADDRESS, ADDRESS, size, size, 0x10000)
    stack = struct.pack("<IIQQQQQQ", 0x6474E551, 6, 0, 0, 0, 0, 0, 16)
    return ident + struct.pack("<HHIQQQIHHHHHH", *rest) + load + stack + body


PROGRAMS = {
    "machine.x86_64": elf(62, x86_64(b"x86_64\n")),
    "machine.aarch64": elf(183, aarch64(b"aarch64\n")),
}


def main() -> None:
    """Write them where they are committed."""
    directory = Path(__file__).parent.parent / "bin"
    for name, content in PROGRAMS.items():
        (directory / name).write_bytes(content)
        (directory / name).chmod(0o755)


if __name__ == "__main__":
    main()
