"""A plain subset of YAML, read into a tree in which every node knows its place.

The subset: mappings with unique scalar keys, sequences and scalars in one document. Anchors,
aliases, tags, merge keys, directives and tabs between values are refused, so that a file means to
a person what it means to us. Scalars stay text here: what they mean depends on what is expected,
which `pipeline.config.decode` knows.

The tree is built from PyYAML's events (libyaml's parser where it is compiled in), because its own
composer resolves aliases before one can refuse them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn, Protocol

import yaml

from pipeline.config.fields import Location
from pipeline.config.nodes import Mapping, Node, Scalar, Sequence, place
from pipeline.config.problems import quoted

if TYPE_CHECKING:
    from pipeline.config.problems import Problems

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 20_000

_FORBIDDEN = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
"""Characters no declaration may hold, not even escaped: control characters, what YAML takes for
an end of line and editors do not, and marks that make text look other than it reads."""


def read_text(data: bytes, file: str, problems: Problems) -> str | None:
    """Return the text of a file's bytes, with Unix ends of line and no byte order mark.

    ``file`` is its name for messages. None when it cannot be read, with the problem noted.
    """
    if len(data) > MAX_BYTES:
        message = f"`{file}` is larger than {MAX_BYTES >> 20} MiB"
        problems.add(place(file, ""), message, "remove what is not needed")
        return None
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace")
        message = f"`{file}` is not UTF-8: the byte 0x{data[error.start]:02x} cannot stand here"
        problems.add(place(file, before), message, "save the file as UTF-8")
        return None
    if match := _forbidden(text):
        where = place(file, text[: match.start()])
        problems.add(where, _unprintable(match.group()), "remove it")
        return None
    return text


def compose(text: str, file: str, problems: Problems) -> Node | None:
    """Return the tree of a document; None when it cannot be made, with the problems noted."""
    composer = _Composer(text, file, problems)
    try:
        return composer.document()
    except _StopError:
        return None


class _Mark(Protocol):
    line: int
    column: int
    index: int


class _StopError(Exception):
    """Reading on makes no sense; the problem is noted."""


class _Parser(Protocol):
    def get_event(self) -> yaml.Event | None: ...


def _parser(text: str) -> _Parser:
    try:
        from yaml._yaml import CParser  # noqa: PLC0415 - absent without libyaml
    except ImportError:
        return yaml.SafeLoader(text)
    return CParser(text)


class _Composer:
    """Turns events into nodes and notes what is outside the subset."""

    def __init__(self, text: str, file: str, problems: Problems) -> None:
        self.text = text
        self.file = file
        self.problems = problems
        self.parser = _parser(text)
        self.nodes = 0
        self.spans: list[tuple[int, int]] = []

    def document(self) -> Node | None:
        self.next()
        start = self.next()
        if not isinstance(start, yaml.DocumentStartEvent):
            kind = " image" if self.file.startswith("images/") else ""
            hint = f"`pipeline schema{kind}` prints what it may hold"
            self.problems.add(place(self.file, ""), f"`{self.file}` is empty", hint)
            return None
        if start.version or start.tags:
            self.stop(start, "directives such as `%YAML` are not supported", "remove them")
        root = self.node(self.next(), depth=1)
        self.next()
        after = self.next()
        if not isinstance(after, yaml.StreamEndEvent):
            self.stop(after, "a second document starts here", "keep one document, without `---`")
        self.refuse_tabs()
        return root

    def next(self) -> yaml.Event:
        try:
            event = self.parser.get_event()
        except yaml.MarkedYAMLError as error:
            self.syntax(error)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            # PyYAML's own parser lets chr() fail on an escape such as "\Uffffffff".
            self.problems.add(place(self.file, ""), f"this is not YAML: {error}")
            raise _StopError from error
        if event is None:
            raise _StopError
        return event

    def node(self, event: yaml.Event, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            self.stop(event, f"the alias `*{event.anchor}` is not supported", "repeat the value")
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self.stop(event, f"the file holds more than {MAX_NODES} values", "shorten it")
        if depth > MAX_DEPTH:
            self.stop(event, f"values are nested deeper than {MAX_DEPTH} levels", "flatten them")
        self.refuse_properties(event)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(event, depth)
        return self.sequence(event, depth)

    def scalar(self, event: yaml.ScalarEvent) -> Scalar:
        at = self.at(event.start_mark)
        if event.start_mark and event.end_mark:
            self.spans.append((event.start_mark.index, event.end_mark.index))
        if match := _forbidden(event.value):
            self.problems.add(at, _unprintable(match.group()), "remove its escape sequence")
        return Scalar(text=event.value, plain=not event.style, at=at)

    def sequence(self, start: yaml.Event, depth: int) -> Sequence:
        items: list[Node] = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        return Sequence(items=tuple(items), at=self.at(start.start_mark))

    def mapping(self, start: yaml.Event, depth: int) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            key = self.node(event, depth + 1)
            if not isinstance(key, Scalar):
                self.stop(event, "a key must be a word", "write `key: value`")
            value = self.node(self.next(), depth + 1)
            if self.accept_key(key, entries):
                entries[key.text] = (key, value)
        return Mapping(entries=tuple(entries.values()), at=self.at(start.start_mark))

    def accept_key(self, key: Scalar, entries: dict[str, tuple[Scalar, Node]]) -> bool:
        if key.plain and key.text == "<<":
            self.problems.add(key.at, "the merge key `<<` is not supported", "repeat the values")
            return False
        if before := entries.get(key.text):
            message = f"the key {quoted(key.text)} stands twice"
            hint = f"the first stands in line {before[0].at.line}; keep one"
            self.problems.add(key.at, message, hint)
            return False
        return True

    def refuse_properties(self, event: yaml.Event) -> None:
        """Note an anchor or a tag on a node; the node itself is read on."""
        if anchor := getattr(event, "anchor", None):
            message = f"the anchor `&{anchor}` is not supported"
            self.problems.add(self.at(event.start_mark), message, "write the value out")
        if tag := getattr(event, "tag", None):
            message = f"the tag {quoted(tag)} is not supported"
            self.problems.add(self.at(event.start_mark), message, "remove it")

    def refuse_tabs(self) -> None:
        """Note a tab that stands neither inside a value nor in a comment.

        There libyaml takes it for a space and PyYAML's own parser does not.
        """
        if "\t" not in self.text:
            return
        previous = 0
        for start, end in [*self.spans, (len(self.text), len(self.text))]:
            for line in re.finditer(r"[^\n]+", self.text[previous:start]):
                code = line.group().partition("#")[0]
                if "\t" in code:
                    index = previous + line.start() + code.index("\t")
                    self.problems.add(place(self.file, self.text[:index]), *_TAB)
                    return
            previous = max(previous, end)

    def syntax(self, error: yaml.MarkedYAMLError) -> NoReturn:
        """Note what the parser itself could not read."""
        mark = error.problem_mark or error.context_mark
        if mark and self.text[mark.index : mark.index + 1] == "\t":
            self.problems.add(self.at(mark), *_TAB)
        else:
            words = ": ".join(word for word in (error.context, error.problem) if word)
            self.problems.add(self.at(mark), f"this is not YAML: {words}", _advice(words))
        raise _StopError from error

    def stop(self, event: yaml.Event, message: str, hint: str) -> NoReturn:
        self.problems.add(self.at(event.start_mark), message, hint)
        raise _StopError

    def at(self, mark: _Mark | None) -> Location:
        if mark is None:
            return place(self.file, "")
        return Location(file=self.file, line=mark.line + 1, column=mark.column + 1)


_TAB = ("a tab stands where YAML takes only spaces", "use spaces before and between values")


def _advice(words: str) -> str:
    if "mapping values are not allowed" in words:
        return "quote a value that holds `: `, or correct the indentation"
    if "cannot start any token" in words:
        return "quote a value that starts with `@`, `%` or a backtick"
    if "quoted scalar" in words and "end of stream" in words:
        return "close the quote"
    return "check the indentation, quotes and brackets around this place"


def _forbidden(text: str) -> re.Match[str] | None:
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return None  # the common case, without a pattern to compile
    return re.search(_FORBIDDEN, text)


def _unprintable(character: str) -> str:
    return f"the character U+{ord(character):04X} cannot stand in a declaration"
