"""Projects whose workflows are written, and every combination of options worth writing."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Literal

from pipeline.config.load import load
from pipeline.workflows.options import Options

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config.model import Pipeline

STAGES = """
version: 1
{head}
stages:
  wheel:
    kind: wheel
    image: python
    matrix: {{target: [linux_x86_64, linux_arm64]}}
{tail}
"""
PUBLISH = "  publish: {kind: publish, needs: [wheel]}"
NOTES = "  notes: {kind: changelog}\n"
ATTESTS = "environments: {attest: {requires: [pypi-attestations]}}"
IMAGE = "from: {debian: bookworm}\nplatforms: [linux_x86_64, linux_arm64]\n"

ENGINES: tuple[Literal["auto", "docker"], ...] = ("auto", "docker")

COMBINATIONS = [
    Options(engine=engine, private=private, runners=runners, secret=secret, stages=stages)
    for engine, private, runners, secret, stages in itertools.product(
        ENGINES,
        (False, True),
        ((), (("linux_arm64", "big-arm"), ("linux_x86_64", "ubuntu-22.04"))),
        ("", "INDEX_TOKEN"),
        ((), ("lint", "test*")),
    )
]
COMBINATIONS += [
    Options(branch="release/1.x", environment="pypi", launcher="./tools/pipeline"),
    Options(branch="trunk", launcher="pipelinew"),
]


def project(root: Path, *, head: str = "", tail: str = PUBLISH) -> Pipeline:
    """Make a project in an empty directory, and return what it declares."""
    (root / "images").mkdir(parents=True)
    (root / "tools").mkdir()
    (root / "pipeline.yaml").write_text(STAGES.format(head=head, tail=tail))
    (root / "images" / "python.yaml").write_text(IMAGE)
    (root / "pyproject.toml").write_text('[project]\nname = "a"\nversion = "1"\n')
    for launcher in ("pipelinew", "tools/pipeline"):
        (root / launcher).write_text("#!/bin/sh\n")
    return load(root)
