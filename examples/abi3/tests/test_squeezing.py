from __future__ import annotations

import random
import re
from pathlib import Path

import example_squeeze
import pytest
from example_squeeze import _lz4, expand, squeeze

SIZES = (0, 1, 15, 16, 4096, 1_000_003)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_squeezed_comes_back(size: int) -> None:
    for data in (bytes(size), random.Random(size).randbytes(size)):
        assert expand(squeeze(data)) == data


def test_what_repeats_becomes_smaller() -> None:
    assert len(squeeze(b"again and " * 1000)) < 200


@pytest.mark.parametrize("size", range(9))
def test_half_a_block_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="block"):
        expand(squeeze(b"again and again")[:size])


def test_the_library_is_the_one_that_came_with_the_wheel() -> None:
    own = Path(example_squeeze.__file__).parent.parent / "example_squeeze.libs"
    mapped = Path("/proc/self/maps").read_text()
    assert _lz4.__file__ in mapped
    assert set(re.findall(r"/\S*liblz4\S*", mapped)) == {str(f) for f in own.glob("liblz4-*")}
