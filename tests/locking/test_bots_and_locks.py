"""Bots read what is exported, and what the docs tell them to run brings lock and file together.

The patterns are those of Renovate's manager `pip_requirements` and of Dependabot's parser, as far
as our lines go: what these do not match, the bots do not see.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.lock.file import load

HOW_TO = Path(__file__).parents[2] / "docs/how-to/keep-the-lock-fresh.md"
RENOVATE_FILE = re.compile(r"(^|/)[\w-]*requirements([-.]\w+)?\.(txt|pip)$")
RENOVATE_LINE = re.compile(r"([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9._-]*[a-zA-Z0-9])==(\S+)")
DEPENDABOT_HASH = re.compile(r"--hash=(?P<algorithm>.*?):(?P<hash>.*?)(?=\s|\\|$)")
DECLARED = """\
version: 1
stages:
  changelog: {kind: changelog}
environments:
  dev:
    requires: [alpha<2, "beta; python_version < '3.15'"]
    export: requirements-dev.txt
"""


@pytest.fixture
def root(wheels: Path) -> Path:
    """Return a locked project that exports what bots read."""
    root = wheels.parent / "project"
    root.mkdir()
    (root / "pipeline.yaml").write_text(DECLARED)
    assert main(["lock", "-C", str(root)]) == 0
    return root


def documented() -> list[dict[str, object]]:
    """Return the JSON blocks of the page."""
    blocks = re.findall(r"```json\n(.*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)
    return [json.loads(block) for block in blocks]


def renovate_sees(text: str) -> dict[str, str]:
    """Return versions by name, read line by line as Renovate does."""
    lines = (line.split("#")[0].split(";")[0].split(" \\")[0].strip() for line in text.splitlines())
    return {match[1]: match[2] for line in lines if (match := RENOVATE_LINE.fullmatch(line))}


@pytest.mark.slow
def test_bots_see_every_package_and_every_hash(root: Path) -> None:
    text = (root / "requirements-dev.txt").read_text()
    locked = load(root / "pipeline.lock").environments["dev"].requirements
    assert renovate_sees(text) == {"alpha": "1.0", "beta": "2.0"}
    seen = {match["hash"] for match in DEPENDABOT_HASH.finditer(text)}
    assert seen == {file.sha256 for row in locked for file in row.files}


def test_bots_find_the_files_that_the_page_names() -> None:
    (declared,) = re.findall(r"export: (\S+)}", HOW_TO.read_text("utf-8"))
    assert RENOVATE_FILE.search(declared)
    assert declared in json.dumps(documented())


@pytest.mark.slow
def test_the_documented_command_takes_what_a_bot_changed_into_the_lock(root: Path) -> None:
    renovate, allowed = documented()
    (command,) = re.findall(r'"commands": \["(.*?)"\]', json.dumps(renovate))
    called = command.replace("{{{depName}}}", "alpha")
    (pattern,) = re.findall(r'"allowedCommands": \[(.*?)\]}', json.dumps(allowed))
    assert re.fullmatch(json.loads(pattern), called)
    file = root / "requirements-dev.txt"
    (root / "pipeline.yaml").write_text(DECLARED.replace("alpha<2", "alpha"))
    assert main(["lock", "-C", str(root)]) == 0
    file.write_text(file.read_text().replace("alpha==1.0", "alpha==2.0"))
    assert main(["lock", "--check", "-C", str(root)]) == 3
    program, *words = shlex.split(called)
    assert program == "./pipelinew"
    assert main([*words, "-C", str(root)]) == 0
    assert renovate_sees(file.read_text())["alpha"] == "2.0"
    assert main(["lock", "--check", "-C", str(root)]) == 0
