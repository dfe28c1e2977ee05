from __future__ import annotations

import datetime as dt
import email.utils
from pathlib import Path

import pytest

from pipeline.errors import ReleaseRefusedError
from pipeline.network.faults import TransientError
from pipeline.publishing.index import TakenError
from pipeline.publishing.session import Distribution
from pipeline.publishing.uploads import Answer, _asked_wait, judge, package_of
from tests.unit.publishing.making import wheel

FILE = Distribution(
    name="thing-1.0.tar.gz", path=Path("x"), project="thing", version="1.0", sha256="a" * 64, size=1
)
URL = "https://index.example/legacy/"


@pytest.mark.parametrize(
    ("status", "words", "raised"),
    [
        (400, "File already exists ('x', with blake2_256 hash 'y')", TakenError),
        (400, "This filename has already been used, use a different version.", TakenError),
        (409, "conflict", TakenError),
        (400, "The description failed to render", ReleaseRefusedError),
        (507, "", TransientError),
        (425, "", TransientError),
    ],
)
def test_what_an_index_says_is_understood(status: int, words: str, raised: type[Exception]) -> None:
    with pytest.raises(raised) as caught:
        judge(Answer(status=status, words=words), FILE, URL)
    assert type(caught.value) is raised


def test_a_wait_may_be_asked_for_in_seconds_or_until_a_date() -> None:
    soon = dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=100)
    assert _asked_wait("7") == 7.0
    assert 90 < _asked_wait(email.utils.format_datetime(soon, usegmt=True)) <= 100
    assert _asked_wait(email.utils.format_datetime(soon - dt.timedelta(days=1))) == 0.0
    assert _asked_wait("soon") == _asked_wait("") == _asked_wait("-3") == 0.0


def test_what_twine_would_not_send_is_refused_before(tmp_path: Path) -> None:
    file = wheel(tmp_path, fields=["License-Expression: not a licence"])
    with pytest.raises(ReleaseRefusedError, match="twine refuses `thing"):
        package_of(file)
