from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import pipeline
from pipeline.cli.documents import DOCUMENTS, ERROR
from pipeline.cli.main import VERBS, load, main
from pipeline.cli.reference import PAGE, VARIABLES, page
from pipeline.execute.report import CellReport
from pipeline.store.store import Store

CONSTANTS = {"PIPELINE_FILE", "PIPELINE_EXAMPLE"}
"""Names in the sources that are no variables of the environment."""


@pytest.fixture
def example(
    pytestconfig: pytest.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Return the words that let a verb look at an example, with a cache of its own."""
    monkeypatch.setenv("PIPELINE_CACHE_DIR", str(tmp_path / "cache"))
    return ["--json", "-C", str(pytestconfig.rootpath / "examples" / "pure")]


def test_the_page_is_up_to_date(pytestconfig: pytest.Config) -> None:
    text = (pytestconfig.rootpath / "docs" / "reference" / PAGE).read_text(encoding="utf-8")
    assert text == page(), "bring it up to date with `pipeline.cli.reference.write`"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_examples_that_its_parser_takes(verb: str) -> None:
    module, parser = load(verb)
    for command, what in module.EXAMPLES:
        words = command.partition(" > ")[0].replace("'", "").split()
        assert words[:2] == ["pipeline", parser.prog.split()[1]]
        parser.parse_all(words[2:])
        assert what


@pytest.mark.parametrize("verb", sorted(DOCUMENTS))
def test_every_document_shown_is_json(verb: str) -> None:
    assert json.loads(DOCUMENTS[verb])


def shown(verb: str, part: str) -> dict[str, object]:
    """Return the first item that the page shows in a verb's document."""
    (first, *_) = json.loads(DOCUMENTS[verb])[part]
    assert isinstance(first, dict)
    return first


def printed(capsys: pytest.CaptureFixture[str], part: str) -> list[dict[str, object]]:
    document = json.loads(capsys.readouterr().out)
    found = document[part]
    assert isinstance(found, list)
    return found


def test_list_prints_what_the_page_shows(
    example: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", *example]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == list(json.loads(DOCUMENTS["list"]))
    assert list(document["stages"][0]) == list(shown("list", "stages"))


def test_plan_prints_what_the_page_shows(
    example: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "wheel", *example]) == 0
    cell = printed(capsys, "cells")[0]
    assert list(cell) == list(shown("plan", "cells"))


def test_a_cell_of_a_run_prints_as_the_page_shows() -> None:
    report = CellReport(stage="a", cell="a", key="", status="built")
    assert list(report.document({})) == list(shown("run", "cells"))


def test_doctor_prints_what_the_page_shows(
    example: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["doctor", *example])
    assert list(printed(capsys, "checks")[0]) == list(shown("doctor", "checks"))


def test_cache_list_prints_what_the_page_shows(
    example: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with Store.open(tmp_path / "cache") as store:
        store.add_blob(b"something")
    assert main(["cache", "list", *example]) == 0
    assert list(printed(capsys, "items")[0]) == list(shown("cache", "items"))


def test_a_failure_prints_what_the_page_shows(
    example: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "whel", *example]) == 2
    assert json.loads(capsys.readouterr().out) == json.loads(ERROR)


def test_the_page_knows_every_variable_that_the_sources_name() -> None:
    sources = "".join(
        file.read_text("utf-8") for file in Path(pipeline.__file__).parent.rglob("*.py")
    )
    told = {name for names, _ in VARIABLES for name in names.split(", ")}
    assert set(re.findall(r"\bPIPELINE_[A-Z]+(?:_[A-Z]+)*\b", sources)) - CONSTANTS <= told
