from __future__ import annotations

import base64
import json

import pytest

from pipeline.engines.rawjson import Began, Printed, Progress, exit_status, stopped

STEP = {"digest": "sha256:1", "name": "[b 1/1] RUN x"}
FAILED = 'process "/bin/sh -c x" did not complete successfully: exit code: 3'


def line(**status: object) -> bytes:
    return json.dumps(status).encode()


def log(data: bytes, vertex: str = "sha256:1") -> bytes:
    return line(logs=[{"vertex": vertex, "stream": 1, "data": base64.b64encode(data).decode()}])


def test_a_step_begins_once_however_often_it_is_told() -> None:
    progress = Progress()
    lines = [
        line(vertexes=[STEP]),
        line(vertexes=[{**STEP, "started": "now"}]),
        line(vertexes=[{**STEP, "started": "now"}]),
    ]
    events = [event for each in lines for event in progress.feed(each, 7.0)]
    assert [type(event) for event in events] == [Began]
    assert [vertex.since for vertex in progress.running] == [7.0]


def test_what_a_step_prints_comes_out_as_it_was() -> None:
    progress = Progress()
    list(progress.feed(line(vertexes=[{**STEP, "started": "now"}]), 0))
    (event,) = progress.feed(log(b"\xff\n"), 0)
    assert isinstance(event, Printed)
    assert (event.data, event.vertex.printed, event.vertex.tail) == (b"\xff\n", 2, b"\xff\n")


def test_a_completed_step_no_longer_runs() -> None:
    progress = Progress()
    list(progress.feed(line(vertexes=[{**STEP, "started": "now"}]), 0))
    list(progress.feed(line(vertexes=[{**STEP, "started": "now", "completed": "now"}]), 0))
    assert progress.running == []


def test_the_step_that_failed_is_not_one_that_was_stopped_with_it() -> None:
    progress = Progress()
    other = {"digest": "sha256:2", "name": "[a 1/1] RUN y", "error": "context canceled"}
    list(progress.feed(line(vertexes=[other, {**STEP, "error": FAILED}]), 0))
    assert progress.failed is not None
    assert progress.failed.name == STEP["name"]


def test_words_for_people_and_broken_lines_are_kept_and_harm_nothing() -> None:
    progress = Progress()
    for each in (b"ERROR: \xff", b"{broken", b"", line(statuses=[{"id": "x"}])):
        assert list(progress.feed(each, 0)) == []
    assert progress.words == ["ERROR: \ufffd", "{broken", ""]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (FAILED, 3),
        ('process "echo exit code: 9" did not complete successfully: exit code: 1', 1),
        ('process "x" did not complete successfully: exit code: 137: context canceled', None),
        ("failed to calculate checksum", None),
    ],
)
def test_an_exit_status_is_the_last_thing_said(error: str, status: int | None) -> None:
    assert exit_status(error) == status


def test_a_step_that_prints_like_a_stopped_one_was_not_stopped() -> None:
    assert not stopped('process "echo context canceled" did not complete: exit code: 1')
    assert stopped("rpc error: code = Canceled desc = context canceled")
