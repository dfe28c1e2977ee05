"""Indexes on loopback, and runs against them."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from pipeline.locking.pip_settings import PipSettings
from pipeline.locking.settings import Settings
from pipeline.publishing.journal import journal, name_of
from pipeline.publishing.places import RemoteIndex, find
from pipeline.publishing.preflight import checked
from pipeline.publishing.publish import Publisher, Receipt
from tests.publishing.serving import TOKEN, FaultyIndex, access, serve
from tests.unit.publishing.making import candidates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


class Plain(Settings):
    """The settings of a machine whose pip is set to nothing: asking it would take a second."""

    pip = PipSettings()


@dataclass
class Desk:
    """Someone who publishes to an index, with a journal and a token; ``waits`` are not waited."""

    index: FaultyIndex
    journals: Path
    token: str = TOKEN
    told: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        return {
            **access(self.index, token=self.token),
            "HOME": str(self.journals.parent),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }

    @property
    def journal_file(self) -> Path:
        return self.journals / f"{name_of('1.0', self.index.upload, self.index.upload)}.jsonl"

    def publish(self, files: Sequence[Path], timeout: float = 30.0) -> Receipt:
        """Publish files as a run does."""
        settings = Plain(environ=self.environ)
        return publish_to(
            "pypi",
            settings,
            self.journals,
            files,
            tell=self.told.append,
            pause=self.waits.append,
            timeout=timeout,
        )


def publish_to(
    repository: str,
    settings: Settings,
    journals: Path,
    files: Sequence[Path],
    *,
    tell: Callable[[str], None] = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
    timeout: float = 30.0,
) -> Receipt:
    """Publish files of version 1.0 as the stage does."""
    place = find(repository, "", settings)
    name = name_of("1.0", place.name, place.address)
    with (
        checked(candidates(*files)) as release,
        journal(journals, name) as opened,
        contextlib.closing(RemoteIndex(place, settings, timeout=timeout)) as index,
    ):
        publisher = Publisher(
            index=index, journal=opened, tell=tell, pause=pause, spread=lambda seconds: seconds
        )
        return publisher.publish(release.files, commit="0" * 40)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[FaultyIndex]:
    """Run an index that breaks when it is told to."""
    with serve(FaultyIndex(tmp_path / "index")) as running:
        yield running


@pytest.fixture
def desk(index: FaultyIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return someone who publishes to it."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return Desk(index, tmp_path / "git" / "pipeline")
