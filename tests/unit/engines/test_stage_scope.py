"""Variables, arguments and the working directory as the instructions of a stage set them."""

from __future__ import annotations

import pytest

from pipeline.dockerfile.expansion import Style
from pipeline.dockerfile.parser import parse
from pipeline.engines.references import References
from pipeline.engines.scope import DEFAULT_PATH, Arguments, Scope, arguments
from pipeline.errors import ConfigError


def given(text: str) -> Arguments:
    return arguments(
        parse(text),
        Style(),
        given={"SOURCE_DATE_EPOCH": "12"},
        platforms=("linux/amd64", "linux/arm64"),
    )


def evaluated(text: str, *, env: dict[str, str] | None = None) -> Scope:
    """Return the scope at the end of the last stage, all stages being one chain."""
    values = given(text)
    scope = Scope.of_image(env or {}, "/", values)
    for index, stage in enumerate(parse(text).stages):
        if index:
            scope = scope.successor()
        for step in stage.steps:
            scope.apply(step)
    return scope


@pytest.mark.parametrize(
    ("steps", "name", "value"),
    [
        ("ENV A=1", "A", "1"),
        ("ENV A=1\nENV A=2 B=$A", "B", "1"),
        ("ENV A=1 B=$A", "B", ""),
        ("ENV A='$B' B=x", "A", "$B"),
        ('ENV A="x  y"', "A", "x  y"),
        ("ENV A x  y ", "A", "x  y"),
        ("ENV A=x\nENV $A=1", "x", "1"),
        ("ARG A=1\nENV B=$A", "B", "1"),
        ("ARG A=1 B=$A", "B", "1"),
        ("ENV A=env\nARG A=arg", "A", "arg"),
        ("ARG TARGETARCH", "TARGETARCH", "arm64"),
        ("ARG BUILDPLATFORM", "BUILDPLATFORM", "linux/amd64"),
        ("ARG SOURCE_DATE_EPOCH=1", "SOURCE_DATE_EPOCH", "12"),
        ("ENV P=$PATH:/x", "P", f"{DEFAULT_PATH}:/x"),
        ("ENV I=${IMAGE}", "I", "said"),
    ],
)
def test_a_variable_has_the_value_docker_gives_it(steps: str, name: str, value: str) -> None:
    assert evaluated(f"FROM base\n{steps}\n", env={"IMAGE": "said"}).env[name] == value


def test_arguments_before_the_first_stage_need_to_be_asked_for() -> None:
    text = "ARG A=1\nARG B=$A$A\nFROM base\nENV UNASKED=$B\nARG B\nENV ASKED=$B"
    scope = evaluated(text)
    assert (scope.env["UNASKED"], scope.env["ASKED"]) == ("", "11")


def test_a_later_stage_has_what_the_earlier_one_set_and_its_env_wins() -> None:
    scope = evaluated(
        "FROM base AS one\nENV A=env\nARG A=arg\nARG B=arg\nWORKDIR /w\n"
        'SHELL ["/bin/bash", "-c"]\nFROM one\nWORKDIR x\n'
    )
    assert (scope.env["A"], scope.env["B"]) == ("env", "arg")
    assert scope.workdir == "/w/x"
    assert scope.shell == ("/bin/bash", "-c")


@pytest.mark.parametrize(
    ("steps", "workdir"),
    [
        ("WORKDIR /a/", "/a"),
        ("WORKDIR a", "/a"),
        ("WORKDIR /a\nWORKDIR ../b/./c", "/b/c"),
        ("WORKDIR //a", "/a"),
        ("ENV D=/x\nWORKDIR $D/y", "/x/y"),
        ("WORKDIR /a b", "/a b"),
        ("WORKDIR /../..", "/"),
    ],
)
def test_the_working_directory_is_an_absolute_path(steps: str, workdir: str) -> None:
    assert evaluated(f"FROM base\n{steps}\n").workdir == workdir


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ('ENV A="${B:?no B}"', "no B"),
        ("ENV A='x", "not closed"),
    ],
)
def test_a_wrong_value_is_refused_at_its_line(steps: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        evaluated(f"FROM base\n{steps}\n")
    assert caught.value.where == f"Dockerfile:{1 + len(steps.splitlines())}"


TEXT = """ARG BASE=python
FROM $BASE AS one
FROM base AS unused
RUN false
FROM One AS two
COPY --from=0 / /x
RUN --mount=type=bind,from=sources,target=/s true
FROM scratch
COPY --from=two /out /
"""


def references(text: str, contexts: tuple[str, ...] = ("python", "base", "sources")) -> References:
    return References(dockerfile=parse(text), contexts=contexts, arguments=given(text))


def test_only_the_stages_that_the_last_one_needs_are_built() -> None:
    assert references(TEXT).needed() == [0, 2, 3]
    assert references(TEXT).base(0) == "python"
    assert references(TEXT).base(2) == 0


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("FROM pyhton", 1, "neither a stage above nor a context"),
        ("FROM $NOTSET", 1, "names nothing"),
        ("FROM base\nCOPY --from=later a b\nFROM base AS later", 2, "neither"),
        ("FROM base\nCOPY --from=0 a b", 2, "no stage 0 above"),
        ("FROM base\nCOPY --from=1 a b\nFROM base", 2, "no stage 1 above"),
        ("FROM base\nCOPY a b", 2, "no context `context`"),
        ("FROM base\nADD a b", 2, "no context `context`"),
    ],
)
def test_an_unknown_name_is_refused_at_its_line(text: str, line: int, words: str) -> None:
    found = references(f"{text}\nFROM scratch\nCOPY --from=0 / /\n")
    with pytest.raises(ConfigError) as caught:
        found.needed()
    assert words in caught.value.message
    assert caught.value.where == f"Dockerfile:{line}"


def test_a_misspelt_context_is_answered_with_the_right_name() -> None:
    with pytest.raises(ConfigError) as caught:
        references("FROM pyhton").needed()
    assert "`python`" in caught.value.hint


def test_a_stage_may_not_have_the_name_of_a_context() -> None:
    with pytest.raises(ConfigError, match="has the name of a context"):
        references("FROM base AS sources").check_names()
