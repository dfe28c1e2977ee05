"""Whether a change comes with a news fragment, by towncrier's rules and the project's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.checkout import git, history
from pipeline.checkout.inputs import glob_pattern
from pipeline.errors import ConfigError, ReleaseRefusedError, UsageError
from pipeline.release.fragments import faults, list_fragments

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config.model import Project
    from pipeline.release.settings import Settings

SHOWN = 10
USUAL_BASES = ("HEAD", "main", "master")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Why a change may go ahead: its fragments, or what frees it from having one."""

    since: str
    changed: tuple[str, ...]
    fragments: tuple[str, ...]
    reason: str


def check(root: Path, project: Project, settings: Settings, since: str) -> Verdict:
    """Judge what was changed since a commit parted from ``since``, committed or not.

    Raises ConfigError when a fragment is faulty, ReleaseRefusedError when the change has none and
    needs one, UsageError when ``since`` is not here.
    """
    base = _base(root, since)
    require_sound(root, settings)
    untracked = git.untracked_files(root, settings.directory) if _exists(root, settings) else ()
    changed = tuple(sorted({*history.changed_files(root, base), *untracked}))
    fresh = [one for one in list_fragments(root, settings) if one.path in changed]
    enough = tuple(one.path for one in fresh if settings.kind(one.kind).checked)
    if reason := _reason(project, settings, changed, enough):
        return Verdict(since=since, changed=changed, fragments=enough, reason=reason)
    unchecked = [one.path for one in fresh]
    also = f"; of kinds that do not count: {', '.join(unchecked)}" if unchecked else ""
    more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
    named = ", ".join(f"`{path}`" for path in changed[:SHOWN])
    raise ReleaseRefusedError(
        f"nothing in `{settings.directory}` tells of what was changed since `{since}`{also}",
        hint="say what a user will notice: `pipeline changes new`; files that need no note are "
        "named as `project: {changes-exempt: …}`",
        detail=(f"changed: {named}{more}",),
    )


def _reason(
    project: Project, settings: Settings, changed: tuple[str, ...], enough: tuple[str, ...]
) -> str:
    """Return why a change is fine; empty when it is not."""
    if not changed:
        return "nothing was changed"
    if settings.news in changed:
        return f"it is a release: `{settings.news}` is changed"
    if enough:
        return f"it has {len(enough)} news fragment{'s' if len(enough) > 1 else ''}"
    patterns = [glob_pattern(glob) for glob in project.changes_exempt]
    if all(any(re.fullmatch(p, path) for p in patterns) for path in changed):
        return "only files that need no note are changed (`changes-exempt`)"
    return ""


def require_sound(root: Path, settings: Settings) -> None:
    """Raise ConfigError for the first fragment that is faulty, the others as detail."""
    found = faults(root, settings)
    if found:
        raise ConfigError(
            found[0].what,
            where=found[0].path,
            hint=found[0].hint,
            detail=tuple(f"{fault.path}: {fault.what}" for fault in found[1:]),
        )


def usual_base(root: Path) -> str:
    """Return what a change is compared with unless told: the remote's main branch."""
    for remote in git.remotes(root):
        for name in USUAL_BASES:
            if history.commit_of(root, f"{remote}/{name}"):
                return f"{remote}/{name}"
    raise UsageError(
        "git knows no remote's main branch to compare with",
        hint="name a commit or branch with `--since`",
    )


def _base(root: Path, since: str) -> str:
    commit = history.commit_of(root, since)
    base = history.merge_base(root, commit, "HEAD") if commit else ""
    if base:
        return base
    hint = "fetch it, or name another commit or branch"
    if history.is_shallow(root):
        hint = "the clone is shallow; get the rest: `git fetch --unshallow`"
    what = "has no history in common with what is checked out" if commit else "is no commit here"
    raise UsageError(f"`{since}` {what}, so nobody can say what was changed", hint=hint)


def _exists(root: Path, settings: Settings) -> bool:
    return bool(settings.directory) and (root / settings.directory).is_dir()
