"""What is compiled may come from a cache, but never on the way to a release."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError
from pipeline.lock.types import DebianPackage, Lock
from pipeline.plan.recipe import FilesInput
from tests.unit.stages.conftest import locked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.plan.recipe import Recipe
    from pipeline.plan.types import Plan

STAGES = """\
version: 1
stages:
  sdist: {kind: sdist, image: python}
  wheel: {kind: wheel, image: python, needs: [sdist], compiler-cache: CACHE}
  test: {kind: test, image: python, needs: [wheel], run: python -m pytest}
  upload: {kind: publish, needs: [wheel]}
  cut: {kind: release, needs: [wheel]}
"""
MOUNT = "--mount=type=cache,id=pipeline-ccache,target=/ccache,sharing=shared"


def lock(*packages: str) -> Lock:
    """Return a lock of the stages whose image has some more Debian packages."""
    found = locked("sdist", "wheel", "test")
    more = tuple(
        DebianPackage(name=p, version="1", architecture="amd64", path=p, sha256="d" * 64, size=1)
        for p in packages
    )
    image = found.images["python"]
    platforms = {
        name: replace(platform, packages=(*platform.packages, *more))
        for name, platform in image.platforms.items()
    }
    return replace(found, images={"python": replace(image, platforms=platforms)})


@pytest.fixture
def wheel(repository: Path, planned: Callable[..., Plan]) -> Callable[..., Recipe]:
    """Return a function that plans a selection and returns the recipe of its wheel."""

    def recipe(selection: str, cache: str = "ccache", *packages: str) -> Recipe:
        (repository / "pipeline.yaml").write_text(STAGES.replace("CACHE", cache))
        (repository / "VERSION").write_text("1.0\n")
        cells = planned(selection, lock=lock(*packages or ("ccache",))).cells
        (found,) = (cell.recipe for cell in cells if cell.kind == "wheel")
        assert found
        return found

    return recipe


def test_the_build_sees_a_cache_that_several_steps_may_use(
    wheel: Callable[..., Recipe],
) -> None:
    found = wheel("test")
    assert MOUNT in found.dockerfile
    assert '["/env/bin/python", "/inside", "cached", "/env/bin/python", "-P"' in found.dockerfile
    scripts = found.inputs["inside"]
    assert isinstance(scripts, FilesInput)
    assert "cached.py" in dict(scripts.files)


@pytest.mark.parametrize("selection", ["upload", "cut", "*"])
def test_a_release_is_compiled_anew_under_another_key(
    wheel: Callable[..., Recipe], selection: str
) -> None:
    released, cached, plain = wheel(selection), wheel("wheel"), wheel("wheel", "none")
    assert released.dockerfile == plain.dockerfile
    assert released.key != cached.key


def test_an_image_without_the_program_is_refused(wheel: Callable[..., Recipe]) -> None:
    with pytest.raises(ConfigError, match="which image `python` does not have on linux_") as told:
        wheel("wheel", "ccache", "gcc")
    assert told.value.where.startswith("pipeline.yaml:4:")
    assert told.value.hint == (
        "add `ccache` to `packages` in `images/python.yaml`, then run `pipeline lock`"
    )
