"""The part of the build that pyproject.toml cannot say: one extension, its kernels by nvcc.

nvcc makes an object of each ``.cu`` file, for several GPUs at once; setuptools does the rest. The
wheel holds no library of NVIDIA's: it finds libcudart in the wheel it requires, by its RPATH.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CUDA = Path(os.environ.get("CUDA_HOME", "/usr/local/cuda"))

ARCHITECTURES = [
    "-gencode=arch=compute_80,code=sm_80",
    "-gencode=arch=compute_90,code=[sm_90,compute_90]",  # machine code, and PTX for later GPUs
]
STABLE = ["--objdir-as-tempdir"]  # else the object names a temporary file by nvcc's process id
HOST = ["-fPIC", "-O2", "-Wall"]
RUNTIME = "$ORIGIN/../nvidia/cu13/lib"  # where the wheel nvidia-cuda-runtime puts libcudart


class BuildWithKernels(build_ext):
    """Compiles the ``.cu`` files among an extension's sources with nvcc."""

    def build_extension(self, ext: Extension) -> None:
        """Build one extension: its kernels, then what setuptools knows."""
        kernels = [source for source in ext.sources if source.endswith(".cu")]
        ext.sources = [source for source in ext.sources if source not in kernels]
        ext.extra_objects += [self.compile_kernel(source) for source in kernels]
        super().build_extension(ext)

    def compile_kernel(self, source: str) -> str:
        """Compile one ``.cu`` file and return the object's path."""
        made = Path(self.build_temp, source).with_suffix(".cu.o")
        made.parent.mkdir(parents=True, exist_ok=True)
        compiler, *options = shlex.split(os.environ.get("CXX", "g++"))
        host = [f"-Xcompiler={option}" for option in (*options, *HOST)]
        nvcc = [str(CUDA / "bin" / "nvcc"), f"-ccbin={compiler}", *ARCHITECTURES, *STABLE, *host]
        self.spawn([*nvcc, "-c", source, "-o", str(made)])
        return str(made)


setup(
    cmdclass={"build_ext": BuildWithKernels},
    ext_modules=[
        Extension(
            "example_histogram._histogram",
            ["src/example_histogram/_histogram.c", "src/example_histogram/histogram.cu"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            depends=["src/example_histogram/histogram.h"],
            extra_compile_args=["-O2", "-g0", "-Wall", "-Wextra", "-Werror"],
            libraries=["stdc++"],
            library_dirs=[str(CUDA / "lib")],
            extra_link_args=["-l:libcudart.so.13", f"-Wl,-rpath,{RUNTIME}"],
            py_limited_api=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
