from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.checkout.worktree import unignored_files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import Repository


PATHS = (
    *("a.log", "keep.log", "sub/a.log", "sub/keep.log", "deep/er/a.log"),
    *("out/x", "out/y/z", "sub/out/x", "outer", "foo/bar", "x/foo/bar", "foo/baz/bar"),
    *("a1", "a2", "ab", "a-", "a]", "[b]", "star*", "#hash", "!bang", "end ", "end"),
    *("docs/a/b/c.txt", "docs/c.txt", "doc.txt", "ünï/cödé", "sub/only", "only"),
)

RULES = (
    "*.log",
    "*.log\n!keep.log",
    "*.log\n!keep.log\nsub/*.log",
    "/a.log",
    "out/",
    "out",
    "/out",
    "foo/bar",
    "**/foo/bar",
    "foo/**",
    "foo/**/bar",
    "**",
    "*\n!sub\n!sub/**",
    "a?",
    "a[12]",
    "a[!12]",
    "a[^12]",
    "a[1-b]",
    "a[]1]",
    "a[-z]",
    r"\[b\]",
    r"star\*",
    r"\#hash",
    "#hash",
    r"\!bang",
    "!bang",
    r"end\ ",
    "end   ",
    "docs/**/c.txt",
    "docs/*/c.txt",
    "d*c*",
    "ünï",
    "ü*/c?d?",
    "sub/",
    "*/only",
    "/*",
    "/*/",
    "a.log\r",
    "\n\n  \n",
    "a[",
    "/",
    "**/out/",
    "deep/**/a.log",
    "deep**",
)


def ignored_by_git(root: Path, paths: tuple[str, ...]) -> set[str]:
    given = "".join(f"./{path}\0" for path in paths)  # else a leading colon would be magic
    said = subprocess.run(
        ["git", "check-ignore", "-z", "--stdin"],
        cwd=root,
        input=given.encode(),
        capture_output=True,
        check=False,  # it exits 1 where nothing is ignored
    )
    assert said.returncode in {0, 1}
    return {row.removeprefix("./") for row in said.stdout.decode().split("\0") if row}


@pytest.mark.parametrize("rules", RULES)
def test_each_rule_means_what_it_means_to_git(repository: Repository, rules: str) -> None:
    for path in PATHS:
        repository.write(path)
    repository.write(".gitignore", rules)
    ignored = ignored_by_git(repository.root, PATHS)
    walked = set(unignored_files(repository.root))
    assert {path for path in PATHS if path not in walked} == ignored


def test_a_file_further_down_overrides_those_above(repository: Repository) -> None:
    repository.write(".gitignore", "*.log\n/sub/only\n")
    repository.write("sub/.gitignore", "!keep.log\n/local\n")
    for path in ("a.log", "sub/keep.log", "sub/only", "sub/local", "local", "sub/x/local"):
        repository.write(path)
    expected = (".gitignore", "local", "sub/.gitignore", "sub/keep.log", "sub/x/local")
    assert unignored_files(repository.root) == expected
    assert unignored_files(repository.root, "sub") == expected[2:]
    assert unignored_files(repository.root, "sub/x") == ("sub/x/local",)


def test_what_is_never_source_is_left_out_of_a_walk(repository: Repository) -> None:
    for path in (
        *("dist/a.whl", "build/lib/a.py", "src/build/kept.py", "src/__pycache__/a.pyc"),
        *("src/b.pyc", "env/pyvenv.cfg", "env/bin/x", "clone/.git/config", "clone/a", "a"),
    ):
        repository.write(path)
    (repository.root / "link").symlink_to("src")
    assert unignored_files(repository.root) == ("a", "link", "src/build/kept.py")
