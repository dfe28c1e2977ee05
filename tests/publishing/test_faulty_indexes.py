from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import NetworkError, ReleaseRefusedError, VerificationError
from pipeline.publishing.publish import SEND_WAITS
from tests.publishing.serving import TOKEN
from tests.unit.publishing.making import release, sdist, wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publishing.conftest import Desk


def bytes_of(files: list[Path]) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in files}


def events(desk: Desk) -> list[str]:
    lines = desk.journal_file.read_text("utf-8").splitlines()
    return [json.loads(line)["event"] for line in lines]


def test_two_distributions_go_out_as_one_release_what_others_need_first(
    desk: Desk, tmp_path: Path
) -> None:
    files = release(tmp_path / "dist")
    receipt = desk.publish(files)
    assert desk.index.files == bytes_of(files)
    assert [name.partition("-")[0] for name in receipt.sent] == [
        "base_kit",
        "base_kit",
        "app",
        "app",
    ]
    assert events(desk) == [
        *("planned", "state"),
        *("started", "sent") * 4,
        *["verified"] * 4,
        "state",
    ]


def test_a_second_run_uploads_nothing(desk: Desk, tmp_path: Path) -> None:
    files = release(tmp_path / "dist")
    desk.publish(files)
    desk.index.requests.clear()
    receipt = desk.publish(files)
    assert receipt.sent == ()
    assert len(receipt.kept) == 4
    assert not any(request.startswith(("POST", "GET /files")) for request in desk.index.requests)


def test_a_lost_journal_costs_nothing_but_reading(desk: Desk, tmp_path: Path) -> None:
    files = release(tmp_path / "dist")
    desk.publish(files)
    desk.journal_file.unlink()
    desk.index.requests.clear()
    assert desk.publish(files).sent == ()
    assert sum(request.startswith("GET /files") for request in desk.index.requests) == 4


@pytest.mark.parametrize("html", [False, True], ids=["json", "html-without-hashes"])
def test_other_bytes_under_one_name_stop_everything_before_the_first_upload(
    desk: Desk, tmp_path: Path, *, html: bool
) -> None:
    desk.index.html = html
    first = release(tmp_path / "one")
    desk.publish(first[2:3])
    desk.journal_file.unlink()
    desk.index.taken.clear()
    with pytest.raises(ReleaseRefusedError) as caught:
        desk.publish(release(tmp_path / "two", body="changed"))
    assert "base_kit-1.0-py3-none-any.whl" in caught.value.detail[0]
    assert desk.index.taken == []
    assert desk.index.files == bytes_of(first[2:3])


def test_a_release_begun_with_other_bytes_is_not_completed_with_new_ones(
    desk: Desk, tmp_path: Path
) -> None:
    first = release(tmp_path / "one")
    desk.index.faults = ["", "413"]
    with pytest.raises(ReleaseRefusedError):
        desk.publish(first)
    changed = [wheel(tmp_path / "one", "app", body="other"), *first[1:]]
    with pytest.raises(ReleaseRefusedError, match="journal has other bytes") as caught:
        desk.publish(changed)
    assert "was begun with" in caught.value.detail[0]
    assert len(desk.index.taken) == 1


@pytest.mark.parametrize("fault", ["408", "429", "500", "502", "503", "504", "cut", "mute"])
def test_a_fault_that_passes_is_tried_again_and_nothing_is_doubled(
    desk: Desk, tmp_path: Path, fault: str
) -> None:
    files = release(tmp_path / "dist")
    desk.index.faults = ["", fault, fault, ""]
    desk.publish(files)
    assert desk.index.files == bytes_of(files)
    assert sorted(desk.index.taken) == sorted(bytes_of(files))
    assert desk.index.resent == []


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_given_up_and_asked_again(
    desk: Desk, tmp_path: Path
) -> None:
    files = [wheel(tmp_path)]
    desk.index.faults = ["deaf"]
    desk.publish(files, timeout=0.3)
    assert desk.index.files == bytes_of(files)


def test_an_index_that_asks_to_wait_is_waited_for(desk: Desk, tmp_path: Path) -> None:
    desk.index.faults = ["429:77"]
    desk.publish([wheel(tmp_path)])
    assert 77.0 in desk.waits


@pytest.mark.slow
def test_an_index_that_stays_broken_is_told_with_exit_5_and_the_next_run_goes_on(
    desk: Desk, tmp_path: Path
) -> None:
    files = release(tmp_path / "dist")
    attempts = len(SEND_WAITS) + 1
    desk.index.faults = ["", *["503"] * attempts]
    with pytest.raises(NetworkError, match=f"status 503 \\({attempts} attempts\\)") as caught:
        desk.publish(files)
    assert caught.value.exit_code == 5
    receipt = desk.publish(files)
    assert len(receipt.sent) == 3
    assert desk.index.files == bytes_of(files)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("401", "the token is missing, wrong, expired"),
        ("403", "the token is missing, wrong, expired"),
        ("404", "is no address to upload to"),
        ("413", "is larger than"),
        ("418", "refuses"),
        ("redirect", "is not followed"),
    ],
)
def test_what_will_not_change_is_told_at_once_with_exit_7(
    desk: Desk, tmp_path: Path, fault: str, words: str
) -> None:
    desk.index.faults = [fault]
    with pytest.raises(ReleaseRefusedError, match=words) as caught:
        desk.publish([wheel(tmp_path)])
    assert caught.value.exit_code == 7
    assert sum(request.startswith("POST") for request in desk.index.requests) == 1
    assert desk.index.files == {}


def test_a_wrong_token_is_told_with_what_to_set(desk: Desk, tmp_path: Path) -> None:
    desk.token = "tok-of-yesterday"  # noqa: S105  a canary
    with pytest.raises(ReleaseRefusedError) as caught:
        desk.publish([wheel(tmp_path)])
    assert "TWINE_PASSWORD" in caught.value.hint


def test_a_conflict_that_is_none_counts_as_done(desk: Desk, tmp_path: Path) -> None:
    """The index took the file, lost the answer, and does not list it at once."""
    files = [wheel(tmp_path), sdist(tmp_path)]
    desk.index.faults = ["", "mute", "409"]
    desk.index.hidden = 1
    desk.publish(files)
    assert desk.index.files == bytes_of(files)


def test_a_conflict_with_somebody_elses_bytes_is_refused(desk: Desk, tmp_path: Path) -> None:
    ours = wheel(tmp_path)
    (tmp_path / "theirs").mkdir()
    theirs = wheel(tmp_path / "theirs", body="other")
    desk.index.hidden = 1
    desk.index.rules.take(theirs.name, theirs)
    with pytest.raises(ReleaseRefusedError, match="has other bytes under the name"):
        desk.publish([ours])
    assert desk.index.files == bytes_of([theirs])


def test_an_index_that_lists_late_is_waited_for(desk: Desk, tmp_path: Path) -> None:
    files = [wheel(tmp_path)]
    desk.index.hidden = 4
    desk.publish(files)
    assert len(desk.waits) > 3


def test_an_index_that_lies_is_found_out_and_the_next_run_uploads_anew(
    desk: Desk, tmp_path: Path
) -> None:
    files = release(tmp_path / "dist")
    desk.index.faults = ["", "lie"]
    with pytest.raises(VerificationError, match=r"said that it took `base_kit-1\.0\.tar\.gz`"):
        desk.publish(files)
    assert desk.publish(files).sent == ("base_kit-1.0.tar.gz",)
    assert desk.index.files == bytes_of(files)


@pytest.mark.parametrize("html", [False, True], ids=["json", "html-without-hashes"])
def test_an_index_that_gives_other_bytes_back_is_told_with_exit_4(
    desk: Desk, tmp_path: Path, *, html: bool
) -> None:
    desk.index.html = html
    desk.index.faults = ["bend"]
    with pytest.raises(VerificationError, match="gives other bytes") as caught:
        desk.publish([wheel(tmp_path)])
    assert caught.value.exit_code == 4


def test_what_an_index_tells_back_does_not_hold_the_token(desk: Desk, tmp_path: Path) -> None:
    desk.index.faults = ["echo"]
    with pytest.raises(ReleaseRefusedError) as caught:
        desk.publish([wheel(tmp_path)])
    assert "who is Basic [hidden] or __token__:[hidden]?" in caught.value.message
    assert TOKEN not in desk.journal_file.read_text("utf-8")
