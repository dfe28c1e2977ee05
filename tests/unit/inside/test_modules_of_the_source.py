"""What lies in the source is never taken for a module of Python or of ours."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.inside.shared import module_command
from pipeline.stages.inside import STARTER, scripts

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "raise SystemExit('taken from the source')\n"
VERSIONS = [sys.version_info[:2], (3, 9)]
"""A Python that has ``-P``, and what is done for one that has not."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a source with a module for every one of the standard library, and more."""
    place = tmp_path / "source"
    place.mkdir()
    others = ("build", "installer", "pip", "pipeline", "sitecustomize", "usercustomize", "shared")
    for name in {*sys.stdlib_module_names, *others}:
        (place / f"{name}.py").write_text(HOSTILE)
    return place


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """Return a directory as a step sees our programs."""
    place = tmp_path / "inside"
    names = (STARTER, "install", "finish", "abi3", "build", "cached")
    for name, text in scripts(*names).files:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


def run(source: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=source,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("safe", ["", "1"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_module_is_that_of_the_environment(
    source: Path, tmp_path: Path, version: tuple[int, int], safe: str
) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "build.py").write_text(
        "import email, json, os, sys, tomllib, types, zipfile\nprint(__name__, *sys.argv[1:])\n"
    )
    command = module_command(sys.executable, version, "build")
    if version < (3, 11) and safe:
        return  # no such Python reads the variable
    variables = {"PYTHONPATH": str(tmp_path / "env"), "PYTHONSAFEPATH": safe}
    done = run(source, *command, "--wheel", ".", **variables)
    assert done.stdout == "__main__ --wheel .\n", done.stderr


@pytest.mark.parametrize("safe", ["", "1"])
@pytest.mark.parametrize("name", ["finish", "abi3"])
def test_a_program_of_ours_finds_itself(source: Path, inside: Path, name: str, safe: str) -> None:
    done = run(source, sys.executable, str(inside), name, "--help", PYTHONSAFEPATH=safe)
    assert done.stdout.startswith(f"usage: {name}.py"), done.stderr


def wheel(directory: Path, *members: str) -> Path:
    """Write a wheel of a package `one` with these files."""
    directory.mkdir()
    path = directory / "one-1-py3-none-any.whl"
    info = "one-1.dist-info"
    texts = dict.fromkeys(members, "") | {
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: one\nVersion: 1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
        rows = [f"{name},,\n" for name in (*texts, f"{info}/RECORD")]
        archive.writestr(f"{info}/RECORD", "".join(rows))
    return path


INSTALLER = "import pathlib, sys\npathlib.Path('../installed').write_text(' '.join(sys.argv[1:]))\n"


@pytest.mark.parametrize("safe", ["", "1"])
def test_wheels_are_installed_whatever_the_source_holds(
    source: Path, inside: Path, tmp_path: Path, safe: str
) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "installer.py").write_text(INSTALLER)
    made = wheel(tmp_path / "wheel", "one/__init__.py")
    variables = {"PYTHONPATH": str(tmp_path / "env"), "PYTHONSAFEPATH": safe}
    done = run(source, sys.executable, str(inside), "install", str(made.parent), **variables)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (tmp_path / "installed").read_text() == f"--no-compile-bytecode {made}"


def test_an_installer_under_test_installs_itself(
    source: Path, inside: Path, tmp_path: Path
) -> None:
    made = wheel(tmp_path / "wheel", "one/__init__.py")
    own = made.with_name("installer-9-py3-none-any.whl")
    with zipfile.ZipFile(own, "w") as archive:
        archive.writestr("installer/__init__.py", "")
        archive.writestr("installer/__main__.py", INSTALLER)
    # -I keeps the installer of this test's own environment out.
    command = (sys.executable, "-I", "-S", str(inside), "install", str(made.parent))
    done = run(source, *command)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "installed").read_text() == f"--no-compile-bytecode {made}"


@pytest.mark.parametrize(
    ("here", "safe", "told"),
    [
        ("one/__init__.py", "", "`one`"),
        ("two.py", "", "`two`"),
        ("one/__init__.py", "1", ""),
        ("src/one/__init__.py", "", ""),
        ("tests/test_one.py", "", ""),
        ("one/data.txt", "", ""),
    ],
)
def test_modules_that_the_tests_would_take_from_the_source_are_named(
    inside: Path, tmp_path: Path, here: str, safe: str, told: str
) -> None:
    (tmp_path / "flat" / here).parent.mkdir(parents=True)
    (tmp_path / "flat" / here).write_text("")
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "installer.py").write_text("")
    made = wheel(tmp_path / "wheel", "one/__init__.py", "two.py")
    variables = {"PYTHONPATH": str(tmp_path / "env"), "PYTHONSAFEPATH": safe}
    words = (sys.executable, str(inside), "install", str(made.parent))
    done = run(tmp_path / "flat", *words, **variables)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"note: {told} of the wheel") if told else not done.stdout
