"""A release onto an index: looked at, sent, read back.

`publish` tells the whole of it. It may be killed between any two instructions: what it had done is
found at the index by the next run, which does the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import NetworkError, PipelineError, ReleaseRefusedError, VerificationError
from pipeline.network.faults import TransientError
from pipeline.publishing.index import TakenError
from pipeline.publishing.session import Action, Listed, State, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pipeline.locking.index import Link
    from pipeline.publishing.index import Index
    from pipeline.publishing.journal import Journal
    from pipeline.publishing.session import Distribution, Plan

SEND_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds between attempts to send a file; a server may ask for longer ones."""

SIGHT_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0)
"""Seconds to wait for a file that was sent to be listed: indexes answer from caches."""

LONGEST_WAIT = 300.0


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What came of it: the names of files that this run sent, and of those that were there."""

    sent: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """What publishing works with.

    ``pause`` waits for some seconds, or raises when it is to end; ``spread`` stretches a wait by
    chance, so that those who were turned away together do not come back together.
    """

    index: Index
    journal: Journal
    tell: Callable[[str], None]
    pause: Callable[[float], None]
    spread: Callable[[float], float]

    def publish(self, files: Sequence[Distribution], commit: str) -> Receipt:
        """Bring every file onto the index, in this order, and see that each is there.

        Raises ReleaseRefusedError when the index has other bytes under one of the names, or
        refuses us or a file; VerificationError when it gives back other bytes than it was sent;
        NetworkError. What is done stays done, and the next run goes on from there.
        """
        found = plan(files, self._listed(files), self.journal.record)
        self._refuse(found)
        self.journal.planned({file.name: file.sha256 for file in files}, commit)
        try:
            return self._carry_out(found)
        except PipelineError as error:
            self.journal.state(State.ERROR, error.message)
            raise

    def _carry_out(self, found: Plan) -> Receipt:
        if found.state is not State.PUBLISHED:
            self.journal.state(State.UPLOADING)
        sent = []
        for step in found.steps:
            if step.action is Action.KEEP:
                self.tell(f"{step.file.name} is at `{self.index.name}` already, with these bytes")
            elif step.action is Action.UPLOAD or not self._comes_into_sight(step.file):
                self._send(step.file)
                sent.append(step.file.name)
        files = [step.file for step in found.steps]
        self._verify(files)
        self.journal.state(State.PUBLISHED)
        kept = tuple(file.name for file in files if file.name not in sent)
        return Receipt(sent=tuple(sent), kept=kept)

    def _listed(self, files: Sequence[Distribution]) -> list[Listed]:
        """Return what the index has of the release; where it tells no sha256, it is read."""
        versions = {(file.project, file.version) for file in files}
        found = []
        for project, version in sorted(versions):
            for link in self.index.files(project):
                if version not in link.name:
                    continue  # a file of another version stands in nobody's way
                if digest := link.sha256 or self.index.digest(link):
                    found.append(Listed(name=link.name, sha256=digest))
        return found

    def _refuse(self, found: Plan) -> None:
        if not found.conflicts:
            return
        self.journal.state(State.ERROR, "conflict")
        raise ReleaseRefusedError(
            f"`{self.index.name}` or the journal has other bytes for {len(found.conflicts)} of "
            f"{len(found.steps)} files, so nothing is uploaded",
            hint="what was published under a version stays: check out "
            f"{self.journal.record.commit or 'the commit it was made of'}, or release another "
            f"version; the journal is `{self.journal.path}`",
            detail=tuple(f"{step.file.name}: {step.why}" for step in found.conflicts),
        )

    def _send(self, file: Distribution) -> None:
        """Send a file until the index took it; before each further attempt the index is asked."""
        self.journal.file("started", file)
        for wait in (*SEND_WAITS, None):
            self.pause(0.0)
            try:
                self.index.upload(file)
                break
            except TakenError as error:
                if not self._comes_into_sight(file):
                    raise
                self.tell(f"{file.name}: {error.message}, and they are these bytes")
                break
            except TransientError as error:
                if self._is_there(file):
                    break
                if wait is None:
                    raise self._unreachable(file, error) from error
                self.tell(f"{file.name}: {error}; trying again")
                self.pause(min(max(self.spread(wait), error.wait), LONGEST_WAIT))
        self.journal.file("sent", file)
        self.tell(f"{file.name} was sent to `{self.index.name}`")

    def _unreachable(self, file: Distribution, error: TransientError) -> NetworkError:
        return NetworkError(
            f"`{file.name}` cannot be uploaded to `{self.index.name}`: {error} "
            f"({len(SEND_WAITS) + 1} attempts)",
            hint="run it again when the index works: it goes on where it stopped",
        )

    def _verify(self, files: Sequence[Distribution]) -> None:
        """Read every file back, as soon as the index lists it."""
        missing = list(files)
        for wait in (*SIGHT_WAITS, None):
            there = self._by_name(missing)
            missing = [file for file in missing if not self._verified(file, there.get(file.name))]
            if not missing:
                return
            if wait is not None:
                self.pause(self.spread(wait))
        names = ", ".join(f"`{file.name}`" for file in missing)
        raise VerificationError(
            f"`{self.index.name}` said that it took {names}, but it does not list that",
            hint="run it again later: what is still not there then is uploaded anew",
        )

    def _verified(self, file: Distribution, link: Link | None) -> bool:
        """Whether a file was read back; not again where a run did and the index says the same."""
        if link is None:
            return False
        if link.sha256 == file.sha256 == self.journal.record.verified.get(file.name):
            return True
        digest = self.index.digest(link) if link.sha256 in {"", file.sha256} else link.sha256
        if digest == file.sha256:
            self.journal.file("verified", file)
        elif digest:
            raise self._altered(file, digest)
        return bool(digest)

    def _altered(self, file: Distribution, digest: str) -> VerificationError:
        return VerificationError(
            f"`{self.index.name}` gives other bytes for `{file.name}` than it was sent: sha256 "
            f"`{digest}`, not `{file.sha256}`",
            hint="let nobody install it: the index, or something before it, is broken or was "
            "tampered with",
        )

    def _comes_into_sight(self, file: Distribution) -> bool:
        """Wait for a file that the index should have; whether it came, with the right bytes."""
        for wait in (*SIGHT_WAITS, None):
            if self._is_there(file):
                return True
            if wait is not None:
                self.pause(self.spread(wait))
        return False

    def _is_there(self, file: Distribution) -> bool:
        """Whether the index has the file; ReleaseRefusedError when it has other bytes."""
        link = self._by_name([file]).get(file.name)
        digest = (link.sha256 or self.index.digest(link)) if link else ""
        if digest not in {"", file.sha256}:
            raise ReleaseRefusedError(
                f"`{self.index.name}` has other bytes under the name `{file.name}`: sha256 "
                f"`{digest}`, not `{file.sha256}`",
                hint="somebody else published it meanwhile: release another version",
            )
        return bool(digest)

    def _by_name(self, files: Iterable[Distribution]) -> dict[str, Link]:
        projects = dict.fromkeys(file.project for file in files)
        return {link.name: link for project in projects for link in self.index.files(project)}
