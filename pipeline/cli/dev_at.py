"""``pipeline dev --at``: a stage runs up to the step that fails, for a shell there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.cli.selecting import plan_of
from pipeline.dev import shells
from pipeline.errors import StageFailedError, UsageError
from pipeline.execute.run import execute
from pipeline.plan.selection import Selection

if TYPE_CHECKING:
    from pipeline.cli.session import Session
    from pipeline.engines.protocol import Engine


def run(session: Session, stage: str | None) -> int:
    """Run a stage until a step fails, and lend the terminal to a shell there."""
    if not stage:
        raise UsageError("`--at` needs a stage", hint="`pipeline dev --at test`")
    plan = plan_of(session, (Selection.parse(stage),))
    shells.require_terminal()
    engine = _engine(session)
    session.console.live = False  # the terminal is the shell's
    report = execute(plan, session.means(engine), replace(session.options(), jobs=1))
    session.checkout.remember()
    for failure in report.failures:
        if isinstance(failure, StageFailedError):
            failure.hint = ""  # to look inside, which was just done
        session.console.error(failure)
    if not report.failures:
        session.console.info(f"no step of `{stage}` fails, so there is none to stand in")
        return 0
    return report.failures[0].exit_code


def _engine(session: Session) -> Engine:
    """Return the engine that is asked for, for ``auto`` the sandbox or Docker where it must."""
    name, _ = session.engine_choice
    if name != "docker":
        sandbox = session.engine(shell=True)  # noqa: S604 - ours, no shell's
        found = sandbox.probe() if name == "auto" else None
        if found is None or found.works:
            return sandbox
        session.console.info(f"working in Docker: {found.reason}")
    from pipeline.dev.standing import Standing  # noqa: PLC0415 - the sandbox does without
    from pipeline.engines.docker import DockerEngine  # noqa: PLC0415 - as above

    contexts = session.pipeline.engines.docker.contexts
    inner = DockerEngine(session.store, contexts=contexts)
    return Standing(inner, session.store, session.environ, session.console.info)
