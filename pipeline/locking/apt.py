"""The machine's own apt sources, as far as they say where Debian packages come from.

Both formats of sources.list(5): one line (``deb [options] URI SUITE COMPONENT``) and deb822
(``Types: URIs: Suites:``). Only entries for the suite asked, with the component ``main``, by http
or https count; nothing else of apt's configuration is read.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ETC = Path("/etc/apt")
COMPONENT = "main"

OPTIONS = re.compile(r"\[[^\]]*\]")

DEBIAN_SUITES = ("stable", "bookworm", "trixie", "forky", "testing", "sid", "unstable", "bullseye")
"""Names by which apt's sources show a mirror of Debian, which has every suite below ``dists``."""


def mirrors(suite: str, etc: Path = ETC) -> tuple[str, ...]:
    """Return the base addresses of the machine's mirrors of a suite, in apt's order."""
    found = [uri for uri, suites in _entries(etc) if suite in suites and _is_web(uri)]
    return tuple(dict.fromkeys(uri.rstrip("/") for uri in found))


def _is_web(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


def _entries(etc: Path) -> Iterator[tuple[str, list[str]]]:
    for path in _files(etc):
        # What one may not read, or is no text, apt may use and we cannot: it is no source for us.
        with contextlib.suppress(OSError, UnicodeDecodeError):
            text = path.read_text()
            yield from _deb822(text) if path.suffix == ".sources" else _one_line(text)


def _files(etc: Path) -> list[Path]:
    parts = etc / "sources.list.d"
    below = sorted(parts.iterdir()) if parts.is_dir() else []
    return [etc / "sources.list", *(p for p in below if p.suffix in {".list", ".sources"})]


def _one_line(text: str) -> Iterator[tuple[str, list[str]]]:
    for line in text.splitlines():
        words = OPTIONS.sub(" ", line.partition("#")[0]).split()
        if len(words) >= 4 and words[0] == "deb" and COMPONENT in words[3:]:
            yield words[1], [words[2]]


def _deb822(text: str) -> Iterator[tuple[str, list[str]]]:
    uncommented = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", uncommented):
        fields = _fields(stanza)
        enabled = fields.get("enabled", "yes").lower() not in {"no", "false", "0", "off", "without"}
        is_binary = "deb" in fields.get("types", "").split()
        if enabled and is_binary and COMPONENT in fields.get("components", "").split():
            for uri in fields.get("uris", "").split():
                yield uri, fields.get("suites", "").split()


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line[:1] in {" ", "\t"}:
            fields[name] = f"{fields.get(name, '')} {line.strip()}"
        else:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields
