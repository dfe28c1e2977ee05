"""The rules a wheel or sdist is audited by: one row a rule, so that a change is a row.

The names are stable; they stand in JSON output and in people's configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong. ``message`` is a sentence that names the member."""

    level: Level
    rule: str
    message: str


_ERROR: Level = "error"
_WARNING: Level = "warning"

RULES: dict[str, tuple[Level, str]] = {
    "absolute-build-path": (_WARNING, "a file names a path that exists only during the build"),
    "bytecode-inside": (_WARNING, "compiled bytecode, which depends on the interpreter that ran"),
    "elf-architecture": (_ERROR, "an ELF file for another processor than the platform tag"),
    "elf-in-pure": (_ERROR, "an ELF file in a wheel that says it runs on any platform"),
    "file-name": (_ERROR, "a file name that is not in the one form the standards give"),
    "metadata-invalid": (_ERROR, "core metadata that the standard does not allow"),
    "metadata-mismatch": (_ERROR, "another name or version in the metadata than in the file name"),
    "no-pyproject": (_WARNING, "an sdist without pyproject.toml, built by an implied backend"),
    "platform-without-elf": (_WARNING, "a wheel for one platform without anything compiled"),
    "privileged-mode": (_ERROR, "a file with set-user-id, set-group-id or sticky bit"),
    "purelib-mismatch": (_ERROR, "Root-Is-Purelib contradicts what the wheel holds"),
    "record-mismatch": (_ERROR, "RECORD does not list exactly the files, digests and sizes"),
    "soabi-mismatch": (_ERROR, "an extension module for another interpreter than the tags say"),
    "tag-mismatch": (_ERROR, "other tags in the file name than in WHEEL"),
    "unexpected-pth": (_ERROR, "a file that runs code whenever Python starts"),
    "world-writable": (_WARNING, "a file that anyone may write once it is unpacked"),
}


def finding(rule: str, message: str) -> Finding:
    """Return a finding at its rule's level."""
    return Finding(level=RULES[rule][0], rule=rule, message=message)
