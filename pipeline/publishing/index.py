"""What publishing needs of an index, real or rehearsed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pipeline.errors import ReleaseRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.locking.index import Link
    from pipeline.publishing.session import Distribution

LOGIN_HINT = (
    "give a token that may upload these projects: `TWINE_PASSWORD` (and `TWINE_USERNAME`, which is "
    "`__token__` for tokens), or `password` in `.pypirc`"
)


class TakenError(ReleaseRefusedError):
    """The index says that it has a file of this name already; whose bytes, reading it tells."""


class Index(Protocol):
    """An index: what it has, its bytes, and a way to add to it.

    Faults that may pass are tried again inside; NetworkError is what is left of them.
    """

    name: str
    """For messages."""

    def files(self, project: str) -> Sequence[Link]:
        """Return all files of a project, none where the index does not know it."""

    def digest(self, link: Link) -> str:
        """Return the sha256 of a file's bytes, all of them read; empty when it is not there."""

    def upload(self, file: Distribution) -> None:
        """Send a file once; that it is there is for the caller to see.

        Raises TakenError, ReleaseRefusedError, NetworkError; TransientError when it is worth to
        try again, whether or not the file arrived.
        """
