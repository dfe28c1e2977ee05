from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import termios
import threading
from typing import TYPE_CHECKING

import pytest

from pipeline.console import Console, human_size
from pipeline.errors import ConfigError, StageFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _pipe(environ: Mapping[str, str] | None = None) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(stream, environ or {}, clock=Clock()), stream


def _terminal(environ: Mapping[str, str] | None = None) -> tuple[Console, io.StringIO, Clock]:
    stream, clock = Terminal(), Clock()
    console = Console(stream, {"COLUMNS": "40", **(environ or {})}, clock=clock)
    return console, stream, clock


GITHUB = {"GITHUB_ACTIONS": "true", "CI": "true"}

ERROR = ConfigError(
    "unknown key `imagee` in stage `wheel`",
    where="pipeline.yaml:12:5",
    hint="did you mean `image`?",
    detail=("one", "two"),
)


def test_an_error_has_its_place_its_details_and_a_hint_of_its_own() -> None:
    console, stream = _pipe()
    console.error(ERROR)
    assert stream.getvalue() == (
        "error: pipeline.yaml:12:5: unknown key `imagee` in stage `wheel`\n"
        "  one\n"
        "  two\n"
        "hint: did you mean `image`?\n"
    )


def test_an_error_without_place_and_hint_is_one_line() -> None:
    console, stream = _pipe()
    console.error(StageFailedError("it broke"))
    assert stream.getvalue() == "error: it broke\n"


@pytest.mark.parametrize(
    ("environ", "terminal", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
    ],
)
def test_colour_follows_the_environment(
    environ: dict[str, str], *, terminal: bool, expected: bool
) -> None:
    stream = Terminal() if terminal else io.StringIO()
    console = Console(stream, environ)
    console.warning("careful")
    assert console.colour is expected
    assert ("\x1b[" in stream.getvalue()) is expected
    assert re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()) == "warning: careful\n"


@pytest.mark.parametrize(
    ("environ", "live"),
    [({}, True), ({"CI": "true"}, False), ({"CI": "false"}, True), ({"TERM": "dumb"}, False)],
)
def test_only_a_terminal_of_a_person_is_drawn_on(environ: dict[str, str], *, live: bool) -> None:
    assert _terminal(environ)[0].live is live
    assert not _pipe(environ)[0].live


def test_a_progress_on_a_terminal_is_one_line_that_goes_away() -> None:
    console, stream, clock = _terminal({"NO_COLOR": "1"})
    with console.progress("fetching", 2000, human_size) as progress:
        clock.now = 1.0
        progress.update(500)
        console.info("in between")
        clock.now = 3.0
        progress.update(2000)
    assert stream.getvalue() == (
        "fetching: 0 B of 2.0 kB (0 %)"
        "\r\x1b[Kfetching: 500 B of 2.0 kB (25 %)"
        "\r\x1b[Kin between\nfetching: 500 B of 2.0 kB (25 %)"
        "\r\x1b[Kfetching: 2.0 kB of 2.0 kB (100 %)"
        "\r\x1b[K"
        "fetching: 2.0 kB of 2.0 kB (100 %) in 3.0 s\n"
    )


def test_a_live_line_never_reaches_the_edge_of_the_terminal() -> None:
    console, stream, _ = _terminal()
    with console.progress("a title that is much longer than forty columns can hold", 10):
        pass
    line = stream.getvalue().partition("\r")[0]
    assert len(line) == 39
    assert "…" in line


def test_a_progress_is_drawn_at_most_ten_times_a_second() -> None:
    console, stream, clock = _terminal()
    with console.progress("fetching", 100) as progress:
        for done in range(100):
            clock.now += 0.01
            progress.update(done + 1)
    assert stream.getvalue().count("fetching") <= 12


def test_a_progress_in_a_pipe_is_a_line_every_five_seconds_and_one_at_the_end() -> None:
    stream, clock = io.StringIO(), Clock()
    with Console(stream, {}, clock=clock).progress("fetching", 20) as progress:
        for done in range(20):
            clock.now += 1.0
            progress.update(done + 1)
    assert stream.getvalue().splitlines() == [
        "fetching: 5 of 20 (25 %)",
        "fetching: 10 of 20 (50 %)",
        "fetching: 15 of 20 (75 %)",
        "fetching: 20 of 20 (100 %)",
        "fetching: 20 of 20 (100 %) in 20 s",
    ]


def test_lines_of_many_threads_stay_whole() -> None:
    console, stream, _ = _terminal({"NO_COLOR": "1"})
    words = ["a" * 30, "b" * 30, "c" * 30]

    def work(word: str) -> None:
        for _ in range(200):
            console.info(word)

    threads = [threading.Thread(target=work, args=(word,)) for word in words]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(stream.getvalue().splitlines())) == words


def test_steps_nest_and_tell_their_time() -> None:
    stream, clock = io.StringIO(), Clock()
    console = Console(stream, {}, clock=clock)
    with console.step("outer"):
        clock.now = 1.0
        with console.step("inner"):
            clock.now = 3.5
        console.info("words")
    assert stream.getvalue() == ("outer\n  inner\n    done in 2.5 s\n  words\n  done in 3.5 s\n")


def test_a_step_that_fails_says_so_and_lets_the_error_pass() -> None:
    console, stream = _pipe()
    with pytest.raises(ValueError, match="boom"), console.step("outer"):
        raise ValueError("boom")
    assert stream.getvalue() == "outer\n  failed after 0.00 s\n"
    console.info("after")
    assert stream.getvalue().endswith("\nafter\n")


def test_on_github_the_outermost_step_is_a_group() -> None:
    console, stream = _pipe(GITHUB)
    with console.step("outer 100%"), console.step("inner"):
        pass
    assert stream.getvalue() == (
        "::group::outer 100%25\n  inner\n    done in 0.00 s\n  done in 0.00 s\n::endgroup::\n"
    )


def test_on_github_an_error_is_an_annotation_at_its_place() -> None:
    console, stream = _pipe(GITHUB)
    console.error(ConfigError("50%\nof it", where="a,b.yaml:3:4"))
    first = stream.getvalue().splitlines()[0]
    assert first == "::error file=a%2Cb.yaml,line=3,col=4::50%25%0Aof it"


def test_on_github_an_error_without_a_line_is_an_annotation_still() -> None:
    console, stream = _pipe(GITHUB)
    console.error(ConfigError("one", where="https://mirror.example/a"))
    console.error(ConfigError("two", where="pipeline.lock"))
    console.warning("three")
    commands = [line for line in stream.getvalue().splitlines() if line.startswith("::")]
    assert "::error::one" in commands
    assert "::error file=pipeline.lock::two" in commands
    assert "::warning::three" in commands


def _obeyed(text: str) -> list[str]:
    """Return the commands that GitHub's runner would obey."""
    obeyed, token = [], ""
    for line in text.splitlines():
        words = line.strip()
        if token:
            token = "" if words == f"::{token}::" else token
        elif words.startswith("::stop-commands::"):
            token = words.removeprefix("::stop-commands::")
        elif words.startswith("::") or "##[" in words:
            obeyed.append(words)
    return obeyed


def test_on_github_a_log_cannot_give_commands() -> None:
    console, stream = _pipe(GITHUB)
    speaker = console.speaker()
    speaker.begin("wheel")
    speaker.write(b"::set-output name=a::b\n  ::add-mask::c\n##[error]d\n")
    console.warning("ours")
    speaker.write(b"::error::e\n")
    console.error(StageFailedError("it broke", detail=("::add-path::/f", "##[command]g")))
    speaker.write(b"::error::h\n")
    speaker.end()
    console.info("::error::i")
    assert _obeyed(stream.getvalue()) == [
        "::group::wheel",
        "::warning::ours",
        "::error::it broke",
        "::endgroup::",
    ]


def test_commands_of_github_are_not_written_elsewhere() -> None:
    console, stream = _pipe({"CI": "true"})
    console.error(ERROR)
    speaker = console.speaker()
    speaker.begin("wheel")
    speaker.write(b"out\n")
    speaker.end()
    assert "::" not in stream.getvalue()


def test_output_of_steps_is_shown_by_whole_lines() -> None:
    console, stream = _pipe()
    speaker = console.speaker()
    speaker.begin("wheel")
    speaker.write(b"one\ntw")
    assert stream.getvalue() == "── wheel\none\n"
    speaker.write("o ž".encode()[:-1])
    speaker.write("ž".encode()[-1:] + b"\nthree")
    speaker.end()
    assert stream.getvalue() == "── wheel\none\ntwo ž\nthree\n"


def test_output_that_is_not_utf8_and_cut_short_is_shown_all_the_same() -> None:
    console, stream = _pipe()
    speaker = console.speaker()
    speaker.begin("a")
    speaker.write(b"\xff\n\xc5")
    speaker.end()
    speaker.begin("b")
    speaker.write(b"fine\n")
    speaker.end()
    assert stream.getvalue() == "── a\n\ufffd\n\ufffd\n── b\nfine\n"


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    console, stream = _pipe()
    speaker = console.speaker()
    speaker.begin("a")
    for _ in range(100):
        speaker.write(b"x" * 1000)
    assert len(stream.getvalue()) > 90_000


def test_a_quiet_speaker_says_nothing() -> None:
    console, stream = _pipe(GITHUB)
    speaker = console.speaker(quiet=True)
    speaker.begin("a")
    speaker.write(b"words\n")
    speaker.end()
    assert stream.getvalue() == ""


def test_colours_of_a_log_stay_on_a_terminal_and_do_not_leak() -> None:
    console, stream, _ = _terminal()
    speaker = console.speaker()
    speaker.begin("a")
    speaker.write(b"\x1b[31mred\n")
    speaker.end()
    assert stream.getvalue().endswith("\x1b[31mred\x1b[0m\n")


def test_a_log_cannot_draw_on_the_terminal() -> None:
    console, stream, _ = _terminal({"NO_COLOR": "1"})
    speaker = console.speaker()
    speaker.begin("a")
    speaker.write(b"\x1b[2J\x1b]0;title\x07\x1b[31mred\x1b[0m\rover\n")
    speaker.end()
    console.error(StageFailedError("\x1b[2J", hint="\x07", detail=("\x1b[A",)))
    assert "\x1b" not in stream.getvalue()
    assert "\\x1b[2J\\x1b]0;title\\x07red\nover\n" in stream.getvalue()


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("built", "   built  wheel[cp311]  1.5 s\n"),
        ("failed", "  failed  wheel[cp311]  1.5 s\n"),
        ("cached", "  cached  wheel[cp311]\n"),
    ],
)
def test_an_outcome_is_a_line(status: str, line: str) -> None:
    console, stream = _pipe()
    console.outcome("wheel[cp311]", status, 1.5)
    assert stream.getvalue() == line


def test_the_summary_of_a_job_is_appended_to(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    console, _ = _pipe({**GITHUB, "GITHUB_STEP_SUMMARY": str(file)})
    console.summary("# One\n")
    console.summary("# Two")
    assert file.read_text() == "# One\n\n# Two\n\n"


def test_a_summary_that_cannot_be_written_is_only_a_warning(tmp_path: Path) -> None:
    console, stream = _pipe({**GITHUB, "GITHUB_STEP_SUMMARY": str(tmp_path)})
    console.summary("words")
    assert "warning: the summary of the job cannot be written" in stream.getvalue()


def test_elsewhere_there_is_no_summary(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    console, stream = _pipe({"GITHUB_STEP_SUMMARY": str(file)})
    console.summary("words")
    assert not file.exists()
    assert stream.getvalue() == ""


def test_the_width_is_the_terminals_own() -> None:
    assert Console(io.StringIO(), {"COLUMNS": "123"}).width == 123
    assert Console(io.StringIO(), {"COLUMNS": "wide"}).width == 80
    try:
        leader, follower = pty.openpty()
    except OSError:
        pytest.skip("there are no pseudo terminals here, as inside a step")
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 57, 0, 0))
    with open(leader, "wb"), open(follower, "w", encoding="utf-8") as stream:
        console = Console(stream, {})
        assert console.live
        assert console.width == 57


def test_a_reader_that_is_gone_does_not_end_the_work() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as stream:
        Console(stream, {}).info("to nobody")
        # What the failed write left in the buffer goes somewhere when the stream is closed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), writer)


def test_what_is_worked_on_is_named_on_a_terminal_alone() -> None:
    console, stream, _ = _terminal()
    with console.working("sdist"):
        with console.working("wheel"):
            pass
        assert stream.getvalue().endswith("running: sdist")
    assert "running: sdist, wheel" in stream.getvalue()
    plain, text = _pipe()
    with plain.working("sdist"):
        pass
    assert text.getvalue() == ""


@pytest.mark.parametrize(("width", "shown"), [(38, "  "), (40, ""), (50, "  ")])
def test_details_are_indented_unless_that_alone_would_wrap_them(width: int, shown: str) -> None:
    console, stream, _ = _terminal()
    console.error(StageFailedError("it broke", detail=("x" * width,)))
    assert f"\n{shown}{'x' * width}\n" in stream.getvalue()


def test_output_that_was_shown_is_not_printed_again_with_the_error() -> None:
    console, stream = _pipe()
    failure = StageFailedError("it broke", output=("1 failed",), detail=("full log: /a",))
    console.error(failure.told("it broke", where="", shown=True))
    assert stream.getvalue().splitlines() == ["error: it broke", "  full log: /a"]
    console.error(failure)
    assert stream.getvalue().count("1 failed") == 1
