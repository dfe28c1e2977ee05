from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.publishing.session import Action, Distribution, Listed, Record, State, plan

A, B, C = (letter * 64 for letter in "abc")


def file(name: str = "thing-1.0-py3-none-any.whl", sha256: str = A) -> Distribution:
    return Distribution(
        name=name, path=Path(name), project="thing", version="1.0", sha256=sha256, size=1
    )


def listed(sha256: str, name: str = "thing-1.0-py3-none-any.whl") -> list[Listed]:
    return [Listed(name=name, sha256=sha256)]


SDIST = file("thing-1.0.tar.gz", B)


def test_what_the_index_lacks_is_uploaded() -> None:
    found = plan([file(), SDIST], [], Record())
    assert [step.action for step in found.steps] == [Action.UPLOAD, Action.UPLOAD]
    assert found.state is State.OPEN


def test_what_the_index_has_is_kept_and_the_rest_uploaded() -> None:
    found = plan([file(), SDIST], listed(A), Record())
    assert [step.action for step in found.steps] == [Action.KEEP, Action.UPLOAD]
    assert found.state is State.UPLOADING


def test_a_release_that_is_all_there_is_published() -> None:
    assert plan([file()], listed(A), Record()).state is State.PUBLISHED


def test_other_bytes_under_the_name_are_a_conflict() -> None:
    found = plan([file(), SDIST], listed(C), Record())
    assert found.state is State.ERROR
    assert [step.file for step in found.conflicts] == [file()]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("thing_kit-1.0.tar.gz", "Thing-Kit-1.0.tar.gz"),
        ("thing-1.0-py2.py3-none-any.whl", "Thing-1.0-py3.py2-none-any.whl"),
    ],
)
def test_another_spelling_of_the_name_is_the_same_place(ours: str, theirs: str) -> None:
    assert plan([file(ours)], listed(C, theirs), Record()).state is State.ERROR


def test_what_the_journal_sent_is_waited_for() -> None:
    record = Record(planned={file().name: A}, sent={file().name: A})
    assert plan([file()], [], record).steps[0].action is Action.AWAIT


def test_the_index_counts_more_than_the_journal() -> None:
    record = Record(planned={file().name: A}, sent={file().name: A}, verified={file().name: A})
    assert plan([file()], listed(C), record).state is State.ERROR
    assert plan([file()], listed(A), Record()).steps[0].action is Action.KEEP


def test_a_release_begun_with_other_bytes_is_not_mixed() -> None:
    record = Record(planned={file().name: A, SDIST.name: C}, sent={file().name: A})
    found = plan([file(), SDIST], listed(A), record)
    assert [step.file for step in found.conflicts] == [SDIST]


def test_a_release_of_which_nothing_was_sent_may_still_change() -> None:
    record = Record(planned={file().name: C, SDIST.name: C})
    assert plan([file(), SDIST], [], record).state is State.OPEN
