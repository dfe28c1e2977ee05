"""What a command generates is in the sdist and in the wheel, and never in the repository."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.platforms import Target
from tests.e2e.conftest import Project, commit, machine_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.slow]

STAGES: dict[str, dict[str, object]] = {
    "parser": {
        "kind": "command",
        "inputs": ["grammar.txt", "tools"],
        "run": "python3 tools/make_parser.py grammar.txt _parser.py && echo Calc > README.md",
        "outputs": ["_parser.py", "README.md"],
    },
    "front": {
        "kind": "command",
        "inputs": "web",
        "run": "mkdir -p /out/static/css && cp web/app.css /out/static/css/app.css",
    },
    "sdist": {
        "kind": "sdist",
        "needs": ["parser", "front"],
        "generated": {
            "src/calc/_parser.py": "parser/_parser.py",
            "src/calc/static/": "front/static",
            "README.md": "parser/README.md",
        },
    },
    "wheel": {"kind": "wheel", "needs": ["sdist"]},
    "test": {"kind": "test", "needs": ["wheel"], "run": "python3 tests/all.py"},
}
FILES = {
    "grammar.txt": "plus minus\n",
    "VERSION": "1.0\n",
    "tools/make_parser.py": "import sys\nwords = open(sys.argv[1]).read().split()\n"
    "open(sys.argv[2], 'w').write(f'WORDS = {words!r}\\n')\n",
    "web/app.css": "body {}\n",
    "src/calc/__init__.py": '"""Calculates."""\n',
    "tests/all.py": "from importlib.resources import files\nfrom calc._parser import WORDS\n"
    "assert WORDS == ['plus', 'minus']\n"
    "assert files('calc').joinpath('static/css/app.css').read_text() == 'body {}\\n'\n",
    # As nearly every project with such files has it, and what makes backends leave them out.
    ".gitignore": "/src/calc/_parser.py\n/src/calc/static/\n",
}
PROJECT = '[build-system]\nrequires = ["{}"]\nbuild-backend = "{}"\n'
PROJECT += '[project]\nname = "calc"\nversion = "1.0"\ndescription = "Calculates"\n'
BACKENDS = {
    "hatchling": (
        PROJECT.format("hatchling", "hatchling.build"),
        '[tool.hatch.build]\nartifacts = ["src/calc/_parser.py", "src/calc/static/"]\n',
    ),
    # Reads a generated file already when it is asked what it needs.
    "setuptools": (
        PROJECT.format("setuptools", "setuptools.build_meta"),
        'readme = "README.md"\n[tool.setuptools.package-data]\ncalc = ["static/**/*"]\n',
    ),
    "flit": (PROJECT.format("flit_core", "flit_core.buildapi"), 'readme = "README.md"\n'),
}


@pytest.fixture
def generating(tool: Path, fetched: Callable[[str], Path], tmp_path: Path) -> Project:
    """Return a package whose parser and stylesheets are generated; it has no backend yet."""
    root = tmp_path / "calc"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    stages = {name: {"image": "python", **stage} for name, stage in STAGES.items()}
    (root / "pipeline.yaml").write_text(f"version: 1\nstages: {json.dumps(stages)}\n")
    (root / "images").mkdir()
    (root / "images" / "python.yaml").write_text(
        f"from: {{debian: bookworm}}\nplatforms: [{Target.native().value}]\n"
        "packages: [python3, python3-venv, bash, coreutils]\n"
    )
    commit(root)
    return Project(tool, root, fetched("pure"), machine_settings())


@pytest.mark.parametrize("engine", ["sandbox", pytest.param("docker", marks=pytest.mark.docker)])
@pytest.mark.parametrize("backend", BACKENDS)
def test_each_backend_packs_what_was_generated(
    generating: Project, backend: str, engine: str
) -> None:
    project, more = BACKENDS[backend]
    generating.write("pyproject.toml", project + more)
    generating.run("lock").expect(0)
    ran = generating.run("run", "test", "--json", "--rebuild", "--engine", engine).expect(0)
    assert any(name.endswith(".whl") for name in ran.digests)
    assert not (generating.root / "src" / "calc" / "_parser.py").exists()
    if engine == "sandbox":
        generating.git("add", ".")
        generating.git("commit", "--quiet", "--message", "locked")
        generating.run("verify", "wheel").expect(0)


@pytest.mark.parametrize("backend", ["hatchling", "setuptools"])
def test_a_backend_that_leaves_one_out_is_not_believed(generating: Project, backend: str) -> None:
    generating.write("pyproject.toml", BACKENDS[backend][0])
    generating.run("lock").expect(0)
    ran = generating.run("run", "wheel").expect(2)
    assert "out of the sdist, which `generated` names" in ran.stderr
    assert {"hatchling": "`artifacts`", "setuptools": "`package-data`"}[backend] in ran.stderr
