"""The plan of a release: read before a run that must keep to it, written after one that drafts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.checkout import git, history, worktree
from pipeline.config.stages import ChangelogStage, PublishStage, ReleaseStage
from pipeline.errors import PipelineError, ReleaseRefusedError, UsageError
from pipeline.files import atomic_write
from pipeline.release.version import commit_subject, read_version, tag_name, tag_subject

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pipeline.cli.session import Session
    from pipeline.config.model import Pipeline
    from pipeline.execute.report import RunReport
    from pipeline.plan.types import Plan
    from pipeline.publishing.planned import PlannedFile, ReleasePlan
    from pipeline.release.conditions import Obstacle


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What a run may publish.

    ``files`` are the sha256 of each file by stage, None where nobody has said it. ``blocked``
    is what forbids to publish, which a draft passes by until its end.
    """

    files: Mapping[str, Mapping[str, str]] | None = None
    blocked: tuple[Obstacle, ...] = ()


def promised(
    arguments: argparse.Namespace, plan: Plan, session: Session, *, builds: bool = True
) -> Promise:
    """Return what a run may publish: a plan says it, and the tag of the version that is published.

    ``builds`` is false where files of other jobs are published. Raises UsageError when the file is
    no plan, or flags that are about publishing are given where nothing is published;
    ReleaseRefusedError when a run that is no draft must not publish, or plan and tag disagree.
    """
    stages = [cell.stage.name for cell in plan.cells if isinstance(cell.stage, PublishStage)]
    cuts = any(isinstance(cell.stage, ReleaseStage) for cell in plan.cells)
    _check_flags(arguments, publishes=bool(stages), cuts=cuts)
    planned = _of_plan(arguments, session.version)
    if stages or cuts:
        from pipeline.stages.versions import refuse_declared  # noqa: PLC0415 - few runs publish

        version = read_version(session.files / session.pipeline.project.version)
        refuse_declared(session.pipeline, plan, version)
    if not stages or cuts or arguments.untagged:
        return Promise(files=planned)
    from pipeline.release.conditions import refuse  # noqa: PLC0415 - few runs publish

    blocked = tuple(_of_tag(session, stages, builds=builds))
    if not arguments.draft:
        refuse(blocked or _of_remote(session))
    if blocked:
        return Promise(files=planned, blocked=blocked)
    return Promise(files=_agreed(planned, _listed(session), stages))


def _check_flags(arguments: argparse.Namespace, *, publishes: bool, cuts: bool) -> None:
    flags = {
        "--plan": arguments.plan,
        "--output": arguments.output,
        "--untagged": arguments.untagged,
    }
    given = next((name for name, value in flags.items() if value), "")
    if given and not publishes:
        raise UsageError(
            f"`{given}` is about publishing, and no stage of this run publishes",
            hint="name a stage of kind `publish`, or leave the flag out",
        )
    if arguments.untagged and cuts:
        raise UsageError(
            "`--untagged` is about publishing, and a run that cuts a release publishes nothing",
            hint="leave the flag out: the release makes the tag",
        )


def _of_plan(arguments: argparse.Namespace, version: str) -> Mapping[str, Mapping[str, str]] | None:
    if not arguments.plan:
        return None
    from pipeline.publishing.planned import load  # noqa: PLC0415 - few runs are given a plan

    found = load(arguments.plan)
    if found.version != version:
        raise ReleaseRefusedError(
            f"the plan is for version {found.version}, and this is {version}",
            hint="check out what was drafted, or draft again",
        )
    return found.expected()


def lists_files(pipeline: Pipeline) -> bool:
    """Whether nothing may be published but what a tag lists: a release's stage says so."""
    stages = pipeline.stages.values()
    return any(isinstance(one, ReleaseStage) and one.tag_lists == "files" for one in stages)


def _of_tag(session: Session, stages: Sequence[str], *, builds: bool) -> Iterator[Obstacle]:
    """Yield what forbids to publish from this checkout."""
    from pipeline.release.conditions import other_version, tag_obstacles  # noqa: PLC0415 - as above
    from pipeline.release.tags import other_tag  # noqa: PLC0415 - as above

    project, version = session.pipeline.project, session.version
    if lists_files(session.pipeline):
        yield from tag_obstacles(session.root, project, version, stages, builds=builds)
    elif worktree.is_repository(session.root) and (
        other := other_tag(session.root, project.tag, version)
    ):
        yield other_version(other, version)


def _of_remote(session: Session) -> tuple[Obstacle, ...]:
    """Return what the remote's tag has against publishing; it is asked only on the way there."""
    from pipeline.release.conditions import tag_of_remote  # noqa: PLC0415 - as above
    from pipeline.release.push import remote_of  # noqa: PLC0415 - as above

    asked = lists_files(session.pipeline) and not session.settings.offline
    if not asked or not (remote := remote_of(session.root)):
        return ()
    tag = tag_name(session.pipeline.project.tag, session.version)
    found, remark = tag_of_remote(session.root, remote, tag)
    if remark:
        session.console.warning(remark)
    return found


def _listed(session: Session) -> Mapping[str, Mapping[str, str]] | None:
    """Return what the version's tag lists, where it is the tag of what is checked out."""
    from pipeline.release.listing import listed  # noqa: PLC0415 - as above

    root = session.root
    if not worktree.is_repository(root):
        return None
    tag = tag_name(session.pipeline.project.tag, session.version)
    commit = history.commit_of(root, f"refs/tags/{tag}")
    return listed(history.body_of(root, tag)) if commit and commit == git.head(root) else None


def _agreed(
    planned: Mapping[str, Mapping[str, str]] | None,
    tagged: Mapping[str, Mapping[str, str]] | None,
    stages: Sequence[str],
) -> Mapping[str, Mapping[str, str]] | None:
    """Return what plan and tag both say; ReleaseRefusedError when they disagree."""
    if planned is None or tagged is None:
        return planned or tagged
    wrong = [
        f"{name}: {_words(planned, stage, name)} by the plan, {_words(tagged, stage, name)} by "
        "the tag"
        for stage in stages
        for name in sorted({*planned.get(stage, {}), *tagged.get(stage, {})})
        if planned.get(stage, {}).get(name) != tagged.get(stage, {}).get(name)
        and tagged.get(stage, {}).get(name) != ""  # it is listed by its name alone
    ]
    if wrong:
        raise ReleaseRefusedError(
            "the plan and the tag list different files, so nothing is published",
            hint="leave `--plan` out: what the tag lists is published and nothing else",
            detail=tuple(wrong),
        )
    return planned


def _words(files: Mapping[str, Mapping[str, str]], stage: str, name: str) -> str:
    digest = files.get(stage, {}).get(name)
    return f"sha256 {digest}" if digest else "without sha256" if digest == "" else "not listed"


def refused_draft(report: RunReport, promise: Promise) -> RunReport:
    """Return how a draft went, failed where the real thing would have been refused."""
    found = (*promise.blocked, *(each for cell in report.cells for each in cell.blocked))
    if not found:
        return report
    from pipeline.release.conditions import refusal  # noqa: PLC0415 - few drafts are blocked

    error = refusal(found)
    failures = (*report.failures, *((error,) if error else ()))
    return replace(report, failures=failures, blocked=found)


def blocked_document(report: RunReport) -> list[dict[str, str]]:
    """Return all that the real thing would be refused by, as JSON's types."""
    refused = [one for one in report.failures if isinstance(one, ReleaseRefusedError)]
    told = refused[:-1] if report.blocked else refused  # the last one stands for what blocks
    return [
        *({"what": error.message, "hint": error.hint} for error in told),
        *({"what": one.what, "hint": one.hint} for one in report.blocked),
    ]


def release_plan(plan: Plan, report: RunReport, session: Session) -> ReleasePlan | None:
    """Return what a finished run published or would publish, None when that is nothing."""
    files = tuple(_files(plan, report))
    if not files:
        return None
    from pipeline.publishing.planned import ReleasePlan  # noqa: PLC0415 - as above

    version, root = session.version, session.root
    tag = tag_name(session.pipeline.project.tag, version)
    stages = {cell.name: cell.stage for cell in plan.cells}
    notes = [r.text for r in report.cells if isinstance(stages[r.cell], ChangelogStage)]
    return ReleasePlan(
        version=version,
        onto=git.head(root) if worktree.is_repository(root) else "",
        commit=commit_subject(version),
        tag=tag,
        tag_subject=tag_subject(tag, version),
        notes="\n".join(notes),
        files=files,
    )


def write_plan(plan: ReleasePlan, path: Path) -> None:
    """Write a plan's file; PipelineError when it cannot be."""
    from pipeline.publishing.planned import dump  # noqa: PLC0415 - as above

    try:
        atomic_write(path, dump(plan).encode())
    except OSError as error:
        raise PipelineError(f"`{path}` cannot be written: {error.strerror}") from error


def _files(plan: Plan, report: RunReport) -> Iterator[PlannedFile]:
    publishing = [cell for cell in plan.cells if isinstance(cell.stage, PublishStage)]
    if not publishing:
        return
    from pipeline.publishing.planned import PlannedFile  # noqa: PLC0415 - as above
    from pipeline.stages.publish import publishable  # noqa: PLC0415 - as above

    made = {cell.cell: cell.outputs for cell in report.cells}
    for cell in publishing:
        found = {a.name: a for need in cell.needs for a in publishable(made[need])}
        for name, artifact in sorted(found.items()):
            yield PlannedFile(
                stage=cell.stage.name, name=name, sha256=artifact.sha256, size=artifact.size
            )
