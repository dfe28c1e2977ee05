from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import ReleaseRefusedError
from pipeline.publishing.journal import journal, name_of
from pipeline.publishing.session import Distribution, Record, State

FILE = Distribution(
    name="thing-1.0.tar.gz", path=Path("x"), project="thing", version="1.0", sha256="a" * 64, size=1
)


def test_what_one_run_noted_the_next_one_knows(tmp_path: Path) -> None:
    with journal(tmp_path, "one") as first:
        assert first.record == Record()
        first.planned({FILE.name: FILE.sha256}, commit="c" * 40)
        first.state(State.UPLOADING)
        for event in ("started", "sent", "verified"):
            first.file(event, FILE)
    done = {FILE.name: FILE.sha256}
    with journal(tmp_path, "one") as second:
        assert second.record == Record(commit="c" * 40, planned=done, sent=done, verified=done)
    assert [path.name for path in tmp_path.iterdir()] == ["one.jsonl"]


@pytest.mark.parametrize("kept", range(1, 60, 7))
def test_half_a_line_of_a_killed_run_is_closed_and_not_read(tmp_path: Path, kept: int) -> None:
    with journal(tmp_path, "one") as first:
        first.file("sent", FILE)
    path = tmp_path / "one.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:kept])
    with journal(tmp_path, "one") as second:
        second.file("verified", FILE)
        assert second.record.sent == {FILE.name: FILE.sha256}
    lines = path.read_bytes().split(b"\n")
    assert lines[1] == whole[:kept]
    assert json.loads(lines[2])["event"] == "verified"


def test_a_second_run_at_the_same_time_is_refused(tmp_path: Path) -> None:
    with (
        journal(tmp_path, "one"),
        pytest.raises(ReleaseRefusedError, match="another run is publishing"),
        journal(tmp_path, "one"),
    ):
        pass
    with journal(tmp_path, "one"):
        pass


def test_the_same_name_at_another_address_is_another_journal() -> None:
    ours = name_of("1.0", "pypi", "https://one.example/")
    assert ours != name_of("1.0", "pypi", "https://two.example/")
    assert "/" not in name_of("1.0", "https://one.example/x", "https://one.example/x")


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    with journal(tmp_path, "one"):
        assert (tmp_path / "one.jsonl").stat().st_mode & 0o777 == 0o600
