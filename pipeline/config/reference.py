"""The reference of both files from the model: pages in Markdown, and the schemas beside them.

`pages` is what stands in ``docs/reference``; a test compares them. `write` brings them up to date.
"""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, assert_never

from pipeline.config.model import Image, Pipeline
from pipeline.config.schema import plain, schema
from pipeline.config.shapes import Block, Choice, Kinds, ListOf, MapOf, Number, Text, block
from pipeline.config.stages import KINDS, USES, ContainerStage, Stage, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pipeline.config.shapes import Field, Rest, Shape

PIPELINE_EXAMPLE = """\
version: 1
environments:
  dev: {groups: [dev]}
stages:
  sdist: {kind: sdist, image: python}
  wheel:
    kind: wheel
    image: python
    needs: [sdist]
    matrix: {target: [linux_x86_64, linux_arm64]}
  test: {kind: test, image: python, needs: [wheel], run: python -m pytest -q, groups: [test]}
  changelog: {kind: changelog}
  publish: {kind: publish, needs: [sdist, wheel, test, changelog]}
  release: {kind: release, needs: [publish]}
"""

IMAGE_EXAMPLE = """\
from: {debian: bookworm}
platforms: [linux_x86_64, linux_arm64]
packages: [python3-minimal, python3-venv, gcc, python3-dev]
python:
  requires: ["ziglang>=0.13"]
"""

_RULES = """\
Both files are a plain subset of YAML: one document in UTF-8, at most 1 MiB, with keys that stand
once. Anchors, aliases, tags, merge keys and directives are refused, and so is every key that this
page does not know. Where a list is expected, a single value stands for a list of that one. Where
text is expected, quote what YAML would take for something else: `"3.10"`, `"no"`, `"2026-01-31"`.
"""

_AXES = """\
Each combination of the values of a `matrix` is a cell, such as `wheel[linux_arm64,cp311]`. Three
axes mean something: `target` is the platform, `python` the tag of the interpreter (`cp311`), and
`source` stands for the field of that name; it may hold globs of directories with a
`pyproject.toml`. Any other axis is yours. A stage uses those cells of what it needs that agree
with it in every axis both have. A test or an image with an axis `source` also installs
the wheels of what its project depends on in the repository.

Two keys of a `matrix` are no axes. `exclude` lists combinations to leave out; `include`, which
comes after it, lists what to add, as workflows of GitHub have it:

- a block that names a further axis extends the combinations that agree with it in all the axes it
  shares with them (all combinations where it shares none); of two blocks that give one combination
  the same axis, the later one counts;
- any other block is a cell of its own and names every axis. Without axes, each block is.

```yaml
matrix:
  target: [linux_x86_64, linux_arm64]
  python: [cp311, cp313]
  exclude: [{target: linux_arm64, python: cp311}]
  include:
    - {level: plain}                                      # every cell is `plain` ...
    - {python: cp313, level: fast}                        # ... but those of cp313 are `fast`
    - {target: linux_arm64, python: cp314, level: fast}   # and one more cell
```

makes `[linux_x86_64,cp311,plain]`, `[linux_x86_64,cp313,fast]`, `[linux_arm64,cp313,fast]` and
`[linux_arm64,cp314,fast]`. An entry that changes nothing, or doubles a cell, is refused.

`{axis}` is replaced by its value in `image`, `source`, `inputs`, `run` and the values of `env`,
`build-args` and `config-settings`. In `image`, `source` and `inputs` it must name an axis;
elsewhere other braces stay as they are. An axis that only some cells have cannot be named in any of
them.

The verbs take cells by their values, see [selecting cells](../how-to/select-cells.md).
"""


_USES = """\
What a needed stage made is used as the table says, and a need without a use is refused. A stage of
kind `changelog`, `publish` or `release` may need every other one: it waits for it. See
[generated files](../how-to/generated-files.md) for what a command makes for an sdist.
"""


def pages() -> Mapping[str, str]:
    """Return the text of each page and schema by its file name."""
    return {
        "pipeline-yaml.md": _pipeline_page(),
        "image-yaml.md": _image_page(),
        "pipeline.schema.json": json.dumps(schema("pipeline"), indent=2) + "\n",
        "image.schema.json": json.dumps(schema("image"), indent=2) + "\n",
    }


def write(directory: Path) -> None:
    """Write the pages into ``directory`` (``docs/reference`` of this repository)."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (directory / name).write_text(text, encoding="utf-8")


def _pipeline_page() -> str:
    parts = ["# `pipeline.yaml`", "What a repository declares.", _example(PIPELINE_EXAMPLE), _RULES]
    parts += ["## Top level", _table(block(Pipeline).fields)]
    parts += [part for field in block(Pipeline).fields for part in _section(field)]
    parts += ["## Stages", _AXES]
    parts += ["### Every stage", _KIND_ROW + _rows(block(Stage).fields)]
    parts += [part for field in block(Stage).fields for part in _section(field, "####")]
    parts += ["### What a stage does with those it needs", _uses()]
    parts += ["### Every stage that runs in an image", _table(_added(ContainerStage, Stage))]
    for kind, cls in KINDS.items():
        base = ContainerStage if issubclass(cls, ContainerStage) else Stage
        parts += [f"### Kind `{kind}`", _doc(cls), _table(_added(cls, base))]
        parts += [part for field in _added(cls, base) for part in _section(field, "####")]
    return _page(parts)


def _uses() -> str:
    """Return the table of `USES`."""
    kinds = [kind_of(cls) for cls in USES]
    rows = [f"| kind | {' | '.join(f'needs `{kind}`' for kind in kinds)} |\n"]
    rows += [f"|---{'|---' * len(kinds)}|\n"]
    for cls, uses in USES.items():
        words = (uses[other].value if other in uses else "refused" for other in USES)
        rows.append(f"| `{kind_of(cls)}` | {' | '.join(words)} |\n")
    return f"{_USES}\n{''.join(rows)}"


def _image_page() -> str:
    parts = ["# `images/NAME.yaml`", _doc(Image), _example(IMAGE_EXAMPLE), _RULES]
    parts += ["## Top level", _table(block(Image).fields)]
    parts += [part for field in block(Image).fields for part in _section(field)]
    return _page(parts)


def _section(field: Field, level: str = "##") -> Iterator[str]:
    """Yield the parts of the section of a key that holds a block."""
    shape = field.shape
    title = f"`{field.key}`"
    if isinstance(shape, MapOf):
        shape, title = shape.value, f"`{field.key}.NAME`"
    if isinstance(shape, Block):
        yield f"{level} {title}"
        yield _doc(shape.cls)
        yield _table(shape.fields) + _rest_row(shape.rest)
        for inner in shape.fields:
            if isinstance(inner.shape, Block):
                yield from _section(inner._replace(key=f"{field.key}.{inner.key}"), level)


def _added(cls: type, base: type) -> tuple[Field, ...]:
    """Return the fields that a kind has beyond those of every stage."""
    known = set(block(base).keys)
    return tuple(field for field in block(cls).fields if field.key not in known)


def _page(parts: list[str]) -> str:
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _example(text: str) -> str:
    return f"```yaml\n{text}```"


def _doc(cls: type) -> str:
    return inspect.cleandoc(cls.__doc__ or "").replace("``", "`")


_HEAD = "| key | value | default | meaning |\n|---|---|---|---|\n"
_KIND_ROW = (
    f"{_HEAD}| `kind` | {', '.join(f'`{kind}`' for kind in KINDS)} | required | what it does |\n"
)


def _table(fields: tuple[Field, ...]) -> str:
    return _HEAD + _rows(fields) if fields else ""


def _rows(fields: tuple[Field, ...]) -> str:
    return "".join(
        f"| `{field.key}` | {_words(field.shape)} | {_default(field)} | {field.doc} |\n"
        for field in fields
    )


def _rest_row(rest: Rest | None) -> str:
    return f"| any other name | {_words(rest.shape.value)} |  | {rest.doc} |\n" if rest else ""


def _default(field: Field) -> str:
    if field.required:
        return "required"
    default = plain(field.default)
    if default is None:
        return ""
    if isinstance(default, float):
        return f"`{default:g}`"
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def _words(shape: Shape, *, many: bool = False) -> str:
    """Return in words what a key takes; ``many`` for the plural."""
    words: str
    match shape:
        case Text():
            words = "texts" if many else "text"
        case Number():
            words = "number" if shape.above is None else f"number above {shape.above:g}"
        case Choice():
            words = ", ".join(f"`{word}`" for word in shape.words)
        case ListOf():
            words = f"list of {_words(shape.item, many=True)}"
        case MapOf():
            words = f"names with {_words(shape.value)}"
        case Block():
            words = "block"
        case Kinds():
            words = "stage"
        case _:
            assert_never(shape)
    return words
