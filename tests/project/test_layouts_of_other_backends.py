"""What is importable from the sources is what the wheels of backends hold that are not ours."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from uv import find_uv_bin

from tests.unit.project.comparing import Case, built, compare

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.network

NAMED = '[project]\nname = "my-thing"\nversion = "1"\n'
INIT = "my_thing/__init__.py"
DESCRIBED = f'{NAMED}description = "x"\n'


def poetry(text: str = "", *, project: bool = False) -> str:
    system = (
        '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
    )
    told = DESCRIBED if project else ""
    old = '[tool.poetry]\nname = "my-thing"\nversion = "1"\ndescription = ""\nauthors = []\n'
    return f"{system}{told}{'' if project else old}{text}"


POETRY = {
    "flat": Case(pyproject=poetry(), files=(INIT, "tests/__init__.py")),
    "src": Case(pyproject=poetry(), files=(f"src/{INIT}",)),
    "module": Case(pyproject=poetry(), files=("my_thing.py",)),
    "src-module": Case(pyproject=poetry(), files=("src/my_thing.py",)),
    "from": Case(pyproject=poetry('packages = [{include = "inner", from = "lib"}, {include = "other"}]\n'), files=("lib/inner/__init__.py", "other/__init__.py", "lib/no/__init__.py")),
    "to": Case(pyproject=poetry('packages = [{include = "inner", from = "lib", to = "deep/er"}]\n'), files=("lib/inner/__init__.py",)),
    "glob": Case(pyproject=poetry('packages = [{include = "inner/**/*.py"}]\n'), files=("inner/__init__.py", "inner/a/b.py")),
    "below": Case(pyproject=poetry('packages = [{include = "acme/web", from = "src"}]\n'), files=("src/acme/web/__init__.py", "src/acme/core/__init__.py")),
    "module-of-two": Case(pyproject=poetry('packages = [{include = "one.py"}, {include = "two.py", from = "lib"}]\n'), files=("one.py", "lib/two.py")),
    "not-for-wheels": Case(pyproject=poetry('packages = [{include = "inner"}, {include = "tests", format = "sdist"}]\n'), files=("inner/__init__.py", "tests/__init__.py")),
    "scripts": Case(
        pyproject=poetry('[tool.poetry.scripts]\ngo = "my_thing:main"\nfull = {reference = "my_thing:full", type = "console"}\nfile = {reference = "bin/run", type = "file"}\n'
                         '[tool.poetry.plugins."my.plugs"]\na = "my_thing"\n'),
        files={INIT: "", "bin/run": "#!/usr/bin/env python3\n"},
    ),
    "project-and-scripts": Case(pyproject=poetry('[project.scripts]\ngo = "my_thing:main"\n[tool.poetry.scripts]\nold = "my_thing:old"\n', project=True), files=(INIT,)),
    "stubs": Case(pyproject=poetry('packages = [{include = "foo-stubs"}]\n'), files=("foo-stubs/__init__.pyi",)),
}  # fmt: skip


def pdm(text: str = "") -> str:
    return (
        f'[build-system]\nrequires = ["pdm-backend"]\nbuild-backend = "pdm.backend"\n{NAMED}{text}'
    )


PDM = {
    "flat": Case(pyproject=pdm(), files=(INIT, "other/__init__.py", "tests/__init__.py", "data/x.py")),
    "src": Case(pyproject=pdm(), files=(f"src/{INIT}", "src/two/__init__.py", "flat/__init__.py")),
    "modules": Case(pyproject=pdm(), files=("one.py", "two.py")),
    "package-dir": Case(pyproject=pdm('[tool.pdm.build]\npackage-dir = "lib"\n'), files=("lib/inner/__init__.py", "no/__init__.py")),
    "includes": Case(pyproject=pdm('[tool.pdm.build]\nincludes = ["inner", "alone.py"]\n'), files=("inner/__init__.py", "alone.py", "no.py")),
    "includes-below-src": Case(pyproject=pdm('[tool.pdm.build]\nincludes = ["src/inner"]\n'), files=("src/inner/__init__.py", "src/no/__init__.py")),
    "excludes": Case(pyproject=pdm('[tool.pdm.build]\nexcludes = ["other"]\n'), files=(INIT, "other/__init__.py")),
}  # fmt: skip


def uv(text: str = "", name: str = "my-thing") -> str:
    return f'[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n[project]\nname = "{name}"\nversion = "1"\n{text}'


UV = {
    "src": Case(pyproject=uv(), files=(f"src/{INIT}", "src/other/__init__.py")),
    "flat": Case(pyproject=uv('[tool.uv.build-backend]\nmodule-root = ""\n'), files=(INIT, "other/__init__.py")),
    "named": Case(pyproject=uv('[tool.uv.build-backend]\nmodule-name = "PIL_util"\n'), files=("src/PIL_util/__init__.py",)),
    "list": Case(pyproject=uv('[tool.uv.build-backend]\nmodule-name = ["one", "two"]\n'), files=("src/one/__init__.py", "src/two/__init__.py", "src/no/__init__.py")),
    "dotted": Case(pyproject=uv('[tool.uv.build-backend]\nmodule-name = "acme.web"\nmodule-root = "lib"\n'), files=("lib/acme/web/__init__.py", "lib/acme/core/__init__.py")),
    "namespace": Case(pyproject=uv('[tool.uv.build-backend]\nmodule-name = "acme"\nnamespace = true\n'), files=("src/acme/web/__init__.py", "src/acme/core/__init__.py")),
    "stubs": Case(pyproject=uv(name="foo-stubs"), files=("src/foo-stubs/__init__.pyi",)),
    "scripts": Case(pyproject=uv('[project.scripts]\ngo = "my_thing:main"\n'), files=(f"src/{INIT}",)),
}  # fmt: skip


def scikit(text: str = "", name: str = "my-thing") -> str:
    return (
        '[build-system]\nrequires = ["scikit-build-core"]\nbuild-backend = "scikit_build_core.build"\n'
        f'[project]\nname = "{name}"\nversion = "1"\n[tool.scikit-build]\nwheel.cmake = false\n{text}'
    )


SCIKIT = {
    "src": Case(pyproject=scikit(), files=(f"src/{INIT}",)),
    "python": Case(pyproject=scikit(), files=(f"python/{INIT}",)),
    "flat": Case(pyproject=scikit(), files=(INIT, "other/__init__.py")),
    "packages": Case(pyproject=scikit('wheel.packages = ["lib/inner", "two"]\n'), files=("lib/inner/__init__.py", "two/__init__.py")),
    "map": Case(pyproject=scikit('wheel.packages = {"acme/web" = "lib/web"}\n'), files=("lib/web/__init__.py",)),
}  # fmt: skip

FLIT_3 = {
    "old-metadata": Case(
        pyproject='[build-system]\nrequires = ["flit_core >=2,<4"]\nbuild-backend = "flit_core.buildapi"\n[tool.flit.metadata]\nmodule = "inner"\ndist-name = "my-thing"\n'
        'author = "A"\nauthor-email = "a@example.org"\nhome-page = "https://example.org"\n[tool.flit.scripts]\ngo = "inner:main"\n[tool.flit.entrypoints."plugs"]\na = "inner"\n',
        files={"inner/__init__.py": '"""Words."""\n__version__ = "3"\n'},
    ),
}

BACKENDS = {
    "poetry": ("poetry.core.masonry.api", "poetry-core>=2", POETRY),
    "pdm": ("pdm.backend", "pdm-backend>=2.4", PDM),
    "uv": ("uv_build", "uv_build>=0.8", UV),
    "scikit": ("scikit_build_core.build", "scikit-build-core>=0.11", SCIKIT),
    "flit": ("flit_core.buildapi", "flit_core<4", FLIT_3),
}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("layouts")
    python = directory / "venv/bin/python"
    quiet = (find_uv_bin(), "--quiet", "--no-config")
    subprocess.run([*quiet, "venv", "-p", sys.executable, str(directory / "venv")], check=True)
    needed = [requirement for _, requirement, _ in BACKENDS.values()]
    subprocess.run([*quiet, "pip", "install", "-p", str(python), *needed], check=True)
    for name, (backend, _, cases) in BACKENDS.items():
        built(cases, directory / name, backend, str(python))
    return directory


@pytest.mark.parametrize(
    "case", [f"{backend}/{name}" for backend, (_, _, cases) in BACKENDS.items() for name in cases]
)
def test_the_sources_give_what_the_wheel_holds(case: str, wheels: Path) -> None:
    compare(wheels / case)
