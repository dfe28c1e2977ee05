"""What a person is put into, as a value: image, environment, packages, variables, mounts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.config.stages import ContainerStage, ImageStage, TestStage, WheelStage
from pipeline.dev.compilers import Additions, tools
from pipeline.dev.packages import chosen, closed
from pipeline.errors import UsageError
from pipeline.files import sha256_bytes
from pipeline.locking.bases import cell_key, cell_source, is_third_party
from pipeline.locking.needs import Needs
from pipeline.locking.workspace import members
from pipeline.plan.matrix import all_cells
from pipeline.plan.recipe import EnvironmentInput
from pipeline.plan.selection import Selection, select
from pipeline.platforms import Target
from pipeline.project.editable import install
from pipeline.project.pyproject import normal, reader
from pipeline.stages.container import Situation, this_machine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.checkout.inputs import Checkout
    from pipeline.config.model import Pipeline
    from pipeline.dev.compilers import Tools
    from pipeline.dev.packages import Package
    from pipeline.lock.types import Lock, PythonFile
    from pipeline.plan.matrix import Cell

REPOSITORY = "/src"
ENVIRONMENT = "/env"

FORMAT = 2
"""Raised when the same lock comes to stand for another image in Docker."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A cell's surroundings for a person.

    ``environment`` is None in an image without Python. ``locked`` names everything locked that
    it is made of, on every platform that it is locked for. ``tools`` are the compilers of a wheel's
    cell, where they do not come with the image alone. ``also`` counts the further cells that
    were meant as well.
    """

    cell: Cell
    image: str
    platform: str
    environment: EnvironmentInput | None
    packages: tuple[Package, ...]
    variables: tuple[tuple[str, str], ...]
    workdir: str
    locked: tuple[str, ...]
    tools: Tools | None = None
    also: int = 0

    @cached_property
    def additions(self) -> Additions:
        """What an installer adds to ``/env`` for packages that are used from their sources."""
        added = install(
            [package.editable for package in self.packages],
            packages=f"lib/python{self.python}/site-packages",
            repository=REPOSITORY,
            start=f"#!{ENVIRONMENT}/bin/python\n",
        )
        return Additions(files=added.texts, links=added.links)

    @property
    def python(self) -> str:
        """The interpreter's version (``3.11``), empty where the image has none."""
        return self.environment.python if self.environment else ""

    @cached_property
    def digest(self) -> str:
        """The sha256 over what is locked and which packages are used from their sources."""
        names = [package.name for package in self.packages]
        return sha256_bytes(json.dumps([FORMAT, self.cell.name, self.locked, names]).encode())


@dataclass(frozen=True, kw_only=True)
class Repository:
    """What places are made from."""

    pipeline: Pipeline
    lock: Lock
    checkout: Checkout


def find(repository: Repository, word: str | None, packages: Sequence[str]) -> Place:
    """Return the place that a stage or cell stands for; without one, `usual_stage`.

    ``packages`` name what is installed in place of the stage's own sources. Raises UsageError for a
    stage without an image or an unknown name, LockError for what is not locked.
    """
    pipeline = repository.pipeline
    cells = select(all_cells(pipeline), [Selection.parse(word or usual_stage(pipeline))])
    situations = (_situation(repository, cell) for cell in cells)
    here = this_machine()
    native = next((one for one in situations if one.machine is here), None)
    situation = native or _situation(repository, cells[0])
    known = members(pipeline, reader(pipeline.root))
    sources = chosen(known, packages) or tuple(_sources(situation))
    mounted = closed(known, sources) if situation.platform.python else ()
    found = tools(situation)
    return Place(
        cell=situation.cell,
        image=situation.image,
        platform=situation.machine.platform,
        environment=_environment(situation, mounted),
        packages=mounted,
        variables=_variables(situation, found),
        workdir=situation.workdir,
        locked=tuple(_locked(situation)),
        tools=found,
        also=len(cells) - 1,
    )


def _variables(situation: Situation, found: Tools | None) -> tuple[tuple[str, str], ...]:
    """Return the stage's variables; those that name compilers give way to them, as in a step."""
    named = dict(found.variables) if found else {}
    return tuple((named | dict(situation.variables())).items())


def usual_stage(pipeline: Pipeline) -> str:
    """Return the first stage that tests, else the first with an image; UsageError for none."""
    named = [stage for stage in pipeline.stages.values() if isinstance(stage, ContainerStage)]
    if not named:
        raise UsageError("no stage of this repository has an image to work in")
    tests = [stage for stage in named if isinstance(stage, TestStage)]
    return (tests or named)[0].name


def _situation(repository: Repository, cell: Cell) -> Situation:
    stages = repository.pipeline.stages
    stage = stages[cell.stage]
    if not isinstance(stage, ContainerStage):
        having = [f"`{name}`" for name, one in stages.items() if isinstance(one, ContainerStage)]
        raise UsageError(
            f"stage `{cell.stage}` runs on this machine and has no image to work in",
            hint=f"take one of {', '.join(having)}" if having else "",
        )
    return Situation(
        pipeline=repository.pipeline,
        lock=repository.lock,
        checkout=repository.checkout,
        cell=cell,
        stage=stage,
        needed=(),
    )


def _sources(situation: Situation) -> Iterator[str]:
    """Yield the directories of a cell's source, and of the wheels that it installs."""
    stages, stage, cell = situation.pipeline.stages, situation.stage, situation.cell
    if not is_third_party(situation.source):
        yield situation.source
    if not isinstance(stage, TestStage | ImageStage):
        return
    needs = Needs.among(situation.pipeline, all_cells(situation.pipeline))
    for need in stage.needs:
        wheel = stages[need]
        if isinstance(wheel, WheelStage):
            found = (cell_source(wheel, other) for other in needs.of(cell, need))
            yield from (source for source in found if not is_third_party(source))


def _wheels(situation: Situation) -> tuple[PythonFile, ...]:
    """Return what is locked for the cell's ``/env``: nothing for a stage that needs none."""
    locked = situation.lock.stages.get(situation.stage.name)
    return situation.environment().wheels if locked else ()


def _environment(situation: Situation, mounted: Sequence[Package]) -> EnvironmentInput | None:
    """Return the cell's ``/env`` without the packages that are used from their sources."""
    platform = situation.platform
    if not platform.python:
        return None
    own = {normal(package.name) for package in mounted}
    return EnvironmentInput(
        image=situation.image,
        python=platform.python,
        wheels=tuple(
            wheel for wheel in _wheels(situation) if normal(wheel.name.partition("-")[0]) not in own
        ),
        interpreter=platform.interpreter,
    )


def _locked(situation: Situation) -> Iterator[str]:
    """Yield the digests of image and wheels on each platform, so that machines agree on them."""
    stage = situation.lock.stages.get(situation.stage.name)
    for name, platform in sorted(situation.lock.images[situation.image].platforms.items()):
        yield platform.digest
        target = Target.of_platform(name)
        key = cell_key(situation.stage, situation.cell, platform.python, target)
        if stage and key in stage.sets:
            found = stage.sets[key].requirements
            yield from sorted(file.sha256 for locked in found for file in locked.files)
