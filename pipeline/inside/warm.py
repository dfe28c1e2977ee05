"""Has zig make the C library for a target, and leaves it in `/out` for the cells to come.

zig holds no C library but what it takes to make one, which it does when it first links: seconds
for C, most of a minute for C++. It keeps what it made under the hash of everything that went in,
its own path and the mode of the link among it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

OUT = Path("/out")
ZIG = Path("/toolchain/ziglang")
SOURCES = {"cc": "int main(void) { return 0; }\n", "c++": "#include <string>\nint main() {}\n"}
SUFFIXES = {"cc": "c", "c++": "cpp"}
MODES = (("-shared",), ("-shared", "-O2"), ())
MUSL_MODES = (("-shared",), ("-dynamic",))
"""A program for musl would be linked with all of the library, which takes minutes to make."""

UNUSED = ("tmp", "z")
"""What is only of use to zig while it makes the library."""


def main(arguments: list[str]) -> int:
    """Warm the cache for ``arguments``: the target, then ``cc`` and perhaps ``c++``."""
    target, *languages = arguments
    ZIG.parent.mkdir()
    ZIG.symlink_to(str(import_module("ziglang").__path__[0]))
    for language in languages:
        source = Path(f"/tmp/made.{SUFFIXES[language]}")  # noqa: S108 - inside the step
        source.write_text(SOURCES[language])
        for mode in MUSL_MODES if target.endswith("musl") else MODES:
            if status := _link(language, target, (*mode, str(source))):
                return status
    for name in UNUSED:
        shutil.rmtree(OUT / "cache" / name, ignore_errors=True)
    return 0


def _link(language: str, target: str, words: tuple[str, ...]) -> int:
    env = {
        **os.environ,
        "ZIG_LIB_DIR": f"{ZIG}/lib",
        "ZIG_GLOBAL_CACHE_DIR": str(OUT / "cache"),
        "ZIG_LOCAL_CACHE_DIR": "/tmp/zig",  # noqa: S108 - as above
    }
    command = [f"{ZIG}/zig", language, "-target", target, "-fno-sanitize=undefined", "-fPIC"]
    command += [*words, "-o", "/tmp/made"]  # noqa: S108 - as above
    return subprocess.run(command, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
