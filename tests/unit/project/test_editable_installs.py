"""A project that is installed from its sources looks installed, and its sources are what runs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError
from pipeline.project.editable import Editable, metadata
from pipeline.project.pyproject import read_project
from tests.unit.project.comparing import Case, found_at, installed

if TYPE_CHECKING:
    from pathlib import Path

HATCH = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
NAMED = '[project]\nname = "{name}"\nversion = "1"\n'
TARGET = "[tool.hatch.build.targets.wheel]\n"
PROJECT = """\
[project]
name = "my.Tool"
version = "1.2"
requires-python = ">=3.11"
dependencies = ["left>=1", "right; python_version > '3'"]
[project.optional-dependencies]
more = ["third; sys_platform == 'linux'"]
[project.scripts]
tool = "my_tool.main:App.run"
[project.entry-points.plugins]
one = "my_tool:plugin"
"""
ASK = """
from importlib.metadata import distribution, entry_points, packages_distributions
found = distribution("my-tool")
(plugin,) = entry_points(group="plugins")
print(found.version, plugin.value, packages_distributions()["my_tool"][0])
print(*found.requires, sep="\\n")
"""


def project(directory: Path, settings: str, *files: str, name: str = "my-tool") -> Path:
    return Case(pyproject=HATCH + NAMED.format(name=name) + settings, files=files).write(directory)


def said(packages: Path, code: str, *, where: Path | None = None) -> str:
    """Return what a program says for which ``packages`` is a directory of packages."""
    start = f"import site; site.addsitedir({str(packages)!r})\n"
    command = [sys.executable, "-S", "-c", start + code]
    return subprocess.run(
        command, cwd=where or packages, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_metadata_is_found(tmp_path: Path) -> None:
    source = Case(pyproject=PROJECT, files=("src/my_tool/__init__.py",)).write(tmp_path / "p")
    packages, _ = installed(source, prefix=tmp_path / "env")
    assert said(packages, ASK).splitlines() == [
        "1.2 my_tool:plugin my.Tool",
        "left>=1",
        "right; python_version > '3'",
        "third ; (sys_platform == 'linux') and extra == \"more\"",
    ]


def test_programs_run_the_object_they_stand_for(tmp_path: Path) -> None:
    text = "class App:\n    @staticmethod\n    def run():\n        return 7\n"
    files = {"src/my_tool/__init__.py": "", "src/my_tool/main.py": text}
    source = Case(pyproject=PROJECT, files=files).write(tmp_path / "p")
    _, added = installed(source, prefix=tmp_path / "env")
    script = added.texts["bin/tool"]
    assert script.startswith("#!python\n")
    assert (
        subprocess.run([sys.executable, "-c", script], cwd=source / "src", check=False).returncode
        == 7
    )


def test_imports_come_from_the_sources_under_their_true_paths(tmp_path: Path) -> None:
    source = project(
        tmp_path / "p",
        TARGET + 'packages = ["lib/plain", "alone.py"]\nonly-include = ["lib/plain", "alone.py", '
        '"mapped"]\n[tool.hatch.build.targets.wheel.sources]\n"mapped" = "other/name"\n',
        "lib/plain/__init__.py", "lib/plain/sub/__init__.py", "alone.py", "mapped/__init__.py", "tests/__init__.py",
    )  # fmt: skip
    packages, _ = installed(source, prefix=tmp_path / "env")
    code = "import plain.sub, alone, other.name\nprint(plain.sub.__file__, alone.__file__, other.name.__file__)"
    assert said(packages, code).split() == [
        str(source / path)
        for path in ("lib/plain/sub/__init__.py", "alone.py", "mapped/__init__.py")
    ]
    absent = "import importlib.util as u; print(u.find_spec('tests'), u.find_spec('lib'))"
    assert said(packages, absent) == "None None"


def test_static_analysis_finds_what_can_be_imported_without_running_anything(
    tmp_path: Path,
) -> None:
    source = project(
        tmp_path / "p",
        TARGET + 'only-include = ["lib"]\nsources = {lib = "thing"}\n',
        "lib/__init__.py",
    )
    packages, _ = installed(source, prefix=tmp_path / "env")
    assert (packages / "thing").resolve() == source / "lib"
    assert found_at(packages, "thing") == str(packages / "thing/__init__.py")


def test_projects_and_wheels_share_a_namespace(tmp_path: Path) -> None:
    one = project(
        tmp_path / "one",
        TARGET + 'packages = ["src/acme"]\n',
        "src/acme/core/__init__.py",
        "src/acme/flat.py",
        name="one",
    )
    two = project(
        tmp_path / "two", TARGET + 'packages = ["acme"]\n', "acme/web/deep/__init__.py", name="two"
    )
    wheel = tmp_path / "env/site/acme/wheel/__init__.py"
    wheel.parent.mkdir(parents=True)
    wheel.touch()
    packages, _ = installed(one, two, prefix=tmp_path / "env")
    code = (
        "import acme.core, acme.flat, acme.web.deep, acme.wheel, sys\n"
        "print(*(sys.modules[f'acme.{n}'].__file__ for n in ('core', 'flat', 'web.deep', 'wheel')))"
    )
    found = [
        one / "src/acme/core/__init__.py",
        one / "src/acme/flat.py",
        two / "acme/web/deep/__init__.py",
        wheel,
    ]
    assert said(packages, code).split() == list(map(str, found))


def test_a_module_that_is_new_in_a_namespace_is_there_at_once(tmp_path: Path) -> None:
    source = project(tmp_path / "p", TARGET + 'packages = ["plain"]\n', "plain/a.py")
    packages, _ = installed(source, prefix=tmp_path / "env")
    (source / "plain/b.py").touch()
    assert said(packages, "import plain.b; print(plain.b.__file__)") == str(source / "plain/b.py")


@pytest.mark.parametrize(
    "style",
    [
        "__import__('pkgutil').extend_path(__path__, __name__)",
        "0\n__import__('pkg_resources').declare_namespace(__name__)",
    ],
)
def test_namespaces_of_the_time_before_pep_420_are_shared(tmp_path: Path, style: str) -> None:
    text = f"__path__ = {style}\n" if "extend" in style else style.removeprefix("0\n")
    sources = [
        Case(
            pyproject=HATCH + NAMED.format(name=name) + TARGET + 'packages = ["src/zoo"]\n',
            files={"src/zoo/__init__.py": text, f"src/zoo/{name}/__init__.py": ""},
        ).write(tmp_path / name)
        for name in ("cat", "dog")
    ]
    packages, _ = installed(*sources, prefix=tmp_path / "env")
    code = "import zoo.cat, zoo.dog; print(zoo.cat.__file__, zoo.dog.__file__)"
    assert said(packages, code).split() == [
        str(tmp_path / f"{n}/src/zoo/{n}/__init__.py") for n in ("cat", "dog")
    ]


def test_the_order_of_the_search_path_stays(tmp_path: Path) -> None:
    source = project(
        tmp_path / "p",
        TARGET + 'packages = ["json", "mine"]\n',
        "json/__init__.py",
        "mine/__init__.py",
    )
    packages, _ = installed(source, prefix=tmp_path / "env")
    (tmp_path / "here/mine").mkdir(parents=True)
    (tmp_path / "here/mine/__init__.py").touch()
    found = said(
        packages, "import json, mine; print(json.__file__, mine.__file__)", where=tmp_path / "here"
    )
    assert str(source) not in found


def test_two_projects_with_one_module_are_refused(tmp_path: Path) -> None:
    sources = [
        project(tmp_path / n, TARGET + 'packages = ["same"]\n', "same/__init__.py", name=n)
        for n in ("a", "b")
    ]
    with pytest.raises(ConfigError, match="`a` and `b` both hold the module `same`"):
        installed(*sources, prefix=tmp_path / "env")


def test_scripts_that_are_files_run_from_where_they_lie(tmp_path: Path) -> None:
    files = {
        "setup.py": "from setuptools import setup\nsetup(name='a', version='1', py_modules=[], scripts=['bin/say', 'bin/sh-say'])\n",
        "bin/say": "#!/usr/bin/env python3\nimport sys\nprint(__name__, *sys.argv[1:])\n",
        "bin/sh-say": "#!/bin/sh\necho said\n",
    }
    source = Case(files=files).write(tmp_path / "p")
    _, added = installed(source, prefix=tmp_path / "env")
    command = [sys.executable, "-c", added.texts["bin/say"], "word"]
    assert (
        subprocess.run(command, check=True, capture_output=True, text=True).stdout
        == "__main__ word\n"
    )
    assert added.links["bin/sh-say"] == str(source / "bin/sh-say")


@pytest.mark.parametrize("value", ["one", "one:", "one two:main"])
def test_a_program_that_no_script_can_be_made_for_is_refused(tmp_path: Path, value: str) -> None:
    source = project(tmp_path / "p", f'[project.scripts]\nbad = "{value}"\n', "my_tool/__init__.py")
    with pytest.raises(ConfigError, match=f"the program `bad` stands for `{value}`"):
        installed(source, prefix=tmp_path / "env")


@pytest.mark.parametrize(
    ("text", "files", "version"),
    [
        ('[project]\nname = "a"\ndynamic = ["version"]\n', {}, "0+checkout"),
        ('[project]\nname = "a"\ndynamic = ["version"]\n', {"VERSION": "3.4\n"}, "3.4"),
        ('[project]\nname = "a"\ndynamic = ["version"]\n', {"VERSION": "no version\n"}, "0+checkout"),
        (HATCH + '[project]\nname = "a"\ndynamic = ["version"]\n[tool.hatch.version]\npath = "a/about.py"\n', {"a/__init__.py": "", "a/about.py": "__version__ = '2.1'\n"}, "2.1"),
        (HATCH + '[project]\nname = "a"\ndynamic = ["version"]\n[tool.hatch.version]\npath = "V"\npattern = "(?P<version>.+)"\n', {"a/__init__.py": "", "V": "5\n"}, "5"),
        ('[project]\nname = "a"\ndynamic = ["version"]\n[tool.setuptools.dynamic]\nversion = {attr = "a.__version__"}\n', {"a/__init__.py": "__version__: str = '6'\n"}, "6"),
        ('[project]\nname = "a"\ndynamic = ["version"]\n[tool.setuptools.dynamic]\nversion = {file = "V.txt"}\n', {"V.txt": "7\n"}, "7"),
        ('[build-system]\nbuild-backend = "flit_core.buildapi"\nrequires = []\n[project]\nname = "a"\ndynamic = ["version"]\n', {"a.py": "__version__ = '8'\n"}, "8"),
        ('[build-system]\nbuild-backend = "poetry.core.masonry.api"\nrequires = []\n[tool.poetry]\nname = "a"\nversion = "9"\n', {"a.py": ""}, "9"),
        ("", {"setup.cfg": "[metadata]\nname = a\nversion = file: V.txt\n", "setup.py": "", "V.txt": "10"}, "10"),
    ],
)  # fmt: skip
def test_a_version_is_read_and_never_computed(
    tmp_path: Path, text: str, files: dict[str, str], version: str
) -> None:
    Case(pyproject=text, files=files).write(tmp_path)
    assert Editable.read(tmp_path, ".", read_project(tmp_path, ".")).version == version


def test_a_project_that_nothing_builds_is_on_the_search_path_as_it_stands(tmp_path: Path) -> None:
    text = '[project]\nname = "app"\nversion = "1"\n'
    source = Case(pyproject=text, files=("api/__init__.py", "web/__init__.py")).write(
        tmp_path / "p"
    )
    packages, added = installed(source, prefix=tmp_path / "env")
    assert added.texts["site/checkout.pth"] == f"{source}\n"
    assert said(packages, "import api, web; print(api.__file__)") == str(source / "api/__init__.py")


def test_an_editor_is_told_the_url_that_installers_write(tmp_path: Path) -> None:
    source = project(tmp_path / "p", "", "my_tool/__init__.py")
    _, added = installed(source, prefix=tmp_path / "env")
    told = json.loads(added.texts["site/my_tool-1.dist-info/direct_url.json"])
    assert told == {"url": source.as_uri(), "dir_info": {"editable": True}}


def test_an_address_keeps_its_semicolons(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "a"\n[project.optional-dependencies]\n'
        "more = [\"b @ https://h.example/b;v=1.whl ; os_name == 'posix'\", \"c;os_name=='nt'\"]\n"
    )
    text = metadata(read_project(tmp_path, "."), "1")
    assert (
        "Requires-Dist: b @ https://h.example/b;v=1.whl ; (os_name == 'posix') and extra == \"more\""
        in text
    )
    assert "Requires-Dist: c ; (os_name=='nt') and extra == \"more\"" in text
