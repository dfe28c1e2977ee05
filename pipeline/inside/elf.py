"""What an ELF file says of itself that a platform tag depends on.

Source: the ELF specification, and "Symbol Versioning" of the Linux Standard Base for the sections
``.gnu.version`` and ``.gnu.version_r``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elftools.elf.elffile import ELFFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import IO

MAGIC = b"\x7fELF"
MACHINES = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}
HIDDEN = 0x8000
"""The bit of an entry in ``.gnu.version`` that is no part of the index."""
PLAIN = 1
"""The last index that stands for no version."""


@dataclass(frozen=True, kw_only=True)
class Use:
    """A version that a file wants of a library, and the symbols that it wants in it."""

    library: str
    version: str
    symbols: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Elf:
    """An ELF file: ``name`` is for the reader, ``machine`` as in platform tags where known.

    ``loose`` are the symbols it cannot do without, for which its linker found no version.
    """

    name: str
    machine: str
    needed: tuple[str, ...]
    uses: tuple[Use, ...]
    loose: tuple[str, ...] = ()


def read(name: str, stream: IO[bytes]) -> Elf:
    """Return what an open file says; ELFError of pyelftools where it is damaged."""
    elf = ELFFile(stream)
    machine, wanted = str(elf["e_machine"]), _wanted(elf)
    return Elf(
        name=name,
        machine=MACHINES.get(machine, machine.removeprefix("EM_")),
        needed=tuple(_needed(elf)),
        uses=tuple(_uses(elf, wanted)),
        loose=tuple(sorted(wanted.get(PLAIN, ()))),
    )


def exports(stream: IO[bytes], beginning: str) -> bool:
    """Whether an open ELF file defines a symbol for others with that beginning."""
    table: Any = ELFFile(stream).get_section_by_name(".dynsym")
    return table is not None and any(
        symbol.name.startswith(beginning) and symbol["st_shndx"] != "SHN_UNDEF"
        for symbol in table.iter_symbols()
    )


def _needed(elf: Any) -> Iterator[str]:  # noqa: ANN401 - pyelftools may be too old for types
    for segment in elf.iter_segments("PT_DYNAMIC"):
        for tag in segment.iter_tags("DT_NEEDED"):
            yield str(tag.needed)


def _uses(elf: Any, symbols: Mapping[int, list[str]]) -> Iterator[Use]:  # noqa: ANN401 - as above
    wanted = elf.get_section_by_name(".gnu.version_r")
    if wanted is None:
        return
    for library, versions in wanted.iter_versions():
        for version in versions:
            yield Use(
                library=str(library.name),
                version=str(version.name),
                symbols=tuple(sorted(symbols.get(version["vna_other"], ()))),
            )


def _wanted(elf: Any) -> dict[int, list[str]]:  # noqa: ANN401 - as above
    """Return the undefined symbols by the index of their version, those without below PLAIN."""
    found: dict[int, list[str]] = {}
    for index, symbol in _symbols(elf):
        if symbol["st_shndx"] == "SHN_UNDEF" and symbol.name:
            if index > PLAIN:
                found.setdefault(index, []).append(str(symbol.name))
            elif symbol["st_info"]["bind"] == "STB_GLOBAL":  # a weak one may be missing
                found.setdefault(PLAIN, []).append(str(symbol.name))
    return found


def offered(stream: IO[bytes]) -> dict[str, tuple[str, ...]]:
    """Return the versions in which an open library defines each symbol; not those without."""
    elf = ELFFile(stream)
    defined: Any = elf.get_section_by_name(".gnu.version_d")
    if defined is None:
        return {}
    names = {version["vd_ndx"]: str(next(own).name) for version, own in defined.iter_versions()}
    found: dict[str, tuple[str, ...]] = {}
    for index, symbol in _symbols(elf):
        if index > PLAIN and index in names and symbol["st_shndx"] != "SHN_UNDEF":
            found[symbol.name] = (*found.get(symbol.name, ()), names[index])
    return found


def _symbols(elf: Any) -> Iterator[tuple[int, Any]]:  # noqa: ANN401 - as above
    """Yield the symbols for others, each after the index of its version."""
    versions, table = (elf.get_section_by_name(name) for name in (".gnu.version", ".dynsym"))
    if table is None:
        return
    data = versions.data() if versions else b""
    order = "<" if elf.little_endian else ">"
    indexes = struct.unpack(f"{order}{len(data) // 2}H", data) or [PLAIN] * table.num_symbols()
    for index, symbol in zip(indexes, table.iter_symbols(), strict=False):
        yield index & ~HIDDEN, symbol
