"""What cannot be placed is refused, with the file and the key to mend."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError
from pipeline.project import entry_points, layout
from pipeline.project.pyproject import read_project
from tests.unit.project.comparing import Case

if TYPE_CHECKING:
    from pathlib import Path

NAMED = '[project]\nname = "my-thing"\nversion = "1"\n'


def built_by(backend: str, settings: str = "") -> str:
    return f'[build-system]\nrequires = []\nbuild-backend = "{backend}"\n{NAMED}{settings}'


@pytest.mark.parametrize(
    ("case", "message", "hint"),
    [
        (Case(pyproject=built_by("hatchling.build"), files=("other/__init__.py",)), "cannot find a package `my_thing`", r"\[tool.hatch.build.targets.wheel\] packages"),
        (Case(pyproject=built_by("hatchling.build", '[tool.hatch.build.targets.wheel]\npackages = ["src/x"]\n')), "cannot find `src/x`", r"\[tool.hatch"),
        (Case(pyproject=built_by("flit_core.buildapi")), "a module or package `my_thing`", r"\[tool.flit.module\] name"),
        (Case(pyproject=built_by("poetry.core.masonry.api", '[tool.poetry]\npackages = [{include = "x", from = "lib"}]\n')), "cannot find `lib/x`", r"\[tool.poetry\] packages"),
        (Case(pyproject=built_by("pdm.backend"), files=("README",)), "an import package", r"\[tool.pdm.build\] includes"),
        (Case(pyproject=built_by("uv_build"), files=("my_thing/__init__.py",)), "the package `src/my_thing`", r"\[tool.uv.build-backend\] module-name"),
        (Case(pyproject=built_by("maturin", '[tool.maturin]\npython-source = "python"\n'), files=("src/lib.rs",)), "the package `python/my_thing`", r"\[tool.maturin\]"),
        (Case(pyproject=built_by("scikit_build_core.build", '[tool.scikit-build]\nwheel.packages = ["lib/x"]\n')), "cannot find `lib/x`", "wheel.packages"),
        (Case(pyproject=built_by("mesonpy"), files=("meson.build",)), "Meson alone knows", "the wheel of a stage"),
        (Case(pyproject=built_by("unheard_of"), files=("README",)), "`unheard_of` takes packages from is not known", "usual two layouts"),
        (Case(pyproject=built_by("setuptools.build_meta"), files=("one/x.py", "two/x.py")), "several top-level packages, and there are `one`, `two`", r"\[tool.setuptools\] packages"),
        (Case(pyproject=built_by("setuptools.build_meta"), files=("one.py", "two.py")), "several top-level modules", "py-modules"),
        (Case(pyproject=built_by("setuptools.build_meta", '[tool.setuptools]\npackages = ["gone"]\n')), r"`\[tool.setuptools\] packages` names `gone`, and `gone` does not exist", "package-dir"),
        (Case(pyproject=built_by("setuptools.build_meta", '[tool.setuptools.packages.find]\nwhere = ["gone"]\n')), "`gone` to look for packages in is missing", ""),
        (Case(files={"setup.py": "from setuptools import setup\nfrom h import found\nsetup(name='a', packages=found())\n"}), "`packages` in `setup.py` is computed", r"\[tool.setuptools\] packages"),
        (Case(files={"setup.py": "from setuptools import setup\nfrom h import words\nsetup(**words)\n"}), r"`setup\(\)` in `setup.py` is computed", ""),
    ],
)  # fmt: skip
def test_a_layout_that_cannot_be_followed_is_refused(
    tmp_path: Path, case: Case, message: str, hint: str
) -> None:
    case.write(tmp_path)
    with pytest.raises(ConfigError, match=message) as refused:
        layout.read(read_project(tmp_path, "."), tmp_path)
    assert refused.value.where == "pyproject.toml"
    assert refused.match("cannot be imported from its sources")
    assert re.search(hint, refused.value.hint)


@pytest.mark.parametrize(("file", "text"), [("setup.py", "def (\n"), ("setup.cfg", "no section\n")])
def test_a_file_that_cannot_be_parsed_is_named(tmp_path: Path, file: str, text: str) -> None:
    Case(pyproject='[build-system]\nrequires = ["setuptools"]\n', files={file: text}).write(
        tmp_path
    )
    with pytest.raises(ConfigError, match=f"`{file}` (is not valid Python|cannot be parsed)"):
        layout.read(read_project(tmp_path, "."), tmp_path)


@pytest.mark.parametrize(
    "lines",
    [
        "names = ['a']\nnames.append('b')\nsetup(name='x', packages=names)",
        "names = ['a']\nnames += ['b']\nsetup(name='x', packages=names)",
        "names = ['a']\nif 1:\n    names = ['b']\nsetup(name='x', packages=names)",
        "words = {}\nwords['packages'] = ['a']\nsetup(name='x', **words)",
    ],
)
def test_a_name_that_changes_is_not_taken_for_what_it_began_as(tmp_path: Path, lines: str) -> None:
    Case(files={"setup.py": f"from setuptools import setup\n{lines}\n"}).write(tmp_path)
    with pytest.raises(ConfigError, match="computed"):
        layout.read(read_project(tmp_path, "."), tmp_path)


def test_entry_points_that_are_computed_are_known_to_be(tmp_path: Path) -> None:
    text = "from setuptools import setup\nsetup(name='a', packages=[], entry_points=made())\n"
    Case(files={"setup.py": text}).write(tmp_path)
    found = entry_points.read(read_project(tmp_path, "."), tmp_path)
    assert found.computed == "`entry_points` in `setup.py`"
