from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pipeline.config.decode import Decoder
from pipeline.config.model import Image, Pipeline
from pipeline.config.problems import Problems
from pipeline.config.reference import IMAGE_EXAMPLE, PIPELINE_EXAMPLE, pages
from pipeline.config.schema import Kind, schema
from pipeline.config.shapes import block
from pipeline.config.yaml import compose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.config.conftest import Repository


jsonschema = pytest.importorskip("jsonschema")

SAMPLES = Path(__file__).parent / "samples"
KINDS: tuple[Kind, ...] = ("pipeline", "image")
PIPELINE = (SAMPLES / "pipeline.yaml").read_text()
IMAGE = (SAMPLES / "images" / "python.yaml").read_text()


def _schema_accepts(kind: Kind, text: str) -> bool:
    validator = jsonschema.Draft202012Validator(schema(kind))
    return bool(validator.is_valid(yaml.safe_load(io.StringIO(text))))


def _decoder_accepts(kind: Kind, text: str, root: Path) -> bool:
    problems = Problems()
    node = compose(text, "file.yaml", problems)
    assert node is not None
    if kind == "pipeline":
        Decoder(problems).file(node, block(Pipeline), (), root=root)
    else:
        Decoder(problems).file(node, block(Image), ("images", "it"), name="it")
    return not problems.found


def _stage(body: str) -> str:
    return f"version: 1\nstages:\n  it: {{{body}}}\n"


def _variable(word: str) -> str:
    return _stage(f"kind: wheel, image: a, env: {{A: {word}}}")


GOOD: list[tuple[Kind, str]] = [
    ("pipeline", PIPELINE),
    ("pipeline", PIPELINE_EXAMPLE),
    ("image", IMAGE),
    ("image", IMAGE_EXAMPLE),
    ("image", "from: {image: a}\nplatforms: linux_arm64\npython: {requires: ziglang}\n"),
    ("pipeline", "version: 1\nstages: {}\nmirrors: {debian: https://mirror.example/debian}\n"),
    ("pipeline", _stage("kind: test, image: a, run: b")),
    ("pipeline", _stage("kind: test, image: a, run: [b, c], needs: d, timeout: 0.5")),
    ("pipeline", _stage("kind: command, image: a, run: [b], outputs: x/*, requires: [c]")),
    ("pipeline", _stage("kind: changelog, needs: []")),
    ("pipeline", _stage("kind: wheel, image: a, matrix: {python: cp311, x: ['1', b]}")),
    ("pipeline", _stage("kind: wheel, image: a, matrix: {x: a, exclude: [{x: a, y: b}]}")),
    ("pipeline", _stage("kind: wheel, image: a, matrix: {include: {x: '1'}, exclude: []}")),
    ("pipeline", _variable("''")),
    ("pipeline", _variable("'1.10'")),
    ("pipeline", _variable("žluť")),
]

BAD: list[tuple[Kind, str]] = [
    ("pipeline", "[]"),
    ("pipeline", "version: 1\n"),
    ("pipeline", "stages: {}\n"),
    ("pipeline", "version: 2\nstages: {}\n"),
    ("pipeline", "version: '1'\nstages: {}\n"),
    ("pipeline", "version: 1\nstages: {}\nstage: {}\n"),
    ("pipeline", "version: 1\nstages: {}\nengine: lxc\n"),
    ("pipeline", "version: 1\nstages: {}\nenvironments: {Dev: {}}\n"),
    ("pipeline", "version: 1\nstages: {}\nenvironments: {dev: {groups: ['']}}\n"),
    ("pipeline", "version: 1\nstages: {}\nmirrors: {debian: mirror.example}\n"),
    ("pipeline", _stage("image: a")),
    ("pipeline", _stage("kind: wheel")),
    ("pipeline", _stage("kind: wheels, image: a")),
    ("pipeline", _stage("kind: wheel, image: a, run: b")),
    ("pipeline", _stage("kind: wheel, image: ' '")),
    ("pipeline", _stage("kind: wheel, image: a, timeout: 0")),
    ("pipeline", _stage("kind: wheel, image: a, timeout: '3'")),
    ("pipeline", _stage("kind: wheel, image: a, network: bridge")),
    ("pipeline", _stage("kind: test, image: a, run: b, requires: [--index-url=x]")),
    ("pipeline", _stage("kind: wheel, image: a, env: {A-B: c}")),
    ("pipeline", _stage("kind: wheel, image: a, matrix: [x]")),
    ("pipeline", _stage("kind: wheel, image: a, matrix: {X: [a]}")),
    ("pipeline", _stage("kind: wheel, image: a, matrix: {x: {a: b}}")),
    ("pipeline", _stage("kind: wheel, image: a, matrix: {include: [a, b]}")),
    ("pipeline", _stage("kind: wheel, image: a, matrix: {include: [{x: [a]}]}")),
    ("pipeline", _stage("kind: wheel, image: a, matrix: {exclude: [{X: a}]}")),
    ("pipeline", _stage("kind: wheel, image: a, matrix: {exclude: [{x: 1}]}")),
    ("pipeline", _stage("kind: changelog, needs: {}")),
    ("pipeline", _stage("kind: changelog, needs: [[a]]")),
    *(("pipeline", _variable(word)) for word in ("1.10", "no", "On", "010", "2026-01-31", "~")),
    ("image", "packages: [gcc]\n"),
    ("image", "from: {}\n"),
    ("image", "from: {debian: a, image: b}\n"),
    ("image", "from: {debian: Bookworm}\n"),
    ("image", "from: {debian: a}\nplatforms: [linux/amd64]\n"),
]


@pytest.mark.parametrize(("kind", "text"), GOOD)
def test_schema_and_decoder_both_accept(kind: Kind, text: str, tmp_path: Path) -> None:
    assert _schema_accepts(kind, text)
    assert _decoder_accepts(kind, text, tmp_path)


@pytest.mark.parametrize(("kind", "text"), BAD)
def test_schema_and_decoder_both_refuse(kind: Kind, text: str, tmp_path: Path) -> None:
    assert not _schema_accepts(kind, text)
    assert not _decoder_accepts(kind, text, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_a_valid_one_and_can_be_written(kind: Kind) -> None:
    document = schema(kind)
    jsonschema.Draft202012Validator.check_schema(document)
    assert json.loads(json.dumps(document)) == document


def _properties(node: object) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        properties = node.get("properties", {})
        yield from properties.items() if isinstance(properties, dict) else ()
        for value in node.values():
            yield from _properties(value)
    elif isinstance(node, list):
        for value in node:
            yield from _properties(value)


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_the_schema_says_what_it_means(kind: Kind) -> None:
    silent = {
        key
        for key, value in _properties(schema(kind))
        if key != "kind" and not value.get("description")
    }
    assert not silent


def test_the_reference_pages_are_up_to_date(pytestconfig: pytest.Config) -> None:
    directory = pytestconfig.rootpath / "docs" / "reference"
    stale = [
        name
        for name, text in pages().items()
        if (directory / name).read_text(encoding="utf-8") != text
    ]
    assert not stale, "bring them up to date with `pipeline.config.reference.write`"


def test_the_examples_of_the_reference_can_be_loaded(repository: Repository) -> None:
    repository.write("images/python.yaml", IMAGE_EXAMPLE)
    assert repository.load(PIPELINE_EXAMPLE).stages["wheel"].needs == ("sdist",)


def test_the_reference_names_every_key_of_the_schema() -> None:
    text = "".join(page for name, page in pages().items() if name.endswith(".md"))
    keys = [key for kind in KINDS for key, _ in _properties(schema(kind))]
    assert [key for key in keys if f"| `{key}` |" not in text] == []
