"""A run as the summary of a GitHub job: what was asked, how the cells went, the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.console import human_seconds, human_size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Document = dict[str, Any]

FEW = 50
"""Cells that a summary lists; of more it lists only those that were built or that failed."""


def markdown(document: Document) -> str:
    """Return the summary of a run's report as GitHub's Markdown."""
    cells = document["cells"]
    told = cells if len(cells) <= FEW else [c for c in cells if c["status"] != "cached"]
    rows = [(f"`{c['cell']}`", c["status"], _took(c)) for c in told]
    parts = [f"### pipeline {document['version']}".rstrip(), _table(("cell", "", "time"), rows)]
    if error := document.get("error"):
        parts.append(f"**{_escaped(error['message'])}**")
    outputs = {o["path"]: o for cell in cells for o in cell["outputs"]}.values()
    found = [
        (f"`{o['name']}`", each["level"], each["rule"], each["message"])
        for o in outputs
        for each in o["findings"]
    ]
    if found:
        parts.append(_table(("file", "", "rule", "finding"), found))
    files = [(f"`{o['name']}`", human_size(o["size"]), f"`{o['sha256']}`") for o in outputs]
    if files:
        parts.append(_table(("file", "size", "sha256"), files))
    return "\n\n".join(parts)


def _took(cell: Document) -> str:
    told = cell["seconds"] and cell["status"] in {"built", "failed"}
    return human_seconds(cell["seconds"]) if told else ""


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(map(_escaped, line))} |" for line in lines)


def _escaped(text: str) -> str:
    """Keep a text within its cell, and from being read as HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
