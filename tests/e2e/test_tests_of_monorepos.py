"""Packages of one repository that depend on each other, locked, tested and changed for real."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.platforms import Target
from tests.benchmarks import monorepo
from tests.e2e.conftest import Project, commit, machine_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.slow]

TEST = """\
  test:
    kind: test
    image: python
    needs: [wheel]
    matrix: {source: "packages/*"}
    run: python test_it.py
"""


@pytest.fixture
def chained(tool: Path, fetched: Callable[[str], Path], tmp_path: Path) -> Project:
    """Return three packages: each but the first imports the one before, and depends on it."""
    root = monorepo.make(tmp_path / "chained", 3, Target.native().value)
    with (root / "pipeline.yaml").open("a", encoding="utf-8") as stream:
        stream.write(TEST)
    for number in range(3):
        package = root / "packages" / f"package_{number:03d}"
        (package / "test_it.py").write_text(f"import {package.name}.one\n")
        if number:
            before = f"package_{number - 1:03d}"
            with (package / "pyproject.toml").open("a", encoding="utf-8") as stream:
                stream.write(f'dependencies = ["{before.replace("_", "-")}>=1"]\n')
            (package / package.name / "one.py").write_text(f"import {before}.one\n")
    image = root / "images" / "python.yaml"
    image.write_text(image.read_text().replace("python3-venv", "python3-venv, bash, coreutils"))
    commit(root)
    project = Project(tool, root, fetched("pure"), machine_settings())
    project.run("lock").expect(0)
    return project


def test_each_package_is_tested_with_those_that_it_depends_on(chained: Project) -> None:
    built = chained.run("run", "test", "--json").expect(0)
    tested = [cell["cell"] for cell in built.document["cells"] if cell["stage"] == "test"]
    assert tested == [f"test[packages/package_{number:03d}]" for number in range(3)]
    chained.write("packages/package_001/package_001/two.py", "VALUE = 'changed'\n")
    again = chained.run("run", "test", "--json").expect(0)
    status = {cell["cell"]: cell["status"] for cell in again.document["cells"]}
    assert [status[name] for name in tested] == ["cached", "built", "built"]


def test_a_package_without_its_wheel_is_asked_of_no_index(chained: Project) -> None:
    text = (chained.root / "pipeline.yaml").read_text()
    alone = "{kind: wheel, image: python, source: packages/package_002}"
    text = text.replace("needs: [wheel]", "needs: [alone]") + f"  alone: {alone}\n"
    chained.write("pipeline.yaml", text)
    refused = chained.run("lock").expect(2)
    assert "installs `package-001`, which is the project in `packages/package_001`" in (
        refused.stderr
    )
