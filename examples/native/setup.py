"""The part of the build that pyproject.toml cannot say: the extension."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "example_distance._distance",
            ["src/example_distance/_distance.c"],
            extra_compile_args=["-O2", "-Wall", "-Wextra", "-Werror"],
        )
    ],
)
