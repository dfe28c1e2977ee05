from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.cross import failures
from pipeline.inside import build

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {"sysroot": "/sysroot", "libc": "gnu", "machine": "aarch64", "foreign": True}
VARIABLES = {
    "CC": "aarch64-linux-gnu-gcc",
    "CFLAGS": "-O2",
    "EXT_SUFFIX": ".cpython-311-aarch64-linux-gnu.so",
    "INCLUDEPY": "/usr/include/python3.11",
    "LDSHARED": "aarch64-linux-gnu-gcc -shared -Wl,-O1",
    "LIBDIR": "/usr/lib/aarch64-linux-gnu",
    "SOABI": "cpython-311-aarch64-linux-gnu",
}


def test_compilers_and_paths_are_put_right_and_the_rest_stays() -> None:
    found = build.adapted(VARIABLES, SETTINGS)
    assert found["CC"] == "/cross/bin/cc"
    assert found["LDSHARED"] == "/cross/bin/cc -shared"
    assert found["INCLUDEPY"] == "/sysroot/usr/include/python3.11"
    assert found["EXT_SUFFIX"] == ".cpython-311-aarch64-linux-gnu.so"
    assert found["CFLAGS"] == "-O2"


def test_musl_is_in_the_name_of_what_is_built_for_it() -> None:
    found = build.adapted(VARIABLES, {**SETTINGS, "sysroot": "", "libc": "musl"})
    assert found["EXT_SUFFIX"] == ".cpython-311-aarch64-linux-musl.so"
    assert found["SOABI"] == "cpython-311-aarch64-linux-musl"
    assert found["INCLUDEPY"] == "/usr/include/python3.11"


@pytest.mark.parametrize(
    ("text", "backend"),
    [
        ("[build-system]\nbuild-backend = 'mesonpy'\n", "mesonpy"),
        ("[build-system]\nbuild-backend = 'scikit_build_core.build'\n", "scikit_build_core"),
        ("[build-system]\nbuild-backend = 'hooks:backend.inner'\n", "hooks"),
        ("[project]\nname = 'a'\n", "setuptools"),
    ],
)
def test_the_backend_is_read_from_the_project(tmp_path: Path, text: str, backend: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert build.backend_of(tmp_path / "pyproject.toml") == backend


def test_a_project_without_a_file_is_one_of_setuptools(tmp_path: Path) -> None:
    assert build.backend_of(tmp_path / "pyproject.toml") == "setuptools"


def test_meson_gets_its_cross_file_only_for_a_foreign_python() -> None:
    cross = "--config-setting=setup-args=--cross-file=/cross/meson.ini"
    assert cross in build.options("mesonpy", [], foreign=True)
    assert cross not in build.options("mesonpy", [], foreign=False)
    assert cross not in build.options("scikit_build_core", [], foreign=True)
    assert build.options("setuptools", [], foreign=True) == []


def test_build_directories_have_no_random_names() -> None:
    for backend in ("mesonpy", "scikit_build_core"):
        assert "--config-setting=build-dir=/tmp/build" in build.options(backend, [], foreign=False)
        chosen = ["--config-setting=build-dir=/tmp/own"]
        assert build.options(backend, chosen, foreign=False) == []


@pytest.mark.parametrize(
    "line",
    [
        "OSError: [Errno 8] Exec format error: './generate'",
        "/bin/sh: 1: ./generate: cannot execute binary file",
        "qemu-aarch64-static: Could not open '/lib/ld-linux-aarch64.so.1': No such file",
        "meson.build:9: ERROR: Can not run test applications in this cross environment.",
        "CMake Error: TRY_RUN() invoked in cross-compiling mode, please set the following",
    ],
)
def test_a_build_that_insists_on_running_its_programs_is_told_from_others(line: str) -> None:
    assert build.ran_foreign_code(line)
    assert not build.ran_foreign_code("error: command 'gcc' failed with exit code 1")


def test_what_the_step_says_in_the_end_is_what_is_looked_for_outside() -> None:
    said = f"error: {build.INSISTS} aarch64, which does not run here"
    assert failures.ran_foreign_code(["Traceback", said, "full log: x"])
    assert not failures.ran_foreign_code(["Exec format"])
