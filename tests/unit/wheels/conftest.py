"""Archives made with the standard library's writers, so that ours are not tested by themselves."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import tarfile
import zipfile
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

METADATA = "Metadata-Version: 2.1\nName: Some.Thing\nVersion: 1.0\nSummary: A thing\n\nWords.\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test (1)\nRoot-Is-Purelib: {purelib}\n{tags}"


class MakeWheel(Protocol):
    """Writes a wheel whose RECORD is right unless ``record`` is given."""

    def __call__(
        self,
        files: Mapping[str, bytes | str],
        *,
        name: str = ...,
        tags: tuple[str, ...] = ...,
        purelib: str = ...,
        record: str | None = ...,
        modes: Mapping[str, int] = ...,
        reverse: bool = ...,
        stem: str = ...,
    ) -> Path: ...


class MakeSdist(Protocol):
    """Writes an sdist of tar headers and their content."""

    def __call__(self, *members: tuple[tarfile.TarInfo, bytes], name: str = ...) -> Path: ...


class MakeElf(Protocol):
    """Writes a shared object that has no sections: what a loader reads, and nothing else.

    ``versions`` gives for each library its versions, and for each the symbol that wants it.
    """

    def __call__(
        self,
        *,
        machine: int = ...,
        needed: tuple[str, ...] = ...,
        rpath: str = ...,
        runpath: str = ...,
        versions: Mapping[str, Mapping[str, str]] | None = ...,
        weak: tuple[str, ...] = ...,
        text: bytes = ...,
    ) -> bytes: ...


ADDRESS = 0x10000


@pytest.fixture
def make_elf() -> MakeElf:
    """Return a writer of ELF files of 64 bits, least byte first."""

    def make(
        *,
        machine: int = 62,
        needed: tuple[str, ...] = (),
        rpath: str = "",
        runpath: str = "",
        versions: Mapping[str, Mapping[str, str]] | None = None,
        weak: tuple[str, ...] = (),
        text: bytes = b"",
    ) -> bytes:
        strings = bytearray(b"\0")

        def string(word: str) -> int:
            strings.extend(word.encode() + b"\0")
            return len(strings) - len(word) - 1

        verneed, symbols = _versions(versions or {}, weak, string)
        entries = [(1, string(name)) for name in needed]
        entries += [(15, string(rpath))] if rpath else []
        entries += [(29, string(runpath))] if runpath else []
        parts = {
            5: bytes(strings),
            6: bytes(24)
            + b"".join(struct.pack("<IBBHQQ", s, 0x12, 0, 0, 0, 0) for s, _ in symbols),
            4: struct.pack("<II", 1, len(symbols) + 1),
            0x6FFFFFF0: struct.pack(f"<{len(symbols) + 1}H", 0, *(index for _, index in symbols)),
            **({0x6FFFFFFE: verneed, 0x6FFFFFFF: b""} if verneed else {}),
        }
        body, entries = b"", [*entries, (10, len(strings))]
        for tag, data in parts.items():
            value = len(versions or {}) if tag == 0x6FFFFFFF else ADDRESS + 176 + len(body)
            entries.append((tag, value))
            body += data
        dynamic = b"".join(struct.pack("<qQ", *entry) for entry in (*entries, (0, 0)))
        return _joined(machine, body, dynamic, text)

    return make


def _versions(
    versions: Mapping[str, Mapping[str, str]], weak: tuple[str, ...], string: Callable[[str], int]
) -> tuple[bytes, list[tuple[int, int]]]:
    """Return the table of wanted versions, and each symbol with the index of its version."""
    table, symbols, index = b"", [], 2
    for number, (library, wanted) in enumerate(versions.items(), 1):
        rows = b""
        for position, (version, symbol) in enumerate(wanted.items(), 1):
            step = 16 if position < len(wanted) else 0
            flags = 2 if version in weak else 0
            rows += struct.pack("<IHHII", 0, flags, index, string(version), step)
            symbols += [(string(symbol), index)] if symbol else []
            index += 1
        step = 16 + len(rows) if number < len(versions) else 0
        table += struct.pack("<HHIII", 1, len(wanted), string(library), 16, step) + rows
    return table, symbols


def _joined(machine: int, body: bytes, dynamic: bytes, text: bytes) -> bytes:
    size = 176 + len(body) + len(dynamic) + len(text)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, ADDRESS, ADDRESS, size, size, 0x1000)
    place = 176 + len(body)
    rest = (place, ADDRESS + place, ADDRESS + place, len(dynamic), len(dynamic), 8)
    return ident + header + load + struct.pack("<IIQQQQQQ", 2, 6, *rest) + body + dynamic + text


@pytest.fixture
def make_wheel(tmp_path: Path) -> MakeWheel:
    """Return a writer of wheels of ``some_thing`` 1.0, each into a directory of its own."""

    def make(
        files: Mapping[str, bytes | str],
        *,
        name: str = "some_thing-1.0-py3-none-any.whl",
        tags: tuple[str, ...] = ("py3-none-any",),
        purelib: str = "true",
        record: str | None = None,
        modes: Mapping[str, int] | None = None,
        reverse: bool = False,
        stem: str = "some_thing-1.0",
    ) -> Path:
        info = f"{stem}.dist-info"
        lines = "".join(f"Tag: {tag}\n" for tag in tags)
        contents: dict[str, bytes | str] = {
            f"{info}/METADATA": METADATA,
            f"{info}/WHEEL": WHEEL.format(purelib=purelib, tags=lines),
            **files,
        }
        contents[f"{info}/RECORD"] = record_of(contents, info) if record is None else record
        path = fresh(tmp_path) / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member in sorted(contents, reverse=reverse):
                entry = zipfile.ZipInfo(member, (2024, 5, 6, 7, 8, 10))
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = ((modes or {}).get(member, 0o100644)) << 16
                archive.writestr(entry, contents[member])
        return path

    return make


@pytest.fixture
def make_sdist(tmp_path: Path) -> MakeSdist:
    """Return a writer of sdists, each into a directory of its own."""

    def make(*members: tuple[tarfile.TarInfo, bytes], name: str = "some_thing-1.0.tar.gz") -> Path:
        path = fresh(tmp_path) / name
        with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
            for member, content in members:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return path

    return make


def record_of(contents: Mapping[str, bytes | str], info: str) -> str:
    """Return a right RECORD, written plainly."""
    lines = []
    for name, content in contents.items():
        data = content.encode() if isinstance(content, str) else content
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    return "".join([*lines, f"{info}/RECORD,,\n"])


def fresh(tmp_path: Path) -> Path:
    """Return a new directory, so that two files may have one name."""
    directory = tmp_path / f"made{len(list(tmp_path.iterdir()))}"
    directory.mkdir()
    return directory
