"""What the classes of the model are declared with: documented fields, names, places."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
"""Names of stages, images, environments and matrix axes."""

NAME_FORM = "lower-case letters, digits, `_` and `-`, a letter first, at most 64"

WORD = {
    "pattern": r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?",
    "form": "letters, digits, `.`, `_` and `-`",
}
REQUIREMENT = {"pattern": r"[A-Za-z0-9].*", "form": "a requirement such as `numpy>=2`"}
VARIABLES = {
    "keys": r"[A-Za-z_][A-Za-z0-9_]*",
    "keys_form": "letters, digits and `_`, no digit first",
    "lines": True,
}

ANNOTATIONS = {
    "keys": r"[A-Za-z0-9][A-Za-z0-9._/-]*",
    "keys_form": "letters, digits, `.`, `_`, `-` and `/`",
    "lines": True,
}

CELLS = {
    "hint": "write blocks such as `{python: cp313, level: high}`; no axis can have this name",
}


def doc(text: str, *, default: T | None = None, **schema: Any) -> Any:  # noqa: ANN401
    """Return a data class field that carries its documentation.

    ``schema`` keys: ``factory`` (a default factory), ``required`` (no default), ``key`` (its name
    in YAML where that differs from the attribute), ``pattern`` (a regular expression each string
    must match in full) and ``form`` (the same in words), ``keys`` and ``keys_form`` (the same for
    the keys of a mapping; by default `NAME`), ``lines`` (text may span lines), ``empty`` (text may
    be empty, as the values of a mapping always may), ``above`` (a number must be larger), ``path``
    (must stay inside the repository), ``exactly_one`` (one key of the block, no more, no less),
    ``rest`` (a mapping of all keys of its block that are no field of it, written without a key of
    its own), ``hint`` (what to do where a mapping is expected and something else found).
    """
    metadata = {"doc": text, **schema}
    if schema.get("required"):
        return field(metadata=metadata)
    if schema.get("rest"):
        return field(default_factory=dict, metadata=metadata)
    if "factory" in schema:
        return field(default_factory=schema["factory"], metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where a value stands: a file (relative to the repository), line and column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"
