"""Variables and quotes follow BuildKit's rules."""

from __future__ import annotations

import pytest

from pipeline.dockerfile.expansion import ExpansionError, Style, expand, split

ENV = {"HOME": "/root", "EMPTY": "", "SPACED": "a  b", "GRÜN": "ja"}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("plain", "plain"),
        ("$HOME/bin", "/root/bin"),
        ("${HOME}bin", "/rootbin"),
        ("$NOTSET.", "."),
        ("${NOTSET:-/opt}", "/opt"),
        ("${NOTSET-/opt}", "/opt"),
        ("${EMPTY:-/opt}", "/opt"),
        ("${EMPTY-/opt}", ""),
        ("${HOME:+yes}", "yes"),
        ("${EMPTY:+yes}", ""),
        ("${EMPTY+yes}", "yes"),
        ("${NOTSET+yes}", ""),
        ("${NOTSET:-${EMPTY:-$HOME}}", "/root"),
        ("${NOTSET:-'$HOME'}", "$HOME"),
        ("${HOME:?must be there}", "/root"),
        (r"\$HOME", "$HOME"),
        (r"\\$HOME", "\\/root"),
        ("'$HOME'", "$HOME"),
        ('"$HOME"', "/root"),
        (r'"\$HOME \" \\ \n"', r'$HOME " \ \n'),
        (r"a\tb", "atb"),
        (r"'it'\''s'", "it's"),
        ('"it\'s"', "it's"),
        ("$SPACED", "a  b"),
        ("$GRÜN!", "ja!"),
        ("ends\\", "ends"),
        ("$", "$"),
        ("$.", "$."),
        ("$1a", "a"),
        ("${1:-first}", "first"),
        ("$@x", "x"),
        ("a<b<<c", "a<b<<c"),
        ("${HOME#*o}", "ot"),
        ("${HOME##*o}", "t"),
        ("${HOME%o*}", "/ro"),
        ("${HOME%%o*}", "/r"),
        ("${HOME/o/0}", "/r0ot"),
        ("${HOME//o/0}", "/r00t"),
        (r"${HOME/\//}", "root"),
        ("${HOME#$EMPTY}", "/root"),
        ("${HOME%[to]}", "/root"),
        ("${NOTSET#a}${NOTSET/a/b}", ""),
    ],
)
def test_a_word_is_expanded_as_docker_does_it(word: str, value: str) -> None:
    assert expand(word, ENV, Style()) == value


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("'open", "single quote"),
        ('"open', "double quote"),
        ('"open\\"', "double quote"),
        ("${HOME", "missing"),
        ("${HOME:", "not supported"),
        ("${", "missing"),
        ("${}", "name of a variable"),
        ("${:-x}", "name of a variable"),
        ("${NOTSET:-x", "missing"),
        ("${NOTSET:?ask for it}", "`NOTSET` ask for it"),
        ("${EMPTY:?}", "has no value"),
        ("${HOME/a}", "missing"),
        ("${HOME#\\a}", "no escape"),
        ("${HOME:=x}", "not supported"),
    ],
)
def test_a_word_that_cannot_be_expanded_says_why(word: str, reason: str) -> None:
    with pytest.raises(ExpansionError, match=reason):
        expand(word, ENV, Style())


def test_the_escape_character_can_be_a_backtick() -> None:
    style = Style(escape="`")
    assert expand(r"C:\dir`$HOME", ENV, style) == r"C:\dir$HOME"
    assert expand('"`$HOME \\ `""', ENV, style) == '$HOME \\ "'


def test_the_text_of_a_heredoc_keeps_its_quotes() -> None:
    style = Style(quotes=False)
    assert expand("'$HOME' \"\\$HOME\"", ENV, style) == "'/root' \"$HOME\""


def test_words_part_at_spaces_that_are_not_quoted() -> None:
    style = Style(keep_quotes=True, keep_escapes=True, keep_unset=True)
    assert split("RUN  a\\ b 'c d' ${E:-f} <<-  'G H' >i", style) == (
        "RUN",
        "a\\ b",
        "'c d'",
        "${E:-f}",
        "<<-",
        "'G H'",
        ">i",
    )
    assert split("cat << EOF >x", style) == ("cat", "<< EOF", ">x")
