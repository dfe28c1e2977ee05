"""Bases: what cells of a stage have in common as far as their ``/env`` goes.

A base is an interpreter, a C library and a platform, and with an axis of sources the source too.
A stage without an axis ``target`` has a base for each platform its image is locked for, since a
lock must not depend on the machine that made it. For the same reason a wheel has one for each
platform that it may be built on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.config.stages import ContainerStage, ImageStage, TestStage, WheelStage
from pipeline.cross.found import Images, machines
from pipeline.errors import ConfigError
from pipeline.lock.file import base_key, python_tag
from pipeline.locking.needs import Needs
from pipeline.plan.matrix import cells
from pipeline.platforms import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.config.model import Pipeline
    from pipeline.lock.types import LockedImage, LockedPlatform
    from pipeline.plan.matrix import Cell


@dataclass(frozen=True, kw_only=True)
class Base:
    """One set to lock.

    ``source`` is a directory or ``name==version``; ``wheels`` the sources of the wheels that a
    test or an image installs, ``variants`` what their variants require; ``python`` like ``3.11``,
    ``glibc`` like ``2.36``, empty where there is none. ``target`` is the platform that the steps
    run on.
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
    needs = Needs.among(pipeline, {one.name: cells(one, pipeline.root) for one in wheels})
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
    else:
        usable = {target for target in declared if wanted in ("", target.value)}
    for target in declared:
        if target in usable:
            _check_python(pipeline, cell, image, platforms[target.platform])
            yield target, platforms[target.platform]


def _check_python(pipeline: Pipeline, cell: Cell, image: str, platform: LockedPlatform) -> None:
    wanted = cell.get("python")
    if wanted and wanted != python_tag(platform.python):
        has = f"CPython {platform.python}" if platform.python else "no Python"
        raise ConfigError(
            f"cell `{cell.name}` is for `{wanted}`, but image `{image}` has {has}",
            where=_where(pipeline, cell.stage, "matrix"),
            hint="let the stage's `image` hold `{python}`, with one image for each interpreter",
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


def _where(pipeline: Pipeline, stage: str, word: str) -> str:
    return str(pipeline.origins.get(("stages", stage, word), "pipeline.yaml"))
