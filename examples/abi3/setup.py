"""The part of the build that pyproject.toml cannot say: one extension for all Pythons from 3.11.

The wheel is tagged `cp311-abi3`; the pipeline's `abi3: cp311` checks that it keeps to it.
"""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "example_squeeze._lz4",
            ["src/example_squeeze/_lz4.c"],
            libraries=["lz4"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            extra_compile_args=["-O2", "-Wall", "-Wextra", "-Werror"],
            py_limited_api=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
