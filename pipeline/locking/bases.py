"""Bases: what cells of a stage have in common as far as their ``/env`` goes.

A base is an interpreter, a C library and a platform, and with an axis of sources the source too.
A stage without an axis ``target`` has a base for each platform its image is locked for, since a
lock must not depend on the machine that made it. For the same reason a wheel has one for each
platform that it may be built on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.config.stages import (
    BuildStage,
    ContainerStage,
    ImageStage,
    SdistStage,
    TestStage,
    WheelStage,
)
from pipeline.cross.found import Images, machines
from pipeline.errors import ConfigError
from pipeline.lock.file import base_key, python_tag
from pipeline.locking.needs import Needs
from pipeline.plan.matrix import cells
from pipeline.platforms import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipeline.config.model import Pipeline
    from pipeline.lock.types import LockedImage, LockedPlatform
    from pipeline.plan.matrix import Cell


@dataclass(frozen=True, kw_only=True, order=True)
class BackendOptions:
    """What a cell gives its build backend beside the sources.

    ``env`` are the variables that somebody declares; ``config_settings`` (PEP 517) have all values
    of a setting, in order.
    """

    env: tuple[tuple[str, str], ...] = ()
    config_settings: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Base:
    """One set to lock.

    ``source`` is a directory or ``name==version``; ``wheels`` the sources of the wheels that a
    test or an image installs, ``variants`` what their variants require; ``python`` like ``3.11``,
    ``glibc`` like ``2.36``, empty where there is none. ``target`` is the platform that the steps
    run on. ``options`` are what backends are asked with, each after its source: that of the base,
    or those of ``wheels``.
    """

    stage: str
    key: str
    image: str
    source: str
    wheels: tuple[str, ...]
    python: str
    glibc: str
    target: Target
    variants: tuple[str, ...] = ()
    options: tuple[tuple[str, BackendOptions], ...] = ()

    def options_of(self, source: str) -> tuple[BackendOptions, ...]:
        """Return what the backend of a source is asked with, once for each."""
        found = tuple(options for one, options in self.options if one == source)
        return found or (BackendOptions(),)


def is_third_party(source: str) -> bool:
    """Whether a stage's source is a released sdist, ``name==version``."""
    return "==" in source


def cell_source(stage: ContainerStage, cell: Cell) -> str:
    """Return the source of a cell: its axis ``source``, else the stage's field, filled."""
    return cell.get("source") or cell.fill(stage.source)


def cell_key(stage: ContainerStage, cell: Cell, python: str, target: Target) -> str:
    """Return the key of a cell's set in the lock; ``python`` is the image's (``3.11``)."""
    many = "source" in stage.matrix.names or "{" in stage.source
    return base_key(cell_source(stage, cell) if many else "", python_tag(python), target)


def container_stages(pipeline: Pipeline) -> Iterator[ContainerStage]:
    """Yield the stages that run in an image, by name."""
    for name in sorted(pipeline.stages):
        stage = pipeline.stages[name]
        if isinstance(stage, ContainerStage):
            yield stage


def third_party_sources(pipeline: Pipeline) -> tuple[str, ...]:
    """Return every ``name==version`` that a stage builds from, sorted."""
    found = {
        cell_source(stage, cell)
        for stage in container_stages(pipeline)
        for cell in cells(stage, pipeline.root)
    }
    return tuple(sorted(source for source in found if is_third_party(source)))


def bases(
    pipeline: Pipeline, stage: ContainerStage, images: Mapping[str, LockedImage]
) -> tuple[Base, ...]:
    """Return the bases of a stage by key, given the locked images.

    An image that is not in ``images`` has no bases yet. Raises ConfigError when a cell asks for a
    target or an interpreter that its image does not have.
    """
    found: dict[str, Base] = {}
    wheels = _wheels(pipeline, stage)
    needs = _needs(pipeline, (stage, *wheels))
    for cell in cells(stage, pipeline.root):
        image = cell.fill(stage.image)
        for target, platform in _platforms(pipeline, stage, cell, image, images):
            base = Base(
                stage=stage.name,
                key=cell_key(stage, cell, platform.python, target),
                image=image,
                source=cell_source(stage, cell),
                wheels=_wheel_sources(wheels, needs, cell),
                python=platform.python,
                glibc=platform.glibc,
                target=target,
                variants=_variant_requires(wheels, needs, cell),
                options=_options(pipeline, stage, cell, needs),
            )
            found[base.key] = _joined(found.get(base.key, base), base)
    return tuple(found[key] for key in sorted(found))


def _joined(left: Base, right: Base) -> Base:
    """Return one base for cells that share a key: the older C library, the wheels of both."""
    lower = min(left, right, key=lambda base: _numbers(base.glibc))
    return Base(
        stage=lower.stage,
        key=lower.key,
        image=lower.image,
        source=lower.source,
        wheels=tuple(sorted({*left.wheels, *right.wheels})),
        python=lower.python,
        glibc=lower.glibc,
        target=lower.target,
        variants=tuple(sorted({*left.variants, *right.variants})),
        options=tuple(sorted({*left.options, *right.options})),
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _platforms(
    pipeline: Pipeline,
    stage: ContainerStage,
    cell: Cell,
    image: str,
    images: Mapping[str, LockedImage],
) -> Iterator[tuple[Target, LockedPlatform]]:
    if image not in images:
        return
    platforms = images[image].platforms
    wanted = cell.get("target")
    declared = [Target.of_platform(name) for name in sorted(platforms)]
    if wanted and wanted not in {target.value for target in declared}:
        raise ConfigError(
            f"cell `{cell.name}` is for `{wanted}`, which image `{image}` is not declared for",
            where=_where(pipeline, cell.stage, "matrix"),
            hint=f"add `{wanted}` to `platforms` in `images/{image}.yaml`",
        )
    if wanted and isinstance(stage, WheelStage):
        found = Images(declared=pipeline.images, locked=images)
        usable = set(machines(found, stage, image, Target(wanted)))
    elif wanted:
        usable = {Target(wanted)}
    else:
        usable = {*usual_targets(pipeline, images, declared)}
    for target in declared:
        if target in usable:
            _check_python(pipeline, cell, image, platforms[target.platform])
            yield target, platforms[target.platform]


def usual_targets(
    pipeline: Pipeline, images: Mapping[str, LockedImage], declared: Iterable[Target]
) -> tuple[Target, ...]:
    """Return the platforms a stage without an axis `target` is for, of those its image is for.

    An image may be for more platforms than anything is built on. So where stages have the axis, the
    others follow them: what some stage is for, or where one cross compiles.
    """
    every = tuple(declared)
    built = _built_on(pipeline, images) if len(every) > 1 else frozenset()
    return tuple(target for target in every if target in built) or every


def _built_on(pipeline: Pipeline, images: Mapping[str, LockedImage]) -> frozenset[Target]:
    """Return the platforms that the axes of stages name, and those that their wheels compile on."""
    found: set[Target] = set()
    known = Images(declared=pipeline.images, locked=images)
    for stage in container_stages(pipeline):
        names = {*stage.matrix.axes.get("target", ())}
        names |= {block["target"] for block in stage.matrix.include if "target" in block}
        found |= {Target(name) for name in names}
        if isinstance(stage, WheelStage):
            for image in images_of(pipeline, stage):
                found |= {
                    one for name in names for one in machines(known, stage, image, Target(name))
                }
    return frozenset(found)


def images_of(pipeline: Pipeline, stage: ContainerStage) -> set[str]:
    """Return the images that the cells of a stage run in."""
    if "{" not in stage.image:
        return {stage.image}
    return {cell.fill(stage.image) for cell in cells(stage, pipeline.root)}


def _check_python(pipeline: Pipeline, cell: Cell, image: str, platform: LockedPlatform) -> None:
    wanted = cell.get("python")
    if wanted and wanted != python_tag(platform.python):
        has = f"CPython {platform.python}" if platform.python else "no Python"
        one_each = "let the stage's `image` hold `{python}`, with one image for each interpreter"
        given = f"start `images/{image}.yaml` from what has that Python, or leave `{wanted}` out"
        stage = pipeline.stages[cell.stage]
        chosen = isinstance(stage, ContainerStage) and "{python}" in stage.image
        raise ConfigError(
            f"cell `{cell.name}` is for `{wanted}`, but image `{image}` has {has}",
            where=_where(pipeline, cell.stage, "matrix"),
            hint=given if chosen else one_each,
        )


def _wheels(pipeline: Pipeline, stage: ContainerStage) -> list[WheelStage]:
    """Return the stages of the wheels that a test or an image installs."""
    if not isinstance(stage, TestStage | ImageStage):
        return []
    needed = [pipeline.stages.get(need) for need in stage.needs]
    return [one for one in needed if isinstance(one, WheelStage)]


def _wheel_sources(wheels: list[WheelStage], needs: Needs, cell: Cell) -> tuple[str, ...]:
    found = {cell_source(wheel, other) for wheel in wheels for other in needs.of(cell, wheel.name)}
    return tuple(sorted(found))


def _variant_requires(wheels: list[WheelStage], needs: Needs, cell: Cell) -> tuple[str, ...]:
    found: set[str] = set()
    for wheel in wheels:
        if wheel.variant and needs.of(cell, wheel.name):
            found |= {*wheel.variant.requires}
    return tuple(sorted(found))


def _needs(pipeline: Pipeline, stages: Iterable[ContainerStage]) -> Needs:
    """Return what finds the cells of wheels and sdists that the cells of some stages need."""
    wanted = {need for stage in stages for need in stage.needs}
    found = (pipeline.stages[name] for name in sorted(wanted & pipeline.stages.keys()))
    building = (stage for stage in found if isinstance(stage, BuildStage))
    return Needs.among(pipeline, {one.name: cells(one, pipeline.root) for one in building})


def wheel_options(pipeline: Pipeline, stage: WheelStage) -> tuple[tuple[str, BackendOptions], ...]:
    """Return what the backends of all cells of a wheel stage are given, each after its source."""
    needs = _needs(pipeline, (stage,))
    found = {
        one
        for cell in cells(stage, pipeline.root)
        for one in _options(pipeline, stage, cell, needs)
    }
    return tuple(sorted(found))


def _options(
    pipeline: Pipeline, stage: ContainerStage, cell: Cell, needs: Needs
) -> tuple[tuple[str, BackendOptions], ...]:
    if isinstance(stage, BuildStage):
        options = BackendOptions(
            env=tuple(sorted(_variables(pipeline, stage, cell, needs).items())),
            config_settings=tuple(
                (key, tuple(cell.fill(value) for value in values))
                for key, values in sorted(stage.config_settings.items())
            ),
        )
        return ((cell_source(stage, cell), options),)
    return tuple(
        one
        for wheel in _wheels(pipeline, stage)
        for other in needs.of(cell, wheel.name)
        for one in _options(pipeline, wheel, other, needs)
    )


def _variables(pipeline: Pipeline, stage: BuildStage, cell: Cell, needs: Needs) -> dict[str, str]:
    """Return the declared variables that a backend is asked with in the checkout.

    A wheel is built from what its sdist holds, which those of the sdist had a part in: a version
    that setuptools-scm was told is written there. The checkout does not hold it yet.
    """
    found: dict[str, str] = {}
    sdists = (pipeline.stages.get(name) for name in stage.needs)
    for sdist in sdists if isinstance(stage, WheelStage) else ():
        if isinstance(sdist, SdistStage):
            for other in needs.of(cell, sdist.name):
                found |= _variables(pipeline, sdist, other, needs)
    image = pipeline.images.get(cell.fill(stage.image))
    own = {name: cell.fill(value) for name, value in stage.env.items()}
    return {**found, **(image.env if image else {}), **own}


def _where(pipeline: Pipeline, stage: str, word: str) -> str:
    return str(pipeline.origins.get(("stages", stage, word), "pipeline.yaml"))
