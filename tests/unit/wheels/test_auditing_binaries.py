"""What is compiled in a wheel is held against what its tags promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.wheels import contents, scan
from pipeline.wheels.audit import audit
from pipeline.wheels.elf import SymbolVersion
from pipeline.wheels.findings import MOST

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.wheels.conftest import MakeElf, MakeWheel

SO = "pkg/a.cpython-311-x86_64-linux-gnu.so"
AARCH64 = 183


def told(
    make: MakeWheel,
    files: dict[str, bytes | str],
    platform: str = "linux_x86_64",
    python: str = "cp311-cp311",
) -> list[tuple[str, str]]:
    """Return rule and message of what is found in a wheel for a platform."""
    found = audit(wheel(make, files, platform, python)).findings
    return [(each.rule, each.message) for each in found]


def wheel(
    make: MakeWheel, files: dict[str, bytes | str], platform: str, python: str = "cp311-cp311"
) -> Path:
    tags = tuple(f"{python}-{each}" for each in platform.split("."))
    name = f"some_thing-1.0-{python}-{platform}.whl"
    return make(files, name=name, tags=tags, purelib="false")


def test_a_prebuilt_program_for_the_other_machine_is_found(
    make_wheel: MakeWheel, make_elf: MakeElf
) -> None:
    assert told(make_wheel, {"pkg/tool": make_elf(machine=AARCH64)}, python="py3-none") == [
        ("elf-architecture", "`pkg/tool` is for aarch64, the wheel for `linux_x86_64`")
    ]
    assert told(make_wheel, {"pkg/tool": make_elf(machine=4711)}, python="py3-none") == [
        ("elf-architecture", "`pkg/tool` is for machine 4711, the wheel for `linux_x86_64`")
    ]


def test_code_for_a_device_may_be_beside_it(make_wheel: MakeWheel, make_elf: MakeElf) -> None:
    files: dict[str, bytes | str] = {SO: make_elf(), "pkg/kernel.cubin": make_elf(machine=190)}
    assert told(make_wheel, files) == []


@pytest.mark.parametrize(
    ("platform", "version", "is_found"),
    [
        ("manylinux_2_17_x86_64", "GLIBC_2.17", False),
        ("manylinux_2_17_x86_64", "GLIBC_2.2.5", False),
        ("manylinux_2_17_x86_64", "GLIBC_2.17.1", True),
        ("manylinux_2_17_x86_64", "GLIBC_2.28", True),
        ("manylinux2014_x86_64.manylinux_2_28_x86_64", "GLIBC_2.28", True),
        ("manylinux_2_5_x86_64", "GLIBC_2.14", True),
        ("manylinux_2_35_x86_64", "GLIBC_ABI_DT_RELR", True),
        ("manylinux_2_36_x86_64", "GLIBC_ABI_DT_RELR", False),
        ("manylinux_2_40_x86_64", "GLIBC_PRIVATE", True),
        ("manylinux_2_17_x86_64", "GLIBCXX_3.4.30", False),
        ("linux_x86_64", "GLIBC_2.28", False),
    ],
)
def test_symbols_newer_than_the_tag_promises_are_found(
    make_wheel: MakeWheel, make_elf: MakeElf, platform: str, version: str, *, is_found: bool
) -> None:
    elf = make_elf(versions={"libm.so.6": {"GLIBC_2.2.5": "", version: "pow"}})
    found = told(make_wheel, {SO: elf}, platform)
    tag = platform.partition(".")[0]
    words = f"`{SO}` needs `pow@{version}` of `libm.so.6`, newer than `{tag}` promises"
    assert found == ([("glibc-too-new", words)] if is_found else [])


def test_the_glibc_a_wheel_needs_is_told(make_wheel: MakeWheel, make_elf: MakeElf) -> None:
    files: dict[str, bytes | str] = {
        SO: make_elf(versions={"libc.so.6": {"GLIBC_2.4": "a"}}),
        "pkg/tool": make_elf(versions={"libc.so.6": {"GLIBC_2.34": "b", "GLIBC_2.2.5": "c"}}),
    }
    assert audit(wheel(make_wheel, files, "linux_x86_64")).glibc == "2.34"
    assert audit(wheel(make_wheel, {"pkg/tool": make_elf()}, "linux_x86_64")).glibc == ""


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("$ORIGIN", ""),
        ("$ORIGIN/../some_thing.libs", ""),
        ("${ORIGIN}/../nvidia/cu13/lib", ""),
        ("$ORIGIN/../../lib", "rpath-outside"),
        ("/usr/lib/openmpi", "rpath-outside"),
        ("/src/build/lib", "rpath-unsafe"),
        ("/tmp", "rpath-unsafe"),  # noqa: S108 - the very thing that is looked for
        ("build/lib", "rpath-unsafe"),
        ("$ORIGIN::$ORIGIN/sub", "rpath-unsafe"),
    ],
)
def test_libraries_are_looked_for_in_the_wheel_only(
    make_wheel: MakeWheel, make_elf: MakeElf, path: str, rule: str
) -> None:
    for elf in (make_elf(rpath=path), make_elf(runpath=path)):
        found = [each for each, _ in told(make_wheel, {SO: elf})]
        assert [each for each in found if each.startswith("rpath")] == ([rule] if rule else [])


def test_files_for_other_directories_have_no_neighbours(
    make_wheel: MakeWheel, make_elf: MakeElf
) -> None:
    elf = make_elf(runpath="$ORIGIN/../lib")
    for place, rules in (("platlib/pkg", []), ("scripts", ["rpath-outside"])):
        files: dict[str, bytes | str] = {f"some_thing-1.0.data/{place}/tool": elf}
        assert [rule for rule, _ in told(make_wheel, files, python="py3-none")] == rules


@pytest.mark.parametrize(
    ("needed", "platform", "is_found"),
    [
        ("libc.so.6", "manylinux_2_17_x86_64", False),
        ("libc.so.6", "musllinux_1_2_x86_64", True),
        ("libc.musl-x86_64.so.1", "musllinux_1_2_x86_64", False),
        ("libc.musl-x86_64.so.1", "manylinux_2_17_x86_64", True),
        ("libc.musl-x86_64.so.1", "linux_x86_64", False),
    ],
)
def test_a_file_for_another_c_library_is_found(
    make_wheel: MakeWheel, make_elf: MakeElf, needed: str, platform: str, *, is_found: bool
) -> None:
    found = told(make_wheel, {"pkg/a.so": make_elf(needed=(needed,))}, platform)
    assert [rule for rule, _ in found] == (["wrong-libc"] if is_found else [])


@pytest.mark.parametrize(
    ("name", "python", "is_found"),
    [
        ("a.cpython-311-x86_64-linux-gnu.so", "cp311-cp311", False),
        ("a.abi3.so", "cp311-abi3", False),
        ("a.so", "cp311-abi3", False),
        ("a.cpython-311-x86_64-linux-gnu.so", "cp311-abi3", True),
        ("a.cpython-313t-x86_64-linux-gnu.so", "cp313-cp313", True),
        ("a.cpython-313t-x86_64-linux-gnu.so", "cp313-cp313t", False),
        ("a.cpython-311-x86_64-linux-gnu.so", "py3-none", True),
        ("a.cpython-311-aarch64-linux-gnu.so", "cp311-cp311", True),
    ],
)
def test_extensions_are_named_for_the_interpreters_of_the_tags(
    make_wheel: MakeWheel, make_elf: MakeElf, name: str, python: str, *, is_found: bool
) -> None:
    found = told(make_wheel, {name: make_elf()}, python=python)
    assert [rule for rule, _ in found] == (["soabi-mismatch"] if is_found else [])


def test_an_extension_named_for_musl_is_not_for_manylinux(
    make_wheel: MakeWheel, make_elf: MakeElf
) -> None:
    files: dict[str, bytes | str] = {"a.cpython-311-x86_64-linux-musl.so": make_elf()}
    assert told(make_wheel, files, "musllinux_1_2_x86_64") == []
    assert [rule for rule, _ in told(make_wheel, files, "manylinux_2_17_x86_64")] == [
        "soabi-mismatch"
    ]


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        (b"\0/sysroot/usr/include/stdio.h\0", True),
        (b"\0/built/a.c\0", True),
        (b"\0/tmp/ccAbCdEf.o\0", True),
        (b"\0/tmp/build-1/a.c\0", True),
        (b"\0/tmp/program.lock\0", False),
        (b"\0/usr/share/sysroot/a\0", False),
    ],
)
def test_paths_of_the_build_are_found_in_programs(
    make_wheel: MakeWheel, make_elf: MakeElf, text: bytes, *, is_found: bool
) -> None:
    found = told(make_wheel, {SO: make_elf(text=text)})
    assert [rule for rule, _ in found] == (["absolute-build-path"] if is_found else [])
    assert told(make_wheel, {SO: make_elf(), "notes.txt": text}) == []


def test_what_cannot_be_read_is_said(make_wheel: MakeWheel, make_elf: MakeElf) -> None:
    cut = make_elf(needed=("libc.so.6",))[:300]
    assert told(make_wheel, {SO: cut}) == [
        ("elf-malformed", f"`{SO}` is an ELF file that points beyond its end")
    ]


def test_a_program_larger_than_memory_bears_is_read_all_the_same(
    make_wheel: MakeWheel, make_elf: MakeElf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "IN_MEMORY", 100)
    elf = make_elf(versions={"libc.so.6": {"GLIBC_2.34": "a"}}, text=bytes(1 << 16))
    assert audit(wheel(make_wheel, {SO: elf}, "linux_x86_64")).glibc == "2.34"


def test_size_is_a_warning_here(
    make_wheel: MakeWheel, monkeypatch: pytest.MonkeyPatch, make_elf: MakeElf
) -> None:
    monkeypatch.setattr(contents, "SIZE_LIMIT", 1000)
    path = wheel(make_wheel, {SO: make_elf()}, "linux_x86_64")
    (found,) = audit(path).findings
    assert (found.level, found.rule) == ("warning", "size-limit")
    assert f"{path.stat().st_size:,} bytes" in found.message


def test_many_findings_of_one_rule_are_counted(make_wheel: MakeWheel) -> None:
    files: dict[str, bytes | str] = {f"a{number:02}.pyc": b"x" for number in range(MOST + 5)}
    found = audit(make_wheel(files)).findings
    assert len(found) == MOST + 1
    assert found[-1].message == "and 5 more"


def test_a_version_reads_as_tools_write_it() -> None:
    assert str(SymbolVersion(library="l", version="V_1", symbol="f")) == "f@V_1"
