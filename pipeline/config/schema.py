"""The JSON Schema (2020-12) of both files, for editors.

It follows the model and agrees with the decoder on every single value. What only the repository
shows (that a stage exists, that a path stays inside) is left to `pipeline.config.check`, and so
are the places where YAML and JSON part: duplicate keys, anchors, text on several lines.
"""

from __future__ import annotations

import enum
import inspect
from typing import TYPE_CHECKING, Literal, assert_never

from pipeline.config.model import Image, Pipeline
from pipeline.config.shapes import Block, Choice, Kinds, ListOf, MapOf, Number, Text, block

if TYPE_CHECKING:
    from pipeline.config.shapes import Field, Shape

Kind = Literal["pipeline", "image"]
Schema = dict[str, object]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_FILES: dict[Kind, tuple[type, str]] = {
    "pipeline": (Pipeline, "pipeline.yaml"),
    "image": (Image, "images/NAME.yaml"),
}


def schema(kind: Kind = "pipeline") -> Schema:
    """Return the schema of ``pipeline.yaml`` or of ``images/NAME.yaml``, ready for `json.dumps`."""
    cls, title = _FILES[kind]
    return {"$schema": DIALECT, "title": title, **_block(block(cls))}


def plain(value: object) -> object:
    """Return a default of the model as JSON has it, or None when there is nothing to show."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, tuple):
        return [plain(item) for item in value] or None
    if isinstance(value, str | int | float):
        return value
    return None


def _schema(shape: Shape) -> Schema:
    made: Schema
    match shape:
        case Text():
            made = _text(shape)
        case Number():
            made = {"type": "number"}
            if shape.above is not None:
                made["exclusiveMinimum"] = shape.above
        case Choice():
            made = {"enum": list(shape.words.values() if shape.numeric else shape.words)}
        case ListOf():
            item = _schema(shape.item)
            made = {"anyOf": [item, {"type": "array", "items": item}]}
        case MapOf():
            made = _map(shape)
        case Block():
            made = _block(shape)
        case Kinds():
            made = _kinds(shape)
        case _:
            assert_never(shape)
    return made


def _text(shape: Text) -> Schema:
    if shape.pattern:
        return {"type": "string", "pattern": _whole(shape.pattern)}
    return {"type": "string"} if shape.empty else {"type": "string", "pattern": r"\S"}


def _map(shape: MapOf) -> Schema:
    return {
        "type": "object",
        "propertyNames": {"pattern": _whole(shape.keys)},
        "additionalProperties": _schema(shape.value),
    }


def _block(shape: Block, **more: Schema) -> Schema:
    made: Schema = {
        "description": inspect.cleandoc(shape.cls.__doc__ or ""),
        "type": "object",
        "properties": {**more, **{field.key: _property(field) for field in shape.fields}},
        "required": [*more, *(field.key for field in shape.fields if field.required)],
        "additionalProperties": False,
    }
    if shape.rest:
        made |= {"propertyNames": {"pattern": _whole(shape.rest.shape.keys)}}
        value = _schema(shape.rest.shape.value)
        made["additionalProperties"] = {**value, "description": shape.rest.doc}
    if shape.exactly_one:
        made |= {"minProperties": 1, "maxProperties": 1}
    return made


def _property(field: Field) -> Schema:
    made = {**_schema(field.shape), "description": field.doc}
    default = plain(field.default)
    if default is not None and not field.required:
        made["default"] = default
    return made


def _kinds(shape: Kinds) -> Schema:
    """Let the key `kind` choose: an editor then knows the keys of just that kind."""
    choices: list[Schema] = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": _block(shape.blocks[kind], kind={"const": kind}),
        }
        for kind in shape.blocks
    ]
    kind: Schema = {"enum": list(shape.blocks), "description": "what the stage does"}
    return {
        "type": "object",
        "properties": {"kind": kind},
        "required": ["kind"],
        "allOf": choices,
    }


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"
