"""GitHub's expressions, as far as they can be known without running anything.

After "Evaluate expressions in workflows and actions" in GitHub's documentation. What only a run
can know (`secrets`, `runner`, the output of a strange step) is `Unknown` and is shown as it is
written. A property that is not there gives null, as on GitHub; as that is how a misspelt output
goes unnoticed there, each is reported to ``missing``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Unknown:
    """A value that only a run can know; ``text`` is the expression it stands for."""

    text: str

    def __str__(self) -> str:
        return f"${{{{ {self.text} }}}}"


class Open(dict[str, Any]):
    """A mapping that may hold more than is known, such as the outputs of an action."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The contexts an expression may name. Those that are absent are unknown.

    ``missing`` gets the path of every property that a known context does not have.
    """

    contexts: Mapping[str, Any]
    missing: Callable[[str], None] = field(default=lambda _path: None)


_WHOLE = re.compile(r"\s*\$\{\{((?:(?!\}\}).)*)\}\}\s*", re.DOTALL)
_PART = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<word>[A-Za-z_][\w-]*)|(?P<sign>&&|\|\||[!=]=|[<>]=?|[!()\[\].,*]))"
)


def value(text: str, scope: Scope) -> Any:  # noqa: ANN401 - whatever the expression gives
    """Return what a YAML value gives: of any type for one expression alone, else text."""
    if whole := _WHOLE.fullmatch(text):
        return evaluate(whole[1], scope)
    return _PART.sub(lambda part: as_text(evaluate(part[1], scope)), text)


def holds(condition: str, scope: Scope) -> bool | Unknown:
    """Return whether a job or a step with this ``if`` runs, where all before it went well."""
    whole = _WHOLE.fullmatch(condition)
    found = evaluate(whole[1] if whole else condition, scope)
    return found if isinstance(found, Unknown) else bool(found)


def evaluate(text: str, scope: Scope) -> Any:  # noqa: ANN401 - as above
    """Return the value of an expression; ConfigError when it is none."""
    return _Parser(text.strip(), scope).whole()


def as_text(found: object) -> str:
    """Return a value as GitHub puts it into text."""
    if found is None:
        return ""
    if isinstance(found, bool):
        return str(found).lower()
    return json.dumps(found) if isinstance(found, dict | list) else str(found)


class _Parser:
    """Reads and evaluates at once, by descent; an operator for each method."""

    def __init__(self, text: str, scope: Scope) -> None:
        self.text = text
        self.scope = scope
        self.tokens = list(self.split())
        self.place = 0

    def split(self) -> Sequence[tuple[str, str]]:
        tokens, at = [], 0
        while at < len(self.text.rstrip()):
            found = _TOKEN.match(self.text, at)
            if found is None:
                raise self.wrong()
            tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            at = found.end()
        return tokens

    def wrong(self) -> ConfigError:
        return ConfigError(
            f"`{self.text}` is no expression that can be read",
            hint="see GitHub's documentation of expressions",
        )

    def whole(self) -> Any:  # noqa: ANN401 - as above
        found = self.either()
        if self.place != len(self.tokens):
            raise self.wrong()
        return found

    def take(self, *signs: str) -> str:
        """Return the next token when it is one of these signs, else nothing."""
        if self.place < len(self.tokens) and self.tokens[self.place] in {
            ("sign", sign) for sign in signs
        }:
            self.place += 1
            return self.tokens[self.place - 1][1]
        return ""

    def must(self, sign: str) -> None:
        if not self.take(sign):
            raise self.wrong()

    def either(self) -> Any:  # noqa: ANN401 - as above
        found = self.both()
        while self.take("||"):
            other = self.both()
            found = found if isinstance(found, Unknown) or found else other
        return found

    def both(self) -> Any:  # noqa: ANN401 - as above
        found = self.compared()
        while self.take("&&"):
            other = self.compared()
            found = found if isinstance(found, Unknown) or not found else other
        return found

    def compared(self) -> Any:  # noqa: ANN401 - as above
        found = self.negated()
        while sign := self.take("==", "!=", "<=", ">=", "<", ">"):
            found = _compare(found, sign, self.negated(), self.text)
        return found

    def negated(self) -> Any:  # noqa: ANN401 - as above
        if self.take("!"):
            found = self.negated()
            return found if isinstance(found, Unknown) else not found
        return self.single()

    def single(self) -> Any:  # noqa: ANN401 - as above
        if self.take("("):
            found = self.either()
            self.must(")")
            return self.reach(found, "(...)")
        if self.place == len(self.tokens):
            raise self.wrong()
        kind, word = self.tokens[self.place]
        self.place += 1
        if kind == "text":
            return word[1:-1].replace("''", "'")
        if kind == "number":
            return float(word) if "." in word else int(word)
        if kind == "sign":
            raise self.wrong()
        if word in _LITERALS:
            return _LITERALS[word]
        if self.take("("):
            return self.reach(self.call(word), f"{word}(...)")
        return self.reach(self.scope.contexts.get(word, Unknown(word)), word)

    def reach(self, found: Any, path: str) -> Any:  # noqa: ANN401 - as above
        """Follow the properties behind a value."""
        while sign := self.take(".", "["):
            if sign == "[":
                key = self.either()
                self.must("]")
            else:
                key = self.tokens[self.place][1] if self.place < len(self.tokens) else ""
                self.place += 1
            path = f"{path}.{as_text(key)}"
            found = self.step(found, key, path)
        return found

    def step(self, found: Any, key: object, path: str) -> Any:  # noqa: ANN401 - as above
        if isinstance(found, Unknown) or isinstance(key, Unknown) or key == "*":
            return Unknown(path)
        if isinstance(found, dict) and key in found:
            return found[key]
        if isinstance(found, list) and isinstance(key, int) and key < len(found):
            return found[key]
        if isinstance(found, Open):
            return Unknown(path)
        if found is not None:
            self.scope.missing(path)
        return None

    def call(self, name: str) -> Any:  # noqa: ANN401 - as above
        arguments = []
        while not self.take(")"):
            arguments.append(self.either())
            if not self.take(","):
                self.must(")")
                break
        known = _FUNCTIONS.get(name.lower())
        if known is None or any(isinstance(argument, Unknown) for argument in arguments):
            return Unknown(self.text)
        try:
            return known(*arguments)
        except (TypeError, ValueError, IndexError) as error:
            raise self.wrong() from error


def _compare(left: object, sign: str, right: object, text: str) -> object:
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return Unknown(text)
    if isinstance(left, str) and isinstance(right, str):
        left, right = left.lower(), right.lower()  # GitHub ignores case
    if sign in {"==", "!="}:
        return (left == right) is (sign == "==")
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return Unknown(text)
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[sign]


def _contains(where: object, what: object) -> bool:
    if isinstance(where, list):
        return what in where
    return as_text(what).lower() in as_text(where).lower()


def _from_json(text: str) -> object:
    return json.loads(text)


_LITERALS: Mapping[str, object] = {"true": True, "false": False, "null": None}
_FUNCTIONS: Mapping[str, Callable[..., object]] = {
    "always": lambda: True,
    "cancelled": lambda: False,
    "contains": _contains,
    "endswith": lambda where, what: as_text(where).lower().endswith(as_text(what).lower()),
    "failure": lambda: False,
    "format": lambda text, *words: text.format(*map(as_text, words)),
    "fromjson": _from_json,
    "join": lambda words, sign=",": sign.join(map(as_text, words)),
    "startswith": lambda where, what: as_text(where).lower().startswith(as_text(what).lower()),
    "success": lambda: True,
    "tojson": lambda found: json.dumps(found, indent=2, default=str),
}
