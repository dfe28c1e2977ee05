from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pipeline.engines.protocol import ImageContext
from pipeline.errors import PipelineError
from pipeline.images.bytecode import DESTINATION, SOURCE, compile_below, with_bytecode

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.store.store import Store

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER = "3.99"


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    root = tmp_path / "key" / "root"
    for version in (PYTHON, OTHER):
        packages = root / f"usr/lib/python{version}"
        (packages / "pack/test").mkdir(parents=True)
        (packages / "pack/__init__.py").write_text("def f(): pass\n")
        (packages / "pack/test/slow.py").write_text("")
        (packages / "broken.py").write_text("this is no python\n")
        (packages / "nul.py").write_bytes(b"x = 1\0")
        (packages / "latin.py").write_bytes(b"x = '\xe9'\n")
        (packages / "outside.py").symlink_to("/etc/passwd")
    return root


def context(layer: Path) -> ImageContext:
    return ImageContext(digest="0" * 64, platform="linux/arm64", layers=(layer,))


def found(directory: Path) -> set[str]:
    return {path.name.partition(".")[0] for path in directory.rglob("*.pyc")}


def test_modules_are_compiled_beside_the_image_and_not_into_it(layer: Path, store: Store) -> None:
    made = with_bytecode(context(layer), PYTHON, store)
    (directory,) = made.derived
    assert found(directory) == {"__init__"}
    assert (directory / f"usr/lib/python{PYTHON}/pack/__pycache__").is_dir()
    assert not found(layer)
    assert made == context(layer)


def test_the_code_names_its_place_inside_and_is_used_unchecked(layer: Path) -> None:
    (layer / f"usr/lib/python{PYTHON}/broken.py").unlink()
    assert compile_below(layer, layer, PYTHON, inside="/", below=(f"usr/lib/python{PYTHON}",))
    packages = layer / f"usr/lib/python{PYTHON}"
    (packages / "pack/__init__.py").write_text("def f(): this is no python\n")
    code = f"import sys; sys.path.insert(0, {str(packages)!r})\nimport pack; print(pack.f())"
    result = subprocess.run(
        [sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True
    )
    assert result.stdout == "None\n"
    (pyc,) = packages.glob("pack/__pycache__/__init__.*.pyc")
    assert f"/usr/lib/python{PYTHON}/pack/__init__.py".encode() in pyc.read_bytes()
    assert str(layer).encode() not in pyc.read_bytes()


def test_another_version_is_compiled_by_the_image_itself(layer: Path, store: Store) -> None:
    """The runner stands for a sandbox: it has both directories at their fixed places."""

    def run(command: tuple[str, ...], *, source: Path, destination: Path) -> None:
        assert command[0] == f"/usr/bin/python{OTHER}"
        places = {SOURCE: str(source), DESTINATION: str(destination)}
        line = [sys.executable, *(places.get(word, word) for word in command[1:])]
        subprocess.run(line, check=True)

    made = with_bytecode(context(layer), OTHER, store, run)
    (directory,) = made.derived
    assert found(directory) == {"__init__"}


def test_without_a_runner_another_version_is_left_alone(layer: Path, store: Store) -> None:
    assert with_bytecode(context(layer), OTHER, store).derived == ()
    assert with_bytecode(context(layer), "", store).derived == ()
    assert not compile_below(layer, layer, OTHER, inside="/", below=())


def test_a_layer_without_python_has_no_bytecode(tmp_path: Path, store: Store) -> None:
    bare = tmp_path / "bare" / "root"
    bare.mkdir(parents=True)
    assert with_bytecode(context(bare), PYTHON, store).derived == ()


def test_a_second_context_uses_what_the_first_made(layer: Path, store: Store) -> None:
    first = with_bytecode(context(layer), PYTHON, store)
    second = with_bytecode(dataclasses.replace(context(layer), digest="1" * 64), PYTHON, store)
    assert first.derived == second.derived


def test_a_compiler_that_cannot_write_is_an_error(layer: Path, tmp_path: Path) -> None:
    destination = tmp_path / "out"
    destination.mkdir()
    (destination / "usr").write_text("in the way")
    with pytest.raises(PipelineError):
        compile_below(layer, destination, PYTHON, inside="/", below=(f"usr/lib/python{PYTHON}",))
