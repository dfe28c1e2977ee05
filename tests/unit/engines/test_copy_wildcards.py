"""Wildcards in sources match names as Go's `filepath.Match` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.engines.globbing import expression, has_wildcards, matches
from pipeline.engines.union import Union

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("pattern", "name", "matched"),
    [
        ("*", "anything", True),
        ("*", ".hidden", True),
        ("*.whl", "a-1.0.whl", True),
        ("*.whl", "a.whl.txt", False),
        ("a*b*c", "axxbyyc", True),
        ("?", "ä", True),
        ("?", "", False),
        ("[a-c]x", "bx", True),
        ("[^a-c]x", "bx", False),
        ("[!a]", "!", True),
        ("[&&]", "&", True),
        ("[[]", "[", True),
        ("[\\]]", "]", True),
        ("\\*", "*", True),
        ("\\*", "a", False),
        ("a.b", "axb", False),
        ("(a|b)", "a", False),
        ("*", "a\nb", True),
    ],
)
def test_a_pattern_matches_a_whole_name(pattern: str, name: str, *, matched: bool) -> None:
    assert (expression(pattern).fullmatch(name) is not None) is matched


@pytest.mark.parametrize("pattern", ["[", "[]", "a[b", "trailing\\"])
def test_a_malformed_pattern_is_an_error(pattern: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        expression(pattern)


def test_only_unescaped_signs_are_wildcards() -> None:
    assert [has_wildcards(path) for path in ("/a*", "/a?", "/[a]", "/a", "/a\\*")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_matches_come_in_order_and_stay_on_their_level(tmp_path: Path) -> None:
    for path in ("b/x.py", "a/x.py", "a/deep/y.py", "a/z.txt", "x.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    (tmp_path / "c").symlink_to("a")
    view = Union((str(tmp_path),))
    assert list(matches(view, "/*/*.py")) == ["/a/x.py", "/b/x.py"]
    assert list(matches(view, "/c/*.py")) == ["/a/x.py"]
    assert list(matches(view, "/*.py")) == ["/x.py"]
    assert list(matches(view, "/nothing/*")) == []
