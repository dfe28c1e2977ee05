from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from pipeline.cli.main import VERBS, main

if TYPE_CHECKING:
    from collections.abc import Sequence


def said(capsys: pytest.CaptureFixture[str], words: Sequence[str]) -> tuple[int, str, str]:
    code = main(words)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("rum", "there is no verb `rum`", "did you mean `pipeline run`?"),
        ("-C x run", "`-C` stands where a verb is expected", "flags come after it"),
        ("run", "`pipeline run` needs STAGE", "`pipeline list` names the stages"),
        ("run a --offlin", "`pipeline run` knows no flag `--offlin`", "did you mean `--offline`?"),
        ("doctor a", "`pipeline doctor` knows no further word `a`", "see `pipeline doctor --help`"),
        ("run a --jobs 0", "`-j/--jobs`: `0` is no whole number above 0", "see `pipeline run"),
        ("run a --jobs -2", "`-j/--jobs`", "see `pipeline run --help`"),
        ("run a --engine lxc", "`--engine`: `lxc` is none of `auto`, `sandbox`", "see"),
        ("cache lst", "`ACTION`: `lst` is none of `list`, `verify`, `prune`", "see"),
        ("cache prune --older-than nan", "`nan` is no number of days", "see"),
    ],
)
def test_a_wrong_word_is_told_with_what_to_write_instead(
    capsys: pytest.CaptureFixture[str], words: str, message: str, hint: str
) -> None:
    code, out, err = said(capsys, words.split())
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert second.startswith("hint: ")
    assert hint in second


def test_no_words_at_all_is_a_mistake_and_help_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, [])
    assert (code, out) == (2, "")
    assert said(capsys, ["--help"]) == (0, err, "")


def test_the_overview_fits_a_terminal_and_names_every_verb(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out, _ = said(capsys, ["--help"])
    assert max(map(len, out.splitlines())) <= 80
    assert re.findall(r"^  ([a-z]+) ", out, re.MULTILINE) == list(VERBS)


@pytest.mark.parametrize("name", list(VERBS))
def test_the_help_of_every_verb_fits_a_terminal_and_has_examples(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    with pytest.raises(SystemExit) as ended:
        main(["help", name])
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert "\nexamples:\n" in out
    assert max(map(len, out.splitlines())) <= 80
