"""References to images in registries: ``[HOST/]REPOSITORY[:TAG][@sha256:DIGEST]``.

The grammar is that of the distribution project's reference package. Where Docker would put its own
host before a reference that names none, we ask the mirrors that are configured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from pipeline.errors import ConfigError

PART = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?"
)
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
LENGTH_LIMIT = 512
REPOSITORY_LIMIT = 255


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An image in a registry; ``host`` is empty where the configured mirrors are meant.

    ``digest`` is a plain sha256. `parse` sees to it that tag or digest is there.
    """

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str, *, where: str = "") -> Self:
        """Return the reference that ``text`` spells; ConfigError, standing at ``where``."""
        found = cls.place_of(text)
        if found is None:
            raise ConfigError(
                f"`{text[:LENGTH_LIMIT]}` is no reference to an image in a registry",
                where=where,
                hint="write `HOST/REPOSITORY:TAG`, all but the host and the tag in lower case",
            )
        if not found.tag and not found.digest:
            raise ConfigError(
                f"`{text}` names neither a tag nor a digest, so nothing says which image is meant",
                where=where,
                hint=f"write a tag, such as `{text}:1`; `pipeline lock` pins what it means today",
            )
        return found

    @classmethod
    def place_of(cls, text: str) -> Self | None:
        """Return a reference that may lack tag and digest; None for what is none."""
        # Taken apart by hand: one pattern for the whole takes exponential time on hostile text.
        rest, at, digest = text.partition("@")
        first, slash, below = rest.partition("/")
        host, rest = (first, below) if slash and _is_host(first) else ("", rest)
        repository, colon, tag = rest.partition(":")
        right = (
            len(repository) <= REPOSITORY_LIMIT
            and all(PART.fullmatch(part) for part in repository.split("/"))
            and (not host or HOST.fullmatch(host))
            and (not colon or TAG.fullmatch(tag))
            and (not at or DIGEST.fullmatch(digest))
        )
        if not right:
            return None
        return cls(host=host, repository=repository, tag=tag, digest=digest.removeprefix("sha256:"))

    @property
    def place(self) -> str:
        """Host and repository, without what says which image of it."""
        return f"{self.host}/{self.repository}" if self.host else self.repository

    @property
    def wanted(self) -> str:
        """What the registry is asked for: the digest where there is one, else the tag."""
        return f"sha256:{self.digest}" if self.digest else self.tag

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@sha256:{self.digest}" if self.digest else ""
        return f"{self.place}{tag}{digest}"


def _is_host(first: str) -> bool:
    """Whether the first part is a host, by Docker's rule; else it belongs to the repository."""
    return first == "localhost" or "." in first or ":" in first
