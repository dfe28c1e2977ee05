"""What the CUDA example is measured beside: its locked nvcc on the bare host, and a link."""

from __future__ import annotations

import os
import sysconfig
from typing import TYPE_CHECKING

from pipeline.cli.session import cache_directory
from pipeline.images.environment import unpack_system
from pipeline.lock.file import load
from pipeline.platforms import native_platform
from pipeline.store.store import Store
from tests.benchmarks.timing import Command

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCRIPT = """\
"$CUDA/bin/nvcc" -ccbin=g++ -gencode=arch=compute_80,code=sm_80 \
    "-gencode=arch=compute_90,code=[sm_90,compute_90]" --objdir-as-tempdir \
    -Xcompiler=-fPIC -Xcompiler=-O2 -Xcompiler=-Wall -c "$SOURCE/histogram.cu" -o kernel.o
gcc -fPIC -O2 -Wall -Wextra -DPy_LIMITED_API=0x030B0000 "-I$INCLUDE" \
    -c "$SOURCE/_histogram.c" -o module.o
gcc -shared module.o kernel.o "-L$CUDA/lib" -lstdc++ -l:libcudart.so.13 -o _histogram.abi3.so
"""
"""What the example's backend does, typed by hand: the same files with the same options."""


def by_hand(directory: Path, example: Path, env: Mapping[str, str]) -> Command:
    """Return the host's own compilation, in a ``directory`` that the locked nvcc goes to.

    The host needs g++, and a Python with its headers.
    """
    locked = load(example / "pipeline.lock").images["cuda"].platforms[native_platform()]
    tools = directory / "tools"
    tools.mkdir()
    with Store.open(cache_directory(os.environ)) as store:
        wheels = [(wheel.name, store.blob_path(wheel.sha256)) for wheel in locked.wheels]
        unpack_system(wheels, tools, python=locked.python)
    (cuda,) = tools.glob("usr/local/lib/python*/dist-packages/nvidia/cu*")
    variables = {
        "CUDA": str(cuda),
        "SOURCE": str(example / "src" / "example_histogram"),
        "INCLUDE": sysconfig.get_path("include"),
    }
    return Command(argv=("sh", "-ec", SCRIPT), cwd=directory, env={**env, **variables})
