"""The RUN instruction: a specification for the sandbox, its launch, and what failing looks like."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NoReturn

from pipeline.dockerfile.lexing import fault
from pipeline.engines import commands
from pipeline.engines.copying import DIRECTORY_MODE
from pipeline.engines.failures import NOTE, Failure, note, reason
from pipeline.engines.mounting import Mounter
from pipeline.errors import EngineUnavailableError
from pipeline.sandbox.launch import SandboxError, launch
from pipeline.sandbox.spec import Bounds, Overlay, Spec
from pipeline.store.faults import guarded

if TYPE_CHECKING:
    from pipeline.dockerfile.instructions import Run
    from pipeline.engines.mounting import Origins
    from pipeline.engines.protocol import Limits
    from pipeline.engines.stages import Bench, StageState
    from pipeline.engines.union import Union
    from pipeline.sandbox.launch import Outcome


def perform(step: Run, stage: StageState, origins: Origins, bench: Bench) -> None:
    """Run one instruction in a sandbox of its own, over the files of the steps before it.

    Raises StageFailedError when it fails, EngineUnavailableError when it could not be started.
    """
    with ExitStack() as cleanup:
        with guarded("preparing a step in", bench.room):
            spec = _spec(step, stage, origins, bench, cleanup)
        outcome = _launch(step, spec, bench)
        if outcome.reason != "exited" or outcome.status:
            _fail(step, spec, outcome, stage, bench)


def _spec(step: Run, stage: StageState, origins: Origins, bench: Bench, cleanup: ExitStack) -> Spec:
    scope, stack, request = stage.scope, stage.stack, bench.request
    mounter = Mounter(
        store=bench.store,
        scratch=bench.room,
        secrets=request.secrets,
        workdir=scope.workdir,
        epoch=request.epoch,
        origins=origins,
        expand=lambda word: scope.expand(step, word),
        cleanup=cleanup,
    )
    env = dict(commands.variables(scope.env, stack.view))
    upper = stack.upper()
    _make_mount_points(stack.view, upper)
    try:
        return Spec(
            root=Overlay(target="/", lower=stack.lower(), upper=upper, work=stack.work()),
            mounts=mounter.mounts(step),
            argv=commands.words(step, scope.shell),
            env=tuple((env | mounter.variables(step)).items()),
            cwd=scope.workdir,
            network=_network(step, request.network),
            limits=bounds(request.limits),
        )
    except ValueError as error:
        raise fault(step.line, f"the step cannot be run: {error}") from error


def _make_mount_points(view: Union, upper: str) -> None:
    """Make the directories that the kernel's files are mounted on, and which BuildKit leaves."""
    for name in ("dev", "proc", "sys"):
        if view.child(view.root, name) is None:
            os.mkdir(f"{upper}/{name}")
            os.chmod(f"{upper}/{name}", DIRECTORY_MODE)


def _network(step: Run, default: str) -> Literal["none", "host"]:
    return "host" if (default if step.network == "default" else step.network) == "host" else "none"


def bounds(limits: Limits) -> Bounds:
    """Return a request's limits in the sandbox's words."""
    return Bounds(
        seconds=limits.seconds,
        memory=limits.memory,
        processes=limits.processes,
        output=limits.output,
        disk=limits.disk,
    )


def _launch(step: Run, spec: Spec, bench: Bench) -> Outcome:
    if bench.cancelled.is_set():
        _interrupted(step, bench)
    try:
        return launch(spec, bench.log.write)
    except SandboxError as error:
        raise EngineUnavailableError(
            str(error), where=f"Dockerfile:{step.line}", hint=error.hint
        ) from error
    except KeyboardInterrupt:
        if bench.cancelled.is_set():
            _interrupted(step, bench)
        raise


def _interrupted(step: Run, bench: Bench) -> NoReturn:
    failure = Failure(instruction=step, what="was interrupted", log=bench.log.path)
    raise failure.error(bench.request) from None


def _fail(step: Run, spec: Spec, outcome: Outcome, stage: StageState, bench: Bench) -> NoReturn:
    tail = bench.log.tail
    if bench.shell and sys.stdin is not None and sys.stdin.isatty():
        _look_inside(spec, stage)
    if bench.keep:
        (bench.room / NOTE).write_text(note(spec, bench.room), encoding="utf-8")
    raise Failure(
        instruction=step,
        what=reason(outcome, bench.request.limits),
        tail=tail,
        log=bench.log.path,
        kept=bench.room if bench.keep else None,
    ).error(bench.request)


def _look_inside(spec: Spec, stage: StageState) -> None:
    """Give the terminal to a shell in the same place, with the same mounts and variables."""
    view = stage.stack.view
    shells = [path for path in ("/bin/bash", "/bin/sh") if view.find(path).node is not None]
    if not shells:
        return
    inside = replace(
        spec,
        root=replace(spec.root, work=stage.stack.work()),
        argv=(shells[0],),
        limits=Bounds(),
        interactive=True,
    )
    launch(inside, lambda _: None)
