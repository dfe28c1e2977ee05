"""Checks of one stage: what it needs, its matrix, its image, sources and globs."""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING

from pipeline.config.paths import escape_in_words, is_glob
from pipeline.config.problems import describe, nearest, quoted
from pipeline.config.stages import (
    CommandStage,
    ContainerStage,
    ImageStage,
    PublishStage,
    SdistStage,
    TestStage,
    WheelStage,
)
from pipeline.platforms import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config.checking import Checking, KeyPath
    from pipeline.config.stages import Stage

MAX_CELLS = 1000
TEMPLATE = ".Dockerfile.j2"

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_-]*)\}")
_PYTHON = re.compile(r"cp3[0-9]{1,2}t?")
_AXIS_VALUE = re.compile(r"[^\s,\[\]{}]+")
_SDIST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?==[0-9][0-9A-Za-z.!+_-]*")


def check_stage(checking: Checking, stage: Stage) -> None:
    """Note what is wrong with a stage as part of its pipeline."""
    path = ("stages", stage.name)
    _check_needs(checking, stage, path)
    _check_use(checking, stage, path)
    if not _check_matrix(checking, stage, path):
        return
    if isinstance(stage, ContainerStage):
        _check_dockerfile(checking, stage, path)
        _check_image(checking, stage, path)
        _check_sources(checking, stage, path)
        for index, glob in enumerate(stage.inputs):
            checking.inside((*path, "inputs", str(index)), glob)
    elif stage.matrix:
        message = f"stage `{stage.name}` runs once, so it has no matrix"
        checking.wrong((*path, "matrix"), message, "take the matrix out")
    if isinstance(stage, CommandStage):
        _check_outputs(checking, stage, path)


def _check_needs(checking: Checking, stage: Stage, path: KeyPath) -> None:
    stages = checking.pipeline.stages
    checking.unique((*path, "needs"), stage.needs)
    for index, need in enumerate(stage.needs):
        at = (*path, "needs", str(index))
        if not checking.known(at, need, "stage", stages) or not isinstance(stage, ContainerStage):
            continue
        if not isinstance(stages[need], ContainerStage):
            message = f"stage `{stage.name}` cannot use stage `{need}`, which makes no files"
            checking.wrong(at, message, f"take `{need}` out of its `needs`")


def _check_use(checking: Checking, stage: Stage, path: KeyPath) -> None:
    """Check that a stage that works on the files of others needs one that makes them."""
    stages = checking.pipeline.stages
    needed = [stages[need] for need in stage.needs if need in stages]
    if isinstance(stage, TestStage) and not any(isinstance(s, WheelStage) for s in needed):
        message = f"stage `{stage.name}` needs no wheel, so it has nothing to test"
        checking.wrong((*path, "needs"), message, "add a stage of kind `wheel` to its `needs`")
    if isinstance(stage, PublishStage) and not any(
        isinstance(s, SdistStage | WheelStage | ImageStage) for s in needed
    ):
        message = f"stage `{stage.name}` needs no sdist and no wheel, so it has nothing to upload"
        hint = "add stages of kind `sdist`, `wheel` or `image` to its `needs`"
        checking.wrong((*path, "needs"), message, hint)
    if isinstance(stage, PublishStage) and stage.registry:
        _check_registry(checking, stage, [s.name for s in needed if isinstance(s, ImageStage)])
    if isinstance(stage, ImageStage) and not (
        stage.run
        or stage.dockerfile
        or stage.requires
        or any(isinstance(s, WheelStage) for s in needed)
    ):
        message = f"stage `{stage.name}` puts nothing on top of its image"
        hint = "add a stage of kind `wheel` to its `needs`, or commands to its `run`"
        checking.wrong((*path, "image"), message, hint)


def _check_registry(checking: Checking, stage: PublishStage, images: list[str]) -> None:
    if len(images) != 1:
        what = "no image" if not images else " and ".join(f"`{name}`" for name in images)
        message = f"stage `{stage.name}` names one place for an image, but it needs {what}"
        hint = "let it need one stage of kind `image`; each image has a repository of its own"
        checking.wrong(("stages", stage.name, "registry"), message, hint)


def _check_matrix(checking: Checking, stage: Stage, path: KeyPath) -> bool:
    """Check the axes; say whether their combinations are few enough to look at."""
    for axis, values in stage.matrix.items():
        at = (*path, "matrix", axis)
        if not values:
            message = f"the axis `{axis}` of stage `{stage.name}` has no values"
            checking.wrong(at, message, "give it one, or take it out")
        checking.unique(at, values)
        if axis == "source":
            continue  # as the field `source`, in `_check_sources`
        for index, value in enumerate(values):
            _check_axis_value(checking, axis, value, (*at, str(index)))
    cells = math.prod(len(values) for values in stage.matrix.values())
    if cells > MAX_CELLS:
        message = f"the matrix of stage `{stage.name}` has {cells} cells, more than {MAX_CELLS}"
        checking.wrong((*path, "matrix"), message, "split the stage, or shorten an axis")
    return cells <= MAX_CELLS


def _check_axis_value(checking: Checking, axis: str, value: str, at: KeyPath) -> None:
    if axis == "target":
        checking.known(at, value, "target", [target.value for target in Target])
    elif axis == "python" and not _PYTHON.fullmatch(value):
        version = re.fullmatch(r"3\.?([0-9]{1,2})", value)
        hint = f"write `cp3{version[1]}`" if version else "write `cp311` for Python 3.11"
        checking.wrong(at, f"{quoted(value)} is not the tag of a CPython", hint)
    elif not _AXIS_VALUE.fullmatch(value):
        message = f"{quoted(value)} cannot be a value of an axis, since cells are named by it"
        checking.wrong(at, message, "leave out blanks, commas, brackets and braces")


def _check_dockerfile(checking: Checking, stage: ContainerStage, path: KeyPath) -> None:
    """Check that the template is there, and that a stage without one says what it runs."""
    if stage.dockerfile:
        found = (checking.pipeline.root / "dockerfiles").glob(f"*{TEMPLATE}")
        names = [file.name.removesuffix(TEMPLATE) for file in found]
        if stage.dockerfile not in names:
            message = f"there is no template `dockerfiles/{stage.dockerfile}{TEMPLATE}`"
            hint = nearest(stage.dockerfile, names) or "write it, or take `dockerfile` out"
            checking.wrong((*path, "dockerfile"), message, hint)
    elif isinstance(stage, CommandStage) and not stage.run:
        message = f"stage `{stage.name}` has no `run`, so it does nothing"
        checking.wrong((*path, "run"), message, "add commands, or a `dockerfile` that has its own")


def _check_image(checking: Checking, stage: ContainerStage, path: KeyPath) -> None:
    at = (*path, "image")
    if not _check_placeholders(checking, stage, stage.image, at):
        return
    for name in sorted(set(_filled(stage, stage.image))):
        if not checking.known(at, name, "image", checking.pipeline.images):
            return


def _check_sources(checking: Checking, stage: ContainerStage, path: KeyPath) -> None:
    """Check the field `source`, or the axis of that name, which stands before it."""
    if "source" not in stage.matrix:
        at = (*path, "source")
        if is_glob(stage.source) and "==" not in stage.source:
            hint = f"make it an axis: `matrix: {{source: {stage.source}}}`"
            checking.wrong(at, f"{describe(at)} must be one directory, not a glob", hint)
        elif _check_placeholders(checking, stage, stage.source, at):
            for source in dict.fromkeys(_filled(stage, stage.source)):
                _check_source(checking, stage, source, at)
        return
    if (*path, "source") in checking.pipeline.origins:
        message = f"stage `{stage.name}` has both a `source` and an axis `source`"
        checking.wrong((*path, "source"), message, "keep one of them")
    for index, source in enumerate(stage.matrix["source"]):
        _check_source(checking, stage, source, (*path, "matrix", "source", str(index)))


def _check_source(checking: Checking, stage: ContainerStage, source: str, at: KeyPath) -> None:
    if "==" in source:
        _check_third_party(checking, stage, source, at)
        return
    if not checking.inside(at, source) or is_glob(source):
        return
    directory = checking.pipeline.root / source
    if not directory.is_dir():
        message = f"{describe(at)} is {quoted(source)}, but there is no such directory"
        checking.wrong(at, message, "for a third-party sdist write `name==version`")
    elif _builds(checking, stage) and not any(
        (directory / name).is_file() for name in ("pyproject.toml", "setup.py")
    ):
        message = (
            f"{quoted(source)} holds no `pyproject.toml`, so stage `{stage.name}` cannot build it"
        )
        checking.wrong(at, message, "name the directory of a Python project in `source`")


def _builds(checking: Checking, stage: ContainerStage) -> bool:
    """Whether a stage gives its own source to a build backend."""
    if isinstance(stage, WheelStage):
        needed = (checking.pipeline.stages.get(need) for need in stage.needs)
        return not any(isinstance(one, SdistStage) for one in needed)
    return isinstance(stage, SdistStage)


def _check_third_party(checking: Checking, stage: ContainerStage, source: str, at: KeyPath) -> None:
    if not _SDIST.fullmatch(source):
        message = f"{quoted(source)} is not an exact release"
        checking.wrong(at, message, "write `name==version`, such as `markupsafe==3.0.3`")
    elif isinstance(stage, SdistStage):
        message = f"{quoted(source)} is an sdist already, so stage `{stage.name}` has no use"
        checking.wrong(at, message, "build a wheel from it with a stage of kind `wheel`")
    elif isinstance(stage, WheelStage) and not _builds(checking, stage):
        message = (
            f"stage `{stage.name}` builds {quoted(source)}, so it cannot build an sdist it needs"
        )
        checking.wrong(at, message, "take the sdist out of its `needs`")


def _check_outputs(checking: Checking, stage: CommandStage, path: KeyPath) -> None:
    for index, output in enumerate(stage.outputs):
        if reason := escape_in_words(output):
            message = f"the output {quoted(output)} of stage `{stage.name}` {reason}"
            at = (*path, "outputs", str(index))
            checking.wrong(at, message, "write it relative to `/src`, or put the file in `/out`")


def _check_placeholders(checking: Checking, stage: ContainerStage, text: str, at: KeyPath) -> bool:
    """Say whether every ``{axis}`` of a text names one, and note when it does not.

    Only where braces can mean nothing else: in `run` and `env` they belong to the shell.
    """
    unknown = [axis for axis in _PLACEHOLDER.findall(text) if axis not in stage.matrix]
    for axis in unknown:
        message = f"`{{{axis}}}` in {describe(at)} names no axis of its matrix"
        hint = nearest(axis, stage.matrix) or "the stage has no matrix"
        checking.wrong(at, message, hint)
    return not unknown


def _filled(stage: ContainerStage, text: str) -> Iterator[str]:
    """Yield a text with each combination of the axes that it names."""
    axes = [axis for axis in stage.matrix if f"{{{axis}}}" in text]
    for values in itertools.product(*(stage.matrix[axis] for axis in axes)):
        filled = text
        for axis, value in zip(axes, values, strict=True):
            filled = filled.replace(f"{{{axis}}}", value)
        yield filled
