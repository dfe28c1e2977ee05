"""A step that failed: what is said, what is kept, and how to look inside."""

from __future__ import annotations

import re
import shlex
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.dockerfile.instructions import Run
from pipeline.errors import StageFailedError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipeline.dockerfile.instructions import Instruction
    from pipeline.engines.protocol import BuildRequest, Limits
    from pipeline.sandbox.launch import Outcome
    from pipeline.sandbox.spec import Spec

SHORT = 80
SHELL = ("/bin/sh", "-e", "-c")
NOTE = "LOOK.txt"

VERSION_VARIABLES = re.compile(r"\b(SETUPTOOLS_SCM_PRETEND_VERSION|PDM_BUILD_SCM_VERSION)\b")
"""What backends name that take a version from git and find none."""


def short(instruction: Instruction) -> str:
    """Return an instruction as it stands, on one line, cut to a readable length.

    A shell's command in the exec form is shown as the command.
    """
    text = instruction.text
    if isinstance(instruction, Run) and instruction.command[:-1] == SHELL:
        text = f"RUN {instruction.command[-1]}"
    text = " ".join(text.split())
    return text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"


def reason(outcome: Outcome, limits: Limits) -> str:
    """Say how a step ended."""
    match outcome.reason:
        case "exited":
            return f"ended with status {outcome.status}"
        case "signal":
            return f"was ended by {_signal(outcome.status - 128)} (status {outcome.status})"
        case "timeout":
            return f"did not end within {limits.seconds:g} s"
        case "output":
            return f"printed more than {_size(limits.output)}"
        case "memory":
            return "ran out of memory" + (f" ({_size(limits.memory)})" if limits.memory else "")
        case "disk":
            return "wrote more than the disk or its limit holds" + (
                f" ({_size(limits.disk)})" if limits.disk else ""
            )


def _signal(number: int) -> str:
    try:
        return f"the signal {signal.Signals(number).name}"
    except ValueError:
        return f"the signal {number}"


def _size(count: int) -> str:
    return f"{count / (1 << 20):g} MiB" if count >= 1 << 20 else f"{count} bytes"


def lacking_version(tail: Iterable[str]) -> str:
    """Return a further hint where a backend looked for a version in git; else nothing."""
    found = next((match[0] for line in tail if (match := VERSION_VARIABLES.search(line))), "")
    return (
        f"; no step sees git's history: give the version as `env: {{{found}: VERSION}}` of the "
        "stage, or let the backend read it from a file"
        if found
        else ""
    )


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failed step and what is known of it. ``kept`` is where its root can be looked at."""

    instruction: Instruction
    what: str
    tail: tuple[str, ...] = ()
    log: Path | None = None
    kept: Path | None = None

    def error(self, request: BuildRequest) -> StageFailedError:
        """Return the error a person sees."""
        detail = []
        if self.log:
            detail.append(f"full log: {self.log}")
        if self.kept:
            detail.append(f"kept: {self.kept} ({NOTE} says how to look inside)")
        label = request.label or "STAGE"
        look = f"look inside with `pipeline run {shlex.quote(label)} --shell`"
        return StageFailedError(
            f"`{short(self.instruction)}` {self.what}",
            where=f"Dockerfile:{self.instruction.line}",
            hint="" if request.internal else look + lacking_version(self.tail),
            detail=tuple(detail),
            output=self.tail,
            log=str(self.log or ""),
        )


def note(spec: Spec, room: Path) -> str:
    """Return the text that tells how to look at the root of a failed step, kept below ``room``."""
    top = f"{room}/look"
    lower = ":".join(reversed(spec.root.lower))
    options = f"userxattr,lowerdir={lower},upperdir={spec.root.upper},workdir={top}-work"
    inside = (
        f"mount -t overlay overlay -o {shlex.quote(options)} {shlex.quote(top)}"
        f" && exec chroot {shlex.quote(top)} /bin/sh"
    )
    lines = [
        f"What the failed step and those before it wrote: {spec.root.upper}",
        "Below it lie copied files and those of images. Some are links to the store: only look.",
        "",
        "To see the whole root as the step saw it, but for mounts and limits:",
        "",
        f"    mkdir -p {shlex.quote(top)} {shlex.quote(f'{top}-work')}",
        f"    unshare --user --map-root-user --mount sh -c {shlex.quote(inside)}",
        "",
        f"The step was: {shlex.join(spec.argv)}",
        f"It ran in {spec.cwd} with these variables:",
        "",
        *(f"    {name}={shlex.quote(value)}" for name, value in spec.env),
    ]
    return "\n".join(lines) + "\n"
