from __future__ import annotations

import marshal
import signal

import pytest

from pipeline.sandbox.error import SandboxError
from pipeline.sandbox.report import Reason, Report


def told(*messages: tuple[str | int | tuple[str, ...], ...]) -> Report:
    return Report.read(b"".join(marshal.dumps(message) for message in messages))


def test_an_exit_code_is_the_steps_own() -> None:
    assert told(("made", ()), ("ended", 3 << 8)).judge(None, out_of_memory=False) == (3, "exited")


def test_a_signal_is_told_apart_from_the_exit_code_a_shell_would_give() -> None:
    ended = told(("ended", int(signal.SIGSEGV))).judge(None, out_of_memory=False)
    assert ended == (128 + signal.SIGSEGV, "signal")
    exited = told(("ended", (128 + signal.SIGSEGV) << 8)).judge(None, out_of_memory=False)
    assert exited == (128 + signal.SIGSEGV, "exited")


@pytest.mark.parametrize("bound", ["timeout", "output", "disk"])
def test_a_broken_bound_counts_more_than_how_the_step_ended(bound: Reason) -> None:
    assert told(("ended", 0)).judge(bound, out_of_memory=False) == (137, bound)


def test_a_failure_while_setting_up_is_no_failure_of_the_step() -> None:
    report = told(("failed", "mount proc", "/proc", 1))
    with pytest.raises(SandboxError, match="mount proc `/proc`: Operation not permitted") as caught:
        report.judge(None, out_of_memory=False)
    assert "systempaths=unconfined" in caught.value.hint
    assert (caught.value.call, caught.value.filename, caught.value.errno) == (
        "mount proc",
        "/proc",
        1,
    )


def test_silence_is_a_failure_of_the_sandbox() -> None:
    with pytest.raises(SandboxError, match="without a word"):
        told().judge(None, out_of_memory=False)


def test_a_killed_pid_1_is_never_taken_for_success() -> None:
    ended = told(("made", ()), ("killed", 9)).judge(None, out_of_memory=False)
    assert ended == (137, "signal")


def test_a_kill_for_want_of_memory_is_named() -> None:
    assert told(("ended", 9)).judge(None, out_of_memory=True) == (137, "memory")
    assert told(("ended", 0)).judge(None, out_of_memory=True) == (0, "exited")
