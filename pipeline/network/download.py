"""One file from its addresses into the store: hashed while written, resumed, checked.

What has come so far rests at `Store.partial_path`, so that a run cut short, by a fault or by us,
goes on where it stopped. A server that cannot resume sends the whole file again. When bytes turn
out wrong they are thrown away and fetched once more from the start; only then is it an error.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self

from pipeline.errors import NetworkError, VerificationError
from pipeline.files import CHUNK
from pipeline.network.addresses import local_path, shown
from pipeline.network.faults import GoneError, RangeRefusedError, TransientError
from pipeline.store.faults import guarded

if TYPE_CHECKING:
    import http.client
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pipeline.store.store import Store

PIECE = 1 << 16


class StoppedError(Exception):
    """The download was told to stop; what has come so far is kept."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What to download: a name for messages, the sha256 it must have, its size in bytes."""

    name: str
    sha256: str
    size: int


class Opener(Protocol):
    """What downloading needs of a client; see `pipeline.network.transport.Client`."""

    def open(
        self, url: str, headers: Mapping[str, str]
    ) -> AbstractContextManager[http.client.HTTPResponse]:
        """Make one request."""

    def retrying(self, action: Callable[[], None], url: str) -> None:
        """Do ``action`` until it raises no TransientError."""


def download(
    client: Opener,
    addresses: Sequence[str],
    goal: Goal,
    store: Store,
    moved: Callable[[int], None],
) -> None:
    """Bring a file into the store from the first of ``addresses`` that has it.

    ``moved`` is told of bytes as they come, negative when they are thrown away; it may raise
    StoppedError. Two runs that want one file wait for each other. Raises GoneError when no address
    has the file, VerificationError when what they have is something else, NetworkError.
    """
    with store.key_lock("partial", goal.sha256):
        if store.has_blob(goal.sha256):
            moved(goal.size)
            return
        with guarded("downloading to", store.root), _Partial(store, goal, moved) as partial:
            _from_any(client, addresses, partial)
        store.adopt_partial(goal.sha256)


def _from_any(client: Opener, addresses: Sequence[str], partial: _Partial) -> None:
    faults: list[NetworkError | VerificationError] = []
    for address in addresses:
        try:
            _from_one(client, address, partial)
        except (NetworkError, VerificationError) as error:
            faults.append(error)
        else:
            return
    # Wrong bytes say more than a failing mirror, and a failing mirror more than an absent file.
    raise min(faults, key=_weight) if faults else GoneError(f"`{partial.goal.name}` is nowhere")


def _weight(error: NetworkError | VerificationError) -> int:
    return 0 if isinstance(error, VerificationError) else 1 + isinstance(error, GoneError)


def _from_one(client: Opener, address: str, partial: _Partial) -> None:
    if partial.is_right:
        return  # complete already, when a run was killed between download and storing
    found = ""
    for _ in range(2):
        local = local_path(address)
        if local is None:
            client.retrying(lambda: _receive(client, address, partial), address)
        else:
            _copy(local, partial)
        if partial.is_right:
            return
        found = partial.digest
        partial.restart()
    raise VerificationError(
        f"`{partial.goal.name}` from `{shown(address)}` has sha256 `{found}`, and the lock says "
        f"`{partial.goal.sha256}`",
        hint="the file was changed on its way or at its source: try another mirror or index, and "
        "lock again only when you know why it changed",
    )


def _copy(path: Path, partial: _Partial) -> None:
    partial.restart()
    try:
        with path.open("rb") as stream:
            while piece := stream.read(CHUNK):
                partial.append(piece)
    except OSError as error:
        raise GoneError(f"`{path}` cannot be read: {error.strerror}") from error


def _receive(client: Opener, address: str, partial: _Partial) -> None:
    """Get what is missing, in one request; TransientError when it ends early."""
    try:
        with client.open(address, _range(partial)) as response:
            _take(response, partial)
    except RangeRefusedError:
        partial.restart()
        raise
    if partial.size < partial.goal.size:
        raise TransientError(
            f"the connection ended after {partial.size} of {partial.goal.size} bytes"
        )


def _take(response: http.client.HTTPResponse, partial: _Partial) -> None:
    if partial.size and not (response.status == 206 and _continues(response, partial.size)):
        partial.restart()
    partial.validator = _validator(response)
    while piece := response.read(PIECE):
        partial.append(piece)
        if partial.size > partial.goal.size:
            return  # other bytes than the lock's; the digest will say so


def _range(partial: _Partial) -> dict[str, str]:
    if not partial.size:
        return {}
    wanted = {"Range": f"bytes={partial.size}-"}
    return {**wanted, "If-Range": partial.validator} if partial.validator else wanted


def _continues(response: http.client.HTTPResponse, size: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {size}-")


def _validator(response: http.client.HTTPResponse) -> str:
    etag = response.headers.get("ETag", "")
    # If-Range takes strong validators only (RFC 9110, section 13.1.5).
    return "" if etag.startswith("W/") else etag


class _Partial:
    """The file of an unfinished download, hashed as far as it goes."""

    def __init__(self, store: Store, goal: Goal, moved: Callable[[int], None]) -> None:
        self.goal = goal
        self.validator = ""
        self.size = 0
        self._path: Path = store.partial_path(goal.sha256)
        self._moved = moved
        self._hash = hashlib.sha256()

    def __enter__(self) -> Self:
        with contextlib.suppress(FileNotFoundError):
            self._path.chmod(0o600)  # a run killed while storing it may have left it read-only
        self._stream: BinaryIO = self._path.open("a+b")
        self._stream.seek(0)
        while piece := self._stream.read(CHUNK):
            self._count(piece)
        if self.size > self.goal.size or (self.size == self.goal.size and not self.is_right):
            self.restart()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stream.close()

    @property
    def digest(self) -> str:
        """The sha256 of what is there."""
        return self._hash.hexdigest()

    @property
    def is_right(self) -> bool:
        """Whether what is there is the file."""
        return self.digest == self.goal.sha256

    def append(self, piece: bytes) -> None:
        """Add bytes at the end."""
        with guarded("downloading to", self._path):
            self._stream.write(piece)
        self._count(piece)

    def restart(self) -> None:
        """Throw away what is there."""
        with guarded("downloading to", self._path):
            self._stream.truncate(0)
        self._moved(-self.size)
        self.size = 0
        self.validator = ""
        self._hash = hashlib.sha256()

    def _count(self, piece: bytes) -> None:
        self._hash.update(piece)
        self.size += len(piece)
        self._moved(len(piece))
