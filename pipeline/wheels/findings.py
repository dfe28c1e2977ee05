"""The rules a wheel or sdist is audited by: one row a rule, so that a change is a row.

The names are stable; they stand in JSON output and in people's configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How bad it is when a rule is broken, and what it finds.

    Indexes serve much that we would not build: ``level`` is for any file, ``built`` for one that a
    stage of ours just built, which must hold what its name promises.
    """

    level: Level
    built: Level
    finds: str


def _error(finds: str) -> Rule:
    return Rule(level="error", built="error", finds=finds)


def _error_if_built(finds: str) -> Rule:
    return Rule(level="warning", built="error", finds=finds)


def _warning(finds: str) -> Rule:
    return Rule(level="warning", built="warning", finds=finds)


RULES: dict[str, Rule] = {
    "absolute-build-path": _warning("a file names a path that exists only during the build"),
    "bytecode-inside": _warning("compiled bytecode, which depends on the interpreter that ran"),
    "elf-architecture": _error("an ELF file for another processor than the platform tag"),
    "elf-bundled": _warning("a compiled program or library in a wheel for any platform"),
    "elf-in-pure": _error("an extension module in a wheel that says it runs on any platform"),
    "elf-malformed": _warning("an ELF file that cannot be read, so its needs are not known"),
    "file-name": _warning("a file name that is not in the one form the standards give"),
    "glibc-too-new": _error_if_built("symbols newer than the C library that the tag promises"),
    "installs-nothing": _warning("a wheel without any file to install, and without requirements"),
    "known-pth": _warning("a start-up file as setuptools writes it for namespace packages"),
    "lfs-pointer": _warning("a pointer of Git LFS where the file's content should be"),
    "link-inside": _warning("a link, which installers write as a file with its target"),
    "malformed": _error("an archive that cannot be read safely"),
    "metadata-invalid": _error("core metadata that installers cannot work with"),
    "metadata-mismatch": _error("another name or version in the metadata than in the file name"),
    "metadata-refused": _warning("core metadata with which no index takes an upload any more"),
    "no-pyproject": _warning("an sdist without pyproject.toml, built by an implied backend"),
    "platform-without-elf": _warning("a wheel for one platform without anything compiled"),
    "privileged-mode": _error("a file with set-user-id, set-group-id or sticky bit"),
    "purelib-mismatch": _warning("Root-Is-Purelib contradicts what the wheel holds"),
    "record-digest": _error_if_built("a file of another digest or size than RECORD says"),
    "record-mismatch": _error("RECORD does not list exactly the files"),
    "rpath-outside": _warning("libraries looked for where the wheel installs nothing"),
    "rpath-unsafe": _error_if_built("libraries looked for where anyone may put them"),
    "signature-inside": _warning("a signature of RECORD, which PEP 815 abolished"),
    "size-limit": _warning("more bytes than an index takes from everyone"),
    "soabi-mismatch": _error("an extension module for another interpreter than the tags say"),
    "tag-mismatch": _error_if_built("other tags in the file name than in WHEEL"),
    "unexpected-pth": _error_if_built("a file that runs code whenever Python starts"),
    "unexpectedly-pure": _warning("a wheel for any platform where compiled code was expected"),
    "windows-name": _warning("a name that Windows cannot unpack"),
    "world-writable": _warning("a file that anyone may write once it is unpacked"),
    "wrong-libc": _error("a file for glibc in a wheel for musl, or the other way round"),
}


MOST = 10
"""Findings of one rule that are told one by one."""


def few(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in order, errors first; of a rule with very many the first and a count."""
    by_rule: dict[tuple[Level, str], list[Finding]] = {}
    for found in findings:
        by_rule.setdefault((found.level, found.rule), []).append(found)
    told: list[Finding] = []
    for _, same in sorted(by_rule.items()):
        told += same[:MOST]
        if len(same) > MOST:
            told.append(replace(same[0], message=f"and {len(same) - MOST} more"))
    return tuple(told)


def finding(rule: str, message: str) -> Finding:
    """Return a finding at its rule's level."""
    return Finding(level=RULES[rule].level, rule=rule, message=message)


def as_built(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings at the levels for a file that a stage of ours built."""
    return tuple(replace(found, level=RULES[found.rule].built) for found in findings)
