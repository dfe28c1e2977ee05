from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.slow]

MOMENTS = 15


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_a_run_ended_at_any_moment_leaves_nothing_that_the_next_one_trusts(
    pure: Project,
    downloads: Path,
    child_ends: list[subprocess.Popen[bytes]],
    whole: tuple[float, dict[str, str]],
    moment: int,
) -> None:
    """Every third run assembles its image, too; signals take turns."""
    seconds, digests = whole
    project = pure.using(downloads) if moment % 3 == 0 else pure
    number = (signal.SIGKILL, signal.SIGINT)[moment % 2]
    process = project.start("run", "test", "--offline", "--json")
    child_ends.append(process)
    time.sleep(seconds * (moment + 0.5) / MOMENTS * (3 if moment % 3 == 0 else 1))
    if moment % 4 < 2:
        process.send_signal(number)
    else:
        os.killpg(process.pid, number)
    _, stderr = process.communicate(timeout=60)
    assert b"Traceback" not in stderr, stderr.decode()
    # Before Python has its handlers, Ctrl-C ends it as it ends any program.
    early = (-number,) if number == signal.SIGKILL or not stderr else ()
    assert process.returncode in {0, 130, *early}, stderr.decode()
    assert project.gone(str(project.tool))
    again = project.run("run", "test", "--offline", "--json").expect(0)
    assert again.digests == digests
    assert project.leftovers == []
    assert "is what it says" in project.run("cache", "verify").expect(0).stdout


@pytest.fixture(scope="module")
def whole(
    warm: Path,
    tmp_path_factory: pytest.TempPathFactory,
    copies: Callable[[Path, Path], Project],
) -> tuple[float, dict[str, str]]:
    """Return how long such a run takes here, and what it makes."""
    base = tmp_path_factory.mktemp("whole")
    project = copies(base, base / "store")
    subprocess.run(["cp", "-al", str(warm), str(base / "store")], check=True)
    began = time.monotonic()
    made = project.run("run", "test", "--offline", "--json", "--rebuild").expect(0)
    return time.monotonic() - began, made.digests


def test_a_second_ctrl_c_is_no_traceback(
    steps: Project, child_ends: list[subprocess.Popen[bytes]]
) -> None:
    marker = f"86404.{os.getpid()}"
    steps.stages(wait={"run": f"sleep {marker}"})
    process = steps.start("run", "wait")
    child_ends.append(process)
    end = time.monotonic() + 60
    while not steps.processes(f"sleep\0{marker}") and time.monotonic() < end:
        time.sleep(0.02)
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr.decode()
    assert b"Traceback" not in stderr, stderr.decode()
    assert steps.gone(marker)


def test_two_runs_at_once_share_a_cache_and_make_the_same(
    pure: Project, downloads: Path, child_ends: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    project = pure.using(downloads)
    running = []
    for name in ("one", "two"):
        place = str(tmp_path / name)
        running.append(project.start("run", "test", "--offline", "--json", "--dist", place))
    child_ends += running
    for process in running:
        process.wait(timeout=120)
    assert [process.returncode for process in running] == [0, 0]
    files = [sorted((tmp_path / name).iterdir()) for name in ("one", "two")]
    assert [p.read_bytes() for p in files[0]] == [p.read_bytes() for p in files[1]]
    assert len(files[0]) == 2
    assert project.leftovers == []
