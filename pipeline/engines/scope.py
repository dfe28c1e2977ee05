"""What the instructions of a stage set: variables, the working directory, the shell.

Pure: files are not touched. ARG and ENV both reach the steps; a stage that starts from another
one gets both, its ENV last (`dockerfile2llb` in BuildKit).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from pipeline.dockerfile.instructions import (
    Arg,
    Copy,
    Env,
    Label,
    Run,
    Shell,
    Start,
    User,
    Workdir,
)
from pipeline.dockerfile.summary import expanded
from pipeline.engines.union import absolute

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.dockerfile.expansion import Style
    from pipeline.dockerfile.instructions import Dockerfile, Instruction, Step

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_SHELL = ("/bin/sh", "-c")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The values ARG can have: ``given`` to the build, and ``before`` the first FROM."""

    given: Mapping[str, str]
    before: Mapping[str, str]
    style: Style


def arguments(
    dockerfile: Dockerfile, style: Style, *, given: Mapping[str, str], platforms: tuple[str, str]
) -> Arguments:
    """Evaluate the ARG lines before the first FROM; ``platforms`` are the builder's and ours."""
    before: dict[str, str] = {}
    for prefix, platform in zip(("BUILD", "TARGET"), platforms, strict=True):
        system, architecture, variant = (*platform.split("/"), "")[:3]
        before |= {
            f"{prefix}PLATFORM": platform,
            f"{prefix}OS": system,
            f"{prefix}ARCH": architecture,
            f"{prefix}VARIANT": variant,
        }
    for arg in dockerfile.args:
        for name, default in arg.pairs:
            if name in given:
                before[name] = given[name]
            elif default is not None:
                before[name] = expanded(arg, default, before, style)
    return Arguments(given=given, before=before, style=style)


@dataclass(kw_only=True)
class Scope:
    """The one mutable thing of a stage's evaluation."""

    arguments: Arguments
    config: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    shell: tuple[str, ...] = DEFAULT_SHELL

    @classmethod
    def of_image(cls, env: Mapping[str, str], workdir: str, given: Arguments) -> Scope:
        """Return the scope of a stage that starts from an image, or from nothing."""
        config = dict(env)
        config.setdefault("PATH", DEFAULT_PATH)
        return cls(arguments=given, config=config, env=dict(config), workdir=workdir or "/")

    def successor(self) -> Scope:
        """Return the scope of a stage that starts from this one."""
        return Scope(
            arguments=self.arguments,
            config=dict(self.config),
            env=self.env | self.config,
            workdir=self.workdir,
            shell=self.shell,
        )

    def expand(self, instruction: Instruction, word: str) -> str:
        """Replace the variables of a word; ConfigError with the line."""
        return expanded(instruction, word, self.env, self.arguments.style)

    def path(self, path: str) -> str:
        """Return a path as an absolute one, from the working directory."""
        return absolute(path, self.workdir)

    def apply(self, step: Step) -> None:
        """Take over what a step sets; ConfigError with its line. COPY and RUN set nothing."""
        match step:
            case Arg():
                self._arg(step)
            case Env():
                self._env(step)
            case Workdir(path=path):
                self.workdir = self.path(self.expand(step, path))
            case Shell(words=words):
                self.shell = words
            case User() | Label() | Start() | Copy() | Run():
                pass
            case _:
                assert_never(step)

    def _arg(self, step: Arg) -> None:
        for name, default in step.pairs:
            value = self.arguments.given.get(name)
            if value is None and default is not None:
                value = self.expand(step, default)
            elif value is None:
                value = self.arguments.before.get(name)
            if value is not None:
                self.env[name] = value

    def _env(self, step: Env) -> None:
        values = {self.expand(step, name): self.expand(step, text) for name, text in step.pairs}
        self.env |= values
        self.config |= values
