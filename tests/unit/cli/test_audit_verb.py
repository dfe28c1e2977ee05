"""``pipeline audit`` looks at any wheel or sdist, without a project."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.cli.documents import DOCUMENTS
from pipeline.cli.findings import findings_lines
from pipeline.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

INFO = "some_thing-1.0.dist-info"
NAME = "some_thing-1.0-py3-none-any.whl"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Return a wheel that runs code at start-up and whose RECORD is empty."""
    path = tmp_path / NAME
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("run.pth", "import os\n")
        archive.writestr(
            f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: some-thing\nVersion: 1.0\n"
        )
        tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{INFO}/WHEEL", tag)
        archive.writestr(f"{INFO}/RECORD", "")
    return path


def test_errors_are_told_and_end_with_4(
    wheel: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(wheel.parent)
    assert main(["audit", NAME]) == 4
    said = capsys.readouterr()
    heading, *rows = said.out.splitlines()
    assert heading.startswith(f"{NAME}; ")
    assert "  error    record-mismatch  `run.pth` is in the wheel but not in RECORD" in rows
    assert "  warning  unexpected-pth   `run.pth` would run whenever Python starts" in rows
    assert "error: 1 of 1 files must not be released" in said.err


def test_strictly_a_file_must_hold_what_our_own_must(
    wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", str(wheel), "--strict", "--json"]) == 4
    (found,) = json.loads(capsys.readouterr().out)["files"]
    assert "unexpected-pth" in {f["rule"] for f in found["findings"] if f["level"] == "error"}


def test_what_is_allowed_is_no_finding(wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["audit", str(wheel), "--allow-startup", "run.pth", "--json"])
    (found,) = json.loads(capsys.readouterr().out)["files"]
    assert {each["rule"] for each in found["findings"]} == {"record-mismatch"}


def test_the_document_has_the_fields_that_its_page_shows(
    wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["audit", str(wheel), "--json"])
    (found,) = json.loads(capsys.readouterr().out)["files"]
    (shown,) = json.loads(DOCUMENTS["audit"])["files"]
    assert found.keys() == shown.keys()


def test_an_archive_that_cannot_be_read_does_not_hide_the_others(
    wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "other-1.0-py3-none-any.whl"
    broken.write_bytes(wheel.read_bytes()[:-5])
    assert main(["audit", str(broken), str(wheel), "--json"]) == 4
    first, second = json.loads(capsys.readouterr().out)["files"]
    assert [each["rule"] for each in first["findings"]] == ["malformed"]
    assert second["name"] == "some-thing"


@pytest.mark.parametrize("name", ["absent.whl", "notes.txt"])
def test_what_is_no_wheel_and_no_sdist_is_wrong_usage(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").touch()
    assert main(["audit", str(tmp_path / name)]) == 2


def test_a_directory_is_answered_with_how_to_name_its_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", str(tmp_path)]) == 2
    assert f"`pipeline audit {tmp_path}/*.whl {tmp_path}/*.tar.gz`" in capsys.readouterr().err


def test_messages_are_wrapped_and_nothing_is_left_out() -> None:
    message = f"`{'a' * 60}` is for aarch64, the wheel for `linux_x86_64`"
    found = [{"level": "error", "rule": "elf-architecture", "message": message}]
    lines = findings_lines([("heading", found), ("sound", [])], 80)
    assert lines[0] == "heading"
    assert " ".join(
        line.removeprefix("  error    elf-architecture").strip() for line in lines[1:]
    ) == (message)
    assert max(map(len, lines[2:])) <= 80
    assert findings_lines([("heading", found)], 0)[1:] == [
        f"  error    elf-architecture  {message}"
    ]
