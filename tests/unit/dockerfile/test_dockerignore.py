"""`.dockerignore` hides what Docker's own examples say it hides."""

from __future__ import annotations

import pytest

from pipeline.dockerfile.ignore import is_hidden, parse_ignore


@pytest.mark.parametrize(
    ("rules", "path", "hidden"),
    [
        ("a", "a", True),
        ("a", "a/b", True),
        ("a", "b/a", False),
        ("/a/", "a/b", True),
        ("./a/../b", "b", True),
        ("*/temp*", "d/temporary", True),
        ("*/temp*", "d/e/temporary", False),
        ("*/*/temp*", "d/e/temporary.txt", True),
        ("temp?", "tempa", True),
        ("temp?", "temp", False),
        ("**/*.go", "x.go", True),
        ("**/*.go", "a/b/x.go", True),
        ("a/**", "a/b/c", True),
        ("a/**", "a", False),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z", True),
        ("*.md\n!README.md", "README.md", False),
        ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", True),
        ("README-secret.md\n!README*.md", "README-secret.md", False),
        ("*\n!d", "d/e", False),
        ("*\n!d\nd/e", "d/e", True),
        ("[ab].c", "a.c", True),
        ("[^a].c", "a.c", False),
        (r"\*.c", "a.c", False),
        (r"\*.c", "*.c", True),
        ("a.c", "abc", False),
        ("# a", "# a", False),
        ("", "a", False),
    ],
)
def test_the_last_rule_that_matches_decides(rules: str, path: str, *, hidden: bool) -> None:
    assert is_hidden(path, parse_ignore(rules)) == hidden


def test_an_exception_of_nothing_is_malformed() -> None:
    with pytest.raises(ValueError, match="!"):
        parse_ignore("a\n!\n")
