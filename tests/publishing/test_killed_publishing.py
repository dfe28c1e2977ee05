from __future__ import annotations

import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.publishing.conftest import Desk
from tests.publishing.serving import FaultyIndex, serve
from tests.unit.publishing.making import release

CHECKOUT = Path(__file__).parents[2]
KILLS = 100


@dataclass
class Tally:
    """How often runs were killed, by how many files were at the index then."""

    kills: list[int] = field(default_factory=list)


def start(desk: Desk, files: Path) -> subprocess.Popen[str]:
    """Start a run and wait until it is about to publish."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.publishing.publish_once", str(files), str(desk.journals)],
        cwd=CHECKOUT,
        env={"PATH": "", **desk.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n", process.communicate()
    return process


def kill(process: subprocess.Popen[str], index: FaultyIndex) -> None:
    """Kill a run, then let the index come to an end with what it was sent."""
    process.kill()
    process.communicate()
    end = time.monotonic() + 30
    while index.busy:
        assert time.monotonic() < end
        time.sleep(0.005)


def publish_with_kills(desk: Desk, files: Path, chance: random.Random, tally: Tally) -> None:
    """Run until one run comes to its end, killing each after a while."""
    while True:
        process = start(desk, files)
        try:
            _, errors = process.communicate(timeout=chance.uniform(0.0, 0.9))
        except subprocess.TimeoutExpired:
            kill(process, desk.index)
            tally.kills.append(len(desk.index.taken))
            continue
        assert process.returncode == 0, errors
        return


def check(index: FaultyIndex, files: Path) -> None:
    """No file lost, none doubled, none different."""
    assert index.resent == []
    assert index.files == {file.name: file.read_bytes() for file in files.iterdir()}
    assert sorted(index.taken) == sorted(file.name for file in files.iterdir())


@pytest.mark.slow
def test_a_run_killed_in_an_upload_is_finished_by_the_next(tmp_path: Path) -> None:
    files = tmp_path / "dist"
    release(files)
    with serve(FaultyIndex(tmp_path / "index", slowness=0.03)) as index:
        desk = Desk(index, tmp_path / "journals")
        process = start(desk, files)
        while len(index.taken) < 2:
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        kill(process, index)
        assert len(index.files) < 4
        second = start(desk, files)
        second.communicate(timeout=60)
        assert second.returncode == 0
        check(index, files)


@pytest.mark.slow
@pytest.mark.extended
def test_killed_a_hundred_times_nothing_is_lost_doubled_or_different(tmp_path: Path) -> None:
    chance, tally, rounds = random.Random(694), Tally(), 0  # noqa: S311  no secret
    while len(tally.kills) < KILLS:
        rounds += 1
        place = tmp_path / str(rounds)
        place.mkdir()
        release(place / "dist", body=str(rounds))
        with serve(FaultyIndex(place / "index", slowness=0.02)) as index:
            publish_with_kills(Desk(index, place / "journals"), place / "dist", chance, tally)
            check(index, place / "dist")
    assert {0, 1, 2, 3} <= set(tally.kills), "the kills did not come at all points"


@pytest.mark.slow
def test_two_runs_at_once_do_not_publish_both(tmp_path: Path) -> None:
    files = tmp_path / "dist"
    release(files)
    with serve(FaultyIndex(tmp_path / "index", slowness=0.5)) as index:
        desk = Desk(index, tmp_path / "journals")
        first = start(desk, files)
        while not any(request.startswith("POST") for request in index.requests):
            assert first.poll() is None, first.communicate()
            time.sleep(0.005)
        second = start(desk, files)
        _, errors = second.communicate(timeout=60)
        assert second.returncode == 1
        assert "another run is publishing this version" in errors
        index.slowness = 0.0
        first.communicate(timeout=60)
        assert first.returncode == 0
        check(index, files)
