from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from pipeline.engines.emulation import _program, platforms, why_not
from pipeline.engines.protocol import BuildRequest, ImageContext

if TYPE_CHECKING:
    from pathlib import Path


def request(text: str) -> BuildRequest:
    image = ImageContext(digest="a", platform="linux/arm64", layers=())
    return BuildRequest(dockerfile=text, contexts={"base": image}, platform="linux/arm64")


def test_a_build_that_runs_nothing_needs_no_emulation() -> None:
    assert platforms(request("FROM base\nCOPY --from=base /a /b\n")) == frozenset()


def test_a_build_runs_programs_of_its_images_platform() -> None:
    assert platforms(request("FROM base\nRUN true\n")) == {"linux/arm64"}


@pytest.mark.parametrize(
    ("files", "reason", "hint"),
    [
        ((), "binfmt_misc is not mounted", "mount -t binfmt_misc"),
        (("register", "status"), "no emulator is registered", "install `qemu-user-static`"),
        (("register", "status", "qemu-arm"), "no emulator is registered", "qemu-aarch64.conf"),
        (("register", "qemu-aarch64"), "is off, or was registered without the flag F", "enable it"),
    ],
)
def test_each_way_to_lack_an_emulator_is_told_apart(
    tmp_path: Path, files: tuple[str, ...], reason: str, hint: str
) -> None:
    for name in files:
        (tmp_path / name).touch()
    said, helps = why_not("linux/arm64", tmp_path)
    assert said.startswith("programs for `linux/arm64` do not run on this machine: ")
    assert reason in said
    assert hint in helps


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 62), ("aarch64", 183)])
def test_the_tiny_program_is_an_elf_executable_of_its_machine(machine: str, number: int) -> None:
    program = _program(machine)
    kind, found, _, entry = struct.unpack_from("<HHIQ", program, 16)
    assert (program[:4], kind, found) == (b"\x7fELF", 2, number)
    assert entry - 0x400000 == 120
    assert len(program) < 160


def test_an_image_that_is_only_mounted_takes_no_emulator() -> None:
    mounted = "FROM other\nRUN --mount=type=bind,from=base,target=/sysroot true\n"
    assert platforms(request(mounted)) == frozenset()
    assert platforms(request("ARG NAME=base\nFROM $NAME\nRUN true\n")) == {"linux/arm64"}
