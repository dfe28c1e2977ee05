"""The model as data: what each field accepts.

The decoder, the JSON Schema and the reference pages all read these shapes, which are made once per
class from its type hints and the metadata of `pipeline.config.fields.doc`. They are named tuples
because a data class costs seven times as much to define, on every run.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pipeline.config.fields import NAME, NAME_FORM
from pipeline.config.stages import KINDS, Stage


class Text(NamedTuple):
    """Text, not empty unless ``empty``, on one line unless ``lines``.

    It matches ``pattern`` in full where there is one; ``form`` says the same in words.
    """

    pattern: str = ""
    form: str = ""
    lines: bool = False
    empty: bool = False


class Number(NamedTuple):
    """A number, larger than ``above`` where that is given."""

    above: float | None = None


class Choice(NamedTuple):
    """One of a few values, by the words they are written with."""

    words: Mapping[str, object]

    @property
    def numeric(self) -> bool:
        """Whether they are numbers, which stand without quotes."""
        return all(isinstance(value, int) for value in self.words.values())


class ListOf(NamedTuple):
    """A list; a single value alone stands for a list of that one."""

    item: Shape


class MapOf(NamedTuple):
    """Names that the user chooses (``keys`` is their pattern), each with a value.

    ``hint`` says what to write where no mapping stands.
    """

    value: Shape
    keys: str
    keys_form: str
    hint: str = ""


class Block(NamedTuple):
    """A data class: a mapping with the keys we know, and those of ``rest`` where there is one."""

    cls: type
    fields: tuple[Field, ...]
    rest: Rest | None = None
    exactly_one: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys in the order of the model."""
        return tuple(field.key for field in self.fields)


class Kinds(NamedTuple):
    """A block whose key `kind` says which data class it is."""

    blocks: Mapping[str, Block]


class Rest(NamedTuple):
    """The attribute of a block that takes each key which is no field."""

    attribute: str
    doc: str
    shape: MapOf


Shape = Text | Number | Choice | ListOf | MapOf | Block | Kinds


class Field(NamedTuple):
    """A key of a block. ``default`` counts when it is not ``required``."""

    key: str
    attribute: str
    doc: str
    shape: Shape
    required: bool
    default: object
    path: bool


@functools.cache
def block(cls: type) -> Block:
    """Return the shape of a data class of the model."""
    # The names that the model imports for type checkers only.
    hints = typing.get_type_hints(cls, localns={"Mapping": Mapping, "Path": Path, "Stage": Stage})
    declared = [field for field in dataclasses.fields(cls) if "implied" not in field.metadata]
    fields = [_field(f, hints[f.name]) for f in declared if "rest" not in f.metadata]
    rest = [_rest(f, hints[f.name]) for f in declared if "rest" in f.metadata]
    return Block(cls=cls, fields=tuple(fields), rest=rest[0] if rest else None)


@functools.cache
def kinds() -> Kinds:
    """Return the shape of a stage."""
    classes: Mapping[str, type] = KINDS
    return Kinds(blocks={kind: block(cls) for kind, cls in classes.items()})


def _field(field: dataclasses.Field[object], hint: object) -> Field:
    metadata = field.metadata
    default: object = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    return Field(
        key=metadata.get("key", field.name),
        attribute=field.name,
        doc=metadata["doc"],
        shape=_shape(hint, metadata),
        required="required" in metadata,
        default=default,
        path="path" in metadata,
    )


def _rest(field: dataclasses.Field[object], hint: object) -> Rest:
    _, value = typing.get_args(hint)
    shape = _map(value, field.metadata)
    return Rest(attribute=field.name, doc=field.metadata["doc"], shape=shape)


def _shape(hint: object, metadata: Mapping[str, typing.Any]) -> Shape:
    """Return the shape of a type hint; TypeError for one that the model has not used so far."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType and arguments[1:] == (types.NoneType,):
        return _shape(arguments[0], metadata)
    if origin is tuple and arguments[1:] == (...,):
        return ListOf(item=_shape(arguments[0], metadata))
    if origin is Mapping:
        return _map(arguments[1], metadata)
    if origin is typing.Literal:
        return Choice(words={str(value): value for value in arguments})
    if isinstance(hint, type):
        return _plain(hint, metadata)
    raise TypeError(hint)


def _map(value: object, metadata: Mapping[str, typing.Any]) -> MapOf:
    shape = _shape(value, metadata)
    if isinstance(shape, Text):
        shape = shape._replace(empty=True)
    return MapOf(
        value=shape,
        keys=metadata.get("keys", NAME.pattern),
        keys_form=metadata.get("keys_form", NAME_FORM),
        hint=metadata.get("hint", ""),
    )


def _plain(hint: type, metadata: Mapping[str, typing.Any]) -> Shape:
    if hint is str:
        return Text(
            pattern=metadata.get("pattern", ""),
            form=metadata.get("form", ""),
            lines=metadata.get("lines", False),
            empty=metadata.get("empty", False),
        )
    if hint is float:
        return Number(above=metadata.get("above"))
    if issubclass(hint, enum.Enum):
        return Choice(words={str(member.value): member for member in hint})
    if hint is Stage:
        return kinds()
    if dataclasses.is_dataclass(hint):
        return block(hint)._replace(exactly_one="exactly_one" in metadata)
    raise TypeError(hint)
