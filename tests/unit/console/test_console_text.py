from __future__ import annotations

import pytest

from pipeline.console.text import (
    human_seconds,
    human_size,
    printable_text,
    shortened,
    table,
    width_of,
)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1549, "1.5 kB"),
        (9949, "9.9 kB"),
        (9960, "10 kB"),
        (999_499, "999 kB"),
        (999_999, "1.0 MB"),
        (97_000_000, "97 MB"),
        (1_500_000_000, "1.5 GB"),
        (999_900_000_000, "1.0 TB"),
        (12_300_000_000_000, "12.3 TB"),
    ],
)
def test_sizes_as_people_say_them(size: int, words: str) -> None:
    assert human_size(size) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.00 s"),
        (0.034, "0.03 s"),
        (0.999, "1.0 s"),
        (4.21, "4.2 s"),
        (9.99, "10 s"),
        (59.6, "1 min 0 s"),
        (125, "2 min 5 s"),
        (3599.9, "1 h 0 min"),
        (5400, "1 h 30 min"),
    ],
)
def test_durations_as_people_say_them(seconds: float, words: str) -> None:
    assert human_seconds(seconds) == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\twords\n", "plain\twords\n"),
        ("žluť 漢字 🐍", "žluť 漢字 🐍"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]8;;https://mirror.example\x07", "\\x1b]8;;https://mirror.example\\x07"),
        ("\x9b31m\x7f\x00", "\\x9b31m\\x7f\\x00"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\x1b[31mred\x1b[0m", "red"),
    ],
)
def test_foreign_text_cannot_draw(text: str, shown: str) -> None:
    assert printable_text(text) == shown


def test_colours_stay_where_they_are_wanted_and_nothing_else_does() -> None:
    text = "\x1b[1;31mred\x1b[0m\x1b[5A\x1b[38:2:1:2:3mblue"
    expected = "\x1b[1;31mred\x1b[0m\\x1b[5A\x1b[38:2:1:2:3mblue"
    assert printable_text(text, colours=True) == expected


def test_wide_and_combining_characters_count_as_a_terminal_counts() -> None:
    assert width_of("abc") == 3
    assert width_of("漢字") == 4
    assert width_of("e\u0301") == 1


@pytest.mark.parametrize("width", range(13))
@pytest.mark.parametrize("text", ["abcdefghijkl", "漢字漢字漢字", "", "ab"])
def test_shortened_text_fits_and_is_whole_where_it_can_be(text: str, width: int) -> None:
    short = shortened(text, width)
    assert width_of(short) <= width
    assert (short == text) == (width_of(text) <= width)


def test_shortened_text_keeps_both_ends() -> None:
    assert shortened("sha256-0123456789", 9) == "sha2…6789"


ROWS = [("a.whl", "12 kB", "0123456789abcdef" * 4), ("long-name.whl", "3 B", "fe" * 32)]


def test_a_table_that_has_room_is_not_cut() -> None:
    assert table(("file", "size", "sha256"), ROWS, "lr", width=0) == [
        "file            size  sha256",
        f"a.whl          12 kB  {'0123456789abcdef' * 4}",
        f"long-name.whl    3 B  {'fe' * 32}",
    ]


def test_a_table_is_fitted_to_the_width_by_its_longest_cells() -> None:
    lines = table(("file", "size", "sha256"), ROWS, "lr", width=50)
    assert lines[1] == "a.whl          12 kB  0123456789abcd…3456789abcdef"
    assert max(len(line) for line in lines) == 50


def test_a_table_in_a_narrow_terminal_still_shows_something_of_each_column() -> None:
    lines = table(("file", "size", "sha256"), ROWS, width=5)
    assert lines[2] == "long…whl  3 B    fefe…efe"


def test_a_table_in_a_pipe_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print("\n".join(table(("file", "size", "sha256"), ROWS)))  # noqa: T201 - the promise
    assert "fe" * 32 in capsys.readouterr().out


def test_cells_stay_on_their_line_and_cannot_draw() -> None:
    assert table(("a",), [("x\ny\x1b[2J",)], width=0) == ["a", "x y\\x1b[2J"]


def test_a_table_without_rows_is_its_headers() -> None:
    assert table(("a", "b"), [], width=0) == ["a  b"]
