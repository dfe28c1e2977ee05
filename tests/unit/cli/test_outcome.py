from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.cli.outcome import show
from pipeline.console import Console

if TYPE_CHECKING:
    from pathlib import Path

FILE = {
    "name": "greeting-1.0-py3-none-any.whl",
    "path": "/work/dist/greeting-1.0-py3-none-any.whl",
    "placed": False,
    "sha256": "a" * 64,
    "size": 972,
    "findings": [],
}
FOUND = {"level": "warning", "rule": "size-limit", "message": "it has `5` bytes"}


def cell(name: str, status: str, **more: object) -> dict[str, object]:
    usual = {"cell": name, "stage": name, "status": status, "seconds": 1.5, "remarks": []}
    return usual | {"outputs": [], "text": ""} | more


def document(*cells: dict[str, object], **more: object) -> dict[str, Any]:
    return {"version": "1.0", "draft": False, "seconds": 2.0, "cells": list(cells), **more}


def lines(found: dict[str, Any], environ: dict[str, str] | None = None) -> list[str]:
    stream = io.StringIO()
    show(found, Console(stream, environ or {}), as_json=False)
    return stream.getvalue().splitlines()


def test_files_are_told_with_size_and_whole_digest(capsys: pytest.CaptureFixture[str]) -> None:
    lines(document(cell("wheel", "built", outputs=[FILE])))
    assert capsys.readouterr().out.splitlines() == [
        f"file                            size  {'sha256'}",
        f"greeting-1.0-py3-none-any.whl  972 B  {'a' * 64}",
    ]


def test_words_end_with_how_the_run_went() -> None:
    assert lines(document(cell("wheel", "built"))) == ["   built  wheel  1.5 s", "done in 2.0 s"]
    assert lines(document(cell("wheel", "failed")))[-1] == "failed after 2.0 s"
    failed = document(cell("a", "failed"), cell("b", "skipped"))
    assert lines(failed)[-1] == "failed after 2.0 s (1 of 2 cells)"


def test_a_draft_says_that_nothing_was_changed() -> None:
    assert lines(document(draft=True))[-1] == "done in 2.0 s, as a draft: nothing was changed"


def test_remarks_are_warnings_of_their_cell() -> None:
    found = lines(document(cell("wheel", "built", remarks=["no license"])))
    assert "warning: wheel: no license" in found


def test_what_an_audit_found_is_a_table_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    twice = [cell("wheel", "built", outputs=[FILE | {"findings": [FOUND]}])] * 2
    lines(document(*twice))
    assert capsys.readouterr().out.splitlines()[:3] == [
        "greeting-1.0-py3-none-any.whl",
        "  warning  size-limit  it has `5` bytes",
        "",
    ]


def test_on_github_findings_are_warnings_and_in_the_summary(tmp_path: Path) -> None:
    summary = tmp_path / "summary"
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    told = lines(document(cell("wheel", "built", outputs=[FILE | {"findings": [FOUND]}])), environ)
    assert f"::warning::{FILE['name']}: size-limit: it has `5` bytes" in told
    row = f"| `{FILE['name']}` | warning | size-limit | it has `5` bytes |"
    assert row in summary.read_text()


def test_a_github_job_gets_a_summary(tmp_path: Path) -> None:
    summary = tmp_path / "summary"
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    found = document(cell("wheel", "built", outputs=[FILE]), error={"message": "a | <b>"})
    lines(found, environ)
    text = summary.read_text()
    assert "| `wheel` | built | 1.5 s |" in text
    assert f"| `{FILE['name']}` | 972 B | `{FILE['sha256']}` |" in text
    assert "a \\| &lt;b>" in text


def test_the_document_is_all_that_json_prints(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(cell("wheel", "built"))
    show(found, Console(io.StringIO(), {}), as_json=True)
    assert json.loads(capsys.readouterr().out) == found


@pytest.mark.parametrize("columns", [80, 60])
def test_a_digest_gives_way_before_a_name(columns: int) -> None:
    from pipeline.console import table  # noqa: PLC0415

    name = str(FILE["name"])
    made = table(("file", "sha256"), [(name, "a" * 64)], width=columns, yields=1)
    assert made[1].startswith(name)
    assert len(made[1]) <= columns


def test_why_no_file_was_placed_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    cells = [cell("wheel", "built", outputs=[FILE]), cell("test", "failed")]
    why = "no file was placed, as a cell failed; `--keep-going` places what was made"
    assert why in lines(document(*cells))
    assert why not in lines(document(*cells, draft=True))
    assert why not in lines(document(cell("test", "failed")))
    assert capsys.readouterr().out == ""


def test_files_that_were_placed_are_told_after_a_failure_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = lines(
        document(cell("wheel", "built", outputs=[FILE | {"placed": True}]), cell("b", "failed"))
    )
    assert not any("no file was placed" in line for line in found)
    assert "a" * 64 in capsys.readouterr().out
