"""The rules a wheel or sdist is audited by: one row a rule, so that a change is a row.

The names are stable; they stand in JSON output and in people's configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    "elf-malformed": (_WARNING, "an ELF file that cannot be read, so its needs are not known"),
    "file-name": (_ERROR, "a file name that is not in the one form the standards give"),
    "glibc-too-new": (_ERROR, "symbols newer than the C library that the platform tag promises"),
    "malformed": (_ERROR, "an archive that cannot be read safely"),
    "metadata-invalid": (_ERROR, "core metadata that the standard does not allow"),
    "metadata-mismatch": (_ERROR, "another name or version in the metadata than in the file name"),
    "no-pyproject": (_WARNING, "an sdist without pyproject.toml, built by an implied backend"),
    "platform-without-elf": (_WARNING, "a wheel for one platform without anything compiled"),
    "privileged-mode": (_ERROR, "a file with set-user-id, set-group-id or sticky bit"),
    "purelib-mismatch": (_ERROR, "Root-Is-Purelib contradicts what the wheel holds"),
    "record-mismatch": (_ERROR, "RECORD does not list exactly the files, digests and sizes"),
    "rpath-outside": (_WARNING, "libraries looked for where the wheel installs nothing"),
    "rpath-unsafe": (_ERROR, "libraries looked for where anyone may put them"),
    "size-limit": (_WARNING, "more bytes than an index takes from everyone"),
    "soabi-mismatch": (_ERROR, "an extension module for another interpreter than the tags say"),
    "tag-mismatch": (_ERROR, "other tags in the file name than in WHEEL"),
    "unexpected-pth": (_ERROR, "a file that runs code whenever Python starts"),
    "world-writable": (_WARNING, "a file that anyone may write once it is unpacked"),
    "wrong-libc": (_ERROR, "a file for glibc in a wheel for musl, or the other way round"),
}


MOST = 10
"""Findings of one rule that are told one by one."""


def few(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in order, errors first; of a rule with very many the first and a count."""
    by_rule: dict[tuple[Level, str], list[Finding]] = {}
    for found in findings:
        by_rule.setdefault((found.level, found.rule), []).append(found)
    told: list[Finding] = []
    for (_, rule), same in sorted(by_rule.items()):
        told += same[:MOST]
        if len(same) > MOST:
            told.append(finding(rule, f"and {len(same) - MOST} more"))
    return tuple(told)


def finding(rule: str, message: str) -> Finding:
    """Return a finding at its rule's level."""
    return Finding(level=RULES[rule][0], rule=rule, message=message)
