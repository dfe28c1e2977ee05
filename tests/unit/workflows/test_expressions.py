"""GitHub's expressions, as its documentation tells what they give."""

from __future__ import annotations

import pytest

from pipeline.errors import ConfigError
from pipeline.workflows.expressions import Open, Scope, Unknown, evaluate, holds, value

GITHUB = {"event_name": "push", "ref": "refs/tags/v1", "ref_name": "v1"}
KNOWN = {
    "github": GITHUB,
    "matrix": {"target": "linux_arm64", "list": [1, 2]},
    "needs": {"plan": {"outputs": {"matrix": '{"a": [1]}'}}},
    "steps": {"build": {"outputs": Open(known="x")}},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("github.event_name == 'push'", True),
        ("github.event_name == 'PUSH'", True),
        ("github['ref_name']", "v1"),
        ("!(github.ref_name != 'v1') && true", True),
        ("false || 'a''b'", "a'b"),
        ("null && 1 || 2", 2),
        ("1 <= 2", True),
        ("matrix.list[1]", 2),
        ("fromJSON(needs.plan.outputs.matrix).a[0]", 1),
        ("contains('Hello', 'ELL') && startsWith(github.ref, 'refs/tags/')", True),
        ("contains(matrix.list, 2)", True),
        ("format('{0}-{1}', 'a', true)", "a-true"),
        ("join(matrix.list, '+')", "1+2"),
        ("success() && !cancelled() && always() && !failure()", True),
        ("steps.build.outputs.known", "x"),
    ],
)
def test_what_can_be_known_is_evaluated(text: str, expected: object) -> None:
    assert evaluate(text, Scope(contexts=KNOWN)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "secrets.TOKEN",
        "runner.temp == '/tmp'",
        "hashFiles('**/lock')",
        "steps.build.outputs.other",
        "needs.*.result",
    ],
)
def test_what_only_a_run_can_know_stays_unknown(text: str) -> None:
    assert isinstance(evaluate(text, Scope(contexts=KNOWN)), Unknown)


def test_what_is_known_decides_beside_what_is_not() -> None:
    scope = Scope(contexts=KNOWN)
    assert evaluate("false && secrets.TOKEN", scope) is False
    assert evaluate("true || secrets.TOKEN", scope) is True


@pytest.mark.parametrize("path", ["needs.plan.outputs.matrx", "needs.biuld.result", "matrix.os"])
def test_a_property_that_is_not_there_is_reported(path: str) -> None:
    missing: list[str] = []
    assert evaluate(path, Scope(contexts=KNOWN, missing=missing.append)) is None
    assert missing[0] in path


@pytest.mark.parametrize("text", ["a ==", "(a", "a b", "#", "a[", "", "f(", "format()", "'a"])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no expression"):
        evaluate(text, Scope(contexts={}))


def test_text_around_an_expression_makes_text() -> None:
    scope = Scope(contexts=KNOWN)
    assert value("dist-${{ matrix.target }}", scope) == "dist-linux_arm64"
    assert value("${{ secrets.A }}/${{ github.ref_name }}", scope) == "${{ secrets.A }}/v1"
    assert value("${{ matrix.list }}", scope) == [1, 2]
    assert value("no expression", scope) == "no expression"


def test_a_condition_needs_no_braces() -> None:
    scope = Scope(contexts=KNOWN)
    assert holds("github.event_name == 'push'", scope) is True
    assert holds("${{ github.event_name == 'pull_request' }}", scope) is False
    assert isinstance(holds("secrets.A != ''", scope), Unknown)
