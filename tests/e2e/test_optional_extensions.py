"""A project that builds without its extension where no compiler works is told of, every time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.extended,
]

PYPROJECT = """\
[build-system]
requires = ["setuptools==75.8.0"]
build-backend = "setuptools.build_meta"
[project]
name = "speedy"
version = "1.0"
"""
# As MarkupSafe and SQLAlchemy do it.
FALLS_BACK = """\
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

class Failed(Exception):
    pass

class Optional(build_ext):
    def build_extension(self, ext):
        try:
            super().build_extension(ext)
        except Exception as error:
            raise Failed from error

def run(modules):
    setup(py_modules=["speedy"], ext_modules=modules, cmdclass={"build_ext": Optional})

try:
    run([Extension("_speedy", ["_speedy.c"])])
except Failed:
    run([])
"""
OPTIONAL = """\
from setuptools import Extension, setup
setup(
    py_modules=["speedy"],
    ext_modules=[Extension("_speedy", ["_speedy.c"], optional=True)],
)
"""


@pytest.mark.parametrize(
    ("setup", "rule"),
    [(FALLS_BACK, "unexpectedly-pure"), (OPTIONAL, "platform-without-elf")],
)
def test_an_extension_that_silently_failed_is_a_warning(
    steps: Project, setup: str, rule: str
) -> None:
    stages = "{sdist: {kind: sdist, image: python}, "
    stages += "wheel: {kind: wheel, image: python, needs: [sdist]}}"
    steps.write("pipeline.yaml", f"version: 1\nstages: {stages}\n")
    steps.write("pyproject.toml", PYPROJECT)
    steps.write("setup.py", setup)
    steps.write("speedy.py", "x = 1\n")
    steps.write("_speedy.c", "#error no compiler gets here\n")
    steps.run("lock").expect(0)
    for status in ("built", "cached"):
        made = steps.run("run", "wheel", "--json").expect(0).document
        (cell,) = (cell for cell in made["cells"] if cell["cell"] == "wheel")
        assert cell["status"] == status
        assert [found["rule"] for found in cell["outputs"][0]["findings"]] == [rule]
