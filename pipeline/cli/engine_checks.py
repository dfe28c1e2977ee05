"""What ``pipeline doctor`` says of engines: each one, emulation, and which is taken and why."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipeline.cli.checks import Check
from pipeline.engines import emulation
from pipeline.engines.buildkit import BuildkitEngine
from pipeline.engines.docker import DockerEngine
from pipeline.engines.sandbox import SandboxEngine
from pipeline.errors import PipelineError
from pipeline.platforms import Target, native_platform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.cli.session import Session
    from pipeline.engines.protocol import Availability


def engine_checks(session: Session) -> list[Check]:
    """Return the rows; the last one, ``engine``, fails where the engine to be taken does not work.

    What another engine makes up for is ``limited``.
    """
    sandbox = SandboxEngine(session.store).probe()
    docker = DockerEngine(session.store, contexts=_contexts(session)).probe()
    name, builder = _choice(session)
    rows = [
        _row("sandbox", sandbox, f"steps are isolated on Linux {os.uname().release}"),
        _row("docker", docker, docker.identity),
    ]
    works = {"sandbox": sandbox.works, "docker": docker.works}
    if builder:
        buildkit = BuildkitEngine(session.store, builder=builder).probe()
        rows.append(_row("buildkit", buildkit, buildkit.identity))
        works["buildkit"] = buildkit.works
    else:
        rows.append(Check(what="buildkit", state="none here", found="no builder is named"))
    rows += _emulation(session) if sandbox.works else []
    return [*rows, _taken(name, works)]


def _row(what: str, found: Availability, words: str) -> Check:
    if found.works:
        return Check(what=what, state="works", found=words)
    return Check(what=what, state="limited", found=found.reason, hint=found.hint)


def _emulation(session: Session) -> Iterator[Check]:
    """Yield whether programs of the other platforms run in the sandbox."""
    for platform in sorted({target.platform for target in Target} - {native_platform()}):
        with session.store.scratch("probe") as room:
            works = emulation.runs(platform, room)
        reason, hint = ("", "") if works else emulation.why_not(platform)
        yield Check(
            what="emulation",
            state="works" if works else "limited",
            found=f"programs for `{platform}` run" if works else reason,
            hint=hint,
        )


def _taken(name: str, works: dict[str, bool]) -> Check:
    """Return which engine a run takes, and why."""
    if name != "auto":
        state = "works" if works.get(name) else "fails"
        return Check(what="engine", state=state, found=f"`{name}`, which was asked for")
    if works["sandbox"]:
        also = ", and `docker` for what only it can do" if works["docker"] else ""
        return Check(what="engine", state="works", found=f"`auto` takes `sandbox`{also}")
    if works["docker"]:
        found = "`auto` takes `docker`, as `sandbox` does not work"
        return Check(what="engine", state="works", found=found)
    found = "`auto` finds neither `sandbox` nor `docker` working"
    return Check(what="engine", state="fails", found=found)


def _choice(session: Session) -> tuple[str, str]:
    """Return the names of engine and builder, outside of a project those of the environment."""
    try:
        return session.engine_choice
    except PipelineError:
        environ = session.environ
        return environ.get("PIPELINE_ENGINE") or "auto", environ.get("PIPELINE_BUILDER", "")


def _contexts(session: Session) -> dict[str, str]:
    try:
        return dict(session.pipeline.engines.docker.contexts)
    except PipelineError:
        return {}
