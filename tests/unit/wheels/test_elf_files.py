"""ELF files are read as a loader reads them, and one made to confuse costs nothing."""

from __future__ import annotations

import io
import random
import struct
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.wheels.elf import Elf, ElfError, SymbolVersion, read_elf

if TYPE_CHECKING:
    from tests.unit.wheels.conftest import MakeElf


def read(data: bytes) -> Elf:
    return read_elf(io.BytesIO(data), len(data))


def test_needs_paths_and_versions_are_read_with_a_symbol(make_elf: MakeElf) -> None:
    found = read(
        make_elf(
            machine=183,
            needed=("libc.so.6", "libm.so.6"),
            rpath="/opt/lib:$ORIGIN",
            runpath="$ORIGIN/../x.libs",
            versions={
                "libc.so.6": {"GLIBC_2.17": "memcpy", "GLIBC_ABI_DT_RELR": ""},
                "libm.so.6": {"GLIBC_2.29": "pow"},
            },
        )
    )
    assert (found.machine, found.device) == ("aarch64", False)
    assert found.needed == ("libc.so.6", "libm.so.6")
    assert found.paths == ("/opt/lib", "$ORIGIN", "$ORIGIN/../x.libs")
    assert found.versions == (
        SymbolVersion(library="libc.so.6", version="GLIBC_2.17", symbol="memcpy"),
        SymbolVersion(library="libc.so.6", version="GLIBC_ABI_DT_RELR", symbol=""),
        SymbolVersion(library="libm.so.6", version="GLIBC_2.29", symbol="pow"),
    )
    assert [str(version) for version in found.versions[:2]] == [
        "memcpy@GLIBC_2.17",
        "GLIBC_ABI_DT_RELR",
    ]


def test_a_version_that_may_be_missing_is_not_needed(make_elf: MakeElf) -> None:
    versions = {"libc.so.6": {"GLIBC_2.40": "new", "GLIBC_2.2.5": "old"}}
    found = read(make_elf(versions=versions, weak=("GLIBC_2.40",)))
    assert [version.version for version in found.versions] == ["GLIBC_2.2.5"]


def test_a_processor_that_is_not_known_is_told_by_its_number(make_elf: MakeElf) -> None:
    assert read(make_elf(machine=4711)).machine == "machine 4711"
    assert read(make_elf(machine=190)) == Elf(machine="CUDA", device=True)


def test_the_running_interpreter_can_be_read() -> None:
    found = read(Path(sys.executable).read_bytes())
    assert found.machine == sysconfig.get_platform().removeprefix("linux-")
    assert any(version.library == "libc.so.6" and version.symbol for version in found.versions)


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        (4, b"\x07", "has no header that is understood"),
        (32, struct.pack("<Q", 1 << 62), "points beyond its end"),
        (54, struct.pack("<H", 8), "has program headers of 8 bytes"),
        (56, struct.pack("<H", 0xFFFF), "has 65535 program headers"),
        (64 + 56 + 32, struct.pack("<Q", 1 << 40), "has a dynamic section that is far too long"),
        (64 + 32, struct.pack("<Q", 8), "is not loaded from it"),
    ],
)
def test_what_makes_no_sense_is_refused(
    make_elf: MakeElf, place: int, value: bytes, sentence: str
) -> None:
    data = make_elf(needed=("libc.so.6",))
    with pytest.raises(ElfError, match=sentence):
        read(data[:place] + value + data[place + len(value) :])


def test_lists_that_never_end_are_left(make_elf: MakeElf) -> None:
    data = bytearray(make_elf(versions={"l": {"V_1": "a", "V_2": "b"}}))
    row = data.index(struct.pack("<IHHI", 0, 0, 2, 1)[:8])
    struct.pack_into("<H", data, row - 16 + 2, 0xFFFF)  # this many versions
    struct.pack_into("<I", data, row + 12, 1 << 31)  # the next one
    with pytest.raises(ElfError, match="points beyond its end"):
        read(bytes(data))


def test_a_table_with_too_many_versions_is_refused(make_elf: MakeElf) -> None:
    versions = {"l": {f"V_{number}": "" for number in range(5000)}}
    with pytest.raises(ElfError, match="more versions than any file"):
        read(make_elf(versions=versions))


def test_every_cut_is_refused_or_read(make_elf: MakeElf) -> None:
    data = make_elf(needed=("libc.so.6",), versions={"libc.so.6": {"GLIBC_2.17": "memcpy"}})
    for length in range(len(data)):
        with pytest.raises(ElfError):
            read(data[:length])


def real_files() -> list[Path]:
    """Return some ELF files that this process itself was made of."""
    found = {getattr(module, "__file__", None) or "" for module in [*sys.modules.values()]}
    modules = [Path(name) for name in found if name.endswith(".so")]
    small = sorted(path for path in modules if path.stat().st_size < 500_000)
    return [Path(sys.executable), *small[:5]]


def test_a_real_file_that_was_tampered_with_is_refused_or_read() -> None:
    chance = random.Random(4)  # noqa: S311 - chance need not be secret here
    refused = 0
    for file in real_files():
        data = file.read_bytes()
        read(data)
        (dynamic,) = struct.unpack_from("<Q", data, data.index(struct.pack("<II", 2, 6)) + 8)
        for _ in range(400):
            changed = bytearray(data)
            for _ in range(chance.choice((1, 2, 8))):
                start, size = chance.choice(((0, 600), (dynamic, 512), (0x200, 0x3000)))
                place = (start + chance.randrange(size)) % len(data)
                changed[place] = chance.choice((0, 1, 0x7F, 0xFF))
            try:
                read(bytes(changed))
            except ElfError:
                refused += 1
    assert refused
