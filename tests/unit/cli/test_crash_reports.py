"""What a bug prints goes into public reports, so it holds nothing that is secret."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from pipeline.cli import crash, main

if TYPE_CHECKING:
    from collections.abc import Mapping

CANARY = "tok-CANARY-7f3a9c51d0"
BASIC = base64.b64encode(f"__token__:{CANARY}".encode()).decode()


@pytest.mark.parametrize(
    "words",
    [
        f"cannot use {CANARY}",
        f"bad header b'Basic {BASIC}'",
        f"bad header {BASIC.rstrip('=')}",
        f"cannot reach https://__token__:{CANARY}@index.example/simple/",
        "cannot reach https://someone:else-entirely@index.example/simple/",
    ],
)
def test_a_traceback_holds_no_token(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> int:
        raise RuntimeError(words)

    monkeypatch.setenv("TWINE_PASSWORD", CANARY)
    monkeypatch.setattr(main, "_dispatch", broken)
    assert main.main(["run", "publish"]) == main.BUG
    said = capsys.readouterr().err
    assert "RuntimeError: " in said
    assert "index.example" in said or crash.HIDDEN in said
    for secret in (CANARY, BASIC, BASIC.rstrip("="), "else-entirely"):
        assert secret not in said


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"A_TOKEN": "1"}, "line 1 of 11"),
        ({"NAME": "pipeline"}, "pipeline"),
        ({"A_TOKEN": "unseen-value"}, "abcdefgh12345678"),
    ],
)
def test_what_is_no_secret_stays(environ: Mapping[str, str], text: str) -> None:
    assert crash.without_secrets(text, environ) == text
