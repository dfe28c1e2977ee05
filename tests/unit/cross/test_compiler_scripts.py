from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.cross.compiler import Compiler
from pipeline.cross.files import files
from pipeline.platforms import Target

if TYPE_CHECKING:
    from pathlib import Path

ARM = Target.LINUX_ARM64
GCC = Compiler(family="gcc", target=ARM)
SHOW = "#!/bin/sh\nprintf '%s\\n' \"$@\"\n"


def made(compiler: Compiler) -> dict[str, str]:
    return dict(files(compiler, interpreter="/usr/bin/python3.11"))


@pytest.fixture
def shown(tmp_path: Path) -> Path:
    """Return a directory with Debian's compiler, which shows what it is given."""
    for name in ("gcc", "g++"):
        program = tmp_path / f"aarch64-linux-gnu-{name}"
        program.write_text(SHOW)
        program.chmod(0o755)
    return tmp_path


def words(shown: Path, *given: str, name: str = "cc") -> list[str]:
    script = shown / name
    script.write_text(made(GCC)[f"bin/{name}"])
    done = subprocess.run(
        ["/bin/sh", str(script), *given],
        env={"PATH": f"{shown}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_paths_of_this_machine_lead_into_the_sysroot(shown: Path) -> None:
    found = words(
        shown, "-I/usr/include/python3.11", "-isystem", "/usr/include/x", "-L/lib/y", "-lz"
    )
    assert "-I/sysroot/usr/include/python3.11" in found
    assert "/sysroot/usr/include/x" in found
    assert "-L/sysroot/lib/y" in found
    assert "-lz" in found


def test_words_with_blanks_and_own_paths_arrive_as_they_were_given(shown: Path) -> None:
    given = ['-DNAME="two words"', "-I/env/include", "-I.", "src/a b.c"]
    found = words(shown, *given)
    assert [word for word in found if word in given] == given


def test_libraries_are_searched_only_by_a_link(shown: Path) -> None:
    assert "-L/sysroot/usr/lib/aarch64-linux-gnu" in words(shown, "a.o", "-o", "a.so")
    assert not [word for word in words(shown, "-c", "a.c") if word.startswith("-L")]


def test_headers_of_the_image_come_last(shown: Path) -> None:
    assert words(shown, "-c", "a.c")[-4:] == [
        "-idirafter",
        "/sysroot/usr/include",
        "-idirafter",
        "/sysroot/usr/include/aarch64-linux-gnu",
    ]


def test_nothing_random_and_no_path_of_the_step_gets_into_the_output(shown: Path) -> None:
    found = words(shown, "-c", "a.cpp", "-o", "made/a.o", name="c++")
    assert "-frandom-seed=made/a.o" in found
    assert "-ffile-prefix-map=/src=." in found
    assert "-frandom-seed=none" in words(shown, "--version")


def test_zig_is_told_target_and_floor() -> None:
    compiler = Compiler(family="zig", target=ARM, floor="2.17")
    script = made(compiler)["bin/cc"]
    assert " -target aarch64-linux-gnu.2.17 " in script
    assert "ZIG_GLOBAL_CACHE_DIR=/toolchain/cache" in script
    assert (
        " -target aarch64-linux-musl "
        in made(Compiler(family="zig", target=ARM, libc="musl"))["bin/cc"]
    )


def test_on_its_own_platform_zig_needs_no_sysroot() -> None:
    compiler = Compiler(family="zig", target=ARM, floor="2.17", cross=False)
    assert not compiler.foreign
    assert not any("/sysroot/" in text for text in made(compiler).values())
    assert "CMAKE_SYSTEM_NAME" not in made(compiler)["toolchain.cmake"]


def test_meson_and_cmake_are_told_the_machine() -> None:
    assert "cpu_family = 'aarch64'" in made(GCC)["meson.ini"]
    assert "needs_exe_wrapper = true" in made(GCC)["meson.ini"]
    assert "set(CMAKE_SYSTEM_PROCESSOR aarch64)" in made(GCC)["toolchain.cmake"]
    assert "set(CMAKE_FIND_ROOT_PATH /sysroot)" in made(GCC)["toolchain.cmake"]
