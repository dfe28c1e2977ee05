from __future__ import annotations

import stat
import threading
from typing import TYPE_CHECKING

import pytest

from pipeline.store import locks
from pipeline.store.rooms import Room, sweep
from pipeline.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path


def test_a_scratch_directory_is_private_and_gone_afterwards(store: Store) -> None:
    with store.scratch("build") as path:
        assert path.name.startswith("build-")
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        (path / "closed" / "deep").mkdir(parents=True)
        (path / "closed" / "deep").chmod(0)
        (path / "closed").chmod(0)
    assert not path.exists()


def test_what_went_wrong_in_a_scratch_directory_is_what_is_reported(store: Store) -> None:
    def fail() -> None:
        with store.scratch("build") as path:
            (path / "file").touch()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list((store.root / "work").glob("*/*")) == []


def test_a_store_that_closes_takes_its_room_along(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.room.unused("x").mkdir()
    assert list((tmp_path / "work").iterdir()) == []


def test_the_room_of_a_living_owner_is_left_alone(store: Store) -> None:
    with store.scratch("build") as path, Store.open(store.root) as other:
        assert path.is_dir()
        with other.scratch("build") as second:
            assert second.parent != path.parent


def test_a_room_whose_owner_died_is_swept(tmp_path: Path) -> None:
    dead = Room(tmp_path)
    (dead.unused("build-") / "deep").mkdir(parents=True)
    locked = [path for path in tmp_path.iterdir() if path.is_file()]
    sweep(tmp_path)
    assert dead.path().is_dir()
    locks.release(tmp_path / "no such lock", dead._owned or -1)  # as the kernel does at its death
    assert locked[0].exists()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_room_without_a_lock_file_is_swept(tmp_path: Path) -> None:
    (tmp_path / "1-abc" / "build").mkdir(parents=True)
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_lock_excludes_others_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locks.held(path):
        assert locks.acquire(path, wait=False) is None
    assert not path.exists()
    descriptor = locks.acquire(path, wait=False)
    assert descriptor is not None
    locks.release(path, descriptor)


def test_a_lock_won_on_a_removed_file_is_not_taken_for_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = locks.acquire(path)
    won: list[int | None] = []
    waiting = threading.Thread(target=lambda: won.append(locks.acquire(path)))
    waiting.start()
    threading.Event().wait(
        0.1
    )  # until it waits; were that too short, the test would only be weaker
    assert first is not None
    locks.release(path, first)
    waiting.join()
    assert locks.acquire(path, wait=False) is None
    assert won[0] is not None
    locks.release(path, won[0])
