"""Builds a wheel with the compiler that `/cross` describes, for a CPython that does not run here.

What Python says about itself (`sysconfig`) is taken from the target's own module of variables,
which is read, not run as a program: the names of compilers and the places of headers are put
right in it, and it is given to every Python of the build by the variables that CPython's own
cross builds use (``_PYTHON_SYSCONFIGDATA_NAME``, ``_PYTHON_HOST_PLATFORM``). What a backend needs
beyond that is a setting of its own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from pipeline.inside.shared import module_command

CROSS = Path("/cross")
MADE = Path("/tmp/cross")  # noqa: S108 - inside the step, where /tmp is its own
NAME = "_sysconfigdata_cross"
BUILD = "/tmp/build"  # noqa: S108 - as above
FLAGS = ("--no-isolation", "--skip-dependency-check", "--wheel")
COMPILERS = {
    "CC": "cc",
    "CXX": "c++",
    "AR": "ar",
    "LDSHARED": "cc -shared",
    "LDCXXSHARED": "c++ -shared",
    "BLDSHARED": "cc -shared",
}
INSISTS = "the build ran a program that it had made for"
"""Begins the sentence that `pipeline.cross.failures` looks for."""

_SIGNS = re.compile(
    r"Exec format error"
    r"|cannot execute binary file"
    r"|qemu-\w+(-static)?: Could not open"
    r"|Can not run test applications in this cross environment"
    r"|TRY_RUN\(\) invoked in cross-compiling mode"
)
"""What the kernel and shells say, qemu without the other platform's loader, Meson and CMake."""

_TOLD = frozenset({"mesonpy", "scikit_build_core"})
"""Backends that take what they compile for from files and settings, not from the machine."""

UNAME = """\
import os

_real = os.uname


def _uname():
    return os.uname_result((*_real()[:4], {machine!r}))


os.uname = _uname
"""
"""For builds that ask the machine instead of the settings what they compile for."""


def main(arguments: list[str]) -> int:
    """Build; ``arguments`` go to ``python -m build``. Returns its exit status."""
    settings = json.loads((CROSS / "settings.json").read_text())
    backend = backend_of(Path("pyproject.toml"))
    if settings["zig"]:
        _link_zig(settings["interpreter"])
    if settings["sysroot"]:
        _link_libraries(settings["sysroot"], f"usr/lib/{settings['machine']}-linux-gnu")
    env = {**compilers(settings), **os.environ}
    if settings["foreign"]:
        env |= foreign(settings, asks_machine=backend not in _TOLD)
    told = options(backend, arguments, foreign=settings["foreign"])
    build = module_command(sys.executable, sys.version_info[:2], "build")
    command = [*build, *FLAGS, *told, *arguments]
    return _run(command, env, settings)


def _run(command: list[str], env: dict[str, str], settings: dict[str, Any]) -> int:
    """Run a command, passing its output on; say so when it failed for want of the other machine."""
    insists = False
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        for line in process.stdout or ():
            insists = insists or ran_foreign_code(line.decode(errors="replace"))
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
    if process.returncode and insists and settings["sysroot"]:
        sys.stdout.write(f"error: {INSISTS} {settings['machine']}, which does not run here\n")
    return process.returncode


def ran_foreign_code(line: str) -> bool:
    """Whether a line of a build's output says that a program for its target does not run here."""
    return bool(_SIGNS.search(line))


def _link_zig(interpreter: str) -> None:
    """Make zig, which the image's own Python knows, appear where the compilers look for it."""
    command = [interpreter, "-I", "-c", "import ziglang; print(ziglang.__path__[0])"]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    Path("/toolchain/ziglang").symlink_to(found)


def _link_libraries(sysroot: str, directory: str) -> None:
    """Let absolute links of the sysroot lead into it, such as ``libz.so`` of Debian 12."""
    place = Path("/") / directory
    if not place.exists():
        place.symlink_to(Path(sysroot) / directory)


def backend_of(file: Path) -> str:
    """Return the first part of the name of a project's build backend."""
    if not file.is_file():
        return "setuptools"
    text = tomllib.loads(file.read_text(encoding="utf-8"))
    declared = str(text.get("build-system", {}).get("build-backend", "setuptools"))
    return declared.partition(".")[0].partition(":")[0]


def options(backend: str, arguments: list[str], *, foreign: bool) -> list[str]:
    """Return what a backend needs to be told beside ``arguments`` for ``python -m build``.

    Both of these would build in a directory with a random name, which ends up in the files. A
    directory that the stage chose stays: said twice it would be a list, which no backend takes.
    """
    if backend not in _TOLD:
        return []
    chosen = any(one.startswith("--config-setting=build-dir=") for one in arguments)
    found = [] if chosen else [f"--config-setting=build-dir={BUILD}"]
    if backend == "mesonpy" and foreign:
        found.append(f"--config-setting=setup-args=--cross-file={CROSS}/meson.ini")
    return found


def compilers(settings: dict[str, Any]) -> dict[str, str]:
    """Return the variables that name compilers; what the stage sets itself goes before them."""
    env = {name: f"{CROSS}/bin/{command}" for name, command in COMPILERS.items()}
    env["RANLIB"], env["STRIP"] = f"{CROSS}/bin/ranlib", f"{CROSS}/bin/strip"
    env["CMAKE_TOOLCHAIN_FILE"] = f"{CROSS}/toolchain.cmake"
    if settings["sysroot"]:
        library = f"{settings['sysroot']}/usr/lib/{settings['machine']}-linux-gnu"
        shared = f"{settings['sysroot']}/usr/share"
        env["PKG_CONFIG_LIBDIR"] = f"{library}/pkgconfig:{shared}/pkgconfig"
        env["PKG_CONFIG_SYSROOT_DIR"] = settings["sysroot"]
    return env


def foreign(settings: dict[str, Any], *, asks_machine: bool) -> dict[str, str]:
    """Write what a foreign CPython says of itself; return the variables that point to it."""
    MADE.mkdir(parents=True)
    variables = adapted(_variables(settings), settings)
    (MADE / f"{NAME}.py").write_text(f"build_time_vars = {variables!r}\n")
    if asks_machine and settings["sysroot"]:
        (MADE / "sitecustomize.py").write_text(UNAME.format(machine=settings["machine"]))
    path = os.environ.get("PYTHONPATH", "")
    return {
        "PYTHONPATH": f"{MADE}:{path}" if path else str(MADE),
        "_PYTHON_HOST_PLATFORM": f"linux-{settings['machine']}",
        "_PYTHON_SYSCONFIGDATA_NAME": NAME,
        "SETUPTOOLS_EXT_SUFFIX": variables["EXT_SUFFIX"],
    }


def _variables(settings: dict[str, Any]) -> dict[str, Any]:
    prefix, _, python = settings["interpreter"].rpartition("/bin/")
    library = Path(f"{settings['sysroot']}{prefix}/lib/{python}")
    found = sorted(library.glob(f"_sysconfigdata_*{settings['machine']}-linux-*.py"))
    if not found:
        sys.exit(
            f"error: `{library}` has no `_sysconfigdata` for {settings['machine']}, so nothing "
            "says how to build for that Python\n"
            "hint: add `python3-dev` to the packages of the image"
        )
    namespace: dict[str, Any] = {}
    exec(found[-1].read_text(), namespace)  # noqa: S102 - a module that holds one dictionary
    return dict(namespace["build_time_vars"])


def adapted(variables: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Return a CPython's variables with the compilers here, and paths into the sysroot."""
    root, changed = settings["sysroot"], dict(variables)
    changed |= {name: f"{CROSS}/bin/{command}" for name, command in COMPILERS.items()}
    for name in ("INCLUDEPY", "CONFINCLUDEPY", "LIBDIR", "LIBPL", "LIBPC"):
        if str(changed.get(name, "")).startswith("/"):
            changed[name] = f"{root}{changed[name]}"
    for name in ("SOABI", "EXT_SUFFIX", "MULTIARCH", "HOST_GNU_TYPE"):
        changed[name] = str(changed.get(name, "")).replace("-gnu", f"-{settings['libc']}")
    return changed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
