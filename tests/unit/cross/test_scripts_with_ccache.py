from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from pipeline.cross.compiler import Compiler
from pipeline.cross.files import files
from pipeline.platforms import Target

if TYPE_CHECKING:
    from pathlib import Path


def made(cached: str = "") -> dict[str, str]:
    zig = Compiler(family="zig", target=Target.LINUX_ARM64, floor="2.17", cached=cached)
    return dict(files(zig, interpreter="/usr/bin/python3.11"))


def test_ccache_stands_before_a_program_that_names_the_very_zig() -> None:
    first, second = made("ziglang-1.whl aaaa"), made("ziglang-1.whl bbbb")
    assert "exec ccache /cross/bin/zig-clang++ " in first["bin/c++"]
    assert first["bin/zig-clang++"].endswith('exec /toolchain/ziglang/zig c++ "$@"\n')
    assert first["bin/zig-clang"] != second["bin/zig-clang"]


def test_without_the_cache_nothing_of_it_is_there() -> None:
    assert not [path for path, text in made().items() if "ccache" in text or "clang" in path]


def test_the_directory_of_the_build_is_kept_out_of_what_is_compiled(tmp_path: Path) -> None:
    script = made("any")["bin/cc"]
    (tmp_path / "cc").write_text(script)
    (tmp_path / "ccache").write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    (tmp_path / "ccache").chmod(0o755)
    command = ["/bin/sh", str(tmp_path / "cc"), "-c", "a.c"]
    path = f"{tmp_path}:/usr/bin:/bin"
    told = subprocess.run(
        command, env={"PATH": path}, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert f"-ffile-prefix-map={tmp_path}=." in told.stdout.splitlines()
