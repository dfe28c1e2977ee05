from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.inside.elf import Elf, Use
from pipeline.inside.repair_checks import (
    Graft,
    Wanted,
    elves_of,
    note_unused,
    opened,
    refuse_missing,
    refuse_strangers,
    refuse_too_new,
    with_loose_bound,
)
from pipeline.inside.repair_symbols import Policy, bound
from pipeline.inside.shared import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GLIBC = {"2_17": ("2.2.5", "2.9", "2.17"), "2_28": ("2.2.5", "2.9", "2.17", "2.28")}
POLICIES = {
    f"manylinux_{number}": Policy(
        tag=f"manylinux_{number}", versions={"GLIBC": versions, "ZLIB": ()}
    )
    for number, versions in GLIBC.items()
}
WANTED = Wanted(tag="manylinux_2_17", machine="x86_64", exclude=())


def file(*uses: tuple[str, str, str], needed: tuple[str, ...] = ("libc.so.6",)) -> Elf:
    """Return a file of a wheel by what it uses: library, version, symbol."""
    said = tuple(
        Use(library=library, version=version, symbols=(symbol,) if symbol else ())
        for library, version, symbol in uses
    )
    return Elf(name="x/_x.abi3.so", machine="x86_64", needed=needed, uses=said)


def refused(*elves: Elf, vendored: tuple[Elf, ...] = ()) -> RefusedError:
    with pytest.raises(RefusedError) as error:
        refuse_too_new(elves, vendored, POLICIES, WANTED)
    return error.value


def test_a_symbol_that_is_too_new_is_told_with_its_file_library_version_and_limit() -> None:
    told = refused(file(("libc.so.6", "GLIBC_2.28", "fcntl64"), ("libc.so.6", "GLIBC_2.9", "a")))
    assert told.sentences == (
        (
            "`x/_x.abi3.so` needs `fcntl64` of `libc.so.6` in version `GLIBC_2.28`, "
            "and `manylinux_2_17` allows no newer one than `GLIBC_2.17`"
        ),
    )
    assert "ziglang" in told.hint
    assert "`repair: manylinux_2_28`" in told.hint


def test_no_tag_is_proposed_where_none_would_do() -> None:
    assert "declare" not in refused(file(("libc.so.6", "GLIBC_PRIVATE", "x"))).hint


def test_a_version_without_symbols_is_told_by_itself() -> None:
    (sentence,) = refused(file(("libc.so.6", "GLIBC_ABI_DT_RELR", ""))).sentences
    assert "needs version `GLIBC_ABI_DT_RELR` of `libc.so.6`" in sentence


def test_a_library_whose_versions_are_all_forbidden_has_no_limit_to_name() -> None:
    (sentence,) = refused(file(("libz.so.1", "ZLIB_1.2.9", "gzread"))).sentences
    assert sentence.endswith("`manylinux_2_17` allows no version of it")


def test_versions_of_libraries_that_the_policy_does_not_know_are_free() -> None:
    refuse_too_new([file(("libfoo.so.1", "FOO_99", "foo"))], (), POLICIES, WANTED)


def test_a_symbol_that_the_linker_found_no_version_for_is_held_to_the_oldest_there_is() -> None:
    versions = {"old": ("GLIBC_2.28", "GLIBC_2.9"), "new": ("GLIBC_PRIVATE", "GLIBC_2.28")}
    loose = Elf(
        name="x.so",
        machine="x86_64",
        needed=("libc.so.6",),
        uses=(),
        loose=("PyLong_FromLong", "new", "old"),
    )
    (sentence,) = refused(bound(loose, {"libc.so.6": versions})).sentences
    assert "`new` of `libc.so.6` in version `GLIBC_2.28`" in sentence


def test_loose_symbols_are_looked_up_in_the_first_library_of_the_name(
    elf: Callable[..., bytes], tmp_path: Path
) -> None:
    (tmp_path / "libx.so.1").write_bytes(elf(defines=("plain",)))
    loose = Elf(name="x.so", machine="x86_64", needed=("libx.so.1",), uses=(), loose=("plain",))
    (found,) = with_loose_bound([loose], [str(tmp_path / "none"), str(tmp_path)])
    assert found.uses == ()  # it has no versions


def test_a_library_from_outside_is_held_to_the_tag_too_and_has_another_remedy() -> None:
    told = refused(vendored=(file(("libc.so.6", "GLIBC_2.28", "fcntl64")),))
    assert "`repair-exclude`" in told.hint
    assert "ziglang" not in told.hint


def test_a_missing_library_is_told_with_who_needs_it_and_where_it_was_looked_for() -> None:
    grafts = [Graft(soname="libgone.so.1", path=None)]
    with pytest.raises(RefusedError) as error:
        refuse_missing([file(needed=("libc.so.6", "libgone.so.1"))], grafts, "sysroot")
    (sentence,) = error.value.sentences
    assert "`libgone.so.1`, which `x/_x.abi3.so` needs, is not in the sysroot" in sentence
    assert "`packages`" in error.value.hint
    assert "`repair-exclude`" in error.value.hint


def test_a_library_that_only_another_library_needs_names_that_one(
    elf: Callable[..., bytes], tmp_path: Path
) -> None:
    (tmp_path / "libnear.so.1").write_bytes(elf(needed=("libfar.so.1",)))
    grafts = [
        Graft(soname="libfar.so.1", path=None),
        Graft(soname="libnear.so.1", path=tmp_path / "libnear.so.1"),
    ]
    with pytest.raises(RefusedError, match=r"`libfar.so.1`, which `.*/libnear.so.1` needs"):
        refuse_missing([file(), *opened(grafts)], grafts, "image")


def test_a_wheel_without_anything_compiled_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="holds nothing compiled"):
        refuse_strangers(tmp_path / "x.whl", [], WANTED)


def test_a_file_for_another_machine_is_refused(tmp_path: Path) -> None:
    arm = Elf(name="x.so", machine="aarch64", needed=(), uses=())
    with pytest.raises(RefusedError, match=r"`x.so` is for aarch64.*`manylinux_2_17_x86_64`"):
        refuse_strangers(tmp_path / "x.whl", [arm], WANTED)


@pytest.mark.parametrize(
    ("tag", "soname", "libc"),
    [
        ("musllinux_1_2", "libc.so.6", "glibc"),
        ("musllinux_1_2", "ld-linux-aarch64.so.1", "glibc"),
        ("manylinux_2_17", "libc.so", "musl"),
        ("manylinux_2_17", "libc.musl-x86_64.so.1", "musl"),
    ],
)
def test_a_file_for_another_c_library_is_refused(
    tmp_path: Path, tag: str, soname: str, libc: str
) -> None:
    wanted = Wanted(tag=tag, machine="x86_64", exclude=())
    with pytest.raises(RefusedError, match=f"is linked against {libc} "):
        refuse_strangers(tmp_path / "x.whl", [file(needed=(soname,))], wanted)


def test_the_elf_files_of_a_wheel_are_found_by_what_they_are(
    elf: Callable[..., bytes], tmp_path: Path
) -> None:
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("x/tool", elf("ARM"))
        archive.writestr("x/_x.so", elf())
        archive.writestr("x/notes.so", "text")
        archive.writestr("x/empty", "")
    assert [(e.name, e.machine) for e in elves_of(wheel)] == [
        ("x/_x.so", "x86_64"),
        ("x/tool", "ARM"),
    ]


def test_a_pattern_that_leaves_nothing_out_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = Wanted(tag="manylinux_2_17", machine="x86_64", exclude=("libcuda.so.*", "libc.so.*"))
    note_unused([file()], wanted)
    assert capsys.readouterr().err == (
        "note: `libcuda.so.*` of `repair-exclude` fits no library it needs\n"
    )
