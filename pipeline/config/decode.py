"""A tree of nodes into frozen values of the model.

Generic: the shapes say what is accepted. A wrong value is noted with its place and left out, so
that one run finds every mistake; nobody sees what remains, because `load` raises first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn, assert_never, cast

from pipeline.config import scalars
from pipeline.config.nodes import Mapping, Node, Scalar, Sequence
from pipeline.config.problems import closest, describe, listing, nearest, quoted
from pipeline.config.shapes import Block, Choice, Kinds, ListOf, MapOf, Number, Text

if TYPE_CHECKING:
    from pipeline.config.fields import Location
    from pipeline.config.problems import Problems
    from pipeline.config.shapes import Shape

KeyPath = tuple[str, ...]


class _RefusedError(Exception):
    """A value is wrong; the problem is noted."""


class Decoder:
    """Decodes the files of one repository; ``origins`` fills with the place of every value."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.origins: dict[KeyPath, Location] = {}

    def file(self, node: Node, shape: Block, path: KeyPath, **implied: object) -> object:
        """Return the data class that a whole file declares, or None with the problems noted.

        ``path`` stands before its keys in ``origins``; ``implied`` are fields that are not written.
        """
        self.origins[path] = node.at
        try:
            return self._block(node, shape, path, **implied)
        except _RefusedError:
            return None

    def _block(self, node: Node, shape: Block, path: KeyPath, **implied: object) -> object:
        entries = self._mapping(node, path, "a block of keys")
        fields = {field.key: field for field in shape.fields}
        values = dict(implied)
        meant: set[str] = set()
        rest: dict[str, object] = {}
        for key, value in entries:
            if field := fields.get(key.text):
                values[field.attribute] = self._entry(key, value, field.shape, path)
            elif shape.rest:
                rest[key.text] = self._named(key, value, shape.rest.shape, path)
            else:
                message = f"unknown key {quoted(key.text)} in {describe(path)}"
                self.problems.add(key.at, message, nearest(key.text, shape.keys))
                meant.add(closest(key.text, shape.keys))
        if shape.exactly_one and len(entries) != 1:
            message = f"{describe(path)} must hold exactly one key, not {len(entries)}"
            self.problems.add(self.origins[path], message, f"one of {listing(fields)}")
        missing = [f for f in shape.fields if f.required and f.attribute not in values]
        for field in missing:
            if field.key not in meant:
                message = f"{describe(path)} has no key `{field.key}`"
                self.problems.add(self.origins[path], message, f"add `{field.key}`: {field.doc}")
        if missing:
            raise _RefusedError
        if shape.rest:
            values[shape.rest.attribute] = rest
        return shape.cls(**values)

    def _entry(self, key: Scalar, node: Node, shape: Shape, path: KeyPath) -> object:
        """Return the value at a key. A single value stands where it is, others at their key."""
        below = (*path, key.text)
        return self._at(node.at if isinstance(node, Scalar) else key.at, node, shape, below)

    def _at(self, where: Location, node: Node, shape: Shape, path: KeyPath) -> object:
        """Return the value, or None where it is wrong, so that its neighbours are read too."""
        self.origins[path] = where
        try:
            return self._value(node, shape, path)
        except _RefusedError:
            return None

    def _value(self, node: Node, shape: Shape, path: KeyPath) -> object:
        value: object
        match shape:
            case Text():
                value = self._text(node, shape, path)
            case Number():
                value = self._number(node, shape, path)
            case Choice():
                value = self._choice(node, shape, path)
            case ListOf():
                value = self._list(node, shape, path)
            case MapOf():
                value = self._map(node, shape, path)
            case Block():
                value = self._block(node, shape, path)
            case Kinds():
                value = self._stage(node, shape, path)
            case _:
                assert_never(shape)
        return value

    def _text(self, node: Node, shape: Text, path: KeyPath) -> str:
        scalar = self._scalar(node, path, "text")
        text = scalar.text
        if not text.strip() and (scalar.plain or not shape.empty):
            self._wrong(node, path, "text", "empty", "write a value, or leave the key out")
        if scalar.plain and (taken := scalars.meaning(text)):
            message = f"{describe(path)} must be text, but YAML takes {quoted(text)} for {taken}"
            self.problems.add(scalar.at, message, _quote(scalar))
            raise _RefusedError
        if "\n" in text and not shape.lines:
            self._wrong(node, path, "text on one line", quoted(text))
        if shape.pattern and not re.fullmatch(shape.pattern, text):
            self._wrong(node, path, shape.form, quoted(text))
        return text

    def _number(self, node: Node, shape: Number, path: KeyPath) -> float:
        scalar = self._scalar(node, path, "a number")
        number = scalars.number(scalar.text) if scalar.plain else None
        if number is None:
            hint = "write it in decimal, without quotes, such as `90` or `1.5`"
            self._wrong(node, path, "a number", quoted(scalar.text), hint)
        if shape.above is not None and number <= shape.above:
            self._wrong(node, path, f"a number above {shape.above:g}", quoted(scalar.text))
        return number

    def _choice(self, node: Node, shape: Choice, path: KeyPath) -> object:
        one = len(shape.words) == 1
        expected = f"{'' if one else 'one of '}{listing(shape.words)}"
        scalar = self._scalar(node, path, expected)
        if shape.numeric and not scalar.plain:
            self._wrong(node, path, expected, "text", "remove the quotes")
        if scalar.text not in shape.words:
            hint = "" if one else nearest(scalar.text, shape.words)
            self._wrong(node, path, expected, quoted(scalar.text), hint)
        return shape.words[scalar.text]

    def _list(self, node: Node, shape: ListOf, path: KeyPath) -> tuple[object, ...]:
        if isinstance(node, Scalar) or (
            isinstance(node, Mapping) and isinstance(shape.item, MapOf)
        ):
            return (self._value(node, shape.item, path),)
        if not isinstance(node, Sequence):
            self._wrong(node, path, "a list", _found(node))
        return tuple(
            self._at(item.at, item, shape.item, (*path, str(index)))
            for index, item in enumerate(node.items)
        )

    def _map(self, node: Node, shape: MapOf, path: KeyPath) -> dict[str, object]:
        entries = self._mapping(node, path, "a block of names", shape.hint)
        return {key.text: self._named(key, value, shape, path) for key, value in entries}

    def _named(self, key: Scalar, value: Node, shape: MapOf, path: KeyPath) -> object:
        """Return the value at a name that the user chose."""
        if key.plain and (taken := scalars.meaning(key.text)):
            message = f"YAML takes the name {quoted(key.text)} for {taken}"
            self.problems.add(key.at, message, _quote(key))
        elif not re.fullmatch(shape.keys, key.text):
            message = f"{quoted(key.text)} cannot be a name in {describe(path)}"
            form = shape.keys_form
            hint = f"known here: {form}" if form.startswith("`") else f"a name is made of {form}"
            self.problems.add(key.at, message, hint)
        return self._entry(key, value, shape.value, path)

    def _stage(self, node: Node, shape: Kinds, path: KeyPath) -> object:
        """Return the stage that a mapping declares: its `kind` chooses the data class."""
        entries = self._mapping(node, path, "a block of keys")
        kind = next((value for key, value in entries if key.text == "kind"), None)
        if kind is None:
            message = f"{describe(path)} has no key `kind`"
            self.problems.add(self.origins[path], message, f"one of {listing(shape.blocks)}")
            raise _RefusedError
        self.origins[*path, "kind"] = kind.at
        block = self._choice(kind, Choice(words=shape.blocks), (*path, "kind"))
        rest = tuple(entry for entry in entries if entry[0].text != "kind")
        below = Mapping(entries=rest, at=node.at)
        return self._block(below, cast("Block", block), path, name=path[-1])

    def _scalar(self, node: Node, path: KeyPath, expected: str) -> Scalar:
        if not isinstance(node, Scalar):
            self._wrong(node, path, expected, _found(node))
        return node

    def _mapping(
        self, node: Node, path: KeyPath, expected: str, hint: str = ""
    ) -> tuple[tuple[Scalar, Node], ...]:
        if not isinstance(node, Mapping):
            self._wrong(node, path, expected, _found(node), hint)
        return node.entries

    def _wrong(
        self, node: Node, path: KeyPath, expected: str, found: str, hint: str = ""
    ) -> NoReturn:
        message = f"{describe(path)} must be {expected}, not {found}"
        self.problems.add(node.at, message, hint)
        raise _RefusedError


def _quote(scalar: Scalar) -> str:
    return f'quote it: `"{scalar.text}"`'


def _found(node: Node) -> str:
    match node:
        case Scalar():
            return quoted(node.text) if node.text else "empty"
        case Sequence():
            return "a list"
        case Mapping():
            return "a block of keys"
    assert_never(node)
