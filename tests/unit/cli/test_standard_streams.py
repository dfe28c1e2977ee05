"""Standard streams that are closed, full or without a reader: a sentence, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pipeline import start
from pipeline.cli.main import BUG

if TYPE_CHECKING:
    from pathlib import Path

FULL = "error: standard output cannot be written: No space left on device\n"
COMMAND = (sys.executable, "-I", "-S", "-X", "utf8", start.__file__)
OPENED = """\
import os, subprocess, sys
sys.path.insert(0, sys.argv[1])
from pipeline import start
start.open_standard_streams()
with open(sys.argv[2], "w") as file:
    assert file.fileno() > 2
    subprocess.run(["echo", "words of a program"], check=True)
    print("words of ours", flush=True)
    print("words of ours", flush=True, file=sys.stderr)
    assert sys.stdin.read() == ""
    assert all(os.get_inheritable(number) for number in range(3))
"""


def ended(words: str, streams: str, root: Path) -> tuple[int, str, str]:
    """Run a verb in an example with its streams as the shell makes them: status, stdout, stderr."""
    done = subprocess.run(
        ["sh", "-c", f'"$@" {streams}', "sh", *COMMAND, *words.split()],
        cwd=root / "examples" / "pure",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("streams", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_closed_stream_is_one_that_nobody_reads(
    streams: str, pytestconfig: pytest.Config
) -> None:
    code, out, err = ended("list", streams, pytestconfig.rootpath)
    assert (code, err) == (0, "")
    assert out.startswith("stage") is (">&- " not in f" {streams} ".replace("2>&-", ""))


@pytest.mark.parametrize("words", ["list", "list --json", "schema", "help run", "--version"])
def test_a_full_device_is_said_once(words: str, pytestconfig: pytest.Config) -> None:
    assert ended(words, ">/dev/full", pytestconfig.rootpath) == (1, "", FULL)


@pytest.mark.parametrize("words", ["list", "schema", "--version"])
def test_a_reader_that_has_gone_is_no_news(words: str, pytestconfig: pytest.Config) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, *words.split()],
        cwd=pytestconfig.rootpath / "examples" / "pure",
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("streams", ["2>/dev/full", ">/dev/full 2>&1", ">&-"])
def test_a_failure_keeps_its_exit_code_wherever_its_words_go(
    streams: str, pytestconfig: pytest.Config
) -> None:
    assert ended("rum --json", streams, pytestconfig.rootpath)[0] == 2


def test_a_bug_whose_words_cannot_be_written_is_still_one(pytestconfig: pytest.Config) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(pytestconfig.rootpath)!r})
from pipeline.cli import main
main._dispatch = lambda words, out: 1 / 0
sys.exit(main.main(["list", "--json"]))
"""
    command = ["sh", "-c", '"$@" >/dev/full 2>&1', "sh", sys.executable, "-c", program]
    assert subprocess.run(command, check=False).returncode == BUG


@pytest.mark.parametrize("streams", [">&-", "2>&-", "<&-", ">&- 2>&-", ">&- 2>&- <&-"])
def test_no_file_gets_the_number_of_a_stream_that_was_closed(
    streams: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    file = tmp_path / "blob"
    command = [sys.executable, "-c", OPENED, str(pytestconfig.rootpath), str(file)]
    script = ["sh", "-c", f'"$@" {streams}', "sh", *command]
    done = subprocess.run(script, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert file.read_bytes() == b""
