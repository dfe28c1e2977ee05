from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.inside.elf import Use, exports, offered, read

if TYPE_CHECKING:
    from collections.abc import Callable


def test_needs_and_versions_are_read_with_their_symbols(elf: Callable[..., bytes]) -> None:
    data = elf(
        "aarch64",
        needed=("libc.so.6", "libm.so.6"),
        uses={
            "libc.so.6": {"GLIBC_2.34": ("stat", "lstat"), "GLIBC_ABI_DT_RELR": ()},
            "libm.so.6": {"GLIBC_2.29": ("pow",)},
        },
        defines=("PyInit_x",),
    )
    found = read("x.so", io.BytesIO(data))
    assert (found.name, found.machine) == ("x.so", "aarch64")
    assert found.needed == ("libc.so.6", "libm.so.6")
    assert found.uses == (
        Use(library="libc.so.6", version="GLIBC_2.34", symbols=("lstat", "stat")),
        Use(library="libc.so.6", version="GLIBC_ABI_DT_RELR", symbols=()),
        Use(library="libm.so.6", version="GLIBC_2.29", symbols=("pow",)),
    )


def test_a_file_without_versions_uses_none(elf: Callable[..., bytes]) -> None:
    assert read("x.so", io.BytesIO(elf(needed=("libc.so",)))).uses == ()


def test_symbols_without_a_version_are_loose(elf: Callable[..., bytes]) -> None:
    data = elf(wants=("later",), uses={"libc.so.6": {"GLIBC_2.9": ("early",)}}, defines=("own",))
    assert read("x.so", io.BytesIO(data)).loose == ("later",)


def test_the_c_library_of_this_machine_offers_symbols_in_versions() -> None:
    path = next((line.split()[-1] for line in maps() if "/libc.so.6" in line), None)
    if path is None:
        pytest.skip("this Python does not run on glibc")
    with Path(path).open("rb") as stream:
        found = offered(stream)
    assert all(version.startswith("GLIBC_") for version in found["getpid"])


def maps() -> list[str]:
    return Path("/proc/self/maps").read_text().splitlines()


def test_what_is_defined_is_told_from_what_is_wanted(elf: Callable[..., bytes]) -> None:
    wants = elf(uses={"libpython3.so": {"PY_3": ("PyInit_other",)}})
    assert not exports(io.BytesIO(wants), "PyInit_")
    assert exports(io.BytesIO(elf(defines=("PyInit_own",))), "PyInit_")
