"""The parser of a verb's flags: argparse, with our errors and the flags every verb has."""

from __future__ import annotations

import argparse
import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Examples = tuple[tuple[str, str], ...]


COMMAND = "after_dashes"
"""The name of an argument that takes all that stands behind ``--``, flags included."""


class _Descend(argparse.Action):
    """Takes a further ``-C`` from where the one before it leads, as git and make do."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Path,  # type: ignore[override]  # what `type` returned
        option_string: str | None = None,
    ) -> None:
        """Join the new directory to the one so far; an absolute one stands alone."""
        del parser, option_string
        setattr(namespace, self.dest, (getattr(namespace, self.dest) or Path()) / values)


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Help whose flags and meanings stand side by side in 80 columns."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)


class Parser(argparse.ArgumentParser):
    """An argparse parser that raises UsageError, with backticks and the nearest flag."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse has to say as a UsageError."""
        hint = f"see `{self.prog} --help`"
        named = re.fullmatch(r"argument (\S+): (.*)", message, re.DOTALL)
        flag, words = named.groups() if named else ("", message)
        if choice := re.fullmatch(r"invalid choice: (.+) \(.*choose from (.*)\)", words):
            word, known = choice[1].strip("'"), re.findall(r"[^\s',]+", choice[2])
            near = difflib.get_close_matches(word, known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else hint
            words = f"must be {' or '.join(f'`{one}`' for one in known)}, not `{word}`"
        elif re.fullmatch(r"expected .* argument", words):
            words = "needs a value"
        elif other := re.fullmatch(r"not allowed with argument (\S+)", words):
            words = f"cannot be used with `{other[1]}`"
        elif re.match(r"the following arguments are required: ", words):
            words = f"`{self.prog}` needs {self._first_required()}"
        raise UsageError(f"`{flag}` {words}" if flag else words, hint=hint)

    def _first_required(self) -> str:
        """Return what to write first. Of several argparse names also those that may be absent."""
        needed = (one for one in self._actions if one.required and one.nargs not in {"*", "?"})
        return next((str(one.metavar or one.dest) for one in needed), "")

    def parse_all(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse a verb's words; a flag that does not exist is refused with the nearest one.

        Words and flags may stand in any order, unless the verb passes all that follows on. What
        stands behind ``--`` is for an argument `COMMAND`, where the verb has it, as it stands.
        """
        if any(action.dest == COMMAND for action in self._actions):
            own = words.index("--") if "--" in words else len(words)
            arguments = self._parsed(words[:own])
            if stray := getattr(arguments, COMMAND):
                hint = f"a command stands behind two dashes: `{self.prog} -- {stray[0]}`"
                raise UsageError(f"`{self.prog}` takes no argument `{stray[0]}`", hint=hint)
            setattr(arguments, COMMAND, [*words[own + 1 :]])
            return arguments
        return self._parsed(words)

    def _parsed(self, words: Sequence[str]) -> argparse.Namespace:
        words = _with_excluded_tags(words)
        passes_on = any(action.nargs == argparse.REMAINDER for action in self._actions)
        parse = self.parse_known_args if passes_on else self.parse_known_intermixed_args
        arguments, rest = parse(words)
        if rest:
            raise self._unknown(rest[0])
        return arguments

    def _unknown(self, word: str) -> UsageError:
        flag = word.partition("=")[0]
        options = [name for action in self._actions for name in action.option_strings]
        # Without the dashes, which any two have in common.
        known = [name.removeprefix("--") for name in options if name.startswith("--")]
        word_of = flag.removeprefix("--") if flag.startswith("--") else ""
        near = difflib.get_close_matches(word_of, known, n=1)
        hint = f"did you mean `--{near[0]}`?" if near else f"see `{self.prog} --help`"
        what = "has no flag" if word.startswith("-") else "takes no argument"
        return UsageError(f"`{self.prog}` {what} `{flag}`", hint=hint)


def make_parser(verb: str, summary: str, examples: Examples = ()) -> Parser:
    """Return a parser that knows the flags of every verb; it raises UsageError, never exits on one.

    ``examples`` are command lines and what each does. ``--help`` alone ends the program, as
    argparse does it.
    """
    parser = Parser(
        prog=f"pipeline {verb}",
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=_examples(examples),
        formatter_class=Formatter,
        allow_abbrev=False,
    )
    group = parser.add_argument_group("everywhere")
    group.add_argument(
        "-C",
        "--directory",
        action=_Descend,
        type=Path,
        metavar="DIR",
        help="look for pipeline.yaml from here upwards; may stand before the verb",
    )
    group.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    return parser


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of verbs that build."""
    parser.add_argument(
        "--engine", choices=("auto", "sandbox", "docker", "buildkit"), help="what runs the steps"
    )
    parser.add_argument("--builder", metavar="NAME", help="the buildx builder of --engine buildkit")


def add_network(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of verbs that may download."""
    parser.add_argument("--offline", action="store_true", help="never use the network")
    add_mirror(parser)


def add_mirror(parser: argparse.ArgumentParser) -> None:
    """Declare the flag of verbs that read a Debian archive."""
    parser.add_argument("--debian-mirror", metavar="URL", help="base address of a Debian mirror")


def positive(text: str) -> int:
    """Return a whole number above 0; argparse says what is wrong with any other text."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, not `{text}`")
    return int(text)


def days(text: str) -> float:
    """Return a number of days, 0 or more."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of days, not `{text}`")
    return number


def _with_excluded_tags(words: Sequence[str]) -> list[str]:
    """Return ``--tag -slow`` as ``--tag=-slow``: argparse would take ``-slow`` for a flag."""
    joined: list[str] = []
    for word in words:
        if joined[-1:] == ["--tag"] and len(word) > 1 and word[0] == "-" != word[1]:
            joined[-1] = f"--tag={word}"
        else:
            joined.append(word)
    return joined


def _examples(examples: Examples) -> str | None:
    if not examples:
        return None
    width = max(len(command) for command, _ in examples)
    return "\n".join(["examples:", *(f"  {line:{width}}  {what}" for line, what in examples)])
