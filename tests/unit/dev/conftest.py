"""A small repository with two packages, and locks of it that no network was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.checkout.inputs import Checkout
from pipeline.config.load import load
from pipeline.dev.place import Repository
from pipeline.lock.types import (
    Lock,
    LockedImage,
    LockedPlatform,
    LockedRequirement,
    LockedStage,
    PythonFile,
    RequirementSet,
)
from pipeline.store.stat import StatCache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PIPELINE = """\
version: 1
stages:
  notes: {kind: changelog}
  wheel: {kind: wheel, image: python, source: packages/one}
  test: {kind: test, image: python, needs: [wheel], env: {MODE: quick}, run: python -m pytest}
  tool: {kind: command, image: bare, run: "true"}
"""


def wheel(name: str) -> PythonFile:
    return PythonFile(name=f"{name}-1-py3-none-any.whl", sha256=name.ljust(64, "0"), size=1)


def lock(*names: str) -> Lock:
    python = LockedPlatform(digest="a" * 64, packages=(), python="3.11", glibc="2.36")
    bare = LockedPlatform(digest="b" * 64, packages=())
    requirements = tuple(
        LockedRequirement(name=name, version="1", files=(wheel(name),)) for name in names
    )
    found = RequirementSet(declared={}, requirements=requirements)
    sets = {f"cp311-{t}": found for t in ("linux_x86_64", "linux_arm64")}
    images = {"python": python, "bare": bare}
    return Lock(
        epoch=1,
        images={
            name: LockedImage(
                declared={}, platforms=dict.fromkeys(("linux/amd64", "linux/arm64"), one)
            )
            for name, one in images.items()
        },
        stages={name: LockedStage(sets=sets) for name in ("wheel", "test")},
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name in ("one", "two"):
        directory = root / "packages" / name
        (directory / "src" / name).mkdir(parents=True)
        (directory / "src" / name / "__init__.py").touch()
        (directory / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "1"\n')
    (root / "pipeline.yaml").write_text(PIPELINE)
    (root / "images").mkdir()
    for name in ("python", "bare"):
        text = "from: {debian: bookworm}\nplatforms: [linux_x86_64, linux_arm64]\n"
        (root / "images" / f"{name}.yaml").write_text(text)
    return root


@pytest.fixture
def repository(root: Path) -> Callable[..., Repository]:
    def make(*names: str) -> Repository:
        checkout = Checkout(root, StatCache(root.parent / "stat.json"))
        return Repository(pipeline=load(root), lock=lock(*names), checkout=checkout)

    return make
