from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from pipeline.cli import noop

if TYPE_CHECKING:
    from pathlib import Path

REPORT: dict[str, object] = {"cells": [], "seconds": 0.0}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIPELINE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "input").write_text("one")
    (tmp_path / "output").write_text("made")
    return tmp_path


def remember(place: Path, *, began: int | None = None) -> None:
    noop.record(
        ["run", "wheel"],
        REPORT,
        inputs=[str(place / "input"), str(place / "absent")],
        outputs=[str(place / "output")],
        began=time.time_ns() + 10 * noop.MARGIN if began is None else began,
    )


def test_the_same_call_with_nothing_moved_is_answered_from_the_record(place: Path) -> None:
    remember(place)
    assert noop.recorded(["run", "wheel"]) == REPORT


def test_other_words_are_another_call(place: Path) -> None:
    remember(place)
    assert noop.recorded(["run", "wheel", "--json"]) is None


def test_another_setting_is_another_call(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(place)
    monkeypatch.setenv("PIPELINE_ENGINE", "sandbox")
    assert noop.recorded(["run", "wheel"]) is None


@pytest.mark.parametrize("name", ["input", "output"])
def test_a_changed_file_ends_the_record(place: Path, name: str) -> None:
    remember(place)
    (place / name).write_text("two")
    assert noop.recorded(["run", "wheel"]) is None


@pytest.mark.parametrize("name", ["input", "output"])
def test_a_removed_file_ends_the_record(place: Path, name: str) -> None:
    remember(place)
    (place / name).unlink()
    assert noop.recorded(["run", "wheel"]) is None


def test_a_file_that_was_absent_and_appears_ends_the_record(place: Path) -> None:
    remember(place)
    (place / "absent").touch()
    assert noop.recorded(["run", "wheel"]) is None


def test_an_input_written_as_the_run_began_is_not_trusted(place: Path) -> None:
    remember(place, began=time.time_ns())
    assert noop.recorded(["run", "wheel"]) is None


def test_a_flipped_bit_anywhere_in_the_record_makes_it_no_record(place: Path) -> None:
    remember(place)
    (file,) = (place / "cache" / "noop").iterdir()
    whole = file.read_bytes()
    for position in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        file.write_bytes(bytes(damaged))
        assert noop.recorded(["run", "wheel"]) is None
    file.write_bytes(whole[: len(whole) // 2])
    assert noop.recorded(["run", "wheel"]) is None


def test_a_cache_that_cannot_be_written_is_no_failure(place: Path) -> None:
    (place / "cache").write_text("a file where the directory should be")
    remember(place)
    assert noop.recorded(["run", "wheel"]) is None


def test_a_record_holds_no_variable_that_may_be_a_secret(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_DEBIAN_MIRROR", "https://user:canary@mirror.example")
    remember(place)
    (file,) = (place / "cache" / "noop").iterdir()
    assert b"canary" not in file.read_bytes()


def test_old_records_are_forgotten(tmp_path: Path) -> None:
    noop.forget(str(tmp_path), 1.0)
    (tmp_path / "noop").mkdir()
    for name, moment in (("old", 1), ("new", 3)):
        (tmp_path / "noop" / name).touch()
        os.utime(tmp_path / "noop" / name, (moment, moment))
    noop.forget(str(tmp_path), 2.0)
    assert os.listdir(tmp_path / "noop") == ["new"]
