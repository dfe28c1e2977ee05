"""What is executed for a RUN, what is said when it fails, and what its log keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.dockerfile.instructions import Run
from pipeline.dockerfile.parser import parse
from pipeline.engines.commands import home, variables, words
from pipeline.engines.failures import lacking_version, reason, short
from pipeline.engines.layers import MOST, Layer, Stack
from pipeline.engines.logs import TAIL_LINES, Log, file_name
from pipeline.engines.protocol import Limits
from pipeline.engines.union import Union
from pipeline.sandbox.launch import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.sandbox.report import Reason

SHELL = ("/bin/sh", "-c")


def run_of(text: str) -> Run:
    (step,) = parse(f"FROM base\n{text}").stages[0].steps
    assert isinstance(step, Run)
    return step


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RUN a && b", (*SHELL, "a && b")),
        ('RUN ["a", "$b"]', ("a", "$b")),
        ("RUN <<E\na\nb\nE", (*SHELL, "a\nb\n")),
        ("RUN <<-E\n\ta\n\tE", (*SHELL, "a\n")),
        ("RUN <<E\n#!/bin/x\nE", (*SHELL, "/run/pipes/E")),
        ("RUN cat <<A <<-'B'\n1\nA\n\t2\nB", (*SHELL, "cat <<A <<-'B'\n1\nA\n\t2\nB")),
        ("RUN <<E cat\n1\nE", (*SHELL, "<<E cat\n1\nE")),
    ],
)
def test_heredocs_are_given_back_to_the_shell(text: str, expected: tuple[str, ...]) -> None:
    assert words(run_of(text), SHELL) == expected


def test_home_is_there_unless_the_dockerfile_sets_it(tmp_path: Path) -> None:
    view = Union((str(tmp_path),))
    assert dict(variables({"A": "1"}, view)) == {"A": "1", "HOME": "/"}
    assert dict(variables({"HOME": "/x"}, view)) == {"HOME": "/x"}
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("a:x:1:1::/a:/bin/sh\nroot:x:0:0::/toor:/bin/sh\n")
    assert home(view) == "/toor"


@pytest.mark.parametrize(
    ("how", "status", "limits", "expected"),
    [
        ("exited", 2, Limits(), "ended with status 2"),
        ("signal", 139, Limits(), "was ended by the signal SIGSEGV (status 139)"),
        ("signal", 128 + 63, Limits(), "was ended by the signal 63 (status 191)"),
        ("timeout", 137, Limits(seconds=90), "did not end within 90 s"),
        ("memory", 137, Limits(memory=1 << 30), "ran out of memory (1024 MiB)"),
        ("disk", 137, Limits(), "wrote more than the disk or its limit holds"),
        ("output", 137, Limits(output=10), "printed more than 10 bytes"),
    ],
)
def test_every_end_has_words(how: Reason, status: int, limits: Limits, expected: str) -> None:
    outcome = Outcome(status=status, reason=how, seconds=0.0)
    assert reason(outcome, limits).startswith(expected)


def test_long_instructions_are_named_shortly() -> None:
    assert short(run_of("RUN a  \\\n   b")) == "RUN a b"
    assert len(short(run_of(f"RUN {'x' * 200}"))) == 80


def test_the_log_keeps_all_and_remembers_the_last_lines(tmp_path: Path) -> None:
    streamed: list[bytes] = []
    with Log(tmp_path / "logs" / "x.log", streamed.append) as log:
        log.heading("one")
        log.write(b"before\n")
        log.heading("two")
        for number in range(40):
            log.write(f"line {number}\n".encode())
        log.write(b"caf\xc3")
        log.write(b"\xa9 \xff no end")
        tail = log.tail
    assert len(tail) == TAIL_LINES
    assert tail[-2:] == ("line 39", "café \ufffd no end")
    assert (tmp_path / "logs" / "x.log").read_bytes().startswith(b"==> one\nbefore\n==> two\n")
    assert b"==>" not in b"".join(streamed)


def test_a_log_has_a_readable_name() -> None:
    assert file_name("wheel[linux_x86_64,cp311]", "ab" * 32) == (
        "wheel-linux_x86_64-cp311-abababababab.log"
    )
    assert file_name("../../x", "ab" * 32) == "x-abababababab.log"


def test_copies_never_go_into_a_layer_that_steps_write_to(tmp_path: Path) -> None:
    stack = Stack(tmp_path, [Layer(path="/image", kind="image"), Layer(path="/d", kind="derived")])
    assert stack.copied() == stack.copied()
    upper = stack.upper()
    assert stack.lower() == ("/image", "/d", stack.layers[2].path)
    assert stack.copied() not in (upper, stack.layers[2].path)
    assert stack.upper() != upper
    assert stack.work() != stack.work()
    assert "/d" not in stack.view.root.hosts


def test_each_step_has_an_upper_of_its_own_until_there_are_too_many(tmp_path: Path) -> None:
    stack = Stack(tmp_path, [])
    uppers = [stack.upper() for _ in range(MOST + 5)]
    assert len(set(uppers)) == MOST
    assert uppers[-1] == uppers[MOST - 1]
    assert stack.copied() not in uppers


def test_a_stage_never_writes_to_the_layers_it_starts_from(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = Stack(tmp_path / "one", [])
    upper = first.upper()
    second = Stack(tmp_path / "two", first.layers)
    assert second.upper() != upper
    assert second.lower() == (upper,)
    assert Stack(tmp_path / "one", []).lower() == (str(tmp_path / "one" / "empty"),)


def test_a_backend_that_looked_for_a_version_in_git_is_answered_with_where_to_give_it() -> None:
    said = ("LookupError: no version for /src", "set it with SETUPTOOLS_SCM_PRETEND_VERSION or")
    assert "`env: {SETUPTOOLS_SCM_PRETEND_VERSION: VERSION}`" in lacking_version(said)
    assert not lacking_version(said[:1])
