"""A step that fails is explained, and nothing of it is left but what was asked for."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.engines.protocol import Limits
from pipeline.engines.sandbox import SandboxEngine
from pipeline.errors import StageFailedError

if TYPE_CHECKING:
    from tests.engines.conftest import Workshop

pytestmark = pytest.mark.sandbox


def failed(workshop: Workshop, text: str, limits: Limits | None = None) -> StageFailedError:
    with pytest.raises(StageFailedError) as caught:
        workshop.build(text, limits=limits)
    return caught.value


def left_over(workshop: Workshop) -> list[str]:
    """Return what builds have left in the store's place for unfinished things."""
    work = workshop.store.root / "work"
    return [name for room in work.iterdir() if room.is_dir() for name in os.listdir(room)]


def test_a_failing_command_is_named_with_its_line_and_last_words(workshop: Workshop) -> None:
    error = failed(
        workshop,
        "FROM base\n\nRUN echo earlier\n"
        "RUN i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo line $i; done; \\\n  exit 3\n",
    )
    assert error.where == "Dockerfile:4"
    assert error.message.startswith("`RUN i=0; while")
    assert error.message.endswith("ended with status 3")
    assert "pipeline run 'test[cell]' --shell" in error.hint
    assert error.detail[:30] == tuple(f"line {number}" for number in range(11, 41))
    assert error.detail[30].startswith("full log: ")
    assert left_over(workshop) == []


def test_no_hint_names_a_step_that_no_verb_can_run(workshop: Workshop) -> None:
    request = replace(workshop.request("FROM base\nRUN exit 3\n"), internal=True)
    with pytest.raises(StageFailedError) as caught:
        workshop.engine.build(request, workshop.collect)
    assert caught.value.hint == ""


def test_the_log_tail_does_not_steer_the_terminal(workshop: Workshop) -> None:
    error = failed(workshop, "FROM base\nRUN printf '\\033[31mred\\a\\r\\n'; exit 1\n")
    assert error.detail[0] == "\\x1b[31mred\\x07"


@pytest.mark.parametrize(
    ("command", "limits", "words"),
    [
        ("sleep 60", Limits(seconds=0.5), "did not end within 0.5 s"),
        ("while :; do echo y; done", Limits(seconds=60, output=1 << 20), "printed more than 1 MiB"),
        ("kill -9 $$", Limits(seconds=60), "was ended by the signal SIGKILL (status 137)"),
        ("nothing-of-this-name", Limits(seconds=60), "ended with status 127"),
    ],
)
def test_each_way_to_fail_has_its_own_words(
    workshop: Workshop, command: str, limits: Limits, words: str
) -> None:
    error = failed(workshop, f"FROM base\nRUN {command}\n", limits)
    assert error.message.endswith(words)
    assert left_over(workshop) == []


def test_a_missing_program_in_exec_form_fails_like_in_a_shell(workshop: Workshop) -> None:
    error = failed(workshop, 'FROM base\nRUN ["/no/such"]\n')
    assert error.message.endswith("ended with status 127")


def test_a_failed_step_can_be_kept_to_look_at(workshop: Workshop) -> None:
    workshop.engine = SandboxEngine(workshop.store, keep=True)
    error = failed(workshop, "FROM base\nRUN echo half > /half-done; exit 1\n")
    kept = next(line for line in error.detail if line.startswith("kept: "))
    directory = kept.removeprefix("kept: ").split(" (")[0]
    with open(os.path.join(directory, "LOOK.txt"), encoding="utf-8") as stream:
        note = stream.read()
    assert "unshare --user --map-root-user" in note
    found = [parent for parent, _, names in os.walk(directory) if "half-done" in names]
    assert len(found) == 1


def test_a_build_that_succeeds_leaves_nothing_even_when_failures_are_kept(
    workshop: Workshop,
) -> None:
    workshop.engine = SandboxEngine(workshop.store, keep=True)
    workshop.build("FROM base AS build\nRUN true\nFROM scratch\nCOPY --from=build /etc /\n")
    assert list((workshop.store.root / "kept").iterdir()) == []
    assert left_over(workshop) == []


def test_builds_in_threads_end_when_they_are_cancelled(workshop: Workshop) -> None:
    failures: list[StageFailedError] = []

    def build() -> None:
        try:
            workshop.build("FROM base\nRUN sleep 600\nRUN sleep 600\n")
        except StageFailedError as error:
            failures.append(error)

    threads = [threading.Thread(target=build) for _ in range(2)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while len(left_over(workshop)) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    workshop.engine.cancel()
    for thread in threads:
        thread.join(30)
    assert [failure.message for failure in failures] == ["`RUN sleep 600` was interrupted"] * 2
    assert left_over(workshop) == []


def test_a_build_after_a_cancelled_one_goes_well(workshop: Workshop) -> None:
    workshop.engine.cancel()
    assert workshop.files(
        "FROM base AS b\nRUN echo x > /x\nFROM scratch\nCOPY --from=b /x /\n"
    ) == {"x": "x\n"}


def test_an_interrupt_in_the_main_thread_cleans_up(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(workshop, "collect", interrupt)
    with pytest.raises(KeyboardInterrupt):
        workshop.build("FROM base\nRUN echo now; sleep 600\n")
    assert left_over(workshop) == []


def test_the_engine_says_that_it_works(workshop: Workshop) -> None:
    found = workshop.engine.probe()
    assert (found.works, found.identity) == (True, "sandbox")
    assert left_over(workshop) == []
