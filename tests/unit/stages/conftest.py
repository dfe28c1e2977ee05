"""A small repository with a lock made by hand: nothing is fetched or built."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.checkout.inputs import Checkout
from pipeline.config.load import load
from pipeline.lock.types import (
    DebianPackage,
    Lock,
    LockedImage,
    LockedPlatform,
    LockedRequirement,
    LockedStage,
    PythonFile,
    RequirementSet,
)
from pipeline.plan.selection import Selection
from pipeline.stages.planner import plan
from pipeline.store.stat import StatCache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.plan.types import Plan

PIPELINE = """\
version: 1
stages:
  sdist: {kind: sdist, image: python}
  wheel: {kind: wheel, image: python, needs: [sdist]}
  test: {kind: test, image: python, needs: [wheel], run: python -m pytest}
  notes: {kind: changelog}
"""
IMAGE = "from: {debian: bookworm}\nplatforms: [linux_x86_64, linux_arm64]\npackages: [python3]\n"

Planned = "Callable[..., Plan]"


def locked(*stages: str, source: str = "", python: str = "3.11") -> Lock:
    """Return a lock with one image for both platforms and one wheel in every ``/env``."""
    shell = DebianPackage(
        name="dash",
        version="1",
        architecture="amd64",
        path="pool/dash.deb",
        sha256="c" * 64,
        size=1,
    )
    platform = LockedPlatform(digest="a" * 64, packages=(shell,), python=python, glibc="2.36")
    platforms = dict.fromkeys(("linux/amd64", "linux/arm64"), platform)
    wheel = PythonFile(name="build-1.6-py3-none-any.whl", sha256="b" * 64, size=1)
    requirement = LockedRequirement(name="build", version="1.6", files=(wheel,))
    found = RequirementSet(declared={}, requirements=(requirement,))
    prefix = f"{source}:" if source else ""
    keys = [
        f"{prefix}cp{python.replace('.', '')}-{target}"
        for target in ("linux_x86_64", "linux_arm64")
    ]
    return Lock(
        epoch=1_700_000_000,
        images={"python": LockedImage(declared={}, platforms=platforms)},
        stages={name: LockedStage(sets=dict.fromkeys(keys, found)) for name in stages},
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "images").mkdir(parents=True)
    (root / "pipeline.yaml").write_text(PIPELINE)
    (root / "images" / "python.yaml").write_text(IMAGE)
    (root / "pyproject.toml").write_text("[project]\nname = 'one'\nversion = '1'\n")
    return root


@pytest.fixture
def planned(repository: Path) -> Callable[..., Plan]:
    def make(*selections: str, lock: Lock | None = None, epoch: int = 1_700_000_000) -> Plan:
        pipeline = load(repository)
        checkout = Checkout(repository, StatCache(repository.parent / "stat.json"))
        found = replace(lock or locked(*pipeline.stages), epoch=epoch)
        return plan(pipeline, found, checkout, [Selection.parse(word) for word in selections])

    return make
