from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from pipeline.store import cache
from pipeline.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.store.conftest import Start

pytestmark = pytest.mark.slow

KILLS = 40


def sound(root: Path) -> None:
    """Assert that a store holds nothing half-made and nothing unfinished."""
    with Store.open(root) as store:
        assert list((root / "work").iterdir()) == []
        assert cache.verify(store) == []
        for item in cache.listing(store):
            if item.kind == "result":
                assert store.get_result(item.key) is not None


def test_several_runs_at_once_make_the_same_things_without_harm(
    tmp_path: Path, start: Start
) -> None:
    root = tmp_path / "store"
    runs = [start(root, seed=seed, rounds=30) for seed in range(4)]
    assert [run.wait(timeout=300) for run in runs] == [0] * 4
    sound(root)
    assert list((root / "locks").iterdir()) == []


def test_a_run_that_is_killed_at_any_moment_leaves_nothing_that_a_later_run_trusts(
    tmp_path: Path, start: Start
) -> None:
    root = tmp_path / "store"
    chance = random.Random(1)  # noqa: S311 (repeatable, not secret)
    interrupted = 0
    for seed in range(KILLS):
        run = start(root, seed=seed, rounds=0)
        with pytest.raises(Exception, match="timed out"):
            run.wait(timeout=chance.uniform(0, 0.15))
        run.kill()
        run.wait()
        interrupted += any((root / "work").iterdir())
        sound(root)
        if seed % 10 == 0:  # so that there is always something left to do
            with Store.open(root) as store:
                cache.prune(store, keep=frozenset(), older_than=float("inf"))
    assert interrupted > KILLS // 4


def test_runs_killed_among_others_that_go_on_do_them_no_harm(tmp_path: Path, start: Start) -> None:
    root = tmp_path / "store"
    steady = start(root, seed=1000, rounds=60)
    chance = random.Random(2)  # noqa: S311 (repeatable, not secret)
    seed = 0
    while steady.poll() is None and seed < KILLS:
        run = start(root, seed=seed, rounds=0)
        with pytest.raises(Exception, match="timed out"):
            run.wait(timeout=chance.uniform(0, 0.1))
        run.kill()
        run.wait()
        seed += 1
    assert steady.wait(timeout=300) == 0
    sound(root)
