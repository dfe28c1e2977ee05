"""A run of the tests uses the cores it finds, and says what it left out and what runs that."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("xdist")

CONFTEST = Path(__file__).parents[1] / "conftest.py"
SETTINGS = '[pytest]\ntestpaths = tests\naddopts = -m "not network and not slow"\n'
TESTS = """
import os, pytest

def test_who_runs_it():
    print("run by", os.environ.get("PYTEST_XDIST_WORKER", "the only process"))

@pytest.mark.slow
def test_slow(): ...

@pytest.mark.slow
@pytest.mark.network
def test_both(): ...

@pytest.mark.registry
def test_registry(): ...
"""


def run(root: Path, *words: str, **environ: str) -> str:
    (root / "tests").mkdir()
    shutil.copy(CONFTEST, root / "tests")
    (root / "pytest.ini").write_text(SETTINGS)
    (root / "tests" / "test_it.py").write_text(TESTS)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PIPELINE_"))}
    inherited |= {"PYTHONPATH": str(CONFTEST.parents[1]), "PYTEST_XDIST_AUTO_NUM_WORKERS": "2"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rP", *words],
        cwd=root,
        env=inherited | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_all_tests_run_on_all_cores(tmp_path: Path) -> None:
    told = run(tmp_path, PATH="/nowhere")
    assert "created: 2/2 workers" in told
    assert "run by gw" in told
    *_, skipped, left_out, how, closing = told.splitlines()
    assert skipped == "skipped: 1 tests for lack of `registry`: `docker-registry` is not installed"
    assert left_out == "left out: 2 tests (marked 1 network, 2 slow; some twice)"
    assert how == "run them: ./pipelinew exec pytest -m 'network or slow'"
    assert "1 passed, 1 skipped" in closing


@pytest.mark.parametrize(
    "words",
    [
        ("tests/test_it.py",),
        *(
            pytest.param(words, marks=pytest.mark.slow)
            for words in (("-s",), ("-n", "0"), ("-p", "no:xdist"))
        ),
    ],
)
def test_a_run_that_names_tests_or_wants_the_terminal_has_one_process(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    told = run(tmp_path, *words)
    assert "run by the only process" in told
    assert "left out: 2 tests" in told
