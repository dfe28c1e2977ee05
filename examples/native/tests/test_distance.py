from __future__ import annotations

import array
import random
from itertools import product

import pytest
from example_distance import distance


def plainly(left: bytes, right: bytes) -> int:
    """Return the distance by the textbook's matrix, row by row."""
    row = list(range(len(right) + 1))
    for number, byte in enumerate(left, 1):
        diagonal, row[0] = row[0], number
        for column, other in enumerate(right, 1):
            replaced = diagonal + (byte != other)
            diagonal = row[column]
            row[column] = min(replaced, row[column] + 1, row[column - 1] + 1)
    return row[-1]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [(b"kitten", b"sitting", 3), (b"", b"abc", 3), (b"", b"", 0), (b"flaw", b"lawn", 2)],
)
def test_known_distances(left: bytes, right: bytes, expected: int) -> None:
    assert distance(left, right) == expected
    assert distance(right, left) == expected


@pytest.mark.parametrize(
    ("height", "width"), list(product((1, 63, 64, 65, 128, 200), (64, 65, 130, 257)))
)
def test_it_agrees_with_the_textbook_around_the_width_of_a_word(height: int, width: int) -> None:
    chance = random.Random(height * 1000 + width)
    left = bytes(chance.choices(b"abc\xff", k=height))
    right = bytes(chance.choices(b"abc\xff", k=width))
    assert distance(left, right) == plainly(left, right)


def test_anything_with_a_buffer_will_do() -> None:
    text = bytearray(b"kitten")
    assert distance(text, memoryview(b"xsittingx")[1:-1]) == 3
    assert distance(array.array("B", b"ab"), b"b") == 1
    text.extend(b"s")  # no buffer was left locked


def test_what_has_no_buffer_is_refused() -> None:
    with pytest.raises(TypeError):
        distance("text", b"bytes")  # type: ignore[arg-type]
