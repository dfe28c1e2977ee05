"""Checks of one stage: what it needs, its matrix, its image, sources and globs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.config.check_matrix import check_cells, check_declared
from pipeline.config.matrix import cell_name, fill
from pipeline.config.paths import escape_in_words, is_glob
from pipeline.config.problems import describe, listing, nearest, quoted
from pipeline.config.stages import (
    USES,
    BuildStage,
    CommandStage,
    ContainerStage,
    ImageStage,
    PublishStage,
    SdistStage,
    TestStage,
    Use,
    WheelStage,
    kind_of,
)

if TYPE_CHECKING:
    from pipeline.config.checking import Checking, KeyPath
    from pipeline.config.matrix import Axes
    from pipeline.config.stages import Stage

TEMPLATE = ".Dockerfile.j2"

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_-]*)\}")
_SDIST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?==[0-9][0-9A-Za-z.!+_-]*")


def check_stage(checking: Checking, stage: Stage) -> None:
    """Note what is wrong with a stage as part of its pipeline."""
    path = ("stages", stage.name)
    _check_needs(checking, stage, path)
    _check_use(checking, stage, path)
    cells = _check_matrix(checking, stage, path)
    if isinstance(stage, ContainerStage):
        _check_dockerfile(checking, stage, path)
        if cells is not None:
            _check_image(checking, stage, path, cells)
            _check_source_field(checking, stage, path, cells)
            _check_inputs(checking, stage, path, cells)
            if isinstance(stage, BuildStage):
                _check_generated(checking, stage, path, cells)
            _check_values(checking, stage, path, cells)
    elif stage.matrix:
        message = f"stage `{stage.name}` runs once, so it has no matrix"
        checking.wrong((*path, "matrix"), message, "take the matrix out")
    if isinstance(stage, CommandStage):
        _check_outputs(checking, stage, path)


def _check_matrix(checking: Checking, stage: Stage, path: KeyPath) -> tuple[Axes, ...] | None:
    """Return the cells, or None where the matrix has a mistake that hides them."""
    before = len(checking.problems.found)
    check_declared(checking, stage)
    if isinstance(stage, ContainerStage):
        _check_source_axis(checking, stage, (*path, "matrix"))
    return check_cells(checking, stage) if len(checking.problems.found) == before else None


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
        else:
            _check_need(checking, stage, stages[need], at)


def _check_need(checking: Checking, stage: ContainerStage, other: Stage, at: KeyPath) -> None:
    """Check that a stage has a use for what another one makes."""
    uses, kind = USES[type(stage)], kind_of(type(stage))
    use, sdist = uses.get(type(other)), _sdist_of(checking, stage)
    message = hint = ""
    if use is None:
        message = (
            f"stage `{stage.name}` of kind `{kind}` cannot use stage `{other.name}` of kind "
            f"`{kind_of(type(other))}`"
        )
        hint = (
            f"it uses stages of kind {listing(kind_of(one) for one in uses)}; to wait for "
            f"`{other.name}`, let the stage that publishes need it"
        )
    elif use is Use.PLACED and isinstance(stage, WheelStage) and sdist:
        message = f"stage `{stage.name}` builds the sdist it needs, and nothing of `{other.name}`"
        hint = f"let stage `{sdist}` need it, and say there in `generated` where its files go"
    elif (
        use is Use.PLACED
        and isinstance(stage, BuildStage)
        and other.name not in {value.partition("/")[0] for value in stage.generated.values()}
    ):
        message = f"stage `{stage.name}` needs `{other.name}` and uses nothing of it"
        hint = f"say where its files go: `generated: {{PLACE: {other.name}/PATH}}`"
    elif use is Use.SHOWN and isinstance(stage, ImageStage) and not (stage.run or stage.dockerfile):
        message = f"stage `{stage.name}` runs no command that could use `{other.name}`"
        hint = "add a `run` that takes its files from `/needs`, or take it out of `needs`"
    if message:
        checking.wrong(at, message, hint)


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


def _check_image(
    checking: Checking, stage: ContainerStage, path: KeyPath, cells: tuple[Axes, ...]
) -> None:
    at = (*path, "image")
    if not _check_placeholders(checking, stage, stage.image, at, cells):
        return
    for name in sorted({fill(stage.image, axes) for axes in cells}):
        if not checking.known(at, name, "image", checking.pipeline.images):
            return


def _check_source_axis(checking: Checking, stage: ContainerStage, path: KeyPath) -> None:
    """Check the values of the axis `source`, which stands before the field of that name."""
    if "source" in stage.matrix.axes and ("stages", stage.name, "source") in (
        checking.pipeline.origins
    ):
        message = f"stage `{stage.name}` has both a `source` and an axis `source`"
        checking.wrong(("stages", stage.name, "source"), message, "keep one of them")
    for index, source in enumerate(stage.matrix.axes.get("source", ())):
        _check_source(checking, stage, source, (*path, "source", str(index)))
    for index, block in enumerate(stage.matrix.include):
        at = (*path, "include", str(index), "source")
        if is_glob(block.get("source", "")):
            message = f"{describe(at)} must be one directory, not a glob"
            checking.wrong(at, message, "write the glob among the values of the axis `source`")
        elif "source" in block:
            _check_source(checking, stage, block["source"], at)


def _check_source_field(
    checking: Checking, stage: ContainerStage, path: KeyPath, cells: tuple[Axes, ...]
) -> None:
    """Check the field `source` for the cells that have no axis of that name."""
    at = (*path, "source")
    own = tuple(axes for axes in cells if "source" not in dict(axes))
    if own and is_glob(stage.source) and "==" not in stage.source:
        hint = f"make it an axis: `matrix: {{source: {stage.source}}}`"
        checking.wrong(at, f"{describe(at)} must be one directory, not a glob", hint)
    elif own and _check_placeholders(checking, stage, stage.source, at, own):
        for source in dict.fromkeys(fill(stage.source, axes) for axes in own):
            _check_source(checking, stage, source, at)


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
        return not _sdist_of(checking, stage)
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


def _check_inputs(
    checking: Checking, stage: ContainerStage, path: KeyPath, cells: tuple[Axes, ...]
) -> None:
    """Check that globs name axes that are there, stay inside in every cell, and have a use."""
    for index, glob in enumerate(stage.inputs):
        at = (*path, "inputs", str(index))
        if _check_placeholders(checking, stage, glob, at, cells):
            for text in dict.fromkeys(fill(glob, axes) for axes in cells):
                if not checking.inside(at, text):
                    break
    if not stage.inputs:
        return
    sdist = _sdist_of(checking, stage)
    own = any("==" not in dict(axes).get("source", stage.source) for axes in cells)
    if isinstance(stage, WheelStage) and sdist:
        message = f"stage `{stage.name}` builds the sdist it needs, so its `inputs` have no effect"
        checking.wrong((*path, "inputs"), message, f"move them to stage `{sdist}`")
    elif not own:
        message = f"stage `{stage.name}` sees a third-party sdist, so its `inputs` have no effect"
        checking.wrong((*path, "inputs"), message, "take them out")


def _check_generated(
    checking: Checking, stage: BuildStage, path: KeyPath, cells: tuple[Axes, ...]
) -> None:
    """Check that each place stays below `source` and takes something of a command it needs."""
    sdist, third_party = (
        _sdist_of(checking, stage),
        any("==" in dict(axes).get("source", stage.source) for axes in cells),
    )
    if stage.generated and isinstance(stage, WheelStage) and sdist:
        message = f"stage `{stage.name}` builds the sdist it needs, so `generated` has no effect"
        checking.wrong((*path, "generated"), message, f"move it to stage `{sdist}`")
    elif stage.generated and third_party:
        message = f"stage `{stage.name}` builds a third-party sdist, which nothing is added to"
        checking.wrong((*path, "generated"), message, "take `generated` out")
    for place, value in stage.generated.items():
        at = (*path, "generated", place)
        maker, _, part = value.partition("/")
        for text in (place, part):
            if not _check_placeholders(checking, stage, text, at, cells):
                continue
            reason = escape_in_words(text) or (".git" in text.split("/") and "is git's own")
            if reason:
                message = f"{quoted(text)} in `generated` of stage `{stage.name}` {reason}"
                checking.wrong(at, message, "write a path below `source`, and one of the output")
        if not checking.known(at, maker, "stage", checking.pipeline.stages):
            continue
        if not isinstance(checking.pipeline.stages[maker], CommandStage):
            message = f"`generated` of stage `{stage.name}` takes files of stage `{maker}`, which "
            message += "is not of kind `command`"
            checking.wrong(at, message, "take what a stage of kind `command` makes")
        elif maker not in stage.needs:
            message = f"`generated` of stage `{stage.name}` takes files of `{maker}` without need"
            checking.wrong(at, message, f"add `{maker}` to its `needs`")


def _sdist_of(checking: Checking, stage: Stage) -> str:
    """Return the name of the first stage of kind `sdist` that a stage needs, empty for none."""
    stages = checking.pipeline.stages
    return next((need for need in stage.needs if isinstance(stages.get(need), SdistStage)), "")


def _check_outputs(checking: Checking, stage: CommandStage, path: KeyPath) -> None:
    for index, output in enumerate(stage.outputs):
        if reason := escape_in_words(output):
            message = f"the output {quoted(output)} of stage `{stage.name}` {reason}"
            at = (*path, "outputs", str(index))
            checking.wrong(at, message, "write it relative to `source`, or put the file in `/out`")


def _check_placeholders(
    checking: Checking, stage: ContainerStage, text: str, at: KeyPath, cells: tuple[Axes, ...]
) -> bool:
    """Say whether every ``{axis}`` of a text names one that all cells have, and note the first not.

    Only where braces can mean nothing else: in `run` and `env` they belong to the shell.
    """
    names = stage.matrix.names
    unknown = [axis for axis in _PLACEHOLDER.findall(text) if axis not in names]
    for axis in unknown:
        message = f"`{{{axis}}}` in {describe(at)} names no axis of its matrix"
        checking.wrong(at, message, nearest(axis, names) or "the stage has no matrix")
    return not unknown and _check_filled(checking, stage, text, at, cells)


def _check_filled(
    checking: Checking, stage: ContainerStage, text: str, at: KeyPath, cells: tuple[Axes, ...]
) -> bool:
    """Say whether every cell has the axes that a text names, and note one that has not."""
    for axis in (name for name in stage.matrix.names if f"{{{name}}}" in text):
        if lacking := [axes for axes in cells if axis not in dict(axes)]:
            name = cell_name(stage.name, lacking[0])
            message = f"`{{{axis}}}` in {describe(at)} has no value in cell `{name}`"
            checking.wrong(at, message, f"let an entry of `include` give every cell its `{axis}`")
            return False
    return True


def _check_values(
    checking: Checking, stage: ContainerStage, path: KeyPath, cells: tuple[Axes, ...]
) -> None:
    """Check that what is filled in for some cells, as in `run` and `env`, is for all."""
    texts: dict[KeyPath, str] = {}
    texts |= {("run", str(index)): line for index, line in enumerate(getattr(stage, "run", ()))}
    texts |= {("env", name): value for name, value in stage.env.items()}
    texts |= {("build-args", name): value for name, value in stage.build_args.items()}
    if isinstance(stage, BuildStage):
        for key, values in stage.config_settings.items():
            texts |= {("config-settings", key, str(n)): text for n, text in enumerate(values)}
    for place, text in texts.items():
        _check_filled(checking, stage, text, (*path, *place), cells)
