"""What a Dockerfile may say and how it is read."""

from __future__ import annotations

from typing import TypeVar

import pytest

from pipeline.dockerfile.instructions import (
    Arg,
    Copy,
    Env,
    Instruction,
    Label,
    Mount,
    Run,
    Shell,
    Start,
    User,
    Workdir,
)
from pipeline.dockerfile.lexing import Heredoc
from pipeline.dockerfile.parser import parse
from pipeline.errors import ConfigError

I = TypeVar("I", bound=Instruction)  # noqa: E741 - an instruction


def only(text: str, kind: type[I]) -> I:
    """Return the one instruction of ``text``, which stands alone below a FROM."""
    (stage,) = parse(f"FROM base\n{text}").stages
    (step,) = stage.steps
    assert isinstance(step, kind)
    return step


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return caught.value


def test_stages_have_bases_names_and_platforms() -> None:
    dockerfile = parse(
        "ARG TAG=1 OTHER\n"
        "from --platform=$BUILDPLATFORM base as Build\n"
        "FROM build AS test.2\n"
        "FROM scratch\n"
    )
    starts = [stage.start for stage in dockerfile.stages]
    assert [(each.base, each.name, each.platform) for each in starts] == [
        ("base", "build", "$BUILDPLATFORM"),
        ("build", "test.2", ""),
        ("scratch", "", ""),
    ]
    assert dockerfile.args[0].pairs == (("TAG", "1"), ("OTHER", None))


def test_equality_is_about_what_is_said_and_not_where() -> None:
    spread = "# comment\n\nFROM base\n\n\nRUN a \\\n  b\n"
    assert parse(spread) == parse("FROM base\nRUN a   b")
    assert parse(spread) != parse("FROM base\nRUN a b")
    assert parse(spread).stages[0].steps[0].line == 6


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("ENV A=1 B=2", (("A", "1"), ("B", "2"))),
        ('ENV A="x y" B=x\\ y', (("A", '"x y"'), ("B", "x\\ y"))),
        ("ENV A='it\"s' B=", (("A", "'it\"s'"), ("B", ""))),
        ('ENV A="\\"" B=2', (("A", '"\\""'), ("B", "2"))),
        ("ENV A=x=y", (("A", "x=y"),)),
        ("ENV A the rest  of it", (("A", "the rest  of it"),)),
        ("ENV A=1 \\\n    B=2 \\\n# why\n    C=3", (("A", "1"), ("B", "2"), ("C", "3"))),
        ("ENV Ä=ö", (("Ä", "ö"),)),
    ],
)
def test_variables_keep_their_quotes_until_they_are_expanded(
    text: str, pairs: tuple[tuple[str, str], ...]
) -> None:
    assert only(text, Env).pairs == pairs


def test_labels_starts_shells_users_and_workdirs_are_read() -> None:
    assert only("LABEL a.b=c", Label).pairs == (("a.b", "c"),)
    assert only('ENTRYPOINT ["a", "b"]', Start).command == ("a", "b")
    assert only("CMD a b", Start).command == "a b"
    assert only("CMD []", Start).command == ()
    assert only('SHELL ["/bin/bash", "-ec"]', Shell).words == ("/bin/bash", "-ec")
    assert only("USER 0:0", User).user == "0:0"
    assert only("WORKDIR /a b", Workdir).path == "/a b"
    assert only("ARG A='b c' D", Arg).pairs == (("A", "'b c'"), ("D", None))


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("RUN echo hello", "echo hello"),
        ('RUN ["echo", "hello \\"you\\"", "\\u00e9"]', ("echo", 'hello "you"', "é")),
        ("RUN ['echo', 'hello']", "['echo', 'hello']"),
        ("RUN [ -f /etc/passwd ]", "[ -f /etc/passwd ]"),
        ('RUN ["a"] && b', '["a"] && b'),
        ('RUN ["a", "b"', '["a", "b"'),
        ("RUN a \\\n  b", "a   b"),
        ("RUN a \\\n# a comment\n\n   # another \\\n  && b", "a   && b"),
        ("RUN a \\  \t\n&& b", "a && b"),
        ("RUN a \\\\", "a \\\\"),
        ("RUN echo '#' no comment", "echo '#' no comment"),
        ("RUN\techo\ttabs", "echo\ttabs"),
        ("run lower", "lower"),
        ("RUN a\\\nb", "ab"),
        ("\\\nRUN a", "a"),
        ("  RUN a  ", "a"),
        ("RUN a\r\n", "a"),
        ("RUN -- a", "a"),
        ("RUN echo $A ${B:-c} \\$d", "echo $A ${B:-c} \\$d"),
        ("RUN a \\", "a"),
    ],
)
def test_commands_come_in_shell_and_exec_form(text: str, command: str | tuple[str, ...]) -> None:
    run = only(text, Run)
    assert run.command == command
    assert run.network == "default"


def test_the_escape_directive_moves_continuation_to_the_backtick() -> None:
    dockerfile = parse("# escape=`\nFROM base\nRUN a `\n  b\\\nRUN c\n")
    assert dockerfile.escape == "`"
    commands = [step.command for step in dockerfile.stages[0].steps if isinstance(step, Run)]
    assert commands == ["a   b\\", "c"]


def test_a_directive_below_a_comment_is_a_comment() -> None:
    assert parse("# first\n# escape=`\nFROM base").escape == "\\"
    assert parse("\n# syntax=other\nFROM base").escape == "\\"
    assert parse("# check=skip=all\n# escape=`\nFROM base").escape == "`"


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse("\ufeffFROM base").stages[0].start.base == "base"


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("RUN <<EOF\na\n b\nEOF", [Heredoc(name="EOF", text="a\n b\n")]),
        ("RUN <<'EOF'\n$a\nEOF", [Heredoc(name="EOF", text="$a\n", expand=False)]),
        ('RUN <<E"O"F\n$a\nEOF', [Heredoc(name="EOF", text="$a\n", expand=False)]),
        ("RUN <<eo\\'f\nx\neo'f", [Heredoc(name="eo'f", text="x\n")]),
        ("RUN <<'one two'\nx\none two", [Heredoc(name="one two", text="x\n", expand=False)]),
        ("RUN << EOF\nEOF", [Heredoc(name="EOF")]),
        ("RUN <<-EOF\n\ta\n\tEOF", [Heredoc(name="EOF", text="\ta\n", tabs_stripped=True)]),
        ("RUN <<EOF\n\tEOF\nEOF", [Heredoc(name="EOF", text="\tEOF\n")]),
        ("RUN <<EOF\n# kept \\\n\nRUN x\nEOF", [Heredoc(name="EOF", text="# kept \\\n\nRUN x\n")]),
        ("RUN 3<<EOF cat\nx\nEOF", [Heredoc(name="EOF", text="x\n")]),
        (
            "RUN cat <<A <<B\n1\nA\n2\nB",
            [Heredoc(name="A", text="1\n"), Heredoc(name="B", text="2\n")],
        ),
        ("RUN cat \\\n <<A \\\n >x\n1\nA", [Heredoc(name="A", text="1\n")]),
        ("RUN [ -f x ] || cat <<A\n1\nA", [Heredoc(name="A", text="1\n")]),
        ('RUN "<<EOF"', []),
        ('RUN ["<<EOF"]', []),
        ("RUN echo it's <<EOF", []),
        ("RUN cat <<<EOF", []),
        ("RUN <<EOF\na\r\nEOF\r\n", [Heredoc(name="EOF", text="a\r\n")]),
    ],
)
def test_heredocs_are_read_to_their_delimiter(text: str, documents: list[Heredoc]) -> None:
    assert list(only(text, Run).documents) == documents


def test_a_heredoc_with_tabs_stripped_loses_only_leading_tabs() -> None:
    (document,) = only("RUN <<-E\n\t\ta\tb\n  \tc\n\tE", Run).documents
    assert document.content == "a\tb\n  \tc\n"


def test_copies_have_sources_destination_and_flags() -> None:
    copy = only('COPY --from=Stage --chmod=755 --chown=root:0 a "b /c/', Copy)
    assert (copy.origin, copy.mode, copy.owner) == ("Stage", "755", "root:0")
    assert (copy.sources, copy.destination) == (("a", '"b'), "/c/")
    assert only('COPY ["a b", "/c d"]', Copy).sources == ("a b",)
    assert only("ADD a b /c/", Copy).sources == ("a", "b")
    assert only("COPY --from='a' b c", Copy).origin == "a"


def test_a_copy_takes_inline_documents_beside_files() -> None:
    copy = only("COPY plain <<one <<'two' /d/\n$1\none\n$2\ntwo\n", Copy)
    assert copy.sources == ("plain",)
    assert [(each.name, each.expand) for each in copy.documents] == [("one", True), ("two", False)]
    assert copy.destination == "/d/"


@pytest.mark.parametrize(
    ("flag", "mount"),
    [
        ("target=/a", Mount(type="bind", target="/a")),
        (
            "type=bind,from=b,source=/c,target=/a,rw",
            Mount(type="bind", target="/a", origin="b", source="/c", read_only=False),
        ),
        ("dst=/a,src=c", Mount(type="bind", target="/a", source="c")),
        ("type=cache,target=/a", Mount(type="cache", target="/a", read_only=False)),
        (
            "type=cache,target=/a,sharing=shared",
            Mount(type="cache", target="/a", read_only=False, shared=True),
        ),
        (
            "type=cache,id=x,destination=/a,sharing=locked,mode=0700,ro",
            Mount(type="cache", target="/a", id="x", mode="0700", read_only=True),
        ),
        (
            "type=tmpfs,target=/a,size=64m",
            Mount(type="tmpfs", target="/a", size="64m", read_only=False),
        ),
        ("type=secret,id=t", Mount(type="secret", id="t")),
        (
            "type=secret,id=t,required,env=TOKEN",
            Mount(type="secret", id="t", required=True, variable="TOKEN"),
        ),
        (
            'type=bind,"target=/a,b",readonly=false'.replace('"', '\\"'),
            Mount(type="bind", target="/a,b", read_only=False),
        ),
        ("target=$WHERE", Mount(type="bind", target="$WHERE")),
    ],
)
def test_mounts_have_a_type_and_its_options(flag: str, mount: Mount) -> None:
    assert only(f"RUN --mount={flag} true", Run).mounts == (mount,)


def test_a_run_has_a_network_and_any_number_of_mounts() -> None:
    run = only("RUN --network=host --mount=target=/a --mount=target=/b x", Run)
    assert run.network == "host"
    assert [mount.target for mount in run.mounts] == ["/a", "/b"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "has no `FROM`"),
        ("# nothing", 1, "has no `FROM`"),
        ("ARG A\n", 1, "has no `FROM`"),
        ("# syntax=x/y:1\nFROM a", 1, "in our place"),
        ("#!/usr/bin/env x\n# syntax=x/y:1\nFROM a", 2, "in our place"),
        ("# escape=x\nFROM a", 1, "escape"),
        ("# escape=`\n# escape=`\nFROM a", 2, "twice"),
        ("RUN a\nFROM a", 1, "before the first `FROM`"),
        ("FROM", 1, "takes a base"),
        ("FROM a b", 1, "takes a base"),
        ("FROM a IS b", 1, "takes a base"),
        ("FROM a AS 1b", 1, "cannot name a stage"),
        ("FROM a AS b\nFROM a AS B", 2, "already at line 1"),
        ("FROM --pull a", 1, "--pull"),
        ("FROM --platform a", 1, "needs a value"),
        ("FROM a\nRUM x", 2, "`RUM` is not an instruction"),
        ("FROM a\nONBUILD RUN x", 2, "`ONBUILD` is not supported"),
        ("FROM a\nMAINTAINER me", 2, "`MAINTAINER` is not supported"),
        ("FROM a\nUSER", 2, "USER"),
        ("FROM a\nRUN", 2, "needs a command"),
        ("FROM a\nRUN []", 2, "needs a command"),
        ('FROM a\nRUN ["a", 1]', 2, "strings only"),
        ("FROM a\nRUN --security=insecure x", 2, "--security"),
        ("FROM a\nRUN --network=all x", 2, "--network=all"),
        ("FROM a\nRUN --network=none --network=none x", 2, "twice"),
        ("FROM a\nRUN <<EOF\nx\n", 2, "`EOF` is not closed"),
        ("FROM a\nENV A", 2, "has no value"),
        ("FROM a\nENV A=1 B", 2, "`B` in `ENV`"),
        ("FROM a\nENV =1", 2, "`=1` in `ENV`"),
        ("FROM a\nLABEL", 2, "needs `name=value`"),
        ("FROM a\nARG", 2, "needs a name"),
        ("FROM a\nARG =1", 2, "has no name"),
        ("FROM a\nWORKDIR", 2, "needs a path"),
        ("FROM a\nSHELL /bin/sh -c", 2, "JSON list"),
        ("FROM a\nSHELL []", 2, "JSON list"),
        ("FROM a\nCOPY a", 2, "a source and a destination"),
        ("FROM a\nCOPY --from=$X a b", 2, "may not hold a variable"),
        ("FROM a\nCOPY a <<E\nE", 2, "cannot be a heredoc"),
        ("FROM a\nADD --from=b a b", 2, "--from"),
        ("FROM a\nADD https://mirror.example/x /x", 2, "would be downloaded"),
        ("FROM a\nADD git@mirror.example:x/y.git /x", 2, "would be downloaded"),
        ("FROM a\nRUN --mount=type=bind x", 2, "needs a `target`"),
        ("FROM a\nRUN --mount=type=tmpfs,target=/a,id=b x", 2, "has no `id`"),
        ("FROM a\nRUN --mount=target=/a,from=$b x", 2, "may not hold a variable"),
        ("FROM a\nRUN --mount=type=secret x", 2, "needs an `id`"),
        ("FROM a\nRUN --mount=target=/a,target=/b x", 2, "twice"),
        ("FROM a\nRUN --mount=target x", 2, "key=value"),
        ("FROM a\nRUN --mount=type=cache,target=/a,sharing=all x", 2, "sharing=all"),
        ("FROM a\nRUN --mount=target=/a,ro=maybe x", 2, "readonly=maybe"),
        ("FROM a\nRUN a\0b", 2, "NUL"),
        ("FROM a\n\\\n\n", 2, "never begins"),
    ],
)
def test_what_is_not_supported_is_refused_by_line_and_name(
    text: str, line: int, words: str
) -> None:
    error = refusal(text)
    assert error.where == f"Dockerfile:{line}"
    assert words in error.message


def test_a_misspelt_name_is_answered_with_the_right_one() -> None:
    assert "`COPY`" in refusal("FROM a\nCOPPY a b").hint
    assert "`from`" in refusal("FROM a\nCOPY --form=b a b").hint
    assert "`target`" in refusal("FROM a\nRUN --mount=targte=/a x").hint
