"""Whatever a file holds, it is loaded or refused: nothing else may ever come out."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.config.conftest import Repository

ROUNDS = 250

PIECES = [
    b"\t", b"\n", b" ", b":", b": ", b"- ", b"? ", b"[", b"]", b"{", b"}", b",", b"'", b'"', b"|",
    b">", b"&a ", b"*a", b"!!str ", b"!", b"%", b"@", b"`", b"#", b"---\n", b"...\n", b"<<: ",
    b"~", b"no", b"1.10", b"0x", b"\\", b"\x00", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\r",
    "\u2028".encode(), "🐍".encode(), b'"\\Uffffffff"', b'"\\ud800"', b"..", b"/", b"{x}", b"*",
    b"needs", b"matrix", b"kind: wheel", b"sdist", b"==1", b"9" * 400,
]  # fmt: skip


def _insert(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(PIECES) + data[at:]


def _delete(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + data[at + chance.randrange(12) :]


def _flip(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def _move(data: bytes, chance: random.Random) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    line = lines.pop(chance.randrange(len(lines)))
    lines.insert(chance.randrange(len(lines) + 1), line)
    return b"".join(lines)


def _swap(data: bytes, chance: random.Random) -> bytes:
    words = data.split(b" ")
    left, right = chance.randrange(len(words)), chance.randrange(len(words))
    words[left], words[right] = words[right], words[left]
    return b" ".join(words)


MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [_insert, _delete, _flip, _move, _swap]


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 3))])
@pytest.mark.parametrize("file", ["pipeline.yaml", "images/python.yaml"])
def test_a_damaged_file_is_loaded_or_refused_with_a_place(
    repository: Repository, file: str, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    sample = (repository.root / file).read_bytes()
    for _ in range(ROUNDS):
        data = sample
        for _ in range(chance.randrange(1, 6)):
            data = chance.choice(MUTATIONS)(data, chance)
        repository.write(file, data)
        try:
            repository.load()
            continue
        except ConfigError as refused:
            error = refused
        assert error.exit_code == 2, data
        name, line, column = error.where.rsplit(":", 2)
        assert name in {"pipeline.yaml", "images/python.yaml"}, data
        assert int(line) >= 1, data
        assert int(column) >= 1, data
        assert error.message, data
