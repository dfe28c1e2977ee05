"""The plan of a release: read before a run that must keep to it, written after one that drafts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.checkout import git, history, worktree
from pipeline.config.stages import ChangelogStage, PublishStage
from pipeline.errors import PipelineError, ReleaseRefusedError, UsageError
from pipeline.files import atomic_write
from pipeline.release.tags import require_match
from pipeline.release.version import commit_subject, tag_name, tag_subject

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pipeline.cli.session import Session
    from pipeline.execute.report import RunReport
    from pipeline.plan.types import Plan
    from pipeline.publishing.planned import PlannedFile, ReleasePlan


def expectations(
    arguments: argparse.Namespace, plan: Plan, session: Session, version: str
) -> Mapping[str, Mapping[str, str]] | None:
    """Return the sha256 of each file that each stage may publish, None where nobody has said it.

    A plan says it, else the tag of the commit that is published. Raises UsageError when the file
    is no plan, or flags that are about publishing are given where nothing is published;
    ReleaseRefusedError when the plan is of another version.
    """
    flag = "--plan" if arguments.plan else "--output" if arguments.output else ""
    if flag and not any(isinstance(cell.stage, PublishStage) for cell in plan.cells):
        raise UsageError(
            f"`{flag}` is about publishing, and no stage of this run publishes",
            hint="name a stage of kind `publish`, or leave the flag out",
        )
    if not arguments.plan:
        return _of_tag(plan, session, version)
    from pipeline.publishing.planned import load  # noqa: PLC0415 - few runs are given a plan

    found = load(arguments.plan)
    if found.version != version:
        raise ReleaseRefusedError(
            f"the plan is for version {found.version}, and this is {version}",
            hint="check out what was drafted, or draft again",
        )
    return found.expected()


def _of_tag(plan: Plan, session: Session, version: str) -> Mapping[str, Mapping[str, str]] | None:
    if not _uploads(plan, session):
        return None
    tag = tag_name(session.pipeline.project.tag, version)
    if git.tags(session.root).get(tag, "") != git.head(session.root):
        return None
    from pipeline.release.listing import listed  # noqa: PLC0415 - only for an upload

    return listed(history.body_of(session.root, tag))


def _uploads(plan: Plan, session: Session) -> bool:
    """Whether a run uploads: it is no draft, and does not cut the release itself."""
    kinds = {cell.kind for cell in plan.cells}
    uploads = "publish" in kinds and "release" not in kinds and not session.arguments.draft
    return uploads and worktree.is_repository(session.root)


def require_tag(plan: Plan, session: Session, version: str) -> None:
    """Raise ReleaseRefusedError when an upload would be of another version than the tag's.

    Nothing is asked of a run that uploads nothing: a draft, and one that cuts the release itself.
    """
    if _uploads(plan, session):
        require_match(session.root, session.pipeline.project.tag, version)


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
