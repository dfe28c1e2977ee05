from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.config.model import Image, ImageFrom, Pipeline
from pipeline.config.stages import ImageStage, Variant, WheelStage
from pipeline.lock.types import LockedImage, LockedPlatform
from pipeline.locking import declared
from pipeline.locking.bases import bases
from pipeline.project.pyproject import reader

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.lock.types import Declared

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "thing"
dependencies = ["attrs"]
[project.optional-dependencies]
fast = ["numpy"]
"""
PLATFORM = LockedPlatform(digest="", packages=(), python="3.11", glibc="2.36")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    return tmp_path


def words(root: Path, stage: ImageStage, wheel: WheelStage | None = None) -> Declared | None:
    """Return what the one set of an image stage is resolved from."""
    wheel = wheel or WheelStage(name="wheel", image="python")
    pipeline = Pipeline(
        root=root,
        version=1,
        stages={"wheel": wheel, "app": stage},
        images={"python": Image(name="python", origin=ImageFrom(debian="bookworm"))},
    )
    images = {"python": LockedImage(declared={}, platforms={"linux/amd64": PLATFORM})}
    (base,) = bases(pipeline, stage, images)
    return declared.base(stage, base, reader(pipeline.root))


def test_an_image_locks_what_its_wheel_needs_to_run_and_no_tools(root: Path) -> None:
    stage = ImageStage(name="app", image="python", needs=("wheel",))
    found = words(root, stage)
    assert found == {
        "dependencies": ["attrs"],
        "glibc": ["2.36"],
        "python": ["3.11"],
        "wheels": ["thing"],
    }


def test_extras_and_requirements_are_locked_with_it(root: Path) -> None:
    stage = ImageStage(
        name="app", image="python", needs=("wheel",), extras=("fast",), requires=("gunicorn",)
    )
    found = words(root, stage) or {}
    assert (found["extras"], found["requires"]) == (["numpy"], ["gunicorn"])


def test_what_a_variant_of_the_wheel_requires_is_locked_too(root: Path) -> None:
    variant = Variant(cuda="13.0", requires=("runtime==13.0.*",))
    wheel = WheelStage(name="wheel", image="python", variant=variant)
    stage = ImageStage(name="app", image="python", needs=("wheel",), requires=("gunicorn",))
    found = words(root, stage, wheel) or {}
    assert found["requires"] == ["gunicorn", "runtime==13.0.*"]


def test_an_image_of_requirements_alone_has_a_set(root: Path) -> None:
    stage = ImageStage(name="app", image="python", requires=("gunicorn",))
    found = words(root, stage) or {}
    assert found["requires"] == ["gunicorn"]
    assert "dependencies" not in found


def test_an_image_of_commands_alone_has_none(root: Path) -> None:
    assert words(root, ImageStage(name="app", image="python", run=("true",))) is None
