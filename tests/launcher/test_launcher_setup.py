"""What `./pipelinew` makes, with a real Python, venv and pip, from a wheel that lies at hand."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.launcher.conftest import Checkout

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).parents[2]


def environments(checkout: Checkout) -> list[Path]:
    """Return the environments that are whole."""
    return sorted(marker.parent for marker in checkout.tool.glob("*/.complete"))


def test_an_environment_in_place_is_used_without_a_word(ready_checkout: Checkout) -> None:
    ended = ready_checkout.start("run", "two words", "--json")
    assert ended.stderr == ""
    assert ended.returncode == 7, "the status of the command line is passed on"
    assert json.loads(ended.stdout)["argv"] == ["run", "two words", "--json"]


def test_an_environment_in_place_is_found_without_starting_any_other_program(
    ready_checkout: Checkout, tmp_path: Path
) -> None:
    ended = ready_checkout.start("--version", PATH=str(tmp_path))
    assert ended.stderr == ""
    assert ended.stdout == f"pipeline {(REPOSITORY / 'VERSION').read_text().strip()}\n"


def test_python_finds_itself_in_the_environment_and_the_checkout(ready_checkout: Checkout) -> None:
    facts = json.loads(ready_checkout.start().stdout)
    [environment] = environments(ready_checkout)
    assert facts["prefix"] == str(environment)
    assert facts["purelib"].startswith(str(environment))
    assert facts["thing"].startswith(facts["purelib"])
    assert facts["main"] == str(ready_checkout.root / "pipeline" / "cli" / "main.py")
    assert facts["utf8"] == 1
    assert facts["child"] == "thing here\n"


def test_variables_of_the_caller_do_not_reach_the_interpreter(
    ready_checkout: Checkout, tmp_path: Path
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('taken over')\n", encoding="utf-8")
    assert ready_checkout.start(cwd=tmp_path, PYTHONPATH=str(tmp_path)).returncode == 7
    assert ready_checkout.start("--version", PYTHONHOME=str(tmp_path)).returncode == 0


def test_it_starts_from_anywhere_through_a_link_and_by_name(
    ready_checkout: Checkout, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(ready_checkout.root / "pipelinew")
    relative = tmp_path / "relative"
    relative.symlink_to("link")
    assert ready_checkout.start(command=(str(relative),)).returncode == 7
    assert ready_checkout.start(cwd=ready_checkout.root, command=("./pipelinew",)).returncode == 7
    by_name = ready_checkout.start(cwd=ready_checkout.root, command=("sh", "pipelinew"))
    assert by_name.returncode == 7, by_name.stderr


def test_the_cache_directory_follows_xdg_when_nothing_else_is_said(
    ready_checkout: Checkout, tmp_path: Path
) -> None:
    (tmp_path / "pipeline").symlink_to(ready_checkout.tool.parent)
    ended = ready_checkout.start(PIPELINE_CACHE_DIR="", XDG_CACHE_HOME=str(tmp_path))
    assert (ended.returncode, ended.stderr) == (7, "")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "pipeline").symlink_to(ready_checkout.tool.parent)
    ended = ready_checkout.start(PIPELINE_CACHE_DIR="", HOME=str(tmp_path))
    assert (ended.returncode, ended.stderr) == (7, "")


def test_of_several_first_runs_one_works_and_the_others_wait(bare_checkout: Checkout) -> None:
    with ThreadPoolExecutor(3) as pool:
        ended = [job.result() for job in [pool.submit(bare_checkout.start) for _ in range(3)]]
    assert [run.returncode for run in ended] == [7, 7, 7], ended
    assert sum("setting up" in run.stderr for run in ended) == 1
    assert len(environments(bare_checkout)) == 1


def test_a_set_up_needs_no_open_stream(bare_checkout: Checkout) -> None:
    closing = ("sh", "-c", '"$0" "$@" <&- >&- 2>&-', str(bare_checkout.root / "pipelinew"))
    assert bare_checkout.start(command=closing).returncode == 7
    assert len(environments(bare_checkout)) == 1


def test_a_set_up_that_was_killed_is_started_anew(bare_checkout: Checkout) -> None:
    with subprocess.Popen(
        [bare_checkout.root / "pipelinew"],
        env=bare_checkout.environ,
        stderr=subprocess.PIPE,
        process_group=0,
    ) as first:
        assert first.stderr is not None
        line = first.stderr.readline()
        assert b"setting up" in line
        os.killpg(first.pid, signal.SIGKILL)
    assert environments(bare_checkout) == []
    again = bare_checkout.start()
    assert again.returncode == 7
    assert "setting up" in again.stderr
    assert again.stdout.startswith("{"), "progress goes to standard error"


def test_an_environment_that_lost_its_python_is_made_again(bare_checkout: Checkout) -> None:
    assert bare_checkout.start().returncode == 7
    [environment] = environments(bare_checkout)
    shutil.rmtree(environment / "bin")
    (environment / ".complete").unlink()
    assert bare_checkout.start().returncode == 7


def test_other_requirements_get_another_environment(bare_checkout: Checkout) -> None:
    assert bare_checkout.start().returncode == 7
    file = bare_checkout.root / "pipeline" / "requirements.txt"
    body = file.read_text(encoding="utf-8").partition("\n")[2]
    bare_checkout.require(body + "# one line more\n")
    assert bare_checkout.start().returncode == 7
    assert len(environments(bare_checkout)) == 2


def test_a_wheel_that_is_not_the_locked_one_is_a_mismatch(bare_checkout: Checkout) -> None:
    bare_checkout.require(f"thing==1.0 --hash=sha256:{'0' * 64}\n")
    ended = bare_checkout.start()
    assert ended.returncode == 4
    assert "not the one that was locked" in ended.stderr
    assert environments(bare_checkout) == []


def test_constraints_of_the_caller_are_not_for_the_tool(bare_checkout: Checkout) -> None:
    ended = bare_checkout.start(PIP_CONSTRAINT="absent.txt", PIP_BUILD_CONSTRAINT="absent.txt")
    assert ended.returncode == 7, ended.stderr


def test_an_index_out_of_reach_is_a_network_failure(bare_checkout: Checkout) -> None:
    bare_checkout.require(f"absent==1.0 --hash=sha256:{'0' * 64}\n")
    ended = bare_checkout.start(
        PIP_NO_INDEX="0", PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="0"
    )
    assert ended.returncode == 5
    assert "could not be downloaded" in ended.stderr


@pytest.mark.sandbox
def test_a_machine_without_a_network_is_told_so_at_once(bare_checkout: Checkout) -> None:
    bare_checkout.require(f"absent==1.0 --hash=sha256:{'0' * 64}\n")
    environ = {**bare_checkout.environ, "PIP_NO_INDEX": "0"}
    ended = subprocess.run(
        ["unshare", "--map-root-user", "--net", bare_checkout.root / "pipelinew", "run"],
        env={**environ, "PIP_INDEX_URL": "http://index.example/simple"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 5
    assert "could not be downloaded" in ended.stderr
    assert "Retrying" not in ended.stderr


@pytest.mark.network
def test_the_committed_requirements_give_a_working_command(tmp_path: Path) -> None:
    environ = {"PIPELINE_CACHE_DIR": str(tmp_path / "cache"), "PIPELINE_PYTHON": sys.executable}
    ended = subprocess.run(
        [REPOSITORY / "pipelinew", "--help"],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "release" in ended.stdout
