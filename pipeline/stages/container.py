"""What the container stages share: image, platform, environment variables, inputs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.config.stages import USES
from pipeline.cross.found import Images
from pipeline.errors import ConfigError, LockError
from pipeline.locking.bases import cell_key, cell_source, is_third_party, usual_targets
from pipeline.plan.recipe import (
    EnvironmentInput,
    GeneratedInput,
    ImageInput,
    Input,
    OutputInput,
    Recipe,
    SdistInput,
    SourceInput,
)
from pipeline.plan.render import Steps, render, with_own_context
from pipeline.platforms import Target
from pipeline.stages.generated import placed
from pipeline.stages.inputs import globs
from pipeline.stages.strategy import choose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.checkout.inputs import Checkout
    from pipeline.config.model import Pipeline
    from pipeline.config.stages import ContainerStage, Use
    from pipeline.lock.types import Lock, LockedPlatform, RequirementSet
    from pipeline.plan.matrix import Cell
    from pipeline.plan.recipe import ImageOutput
    from pipeline.plan.types import PlannedCell, Strategy

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
RESERVED = frozenset(
    {
        *("scratch", "build", "context", "env", "src", "wheel", "inside"),
        *("cross", "sysroot", "toolchain"),
    }
)
"""Names of contexts and stages in Dockerfiles; no image may have one of them."""

SHELLS = frozenset({"dash", "bash", "busybox"})
"""Debian packages that bring ``/bin/sh``."""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """All that a stage needs to become a recipe, for one cell.

    ``needed`` are the planned cells this one needs, in the order of their stages; ``caches``
    whether the stage may keep what it compiles.
    """

    pipeline: Pipeline
    lock: Lock
    checkout: Checkout
    cell: Cell
    stage: ContainerStage
    needed: tuple[PlannedCell, ...]
    caches: bool = True

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
        """What the cell's output is for: its axis, else this machine's where the image has it."""
        return cell_target(self.pipeline, self.lock, self.cell, self.image)

    @cached_property
    def strategy(self) -> Strategy:
        """How the cell is built; ConfigError when it cannot be as its stage says."""
        return choose(
            self.pipeline,
            self.images,
            self.stage,
            self.cell,
            image=self.image,
            target=self.target,
            here=this_machine(),
        )

    @property
    def machine(self) -> Target:
        """What the cell's steps run on: its target, unless they compile for it elsewhere."""
        return self.strategy.machine

    @property
    def images(self) -> Images:
        """What the images are declared and locked as."""
        return Images(declared=self.pipeline.images, locked=self.lock.images)

    @cached_property
    def platform(self) -> LockedPlatform:
        """The locked image that the steps run in; LockError when it is not locked."""
        return self.platform_on(self.machine)

    def platform_on(self, target: Target) -> LockedPlatform:
        """Return the cell's locked image on a platform; LockError when it is not locked."""
        locked = self.lock.images.get(self.image)
        if locked is None or target.platform not in locked.platforms:
            raise LockError(
                f"image `{self.image}` is not locked for {target.value}, "
                f"which `{self.cell.name}` needs",
                hint="run `pipeline lock`",
            )
        return locked.platforms[target.platform]

    def image_on(self, target: Target, *, runs: bool = True) -> ImageInput:
        """Return the cell's image on a platform, as an input; LockError when it is not locked."""
        digest = self.platform_on(target).digest
        return ImageInput(image=self.image, platform=target.platform, digest=digest, runs=runs)

    def requirements(self) -> RequirementSet:
        """Return what is locked for the cell's ``/env``; LockError when nothing is."""
        key = cell_key(self.stage, self.cell, self.platform.python, self.machine)
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
            source = self.checkout.source(self.source, globs(self))
            if made := placed(self, source):
                return GeneratedInput(source=source, directory=self.source, placed=made)
            return SourceInput(source=source)
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

    def shown(self, *uses: Use) -> dict[str, tuple[str, Input]]:
        """Return the contexts of what the commands find in ``/needs/STAGE``."""
        table = USES[type(self.stage)]
        cells = (cell for cell in self.needed if table.get(type(cell.stage)) in uses)
        return {
            f"need-{number}": (
                f"/needs/{cell.stage.name}",
                OutputInput(cell=cell.name, key=cell.key),
            )
            for number, cell in enumerate(cells, start=1)
        }

    @property
    def workdir(self) -> str:
        """Where steps run: the source's own place below ``/src``."""
        if self.source in {".", ""} or is_third_party(self.source):
            return "/src"
        return f"/src/{self.source}"

    def variables(self, kind: Mapping[str, str] | None = None) -> tuple[tuple[str, str], ...]:
        """Return the variables of every step: ours, those of the kind, the image's, the stage's."""
        image = self.pipeline.images[self.image]
        stage = {name: self.cell.fill(value) for name, value in self.stage.env.items()}
        return tuple(({**dict(self.fixed()), **(kind or {}), **image.env, **stage}).items())

    def interpreter(self, target: Target) -> str:
        """Return where the image's Python stands on a platform."""
        platform = self.platform_on(target)
        return platform.interpreter or f"/usr/bin/python{platform.python}"

    def fixed(self) -> tuple[tuple[str, str], ...]:
        """Return the variables of every step that nobody declares."""
        values = {
            "PATH": f"/env/bin:{SYSTEM_PATH}",
            "HOME": "/tmp",  # noqa: S108 - inside the step, where /tmp is its own
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SOURCE_DATE_EPOCH": str(self.lock.epoch),
        }
        return tuple(values.items())


def cell_target(pipeline: Pipeline, lock: Lock, cell: Cell, image: str) -> Target:
    """Return the target a cell runs on.

    Without an axis ``target`` it is this machine's where the image is for it and something is built
    on it, else the first such platform.
    """
    if chosen := cell.get("target"):
        return Target(chosen)
    platforms = pipeline.images[image].platforms
    return usual_target(usual_targets(pipeline, lock.images, platforms))


def usual_target(platforms: tuple[Target, ...]) -> Target:
    """Return this machine's platform where it is among some, else the first of them."""
    native = this_machine()
    return native if native in platforms else platforms[0]


def this_machine() -> Target | None:
    """Return this machine's target, None where no image can be for it."""
    try:
        return Target.native()
    except ValueError:
        return None


def recipe(
    situation: Situation,
    template: str,
    contexts: Mapping[str, tuple[str, Input]],
    *,
    mounts: Mapping[str, tuple[str, Input]] | None = None,
    env: Mapping[str, str] | None = None,
    caches: tuple[tuple[str, str], ...] = (),
    workdir: str | None = None,
    commands: tuple[tuple[str, ...], ...] = (),
    run: tuple[str, ...] = (),
    outputs: tuple[tuple[str, str], ...] = (),
    made: ImageOutput | None = None,
) -> Recipe:
    """Return the recipe of a cell: its Dockerfile rendered over ``contexts``.

    ``contexts`` maps a name to the path its root is copied to, and the input itself; ``mounts``
    likewise to what each command sees without a copy, ``env`` are variables of the kind,
    ``caches`` are as `Steps` has them; ``made`` says what makes an image of the output, where it
    is to be one.
    """
    if situation.image in RESERVED:
        raise ConfigError(
            f"`{situation.image}` cannot be the name of an image: Dockerfiles use it",
            where=f"images/{situation.image}.yaml",
        )
    if run:
        require_shell(situation)
    stage, mounts = situation.stage, mounts or {}
    steps = Steps(
        cell=situation.cell.name,
        template=stage.dockerfile or template,
        image=situation.image,
        env=situation.variables(env),
        contexts=tuple((name, path) for name, (path, _) in contexts.items()),
        mounts=tuple((name, path) for name, (path, _) in mounts.items()),
        caches=caches,
        workdir=workdir or situation.workdir,
        commands=commands,
        run=tuple(situation.cell.fill(command) for command in run),
        outputs=outputs,
        network=stage.network,
        arguments=tuple(stage.build_args),
        secrets=tuple(stage.secrets),
    )
    named = {name: part for name, (_, part) in {**contexts, **mounts}.items()}
    text = render(steps, situation.pipeline.root)
    return Recipe(
        dockerfile=text,
        inputs={
            situation.image: situation.image_on(situation.machine),
            **with_own_context(text, named),
        },
        platform=situation.machine.platform,
        network=stage.network,
        epoch=situation.lock.epoch,
        seconds=stage.timeout,
        image=made,
        arguments={name: situation.cell.fill(text) for name, text in stage.build_args.items()},
        secrets=stage.secrets,
    )


def require_shell(situation: Situation) -> None:
    """Refuse shell commands, or compilers that are shell scripts, in an image without a shell.

    A Debian package does not say that it needs one, so none comes by itself.
    """
    name: str | None = situation.image
    while name:
        locked = situation.lock.images[name].platforms[situation.machine.platform]
        if locked.base or SHELLS & {package.name for package in locked.packages}:
            return  # what an image that others made holds is not for us to say
        name = situation.pipeline.images[name].origin.image
    raise ConfigError(
        f"image `{situation.image}` has no shell to run the commands of `{situation.cell.name}`",
        where=situation.pipeline.where("stages", situation.stage.name, "run"),
        hint=f"add `bash` and `coreutils` to `packages` in `images/{situation.image}.yaml`",
    )
