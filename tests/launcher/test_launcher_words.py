"""What `./pipelinew` says when it cannot start; no environment is made here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.bootstrap import sealed

if TYPE_CHECKING:
    from tests.launcher.conftest import Checkout

REPOSITORY = Path(__file__).parents[2]
LAUNCHER = REPOSITORY / "pipelinew"


def fake(directory: Path, name: str, status: int) -> None:
    """Put a program into ``directory`` that ends with ``status`` whatever it is asked."""
    directory.mkdir(exist_ok=True)
    program = directory / name
    program.write_text(f"#!/bin/sh\nexit {status}\n", encoding="utf-8")
    program.chmod(0o755)


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_every_posix_shell_at_hand_can_read_the_launcher(
    bare_checkout: Checkout, shell: str
) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    command = (shell, "sh", "-n") if shell == "busybox" else (shell, "-n")
    checked = bare_checkout.start(command=(*command, str(LAUNCHER)))
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_linter_has_nothing_to_say(bare_checkout: Checkout) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    checked = bare_checkout.start(command=("shellcheck", str(LAUNCHER)))
    assert checked.stdout == ""


def test_the_launcher_can_be_executed_by_everyone() -> None:
    assert LAUNCHER.stat().st_mode & 0o777 & ~0o022 == 0o755


def test_without_any_python_it_says_which_one_to_install(
    bare_checkout: Checkout, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    ended = bare_checkout.start(PATH=str(tmp_path / "bin"), PIPELINE_PYTHON="")
    assert ended.returncode == 1
    assert "needs Python 3.11 or newer" in ended.stderr
    assert "none was found" in ended.stderr
    assert "hint: install one" in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (3, "python3 is older than 3.11"),
        (4, "python3 lacks the modules venv or ensurepip"),
        (127, "python3 does not start"),
    ],
)
def test_a_python_of_no_use_is_named_with_the_reason(
    bare_checkout: Checkout, tmp_path: Path, status: int, words: str
) -> None:
    fake(tmp_path / "bin", "python3", status)
    ended = bare_checkout.start(PATH=str(tmp_path / "bin"), PIPELINE_PYTHON="")
    assert ended.returncode == 1
    assert words in ended.stderr
    assert "python3-venv" in ended.stderr


def test_a_missing_module_is_told_rather_than_that_others_are_too_old(
    bare_checkout: Checkout, tmp_path: Path
) -> None:
    fake(tmp_path / "bin", "python3.12", 4)
    fake(tmp_path / "bin", "python3", 3)
    ended = bare_checkout.start(PATH=str(tmp_path / "bin"), PIPELINE_PYTHON="")
    assert "python3.12 lacks" in ended.stderr


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (3, "older than 3.11"),
        (4, "lacks the modules"),
        (1, "does not start"),
        (None, "there is no"),
    ],
)
def test_a_python_one_asked_for_is_never_replaced_by_another(
    bare_checkout: Checkout, tmp_path: Path, status: int | None, words: str
) -> None:
    wanted = tmp_path / "bin" / "my-python"
    if status is not None:
        fake(wanted.parent, wanted.name, status)
    ended = bare_checkout.start(PIPELINE_PYTHON=str(wanted))
    assert ended.returncode == 2
    assert "PIPELINE_PYTHON" in ended.stderr
    assert words in ended.stderr


@pytest.mark.parametrize("content", [None, "", "thing==1.0\n"])
def test_requirements_without_their_first_line_are_refused(
    bare_checkout: Checkout, content: str | None
) -> None:
    file = bare_checkout.root / "pipeline" / "requirements.txt"
    file.unlink()
    if content is not None:
        file.write_text(content, encoding="utf-8")
    ended = bare_checkout.start()
    assert ended.returncode == 1
    assert "missing or damaged" in ended.stderr


def test_requirements_edited_by_hand_are_refused(bare_checkout: Checkout) -> None:
    file = bare_checkout.root / "pipeline" / "requirements.txt"
    file.write_text(file.read_text(encoding="utf-8") + "other==1.0\n", encoding="utf-8")
    ended = bare_checkout.start()
    assert ended.returncode == 3
    assert "edited by hand" in ended.stderr


def test_a_cache_that_cannot_be_written_is_named(bare_checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = bare_checkout.start(PIPELINE_CACHE_DIR=str(tmp_path / "file"))
    assert ended.returncode == 1
    assert f"below {tmp_path / 'file'}" in ended.stderr
    assert "PIPELINE_CACHE_DIR" in ended.stderr


def test_the_committed_requirements_stand_under_their_digest() -> None:
    text = (REPOSITORY / "pipeline" / "requirements.txt").read_text(encoding="utf-8")
    first, _, body = text.partition("\n")
    assert sealed(body) == text, f"{first} is not the digest of the lines below it"


def test_the_committed_requirements_are_pinned_hashed_and_name_no_host() -> None:
    text = (REPOSITORY / "pipeline" / "requirements.txt").read_text(encoding="utf-8")
    assert "://" not in text
    lines = [line for line in text.replace("\\\n", "").splitlines() if not line.startswith("#")]
    assert lines
    for line in lines:
        assert "==" in line
        assert "--hash=sha256:" in line
