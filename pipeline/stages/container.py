"""What the container stages share: image, platform, environment variables, inputs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, LockError
from pipeline.locking.bases import cell_key, cell_source, is_third_party
from pipeline.plan.recipe import (
    EnvironmentInput,
    ImageInput,
    Input,
    OutputInput,
    Recipe,
    SdistInput,
    SourceInput,
)
from pipeline.plan.render import Steps, render
from pipeline.platforms import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.checkout.inputs import Checkout
    from pipeline.config.model import Image, Pipeline
    from pipeline.config.stages import ContainerStage
    from pipeline.lock.types import Lock, LockedPlatform, RequirementSet
    from pipeline.plan.matrix import Cell
    from pipeline.plan.recipe import ImageOutput
    from pipeline.plan.types import PlannedCell

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
RESERVED = frozenset({"scratch", "build", "env", "src", "wheel", "inside", "toolchain"})
"""Names of contexts and stages in the built-in templates; no image may have one of them."""

SHELLS = frozenset({"dash", "bash", "busybox"})
"""Debian packages that bring ``/bin/sh``."""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """All that a stage needs to become a recipe, for one cell.

    ``needed`` are the planned cells this one needs, in the order of their stages.
    """

    pipeline: Pipeline
    lock: Lock
    checkout: Checkout
    cell: Cell
    stage: ContainerStage
    needed: tuple[PlannedCell, ...]

    @property
    def image(self) -> str:
        """The image's name, with the cell's axes filled in."""
        return self.cell.fill(self.stage.image)

    @property
    def source(self) -> str:
        """The stage's source; an axis ``source`` stands before the field."""
        return cell_source(self.stage, self.cell)

    @cached_property
    def target(self) -> Target:
        """What the cell is built on: its axis, else this machine's where the image has it."""
        return cell_target(self.pipeline, self.cell, self.image)

    @cached_property
    def platform(self) -> LockedPlatform:
        """The locked image on the cell's platform; LockError when it is not locked."""
        locked = self.lock.images.get(self.image)
        if locked is None or self.target.platform not in locked.platforms:
            raise LockError(
                f"image `{self.image}` is not locked for {self.target.value}, "
                f"which `{self.cell.name}` runs on",
                hint="run `pipeline lock`",
            )
        return locked.platforms[self.target.platform]

    def requirements(self) -> RequirementSet:
        """Return what is locked for the cell's ``/env``; LockError when nothing is."""
        key = cell_key(self.stage, self.cell, self.platform.python, self.target)
        stage = self.lock.stages.get(self.stage.name)
        if stage is None or key not in stage.sets:
            raise LockError(
                f"the requirements of `{self.cell.name}` are not locked", hint="run `pipeline lock`"
            )
        return stage.sets[key]

    def environment(self) -> EnvironmentInput:
        """Return the cell's ``/env``."""
        files = [file for locked in self.requirements().requirements for file in locked.files]
        return EnvironmentInput(
            image=self.image,
            python=self.platform.python,
            wheels=tuple(files),
            interpreter=self.platform.interpreter,
        )

    def sources(self) -> Input:
        """Return what is copied to ``/src``: the checkout's files or a third-party sdist."""
        if not is_third_party(self.source):
            return SourceInput(source=self.checkout.source(self.source, self.stage.inputs))
        if self.source not in self.lock.sources:
            raise LockError(f"the source `{self.source}` is not locked", hint="run `pipeline lock`")
        return SdistInput(file=self.lock.sources[self.source])

    def outputs(self, kind: str, *, unpacked: bool = False) -> tuple[OutputInput, ...]:
        """Return what the needed cells of a kind make."""
        return tuple(
            OutputInput(cell=cell.name, key=cell.key, unpacked=unpacked)
            for cell in self.needed
            if cell.kind == kind
        )

    @property
    def workdir(self) -> str:
        """Where steps run: the source's own place below ``/src``."""
        if self.source in {".", ""} or is_third_party(self.source):
            return "/src"
        return f"/src/{self.source}"

    def variables(self) -> tuple[tuple[str, str], ...]:
        """Return the variables of every step: ours, then the image's, then the stage's."""
        image = self.pipeline.images[self.image]
        stage = {name: self.cell.fill(value) for name, value in self.stage.env.items()}
        return tuple((self._fixed() | dict(image.env) | stage).items())

    def _fixed(self) -> dict[str, str]:
        return {
            "PATH": f"/env/bin:{SYSTEM_PATH}",
            "HOME": "/tmp",  # noqa: S108 - inside the step, where /tmp is its own
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SOURCE_DATE_EPOCH": str(self.lock.epoch),
        }


def cell_target(pipeline: Pipeline, cell: Cell, image: str) -> Target:
    """Return the target a cell runs on.

    Without an axis ``target`` it is this machine's where the image is declared for it, else the
    first one the image is declared for.
    """
    if chosen := cell.get("target"):
        return Target(chosen)
    return usual_target(pipeline.images[image])


def usual_target(image: Image) -> Target:
    """Return this machine's target where an image is declared for it, else the image's first."""
    declared = image.platforms
    try:
        native = Target.native()
    except ValueError:
        return declared[0]
    return native if native in declared else declared[0]


def recipe(
    situation: Situation,
    template: str,
    contexts: Mapping[str, tuple[str, Input]],
    *,
    workdir: str | None = None,
    commands: tuple[tuple[str, ...], ...] = (),
    run: tuple[str, ...] = (),
    outputs: tuple[tuple[str, str], ...] = (),
    made: ImageOutput | None = None,
) -> Recipe:
    """Return the recipe of a cell: its Dockerfile rendered over ``contexts``.

    ``contexts`` maps a name to the path its root is copied to, and the input itself; ``made`` says
    what makes an image of the output, where it is to be one.
    """
    if situation.image in RESERVED:
        raise ConfigError(
            f"`{situation.image}` cannot be the name of an image: Dockerfiles use it",
            where=f"images/{situation.image}.yaml",
        )
    if run:
        _require_shell(situation)
    stage, platform = situation.stage, situation.platform
    steps = Steps(
        cell=situation.cell.name,
        template=stage.dockerfile or template,
        image=situation.image,
        env=situation.variables(),
        contexts=tuple((name, path) for name, (path, _) in contexts.items()),
        workdir=workdir or situation.workdir,
        commands=commands,
        run=tuple(situation.cell.fill(command) for command in run),
        outputs=outputs,
        network=stage.network,
        arguments=tuple(stage.build_args),
        secrets=tuple(stage.secrets),
    )
    image = ImageInput(
        image=situation.image, platform=situation.target.platform, digest=platform.digest
    )
    return Recipe(
        dockerfile=render(steps, situation.pipeline.root),
        inputs={situation.image: image, **{name: part for name, (_, part) in contexts.items()}},
        platform=situation.target.platform,
        network=stage.network,
        epoch=situation.lock.epoch,
        seconds=stage.timeout,
        image=made,
        arguments={name: situation.cell.fill(text) for name, text in stage.build_args.items()},
        secrets=stage.secrets,
    )


def _require_shell(situation: Situation) -> None:
    """Refuse shell commands in an image without a shell.

    A Debian package does not say that it needs one, so none comes by itself.
    """
    name: str | None = situation.image
    while name:
        locked = situation.lock.images[name].platforms[situation.target.platform]
        if locked.base or SHELLS & {package.name for package in locked.packages}:
            return  # what an image that others made holds is not for us to say
        name = situation.pipeline.images[name].origin.image
    raise ConfigError(
        f"image `{situation.image}` has no shell to run the commands of `{situation.cell.name}`",
        where=situation.pipeline.where("stages", situation.stage.name, "run"),
        hint=f"add `bash` and `coreutils` to `packages` in `images/{situation.image}.yaml`",
    )
