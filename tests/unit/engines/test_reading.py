"""What is wrong with a Dockerfile's names and variables is told before any engine starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.engines.protocol import BuildRequest, TreeContext
from pipeline.engines.reading import check
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def request(text: str, path: Path, **arguments: str) -> BuildRequest:
    return BuildRequest(
        dockerfile=text,
        contexts={"files": TreeContext(digest="f", path=path)},
        platform="linux/amd64",
        arguments=arguments,
    )


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("FROM nothing", 1, "`nothing` is neither a stage above nor a context"),
        ("FROM files\nCOPY --from=other / /", 2, "`other` is neither"),
        ("FROM files\nRUN --mount=from=other,target=/m x", 2, "`other` is neither"),
        ("FROM files\nCOPY a b", 2, "no context `context`"),
        ("FROM files\nCOPY --from=1 / /", 2, "no stage 1"),
        ("ARG X\nFROM $X", 2, "the variable is empty"),
        ("FROM files AS files", 1, "the name of a context"),
        ('FROM files\nENV A="${B:?no B}"', 2, "no B"),
        ('FROM files AS a\nENV A="${B:?no B}"\nFROM a', 2, "no B"),
    ],
)
def test_each_is_refused_at_its_line(text: str, line: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        check(request(text, tmp_path))
    assert words in caught.value.message
    assert caught.value.where == f"Dockerfile:{line}"


def test_a_stage_that_is_not_needed_is_not_looked_at(tmp_path: Path) -> None:
    check(request("FROM files AS a\nCOPY --from=other / /\nFROM files", tmp_path))


def test_a_value_of_the_build_counts(tmp_path: Path) -> None:
    text = 'ARG BASE\nFROM $BASE\nARG B\nENV A="${B:?no B}"'
    check(request(text, tmp_path, BASE="files", B="1"))
