"""What jobs hand each other: the matrix made of a plan, and manifests of what was built.

Both are one line ``name=JSON``, as a file ``GITHUB_OUTPUT`` takes it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipeline.config.stages import KINDS
from pipeline.errors import UsageError
from pipeline.platforms import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    Document = dict[str, Any]

RUNNERS = {"linux_x86_64": "ubuntu-24.04", "linux_arm64": "ubuntu-24.04-arm"}
"""The label of GitHub's own machines, by what they build for natively."""


def read(text: str, what: str, verb: str) -> Document:
    """Return a JSON document from standard input; UsageError for anything else, or a failure's."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or "error" in document:
        raise UsageError(f"standard input is not {what}", hint=f"pipe it from `{verb}`")
    return document


def matrix(plan: Document, labels: Mapping[str, str]) -> Document:
    """Return GitHub's matrix for a plan: one entry for each platform that something is built for.

    An entry names the cells that no other of that platform needs, as `pipeline run` brings what
    they need. Raises UsageError when nothing is to be built.
    """
    chosen: dict[str, list[str]] = {}
    for target, cells in _by_target(plan).items():
        needed = {name for cell in cells for name in cell["needs"]}
        chosen[target] = [cell["cell"] for cell in cells if cell["cell"] not in needed]
    if not chosen:
        raise UsageError(
            "the plan has nothing to build", hint="`pipeline plan` shows the cells of each stage"
        )
    return {
        "include": [
            {"target": target, "runner": labels.get(target, RUNNERS[target]), "cells": " ".join(of)}
            for target, of in sorted(chosen.items(), reverse=True)
        ]
    }


def _by_target(plan: Document) -> dict[str, list[Document]]:
    """Return the declared cells that run in containers; others come with those that need them."""
    found: dict[str, list[Document]] = {}
    for cell in plan["cells"]:
        if cell["platform"] and cell["kind"] in KINDS:
            found.setdefault(_target(cell), []).append(cell)
    return found


def _target(cell: Document) -> str:
    """Return what a cell builds for: its axis, else the platform that its steps run on."""
    axis = cell["axes"].get("target")
    return str(axis) if axis else Target.of_platform(cell["platform"]).value


def manifest(run: Document) -> Document:
    """Return what each cell of a run made: name, sha256 and size of its files, by the cell's name.

    Files that were not placed in ``dist`` are none that anybody else is to have. Statements about
    the files are marked: two machines may say of one file how each of them made it.
    """
    return {
        cell["cell"]: [
            *(_row(made) for made in cell["outputs"] if made["placed"]),
            *(_row(made) | {"statement": True} for made in cell.get("provenance", ())),
        ]
        for cell in run["cells"]
    }


def _row(made: Document) -> Document:
    return {"name": made["name"], "sha256": made["sha256"], "size": made["size"]}


def line(name: str, value: object) -> str:
    """Return a line for ``GITHUB_OUTPUT``."""
    return f"{name}={json.dumps(value, separators=(',', ':'))}"
