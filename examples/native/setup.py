"""The part of the build that pyproject.toml cannot say: one extension for all Pythons from 3.11.

The limited API holds the buffer protocol since 3.11, so a single wheel (``cp311-abi3``) serves
that Python and every later one.
"""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "example_distance._distance",
            ["src/example_distance/_distance.c"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            extra_compile_args=["-O2", "-Wall", "-Wextra", "-Werror"],
            py_limited_api=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
