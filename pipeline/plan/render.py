"""Rendering: a cell's steps to the text of one Dockerfile, parsed back and compared.

Jinja2 is not a boundary against a hostile template; it is the project's own. What rendering
guards against is a value that ends up as something else than itself: every value goes through a
quoting filter, and what comes out is parsed by the parser the engines use and must hold exactly
the variables, commands and contexts that went in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pipeline.dockerfile.summary import MAIN, summarise
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2 import Environment

    from pipeline.dockerfile.summary import Summary

T = TypeVar("T")

BUILT_IN = Path(__file__).resolve().parent.parent / "templates"
PROJECT_TEMPLATES = "dockerfiles"
SHELL = ("/bin/sh", "-e", "-c")
SOURCES = "src"
"""The context that holds the sources, and is the build's own where a Dockerfile uses that."""


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What a Dockerfile has to say, before it is text.

    ``contexts`` are pairs of a named context and where its root is copied to, in order;
    ``mounts`` are such pairs that each command sees without being able to change them; ``commands``
    are our own, in exec form, ``run`` the user's, for a shell; ``caches`` are pairs of an id and
    the directory where each command finds what earlier ones kept;
    ``outputs`` pairs of a path or glob inside and where it goes in the output; ``arguments`` and
    ``secrets`` the names that a template of the project may use.
    """

    cell: str
    template: str
    image: str
    env: tuple[tuple[str, str], ...]
    contexts: tuple[tuple[str, str], ...]
    mounts: tuple[tuple[str, str], ...] = ()
    caches: tuple[tuple[str, str], ...] = ()
    workdir: str = "/src"
    commands: tuple[tuple[str, ...], ...] = ()
    run: tuple[str, ...] = ()
    outputs: tuple[tuple[str, str], ...] = ()
    network: str = "none"
    arguments: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


def quoted(value: str) -> str:
    r"""Return a value for ENV: in double quotes, with ``\``, ``"`` and ``$`` escaped."""
    if any(ord(character) < 32 for character in value):
        raise ConfigError(f"the environment value {value!r} holds a control character")
    for character in ("\\", '"', "$"):
        value = value.replace(character, f"\\{character}")
    return f'"{value}"'


def exec_form(command: Sequence[str]) -> str:
    """Return the exec form of RUN, a JSON list, which no shell and no expansion touches."""
    return json.dumps(list(command), ensure_ascii=False)


def shell_form(command: str) -> str:
    """Return the exec form of a shell command: ``-e``, so that the first failure ends it."""
    return exec_form((*SHELL, command))


def render(steps: Steps, root: Path) -> str:
    """Return the Dockerfile's text; ConfigError when a template is wrong or says something else."""
    from jinja2 import TemplateError  # noqa: PLC0415 - not on the path of a no-op run

    template = f"{steps.template}.Dockerfile.j2"
    try:
        text = (
            _environment(root)
            .get_template(template)
            .render(
                cell=steps.cell,
                image=steps.image,
                env=steps.env,
                contexts=steps.contexts,
                mounts=steps.mounts,
                caches=steps.caches,
                workdir=steps.workdir,
                commands=steps.commands,
                run=steps.run,
                outputs=steps.outputs,
                network=steps.network,
                arguments=steps.arguments,
                secrets=steps.secrets,
            )
        )
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        name = getattr(error, "name", None) or template
        own = not name.startswith("pipeline/")
        name = f"{PROJECT_TEMPLATES}/{name}" if own else name
        raise ConfigError(
            f"the template cannot be rendered for `{steps.cell}`: {error}",
            where=f"{name}:{line}" if line else name,
        ) from error
    compare(text, steps)
    return text


def with_own_context(text: str, inputs: Mapping[str, T]) -> dict[str, T]:
    """Return the inputs, with the sources once more where a Dockerfile says ``COPY . .``.

    As the build's own context they obey a ``.dockerignore``.
    """
    own = {MAIN: inputs[SOURCES]} if MAIN in _summary(text).contexts else {}
    return {**inputs, **own}


@lru_cache(maxsize=1)
def _summary(text: str) -> Summary:
    return summarise(text)


@lru_cache(maxsize=8)
def _environment(root: Path) -> Environment:
    from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader, StrictUndefined  # noqa: PLC0415
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415

    built_in = FileSystemLoader(BUILT_IN)
    environment = SandboxedEnvironment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        loader=ChoiceLoader(
            [
                FileSystemLoader(root / PROJECT_TEMPLATES),
                built_in,
                PrefixLoader({"pipeline": built_in}),
            ]
        ),
    )
    environment.filters.update(quoted=quoted, exec=exec_form, shell=shell_form)
    return environment


def compare(text: str, steps: Steps) -> None:
    """Parse a rendered Dockerfile back; ConfigError unless it says what was meant.

    A template of the project may add instructions of its own, but the variables, the commands
    and their order, and the contexts must be there, and no other context or network.
    """
    where = f"{PROJECT_TEMPLATES}/{steps.template}.Dockerfile.j2"
    try:
        found = _summary(text)
    except ConfigError as error:
        words = f"the Dockerfile rendered for `{steps.cell}`: {error}"
        raise ConfigError(words, where=where, hint=error.hint) from error
    wanted = dict(steps.env)
    different = [name for name, value in wanted.items() if found.env.get(name) != value]
    if different:
        raise _unfaithful(steps, f"the variable `{different[0]}`")
    _compare_commands(found, steps)
    given = {name for name, _ in (*steps.contexts, *steps.mounts)}
    own = {MAIN} if SOURCES in given else set()
    if unknown := found.contexts - {steps.image, *given, *own}:
        raise _unfaithful(steps, f"only known contexts: it names `{min(unknown)}`")
    if missing := given - found.contexts:
        raise _unfaithful(steps, f"the context `{min(missing)}`")
    _compare_grants(found, steps, where)


def _compare_commands(found: Summary, steps: Steps) -> None:
    """Refuse a command that is missing or out of order, or that does not see what it should."""
    commands = iter(zip(found.commands, found.mounts, strict=True))
    for command in (*steps.commands, *((*SHELL, command) for command in steps.run)):
        said = command[-1] if command[: len(SHELL)] == SHELL else " ".join(command)
        mounted = next((mounts for words, mounts in commands if words == command), None)
        if mounted is None:
            raise _unfaithful(steps, f"the command `{said}`")
        if missing := {*steps.mounts} - mounted:
            raise _unfaithful(steps, f"the mount of `{min(missing)[0]}` for the command `{said}`")


def _compare_grants(found: Summary, steps: Steps, where: str) -> None:
    """Refuse what a Dockerfile takes that the stage does not give, and what it leaves unused."""
    if "host" in found.networks and steps.network != "host":
        raise ConfigError(
            f"a `RUN` of `{steps.cell}` asks for the network, and its stage has none",
            where=where,
            hint="take `--network=host` out, or write `network: host` in the stage",
        )
    if unknown := found.secrets - {*steps.secrets}:
        raise ConfigError(
            f"the Dockerfile of `{steps.cell}` mounts the secret `{min(unknown)}`, "
            "which its stage does not give",
            where=where,
            hint=f"add `{min(unknown)}: VARIABLE` to the `secrets` of the stage",
        )
    if unused := {*steps.arguments} - found.arguments:
        raise ConfigError(
            f"the Dockerfile of `{steps.cell}` has no `ARG {min(unused)}`, so the value that its "
            "stage gives would have no effect",
            where=where,
            hint=f"add `ARG {min(unused)}`, or take it out of `build-args`",
        )


def _unfaithful(steps: Steps, what: str) -> ConfigError:
    return ConfigError(
        f"the Dockerfile rendered for `{steps.cell}` does not hold {what} as it was declared",
        where=f"{PROJECT_TEMPLATES}/{steps.template}.Dockerfile.j2",
        hint="extend a built-in template and keep `{{ super() }}` in its blocks, or write what "
        "`env`, `contexts` and `run` hold (docs/how-to/custom-dockerfiles.md shows it)",
    )
