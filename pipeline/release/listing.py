"""What a tag publishes, in its own message: the sha256 of each file, below the notes.

So whoever has the tag can tell the files of the release from others, and a signature of the tag
is one of the files as well. The form is Markdown, in which GitHub shows a tag's message, and what
`sha256sum --check` reads, once the indentation is gone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    Files = Mapping[str, Mapping[str, str]]

HEADING = "Files that `{stage}` publishes (sha256):"
NAMED = "Files that `{stage}` publishes as well, compiled on their own platforms:"
SECTION = re.compile(r"Files that `(?P<stage>[^`\s]+)` publishes .*:")
FILE = re.compile(r"( {4}(?P<sha256>[0-9a-f]{64})  |- )(?P<name>[^\s/\\]+)")


def with_files(notes: str, files: Files) -> str:
    """Return the notes of a release and the listing of its files: stage, name, sha256.

    Of a file without a sha256 the name is listed.
    """
    parts = [notes.rstrip("\n")]
    for stage in sorted(files):
        rows = sorted(files[stage].items())
        known = "\n".join(f"    {digest}  {name}" for name, digest in rows if digest)
        named = "\n".join(f"- {name}" for name, digest in rows if not digest)
        parts += [HEADING.format(stage=stage), known] if known else []
        parts += [NAMED.format(stage=stage), named] if named else []
    return "\n\n".join(part for part in parts if part) + "\n"


def listed(body: str) -> Files | None:
    """Return the listing at the end of a tag's message, None where it has none.

    ``body`` is without signature. Only what ends it counts: notes may hold anything.
    """
    found: dict[str, dict[str, str]] = {}
    pending: dict[str, str] = {}
    for line in reversed(body.rstrip().splitlines()):
        if match := FILE.fullmatch(line):
            pending[match["name"]] = match["sha256"] or ""
        elif (match := SECTION.fullmatch(line)) and pending:
            stage = match["stage"]
            if stage not in found or not any(found[stage].values()):  # else it stands in the notes
                found[stage] = pending | found.get(stage, {})
            pending = {}
        elif line:
            break
    return found or None


def is_compiled(name: str) -> bool:
    """Whether a file is a wheel for some platform, which another machine may build otherwise."""
    return name.endswith(".whl") and not name.endswith("-any.whl")


def by_name_alone(files: Mapping[str, str]) -> tuple[str, ...]:
    """Return the files without a sha256 that `with_files` never lists so, sorted.

    Those are packages for every platform: an edited list could let any bytes pass for them.
    """
    packages = (name for name in sorted(files) if name.endswith((".whl", ".tar.gz", ".zip")))
    return tuple(name for name in packages if not files[name] and not is_compiled(name))
