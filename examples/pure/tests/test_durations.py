from __future__ import annotations

import subprocess

import pytest
from example_duration import parse, render


@pytest.mark.parametrize(
    ("text", "seconds"), [("1h30m", 5400), ("45", 45), ("45s", 45), ("2d1s", 172801), ("0s", 0)]
)
def test_a_duration_is_read(text: str, seconds: int) -> None:
    assert parse(text) == seconds


@pytest.mark.parametrize("text", ["", "1x", "m", "1m1h", "-1s", " 1s", "1.5h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse(text)


@pytest.mark.parametrize("seconds", [0, 1, 59, 60, 3661, 86399, 90000, 10**9])
def test_what_is_written_can_be_read_again(seconds: int) -> None:
    assert parse(render(seconds)) == seconds


def test_there_are_no_negative_durations() -> None:
    with pytest.raises(ValueError, match="negative"):
        render(-1)


def test_the_command_is_installed_and_says_what_is_wrong() -> None:
    ended = subprocess.run(
        ["duration", "90m", "nonsense"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stdout == "1h30m\n"
    assert "nonsense" in ended.stderr
