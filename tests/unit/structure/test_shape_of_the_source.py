"""Modules and functions stay as short as they were meant to be."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_MODULE = {"pipeline": 400, "tests": 500}
LONGEST_FUNCTION = 60
USUAL_FUNCTION = 50
"""Nine functions in ten are no longer than this."""


def sources(files: list[Path], checkout: Path) -> list[Path]:
    return [
        file
        for file in files
        if file.suffix == ".py" and file.relative_to(checkout).parts[0] in LONGEST_MODULE
    ]


def functions(file: Path) -> list[tuple[str, int]]:
    """Return the functions of a module and how many lines each takes."""
    return [
        (f"{file.name}: {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_no_module_is_longer_than_it_may_be(files: list[Path], checkout: Path) -> None:
    lengths = {
        str(file.relative_to(checkout)): len(file.read_text("utf-8").splitlines())
        for file in sources(files, checkout)
    }
    assert lengths
    longest = {name: LONGEST_MODULE[name.partition("/")[0]] for name in lengths}
    assert {name: n for name, n in lengths.items() if n > longest[name]} == {}


def test_no_function_is_longer_than_it_may_be(files: list[Path], checkout: Path) -> None:
    found = [one for file in sources(files, checkout) for one in functions(file)]
    assert found
    assert [one for one in found if one[1] > LONGEST_FUNCTION] == []
    assert sum(length > USUAL_FUNCTION for _, length in found) * 10 < len(found)
