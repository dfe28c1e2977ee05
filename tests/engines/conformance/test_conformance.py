"""Every engine makes of a Dockerfile what the reference says, so all make the same of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.dockerfile.beyond import OTHER_ENGINE
from pipeline.dockerfile.parser import parse
from pipeline.errors import ConfigError, PipelineError, StageFailedError
from tests.engines.conformance.page import page
from tests.engines.conformance.spec import Fails, Refused
from tests.engines.conformance.table import CASES

if TYPE_CHECKING:
    from tests.engines.conformance.conftest import Bench
    from tests.engines.conformance.spec import Case

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"
BUILT = [case for case in CASES if not isinstance(case.output, Fails | Refused)]
FAILING = [case for case in CASES if isinstance(case.output, Fails)]
REFUSED = [case for case in CASES if isinstance(case.output, Refused)]


def named(case: Case) -> str:
    return case.name


@pytest.mark.network
@pytest.mark.parametrize("case", BUILT, ids=named)
def test_the_output_is_what_the_reference_says(case: Case, bench: Bench) -> None:
    if case.beyond and bench.engine.name == "sandbox":
        with pytest.raises(ConfigError) as caught:
            bench.build(case)
        assert case.beyond in caught.value.message
        assert OTHER_ENGINE in caught.value.hint
        return
    made = bench.build(case).output
    assert made.entries == case.tree.entries
    assert made.digest == case.tree.digest


@pytest.mark.network
@pytest.mark.parametrize("case", FAILING, ids=named)
def test_a_build_that_must_fail_fails_and_says_why(case: Case, bench: Bench) -> None:
    assert isinstance(case.output, Fails)
    with pytest.raises(PipelineError) as caught:
        bench.build(case)
    assert isinstance(caught.value, ConfigError | StageFailedError)
    if case.output.status is not None:
        assert f"status {case.output.status}" in caught.value.message
        assert caught.value.where.startswith("Dockerfile:")
    assert case.output.says in "\n".join((caught.value.message, *caught.value.detail))
    assert case.output.says.encode() in bytes(bench.printed)


@pytest.mark.parametrize("case", REFUSED, ids=named)
def test_what_no_engine_may_do_is_refused_when_it_is_read(case: Case) -> None:
    assert isinstance(case.output, Refused)
    with pytest.raises(ConfigError) as caught:
        parse(case.dockerfile)
    assert case.output.words in caught.value.message
    assert caught.value.where.startswith("Dockerfile:")


def test_every_case_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter(map(named, CASES)).items() if count > 1] == []


def test_the_page_shows_the_list_as_it_is() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()
