"""Every command that a message, a help text or a page names is one that the command line takes."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pipeline
from pipeline.cli.main import VERBS, load, verb_first
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMED = re.compile(r"`(?:\./)?pipelinew? ([^`]+)`")
TYPED = re.compile(r"^\$ (?:\./)?pipelinew? (.*)$", re.MULTILINE)
COMMAND = re.compile(r"[`$] ?(?:\./)?pipelinew? ")
FILLED = {
    "verb": "run",
    "word": "--json",
    "action": "list",
    "arguments.action": "sync",
    "near[0]": "run",
    "stray[0]": "true",
    "flag": "-C",
    "names": "--update x",
    "kind": " image",
}
"""What f-strings put in where not just any word will do."""

STANDING_FOR = {"VERB": "run", "…": "", "...": "", "[COMMAND]": ""}
"""What pages and messages write where any such word may stand."""

UNFINISHED = re.compile(r"needs (?:[A-Z]|a value)")
"""How a command is refused that only names a verb or a flag, as prose does."""


def texts(file: Path) -> Iterator[str]:
    """Yield the texts of a module, what f-strings put in as a word of its kind."""
    text = file.read_text("utf-8")
    if not COMMAND.search(text):  # parsing all modules takes seconds
        return
    tree = ast.parse(text)
    inner = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if id(node) in inner:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(map(_part, node.values))


def _part(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.FormattedValue)
    return FILLED.get(ast.unparse(node.value), "1")


def commands(text: str) -> Iterator[str]:
    """Yield what follows the program's name, up to where a shell goes on to something else."""
    for found in (*NAMED.findall(text), *TYPED.findall(text)):
        if "(?P<" in found:  # a pattern that finds such commands
            continue
        yield re.split(r" (?:\||>|&&|#|2>|;|<)|;", found.rstrip("\\"))[0]


def wrong(command: str) -> str:
    """Return why the command line would refuse a command; empty where it would not."""
    for word, stands_for in STANDING_FOR.items():
        command = command.replace(word, stands_for)
    if command.strip() in {"--help", "--version", "VERB"}:
        return ""
    try:
        verb, *words = verb_first(shlex.split(command))
        if verb not in VERBS:
            return f"unknown verb `{verb}`"
        if not set(words) & {"-h", "--help"}:
            load(verb)[1].parse_all(words)
    except (UsageError, ValueError) as error:
        numbered = re.sub(r"\b(?:DAYS|SECONDS|NUMBER|N)\b", "1", command)
        if UNFINISHED.search(str(error)):
            return ""
        return wrong(numbered) if numbered != command else str(error)
    return ""


def test_every_command_in_a_message_is_one() -> None:
    sources = sorted(Path(pipeline.__file__).parent.rglob("*.py"))
    found = {
        f"{file.name}: pipeline {command}": why
        for file in sources
        for text in texts(file)
        for command in commands(text)
        if (why := wrong(command))
    }
    assert not found


def test_every_command_on_a_page_is_one(files: list[Path], checkout: Path) -> None:
    found = {
        f"{file.relative_to(checkout)}: pipeline {command}": why
        for file in files
        if file.suffix == ".md"
        for command in commands(file.read_text("utf-8"))
        if (why := wrong(command))
    }
    assert not found


@pytest.mark.parametrize(
    "command",
    [
        "init",
        "run 'hooks of .' --no-such",
        "list --offline",
        "cache lst",
        "--offline run",
        "lock x",
    ],
)
def test_a_command_that_is_none_would_be_found(command: str) -> None:
    assert [wrong(found) for found in commands(f"do `pipeline {command}` now")] != [""]
    assert [wrong(found) for found in commands(f"$ pipeline {command} | cat\n")] != [""]
