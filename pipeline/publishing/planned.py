"""``release.plan.json``: what a release is going to be, written by a draft and held against a run.

Only what was drafted may be uploaded: the run that is given a plan builds anew and compares.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.errors import ReleaseRefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class PlannedFile:
    """A file that a stage is to publish; ``size`` in bytes."""

    stage: str
    name: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class ReleasePlan:
    """A whole release: its names, its notes, its files.

    ``onto`` is the commit it was drafted at, empty outside of git; ``commit`` and ``tag_subject``
    are first lines.
    """

    version: str
    onto: str = ""
    commit: str
    tag: str
    tag_subject: str
    notes: str = ""
    files: tuple[PlannedFile, ...] = field(default=())

    @property
    def document(self) -> dict[str, object]:
        """The plan as JSON's types."""
        return {
            "format": FORMAT,
            "version": self.version,
            "commit": {"subject": self.commit, "onto": self.onto},
            "tag": {"name": self.tag, "subject": self.tag_subject},
            "notes": self.notes,
            "files": [vars(file) for file in self.files],
        }

    def expected(self) -> Mapping[str, Mapping[str, str]]:
        """Return the sha256 of each file by its name, for each stage."""
        found: dict[str, dict[str, str]] = {}
        for file in self.files:
            found.setdefault(file.stage, {})[file.name] = file.sha256
        return found


def dump(plan: ReleasePlan) -> str:
    """Return the text of a plan's file."""
    return json.dumps(plan.document, indent=2) + "\n"


def load(path: Path) -> ReleasePlan:
    """Read a plan's file; UsageError when it is none."""
    try:
        found = json.loads(path.read_bytes())
        if found["format"] != FORMAT:
            raise ValueError  # noqa: TRY301  the same words serve
        return ReleasePlan(
            version=str(found["version"]),
            onto=str(found["commit"]["onto"]),
            commit=str(found["commit"]["subject"]),
            tag=str(found["tag"]["name"]),
            tag_subject=str(found["tag"]["subject"]),
            notes=str(found["notes"]),
            files=tuple(
                PlannedFile(
                    stage=str(file["stage"]),
                    name=str(file["name"]),
                    sha256=str(file["sha256"]),
                    size=int(file["size"]),
                )
                for file in found["files"]
            ),
        )
    except OSError as error:
        raise UsageError(
            f"the plan `{path}` cannot be read: {error.strerror}",
            hint="write one with `pipeline run publish --draft --output FILE`",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"`{path}` is no plan of a release that this version understands",
            hint="write one with `pipeline run publish --draft --output FILE`",
        ) from error


def refuse_unplanned(found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Raise ReleaseRefusedError unless the files are those of the plan, by name and sha256.

    Where ``expected`` has no sha256, the name alone counts.
    """
    wrong: Sequence[str] = [
        *(f"{name}: it is not in the plan" for name in sorted(found.keys() - expected.keys())),
        *(f"{name}: planned, but not made" for name in sorted(expected.keys() - found.keys())),
        *(
            f"{name}: planned with sha256 {expected[name]}, made with {found[name]}"
            for name in sorted(found.keys() & expected.keys())
            if expected[name] not in {"", found[name]}
        ),
    ]
    if wrong:
        raise ReleaseRefusedError(
            "what was made is not what the plan or the tag lists, so nothing is uploaded",
            hint="see whether the checkout is the one that was drafted; if the change is wanted, "
            "draft again for a new plan, or release another version",
            detail=tuple(wrong),
        )
