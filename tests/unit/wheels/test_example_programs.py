"""The programs that the example `payload` brings are those that its script writes."""

from __future__ import annotations

import io
import runpy
from pathlib import Path

from pipeline.wheels.elf import Elf, read_elf

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "payload"


def test_the_committed_programs_are_those_that_the_script_writes() -> None:
    programs = runpy.run_path(str(EXAMPLE / "tools" / "make_programs.py"))["PROGRAMS"]
    for name, content in programs.items():
        file = EXAMPLE / "bin" / name
        assert file.read_bytes() == content
        assert file.stat().st_mode & 0o111 == 0o111
        machine = name.removeprefix("machine.")
        assert read_elf(io.BytesIO(content), len(content)) == Elf(machine=machine)
