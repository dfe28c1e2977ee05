"""Where Python files come from: what pip itself is set to, asked of pip.

pip merges its files and ``PIP_*`` variables and prints the result (``pip config list``), so that
what works for pip works here. Addresses may hold passwords: they are never shown.
"""

from __future__ import annotations

import ast
import os
import re
import sys
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline import process
from pipeline.errors import NetworkError, PipelineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LINE = re.compile(r"(global|install|download|:env:)\.([a-z-]+)=(.*)")
PRECEDENCE = ("global", "download", "install", ":env:")
TIMEOUT_SECONDS = 30.0

DEFAULT_INDEX = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
"""pip knows its default index; we do not write one down."""


@dataclass(frozen=True, kw_only=True)
class PipSettings:
    """pip's settings for the network. Empty means that pip's default holds."""

    index: str = field(default="", repr=False)
    extra_indexes: tuple[str, ...] = field(default=(), repr=False)
    find_links: tuple[str, ...] = field(default=(), repr=False)
    constraints: tuple[str, ...] = field(default=(), repr=False)
    build_constraints: tuple[str, ...] = field(default=(), repr=False)
    no_index: bool = False
    cert: str = ""
    proxy: str = field(default="", repr=False)
    timeout: float = TIMEOUT_SECONDS
    trusted_hosts: tuple[str, ...] = ()

    def has_index(self, address: str) -> bool:
        """Whether the index of an address is asked; logins in addresses do not count."""
        return has_index((self.index, *self.extra_indexes), address)

    def uv_environment(self) -> dict[str, str]:
        """Return the variables that set uv to the same indexes.

        uv looks for a package in the extra indexes first and stays with the first that has it, so
        that a name on a private index cannot be taken over from a public one.
        """
        wanted = {
            "UV_DEFAULT_INDEX": self.index,
            "UV_INDEX": " ".join(self.extra_indexes),
            "UV_FIND_LINKS": ",".join(self.find_links),
            "UV_INSECURE_HOST": " ".join(self.trusted_hosts),
            "UV_HTTP_TIMEOUT": str(int(self.timeout)),
            "SSL_CERT_FILE": self.cert,
            "HTTP_PROXY": self.proxy,
            "HTTPS_PROXY": self.proxy,
        }
        return {name: value for name, value in wanted.items() if value}


def has_index(indexes: Iterable[str], address: str) -> bool:
    """Whether an address is one of some indexes; logins in addresses do not count."""
    return _bare(address) in {_bare(one) for one in indexes if one}


def _bare(address: str) -> str:
    parts = urllib.parse.urlsplit(address)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/").lower()


def read(environ: Mapping[str, str]) -> PipSettings:
    """Ask the pip of this interpreter; without pip only ``PIP_*`` variables count."""
    try:
        text = process.check(
            [sys.executable, "-P", "-m", "pip", "config", "list"], env=environ, timeout=60
        )
    except PipelineError:
        text = "\n".join(
            f":env:.{name.removeprefix('PIP_').lower().replace('_', '-')}={value!r}"
            for name, value in sorted(environ.items())
            if name.startswith("PIP_")
        )
    return parse(text)


def parse(text: str) -> PipSettings:
    """Return the settings that the output of ``pip config list`` spells."""
    values: dict[str, str] = {}
    found = [match for line in text.splitlines() if (match := LINE.fullmatch(line))]
    for match in sorted(found, key=lambda match: PRECEDENCE.index(match[1])):
        value = ast.literal_eval(match[3])
        values[match[2]] = value if isinstance(value, str) else str(value)
    return PipSettings(
        index=values.get("index-url", values.get("pypi-url", "")).strip(),
        extra_indexes=tuple(values.get("extra-index-url", "").split()),
        find_links=tuple(values.get("find-links", "").split()),
        constraints=tuple(values.get("constraint", "").split()),
        build_constraints=tuple(values.get("build-constraint", "").split()),
        no_index=values.get("no-index", "").lower() in {"1", "true", "yes", "on"},
        cert=os.path.expanduser(values.get("cert", "")),
        proxy=values.get("proxy", ""),
        timeout=_seconds(values.get("timeout", values.get("default-timeout", ""))),
        trusted_hosts=tuple(values.get("trusted-host", "").split()),
    )


def _seconds(text: str) -> float:
    try:
        return max(float(text), 1.0)
    except ValueError:
        return TIMEOUT_SECONDS


def default_index(environ: Mapping[str, str]) -> str:
    """Return the address pip uses when it is set to none; NetworkError without pip."""
    try:
        return process.check(
            [sys.executable, "-P", "-c", DEFAULT_INDEX], env=environ, timeout=60
        ).strip()
    except PipelineError as error:
        raise NetworkError(
            "no package index is set, and there is no pip to ask for the default one",
            hint="set `PIP_INDEX_URL`, or install pip beside `pipeline`",
            detail=error.detail,
        ) from error
