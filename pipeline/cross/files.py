"""The files that tell build systems about a compiler: for Meson, for CMake, for our own script."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.cross.wrappers import BIN, wrappers

if TYPE_CHECKING:
    from pipeline.cross.compiler import Compiler

MESON = """\
[binaries]
c = '{bin}/cc'
cpp = '{bin}/c++'
ar = '{bin}/ar'
strip = '{bin}/strip'
python = '/env/bin/python'
cython = 'cython'
pkg-config = 'pkg-config'

[properties]
needs_exe_wrapper = true
pkg_config_libdir = ['{root}/usr/lib/{machine}-linux-gnu/pkgconfig', '{root}/usr/share/pkgconfig']
longdouble_format = '{longdouble}'

[host_machine]
system = 'linux'
cpu_family = '{machine}'
cpu = '{machine}'
endian = 'little'
"""
"""A cross file. See "Cross compilation" in Meson's manual; the last property is NumPy's."""

CMAKE = """\
set(CMAKE_C_COMPILER {bin}/cc)
set(CMAKE_CXX_COMPILER {bin}/c++)
set(CMAKE_AR {bin}/ar)
set(CMAKE_RANLIB {bin}/ranlib)
set(CMAKE_STRIP {bin}/strip)
set(CMAKE_LIBRARY_ARCHITECTURE {machine}-linux-gnu)
"""

CMAKE_ROOT = """\
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR {machine})
set(CMAKE_FIND_ROOT_PATH {root})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE BOTH)
"""
"""See cmake-toolchains(7). Packages may come from `/env` too, where pybind11 and its like are."""

LONG_DOUBLES = {"x86_64": "INTEL_EXTENDED_16_BYTES_LE", "aarch64": "IEEE_QUAD_LE"}


def files(compiler: Compiler, *, interpreter: str) -> tuple[tuple[str, str], ...]:
    """Return the files below `PLACE` as paths and texts, sorted.

    ``interpreter`` is where the target's Python stands in its image.
    """
    machine, root = compiler.target.machine, compiler.sysroot
    words = {"bin": BIN, "machine": machine, "root": root, "longdouble": LONG_DOUBLES[machine]}
    cmake = CMAKE + (CMAKE_ROOT if root else "")
    settings = {
        "foreign": compiler.foreign,
        "interpreter": interpreter,
        "libc": compiler.libc,
        "machine": machine,
        "sysroot": root,
        "zig": compiler.family == "zig",
    }
    return tuple(
        sorted(
            (
                *wrappers(compiler),
                ("meson.ini", MESON.format(**words)),
                ("toolchain.cmake", cmake.format(**words)),
                ("settings.json", json.dumps(settings, indent=2) + "\n"),
            )
        )
    )
