"""What is importable from the sources is what the wheel of the real backend holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.project.comparing import Case, built, compare

if TYPE_CHECKING:
    from pathlib import Path

NAMED = '[project]\nname = "my-thing"\nversion = "1"\n'
INIT = "my_thing/__init__.py"


def setuptools(text: str = "") -> str:
    return f'[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n{text}'


SETUPTOOLS = {
    "src": Case(
        pyproject=setuptools(NAMED),
        files=(
            "src/one/__init__.py",
            "src/one/a/b.py",
            "src/two.py",
            "tests/test_a.py",
            "setup_helper/x.py",
        ),
    ),
    "src-namespace": Case(
        pyproject=setuptools(NAMED), files=("src/acme/web/__init__.py", "src/acme/plain/x.py")
    ),
    "flat": Case(
        pyproject=setuptools(NAMED),
        files=(
            INIT,
            "my_thing/sub/x.py",
            "tests/__init__.py",
            "docs/conf.py",
            "setup_things.py",
            "examples/a.py",
        ),
    ),
    "flat-stubs": Case(pyproject=setuptools(NAMED), files=(INIT, "my_thing-stubs/__init__.pyi")),
    "single-module": Case(
        pyproject=setuptools(NAMED),
        files=("lonely.py", "noxfile.py", "conftest.py", "tests/test_lonely.py"),
    ),
    "where": Case(
        pyproject=setuptools(
            NAMED + '[tool.setuptools.packages.find]\nwhere = ["lib"]\nexclude = ["other*"]\n'
        ),
        files=("lib/one/__init__.py", "lib/other/__init__.py", "src/no/__init__.py"),
    ),
    "where-two": Case(
        pyproject=setuptools(NAMED + '[tool.setuptools.packages.find]\nwhere = ["a", "b"]\n'),
        files=("a/one/__init__.py", "b/two/__init__.py", "b/two/sub/__init__.py"),
    ),
    "find-no-namespaces": Case(
        pyproject=setuptools(NAMED + "[tool.setuptools.packages.find]\nnamespaces = false\n"),
        files=(INIT, "data/x.py", "other/__init__.py"),
    ),
    "find-include": Case(
        pyproject=setuptools(NAMED + '[tool.setuptools.packages.find]\ninclude = ["acme.web*"]\n'),
        files=("acme/web/__init__.py", "acme/core/__init__.py", "tests/x.py"),
    ),
    "package-dir": Case(
        pyproject=setuptools(
            NAMED
            + '[tool.setuptools]\npackages = ["foo", "foo.bar"]\npackage-dir = {"foo" = "lib", "foo.bar" = "elsewhere"}\n'
        ),
        files=("lib/__init__.py", "lib/own.py", "elsewhere/__init__.py"),
    ),
    "package-is-the-directory": Case(
        pyproject=setuptools(
            NAMED + '[tool.setuptools]\npackages = ["foo"]\npackage-dir = {"foo" = "."}\n'
        ),
        files=("__init__.py", "own.py"),
    ),
    "explicit": Case(
        pyproject=setuptools(
            NAMED
            + '[tool.setuptools]\npackages = ["inner", "inner.part"]\npy-modules = ["alone"]\npackage-dir = {"" = "lib"}\n'
        ),
        files=("lib/inner/__init__.py", "lib/inner/part/__init__.py", "lib/alone.py", "lib/not.py"),
    ),
    "explicit-below-a-namespace": Case(
        pyproject=setuptools(NAMED + '[tool.setuptools]\npackages = ["acme.web"]\n'),
        files=("acme/web/__init__.py", "acme/core/__init__.py"),
    ),
    "cfg": Case(
        pyproject=setuptools(),
        files={
            "setup.cfg": "[metadata]\nname = my-thing\nversion = attr: one.__version__\n[options]\npackages = find:\npackage_dir =\n    = lib\n"
            "scripts =\n    bin/tool\n[options.packages.find]\nwhere = lib\nexclude =\n    tests*\n[options.entry_points]\nconsole_scripts =\n    go = one:main\n"
            "    Stop = one:stop\nmy.plugins =\n    a = one\n",
            "lib/one/__init__.py": "__version__ = '3'\n",
            "lib/tests/__init__.py": "",
            "bin/tool": "#!/usr/bin/env python\n",
        },
    ),
    "cfg-namespaces": Case(
        pyproject=setuptools(),
        files={
            "setup.cfg": "[metadata]\nname = my-thing\nversion = 1\n[options]\npackages = find_namespace:\n[options.packages.find]\ninclude = acme.*\n",
            "acme/web/__init__.py": "",
            "tests/x.py": "",
        },
    ),
    "script": Case(
        files={
            "setup.py": "from setuptools import setup, find_packages\nNAME = 'my-thing'\nEXTRA = ['deep']\nsetup(name=NAME, version='1', "
            "package_dir={'': 'lib'}, packages=find_packages('lib', exclude=['tests']) + EXTRA, py_modules=['alone'], scripts=['bin/tool.sh'], "
            "entry_points={'console_scripts': ['go = one.cli:main', 'stop=one:stop'], 'gui_scripts': 'win = one:win'})\n",
            "lib/one/__init__.py": "",
            "lib/one/cli.py": "",
            "lib/tests/__init__.py": "",
            "lib/deep/__init__.py": "",
            "lib/alone.py": "",
            "bin/tool.sh": "#!/bin/sh\n",
        },
    ),
    "script-with-text-of-entry-points": Case(
        files={
            "setup.py": "import setuptools\nKW = dict(name='my-thing', version='1', packages=['one'])\nsetuptools.setup(entry_points='''\n"
            "[console_scripts]\ngo = one:main\n''', **KW)\n",
            "one/__init__.py": "",
        },
    ),
    "script-with-more-that-is-computed": Case(
        pyproject=setuptools(NAMED + '[tool.setuptools]\npackages = ["one"]\n'),
        files={
            "setup.py": "from setuptools import setup\nmore = {}\nif 1:\n    more = {'zip_safe': False}\nsetup(**more)\n",
            "one/__init__.py": "",
        },
    ),
    "script-discovers": Case(
        files={
            "setup.py": "from setuptools import setup\nsetup(name='my-thing', version='1')\n",
            "src/one/__init__.py": "",
        }
    ),
    "script-beside-project": Case(
        pyproject=setuptools(
            '[project]\nname = "my-thing"\nversion = "1"\ndynamic = ["scripts"]\n'
        ),
        files={
            "setup.py": "from setuptools import setup\nsetup(entry_points={'console_scripts': ['go = one:main']})\n",
            "one/__init__.py": "",
        },
    ),
    "dynamic-file": Case(
        pyproject=setuptools(
            '[project]\nname = "my-thing"\nversion = "1"\ndynamic = ["scripts", "entry-points"]\n[tool.setuptools.dynamic]\nentry-points = {file = ["points.ini"]}\n'
        ),
        files={
            "points.ini": "[console_scripts]\ngo = one:main\n[plugins]\na = one\n",
            "one/__init__.py": "",
        },
    ),
    "project-scripts": Case(
        pyproject=setuptools(
            NAMED
            + '[project.scripts]\ngo = "one:main"\n[project.gui-scripts]\nwin = "one:win"\n[project.entry-points."a.b"]\nx = "one"\n'
        ),
        files=("one/__init__.py",),
    ),
    "pkgutil-namespace": Case(
        pyproject=setuptools(NAMED),
        files={
            "src/zoo/__init__.py": "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
            "src/zoo/cat/__init__.py": "",
        },
    ),
}


def hatch(text: str) -> str:
    return f'[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n{NAMED}{text}'


WHEEL = "[tool.hatch.build.targets.wheel]\n"
HATCH = {
    "flat": Case(pyproject=hatch(""), files=(INIT, "tests/__init__.py")),
    "src": Case(
        pyproject=hatch(""),
        files=("src/my_thing/__init__.py", "src/my_thing/a.py", "src/other/__init__.py"),
    ),
    "module": Case(pyproject=hatch(""), files=("my_thing.py", "other.py")),
    "namespace": Case(pyproject=hatch(""), files=("acme/my_thing/__init__.py", "acme/other/x.py")),
    "packages": Case(
        pyproject=hatch(WHEEL + 'packages = ["lib/inner", "other"]\n'),
        files=("lib/inner/__init__.py", "other/__init__.py", "lib/no/__init__.py"),
    ),
    "sources-list": Case(
        pyproject=hatch(WHEEL + 'only-include = ["lib"]\nsources = ["lib"]\n'),
        files=("lib/one/__init__.py", "lib/two.py"),
    ),
    "sources-map": Case(
        pyproject=hatch(
            WHEEL
            + 'only-include = ["lib"]\n[tool.hatch.build.targets.wheel.sources]\n"lib" = "my/thing"\n'
        ),
        files=("lib/__init__.py", "lib/a.py"),
    ),
    "sources-part": Case(
        pyproject=hatch(
            WHEEL
            + 'packages = ["src/one"]\n[tool.hatch.build.targets.wheel.sources]\n"src/one" = "deep/one"\n'
        ),
        files=("src/one/__init__.py",),
    ),
    "sources-of-the-top": Case(
        pyproject=hatch(
            WHEEL
            + 'only-include = ["a.py", "b.py"]\n[tool.hatch.build.targets.wheel.sources]\n"" = "pack/"\n'
        ),
        files=("a.py", "b.py"),
    ),
    "include": Case(
        pyproject=hatch(WHEEL + 'include = ["/one", "two/**/*.py", "three.py"]\n'),
        files=("one/__init__.py", "two/a.py", "two/b/c.py", "three.py", "four/__init__.py"),
    ),
    "force-include": Case(
        pyproject=hatch(
            WHEEL
            + 'packages = ["one"]\n[tool.hatch.build.targets.wheel.force-include]\n"extra/two" = "one/two"\n"extra/three.py" = "three.py"\n'
        ),
        files=("one/__init__.py", "one/own.py", "extra/two/__init__.py", "extra/three.py"),
    ),
    "build-level": Case(
        pyproject=hatch('[tool.hatch.build]\npackages = ["lib/inner"]\n'),
        files=("lib/inner/__init__.py",),
    ),
    "stubs": Case(
        pyproject=hatch(WHEEL + 'packages = ["foo-stubs"]\n'),
        files=("foo-stubs/__init__.pyi", "foo-stubs/py.typed"),
    ),
    "shared-scripts": Case(
        pyproject=hatch(
            '[tool.hatch.build.targets.wheel.shared-scripts]\n"tools/run.sh" = "my-run"\n[project.scripts]\ngo = "my_thing:main"\n'
        ),
        files={INIT: "", "tools/run.sh": "#!/bin/sh\n"},
    ),
}


def flit(text: str = "", name: str = "my-thing") -> str:
    return f'[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n[project]\nname = "{name}"\nversion = "1"\ndescription = "x"\n{text}'


FLIT = {
    "flat": Case(pyproject=flit(), files=(INIT, "my_thing/a.py", "tests/__init__.py")),
    "src": Case(
        pyproject=flit('[project.scripts]\ngo = "my_thing:main"\n'), files=(f"src/{INIT}",)
    ),
    "module": Case(pyproject=flit(), files=("my_thing.py",)),
    "src-module": Case(pyproject=flit(), files=("src/my_thing.py",)),
    "named": Case(
        pyproject=flit('[tool.flit.module]\nname = "inner"\n'), files=("src/inner/__init__.py",)
    ),
    "namespace": Case(
        pyproject=flit('[tool.flit.module]\nname = "acme.web"\n'),
        files=("acme/web/__init__.py", "acme/core/x.py"),
    ),
    "stubs": Case(
        pyproject=flit(name="foo-stubs"),
        files=("foo-stubs/__init__.pyi",),
    ),
}

BACKENDS = {
    "setuptools": ("setuptools.build_meta:__legacy__", SETUPTOOLS),
    "hatch": ("hatchling.build", HATCH),
    "flit": ("flit_core.buildapi", FLIT),
}


QUICK = {
    "setuptools": ("src", "flat", "package-dir", "cfg", "script"),
    "hatch": HATCH,
    "flit": FLIT,
}
"""Those that are tried each time; a wheel of setuptools takes ten times as long as others."""


def build(directory: Path, *, quick: bool) -> Path:
    for name, (backend, cases) in BACKENDS.items():
        chosen = {one: case for one, case in cases.items() if (one in QUICK[name]) is quick}
        built(chosen, directory / name, backend)
    return directory


@pytest.fixture(scope="module")
def some_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("some"), quick=True)


@pytest.fixture(scope="module")
def other_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("others"), quick=False)


def names(*, quick: bool) -> list[str]:
    every = ((name, one) for name, (_, cases) in BACKENDS.items() for one in cases)
    return [f"{name}/{one}" for name, one in every if (one in QUICK[name]) is quick]


@pytest.mark.xdist_group("some-wheels")
@pytest.mark.parametrize("case", names(quick=True))
def test_the_sources_give_what_the_wheel_holds(case: str, some_wheels: Path) -> None:
    compare(some_wheels / case)


@pytest.mark.slow
@pytest.mark.parametrize("case", names(quick=False))
def test_further_sources_give_what_the_wheel_holds(case: str, other_wheels: Path) -> None:
    compare(other_wheels / case)
