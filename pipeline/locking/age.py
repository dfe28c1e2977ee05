"""How old things are: the day before which a version must have been uploaded, the lock itself.

A lock names no time of its own, so that the same resolution always gives the same bytes. When it
was last resolved to something new is when git last saw it change.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pipeline.checkout import git, history
from pipeline.checkout.worktree import is_repository
from pipeline.errors import LockError, UsageError
from pipeline.lock.file import FILE

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86400


def newest(days: int, now: float) -> str:
    """Return the moment, for `Settings.newest`, that lies whole ``days`` before the last midnight.

    It is a midnight (UTC), so that two calls on one day choose alike.
    """
    today = datetime.fromtimestamp(now, tz=UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def require_younger(root: Path, days: int, now: float) -> None:
    """Raise LockError where ``pipeline.lock`` last changed more than ``days`` ago.

    One that was changed and not committed yet counts as of now. Raises UsageError where git cannot
    tell: outside of a repository, or where the commit may not be the last to change it, since older
    history was left out.
    """
    hint = "run `pipeline lock --upgrade`, and commit what it changed"
    if not is_repository(root):
        raise UsageError(
            f"`--max-age` asks git when `{FILE}` last changed, and this is no git repository",
            hint="leave it out here",
        )
    if any(change.path == f"{history.prefix(root)}{FILE}" for change in git.status(root)):
        return
    told = git.ask(root, "log", "-1", "--format=%H %ct %P", "--", FILE).split()
    if not told:
        raise UsageError(f"git knows no commit of `{FILE}`", hint="commit it first")
    if history.is_shallow(root) and len(told) == 2:
        raise UsageError(
            f"git does not know when `{FILE}` last changed, since older history was left out",
            hint="fetch all of it: `git fetch --unshallow`, or `fetch-depth: 0` in a workflow",
        )
    age = int((now - int(told[1])) // DAY)
    if age > days:
        raise LockError(
            f"`{FILE}` last changed {age} days ago, and `--max-age` allows {days}", hint=hint
        )
