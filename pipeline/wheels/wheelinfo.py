"""The file WHEEL: read, held against the file name, its Tag lines put in order."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass

_FIELD = re.compile(rb"([A-Za-z0-9-]+):[ \t]*(.*?)[ \t]*\r?\n?", re.DOTALL)

_MOST_TAGS = 10_000
"""Single tags that one line may stand for, of which real ones have some dozens."""


class WheelInfoError(ValueError):
    """A WHEEL file is not one; the message completes "its WHEEL file ..."."""


@dataclass(frozen=True, kw_only=True)
class WheelInfo:
    """What WHEEL says. ``tags`` are single tags, sorted; ``purelib`` is Root-Is-Purelib."""

    version: str
    generator: str
    purelib: bool
    tags: tuple[str, ...]
    build: str


def parse(data: bytes) -> WheelInfo:
    """Return what WHEEL says; WheelInfoError when it is malformed or lacks a required field."""
    fields: dict[str, list[str]] = {}
    for line in data.splitlines(keepends=True):
        if line.strip():
            name, value = _field(line)
            fields.setdefault(name.lower(), []).append(value)
    for name, many in (("Wheel-Version", False), ("Root-Is-Purelib", False), ("Tag", True)):
        count = len(fields.get(name.lower(), ()))
        if not count or (count > 1 and not many):
            raise WheelInfoError(f"has {count} `{name}` lines")
    purelib = fields["root-is-purelib"][0].lower()
    version = fields["wheel-version"][0]
    if purelib not in {"true", "false"} or not re.fullmatch(r"1\.\d+", version):
        raise WheelInfoError(f"says version `{version}` and Root-Is-Purelib `{purelib}`")
    return WheelInfo(
        version=version,
        generator=fields.get("generator", [""])[0],
        purelib=purelib == "true",
        tags=tuple(sorted({tag for value in fields["tag"] for tag in _expanded(value)})),
        build=fields.get("build", [""])[0],
    )


def with_tags(data: bytes, tags: tuple[str, ...]) -> bytes:
    """Return WHEEL with one Tag line for each of ``tags`` where the first one stood.

    All other bytes stay; when the lines are right already, all bytes do.
    """
    lines = data.splitlines(keepends=True)
    places = [index for index, line in enumerate(lines) if line.lower().startswith(b"tag:")]
    end = b"\r\n" if lines[places[0]].endswith(b"\r\n") else b"\n"
    ordered = [f"Tag: {tag}".encode() + end for tag in tags]
    if [lines[place].rstrip() for place in places] == [line.rstrip() for line in ordered]:
        return data
    kept = [line for index, line in enumerate(lines) if index not in places]
    kept[places[0] : places[0]] = ordered
    return b"".join(kept)


def _field(line: bytes) -> tuple[str, str]:
    match = _FIELD.fullmatch(line)
    try:
        if match:
            return match[1].decode("ascii"), match[2].decode()
    except UnicodeDecodeError:
        pass
    raise WheelInfoError(f"has a line that is no field: `{line.decode(errors='replace').strip()}`")


def _expanded(tag: str) -> list[str]:
    components = [part.split(".") for part in tag.lower().split("-")]
    if len(components) != 3 or math.prod(map(len, components)) > _MOST_TAGS:
        raise WheelInfoError(f"has a malformed tag: `{tag[:100]}`")
    return ["-".join(single) for single in itertools.product(*components)]
