"""GitHub's patterns of branches and tags, and whether an event starts a workflow.

After "Filter pattern cheat sheet" and "Triggering a workflow" in GitHub's documentation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EVENTS = ("push", "tag", "pull_request", "workflow_dispatch", "schedule")


class Event(NamedTuple):
    """What happens. ``ref`` is a branch or a tag; for a pull request the branch it goes to."""

    name: str
    ref: str
    is_tag: bool = False

    @classmethod
    def parse(cls, text: str, branch: str = "main") -> Event:
        """Read ``tag:v1.2``, ``push:main``, ``pull_request`` and the like; UsageError."""
        name, _, ref = text.partition(":")
        if name not in EVENTS or (name == "tag" and not ref):
            raise UsageError(
                f"`{text}` is no event that can be simulated",
                hint="write `tag:v1.2.3`, `push:main`, `pull_request`, `schedule` or "
                "`workflow_dispatch`",
            )
        return cls("push" if name == "tag" else name, ref or branch, is_tag=name == "tag")

    @property
    def words(self) -> str:
        """The event for people."""
        if self.name == "push":
            return f"push of {'tag' if self.is_tag else 'branch'} {self.ref}"
        return f"{self.name} to {self.ref}" if self.name == "pull_request" else self.name

    @property
    def github(self) -> dict[str, str]:
        """What the event decides of the context ``github``."""
        pull = self.name == "pull_request"
        kind = "tags" if self.is_tag else "heads"
        return {
            "event_name": self.name,
            "ref": "refs/pull/1/merge" if pull else f"refs/{kind}/{self.ref}",
            "ref_name": "1/merge" if pull else self.ref,
            "ref_type": "tag" if self.is_tag else "branch",
            "base_ref": self.ref if pull else "",
        }


def starts(event: Event, triggers: Mapping[str, Mapping[str, Sequence[str]]]) -> str:
    """Return why an event does not start a workflow, empty where it does.

    ``triggers`` has the filters of each event by name. Filters of paths are taken to match.
    """
    if event.name not in triggers:
        return f"it waits for {', '.join(triggers) or 'nothing'}"
    filters = triggers[event.name]
    kind, other = ("tags", "branches") if event.is_tag else ("branches", "tags")
    positive, negative = filters.get(kind), filters.get(f"{kind}-ignore")
    if positive is not None and not matches(event.ref, positive):
        return f"its {kind} are {', '.join(positive)}"
    if negative is not None and matches(event.ref, negative):
        return f"it ignores the {kind} {', '.join(negative)}"
    if positive is None and negative is None and {other, f"{other}-ignore"} & filters.keys():
        return f"it waits for {other} only"
    return ""


def matches(ref: str, patterns: Sequence[str]) -> bool:
    """Whether a ref matches: the last pattern that does decides, and ``!`` turns it around."""
    found = False
    for pattern in patterns:
        if re.fullmatch(_expression(pattern.removeprefix("!")), ref):
            found = not pattern.startswith("!")
    return found


_PART = re.compile(r"\\(?P<literal>.)|(?P<class>\[[^\]]+\])|(?P<many>\*\*)|(?P<star>\*)|(?P<any>.)")


def _expression(pattern: str) -> str:
    parts = []
    for part in _PART.finditer(pattern):
        if part["literal"]:
            parts.append(re.escape(part["literal"]))
        elif part["class"]:
            parts.append(part["class"])
        elif part["many"]:
            parts.append(".*")
        elif part["star"]:
            parts.append("[^/]*")
        else:
            parts.append(part["any"] if part["any"] in "+?" else re.escape(part["any"]))
    return "".join(parts)
