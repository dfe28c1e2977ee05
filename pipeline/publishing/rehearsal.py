"""An index in this process that enforces the real rules, so that a draft is more than hope.

It takes what a public index would take and refuses what one would refuse, at the moment it would:
`pipeline.release.index_rules` judges each file by itself, and here is what only an index knows,
which is what it has already.
"""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pipeline.errors import ReleaseRefusedError
from pipeline.files import sha256_file
from pipeline.locking.index import Link
from pipeline.publishing.index import TakenError
from pipeline.publishing.judging import judged
from pipeline.release.index_rules import SIZE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.publishing.session import Distribution
    from pipeline.release.rehearsal import Verdict


class RehearsalIndex:
    """An `pipeline.publishing.index.Index` whose files lie in ``directory``.

    ``public`` says whose rules hold; ``size_limit`` is in bytes. Safe to use from several threads.
    """

    name = "rehearsal"

    def __init__(
        self, directory: Path, *, public: bool = True, size_limit: int = SIZE_LIMIT
    ) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._public = public
        self._size_limit = size_limit
        self._verdicts: dict[str, Verdict] = {}
        self._lock = threading.Lock()

    def files(self, project: str) -> Sequence[Link]:
        """Return the files of a project."""
        return [
            Link(
                name=verdict.file,
                url=(self._directory / verdict.file).as_uri(),
                sha256=verdict.sha256,
                size=verdict.size,
            )
            for verdict in list(self._verdicts.values())
            if canonicalize_name(verdict.name) == canonicalize_name(project)
        ]

    def digest(self, link: Link) -> str:
        """Return the sha256 of what is there."""
        path = self._directory / link.name
        return sha256_file(path) if path.is_file() else ""

    def upload(self, file: Distribution) -> None:
        """Take a file as a distribution."""
        self.take(file.name, file.path)

    def take(self, name: str, path: Path) -> bool:
        """Take the file at ``path``, which bears ``name``; whether it is new.

        The same bytes under the same name change nothing. Raises ReleaseRefusedError with the
        reason, TakenError for a name that is used.
        """
        with self._lock:
            (verdict,) = judged({name: path}, public=self._public, size_limit=self._size_limit)
            self._refuse(verdict)
            new = name not in self._verdicts
            if new:
                shutil.copyfile(path, self._directory / name)
                self._verdicts[name] = verdict
            return new

    def _refuse(self, verdict: Verdict) -> None:
        there = self._verdicts.get(verdict.file)
        if there and there.sha256 != verdict.sha256:
            raise TakenError(f"an index has other bytes under the name `{verdict.file}` already")
        reasons = () if verdict.accepted else verdict.remarks
        for other in () if there else self._verdicts.values():
            if other.sha256 == verdict.sha256:
                reasons += (f"it has the same bytes as `{other.file}`",)
            elif _sdist_of(other) == _sdist_of(verdict) != ():
                reasons += (f"the release has an sdist already, `{other.file}`",)
        if reasons:
            raise ReleaseRefusedError(
                f"an index would refuse `{verdict.file}`: {reasons[0]}", detail=reasons[1:]
            )


def _sdist_of(verdict: Verdict) -> tuple[str, ...]:
    """Return the release that a file is the sdist of, nothing for a wheel."""
    return () if verdict.tags else (canonicalize_name(verdict.name), verdict.version)
