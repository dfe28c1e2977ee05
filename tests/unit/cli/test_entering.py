"""`exec` becomes its command at once, and only while nothing that decided it has moved."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from shutil import which

import pytest

from pipeline.cli import entering
from pipeline.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]
ENTER = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from pipeline.cli.entering import enter_recorded
enter_recorded(sys.argv[1:], os.environ)
print("asked anew")
"""


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an environment on record that rests on the file `declared`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIPELINE_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    prefix = tmp_path / "environment"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "pyvenv.cfg").touch()
    declared = tmp_path / "declared"
    declared.write_text("one")
    began = time.time_ns() + 1_000_000_000  # as if the file had rested for a second
    entering.record("dev", str(prefix), [str(declared)], began=began)
    return prefix


def enter(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", ENTER, *words], capture_output=True, text=True, check=False
    )
    return (done.stdout + done.stderr).strip()


@pytest.mark.parametrize(
    "words", [("exec",), ("exec", "--"), ("exec", "-e", "dev"), ("exec", "--environment", "dev")]
)
def test_an_environment_on_record_is_entered(prefix: Path, words: tuple[str, ...]) -> None:
    told = enter(*words, "sh", "-c", 'echo "$VIRTUAL_ENV ${PATH%%:*}"')
    assert told.splitlines()[0] == f"{prefix} {prefix}/bin"


@pytest.mark.usefixtures("prefix")
def test_a_program_of_the_system_is_said_to_be_one() -> None:
    assert enter("exec", "true") == f"`true` is not in environment `dev`: this is {which('true')}"


def test_no_program_of_the_system_takes_the_place_of_one_that_is_computed(prefix: Path) -> None:
    hidden = "`entry_points` in `setup.py` of `a`"
    with pytest.raises(UsageError, match="no program `true` that is known") as refused:
        entering.become(["true"], str(prefix), "dev", os.environ, hidden=hidden)
    assert refused.match("`entry_points` in `setup.py` of `a` is computed")
    assert f"`{which('true')}` runs that of the system" in refused.value.hint


def test_entering_counts_as_use(prefix: Path) -> None:
    tree = prefix.with_name("environment.tree")
    tree.touch()
    os.utime(tree, (0, 0))
    enter("exec", "true")
    assert tree.stat().st_mtime > 0


def test_a_declaration_that_moved_is_read_again(prefix: Path) -> None:
    (prefix.parent / "declared").write_text("another")
    assert enter("exec", "true") == "asked anew"


def test_an_environment_that_is_gone_is_made_again(prefix: Path) -> None:
    (prefix / "pyvenv.cfg").unlink()
    assert enter("exec", "true") == "asked anew"


@pytest.mark.parametrize(
    "words", [("exec",), ("exec", "--offline", "true"), ("exec", "-e", "docs", "true")]
)
@pytest.mark.usefixtures("prefix")
def test_what_is_not_on_record_is_looked_at_in_full(words: tuple[str, ...]) -> None:
    assert enter(*words) == "asked anew"


def test_a_program_that_is_not_there_is_a_sentence(prefix: Path) -> None:
    with pytest.raises(UsageError, match="there is no such program"):
        entering.become(["no-such-program"], str(prefix), "dev", os.environ)
