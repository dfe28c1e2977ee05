"""Every refusal of one file: its place, its words and its hint."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from pipeline.config import yaml

if TYPE_CHECKING:
    from tests.unit.config.conftest import Repository


def _stage(body: str) -> str:
    return f"version: 1\nstages:\n  it: {{{body}}}\n"


WORDS = [
    # what YAML has and we refuse
    ("version: 1\nstages: &all {}\n", "2:9", "the anchor `&all` is not", "write the value out"),
    ("version: 1\nstages: *all\n", "2:9", "the alias `*all` is not supported", "repeat the value"),
    ("version: !!int 1\nstages: {}\n", "1:10", "the tag `tag:yaml.org,2002:int`", "remove it"),
    ("version: !mine 1\nstages: {}\n", "1:10", "the tag `!mine` is not supported", "remove it"),
    ("version: 1\nstages:\n  <<: {}\n", "3:3", "merge key `<<`", "repeat the values"),
    ("version: 1\nstages: {}\nversion: 1\n", "3:1", "`version` stands twice", "in line 1"),
    (_stage("kind: changelog, kind: x"), "3:25", "the key `kind` stands twice", "keep one"),
    ("version: 1\nstages: {}\n---\nversion: 1\n", "3:1", "a second document", "one document"),
    ("%YAML 1.1\n---\nversion: 1\nstages: {}\n", "1:1", "directives such as", "remove them"),
    ("version: 1\nstages: {? [a] : b}\n", "2:12", "a key must be a word", "key: value"),
    ("version: 1\nstages:\n\tit: {}\n", "3:1", "a tab stands where", "use spaces"),
    ("version:\t1\nstages: {}\n", "1:9", "a tab stands where YAML takes only", "use spaces"),
    ("version: 1\nstages: {\n\t}\n", "3:1", "a tab stands where YAML takes only", "use spaces"),
    ("version: 1\nstages: {}\t# words\n", "2:11", "a tab stands where", "use spaces"),
    ("version: 1\nstages: {it: @x}\n", "2:14", "this is not YAML", "quote a value that starts"),
    ("version: 1\nstages: a: b\n", "2:10", "this is not YAML", "quote a value that holds `: `"),
    ("version: 1\nstages: 'a\n", "3:1", "this is not YAML", "close the quote"),
    ("version: 1\nstages: [a\nb: 1\n", "3:2", "this is not YAML", "check the indentation"),
    ("", "1:1", "`pipeline.yaml` is empty", ""),
    ("# only a comment\n", "1:1", "`pipeline.yaml` is empty", ""),
    # characters
    ("version: 1\nstages: {a: \x00}\n", "2:13", "character U+0000 cannot stand", "remove it"),
    ("version: 1\nstages: {a: x\x1b[2J}\n", "2:14", "character U+001B", "remove it"),
    ("version: 1\n# \u202e reads backwards\n", "2:3", "character U+202E", "remove it"),
    ("version: 1\nstages:\r{}\n", "2:8", "character U+000D cannot stand", "remove it"),
    (_stage('kind: "a\\0b"'), "3:14", "character U+0000", "remove its escape sequence"),
    (_stage('kind: "\\L"'), "3:14", "character U+2028", "remove its escape sequence"),
    # keys
    ("version: 1\nstages: {}\nstage: {}\n", "3:1", "unknown key `stage` in `pip", "`stages`?"),
    (_stage("kind: wheel, imagee: a"), "3:21", "unknown key `imagee` in stage", "`image`?"),
    (_stage("kind: wheel, image: a, run: b"), "3:31", "unknown key `run` in stage `it`", ""),
    ("version: 1\nstages: {}\nproject: {vers: a}\n", "3:11", "`vers` in `project`", "version`?"),
    ("version: 1\nstages: {}\nzzzzzzzz: 1\n", "3:1", "unknown key `zzzzzzzz`", "known here: `eng"),
    ("stages: {}\n", "1:1", "`pipeline.yaml` has no key `version`", "version of this format"),
    ("version: 1\n", "1:1", "`pipeline.yaml` has no key `stages`", "what can be run"),
    (_stage("kind: wheel"), "3:3", "stage `it` has no key `image`", "image the steps run in"),
    (_stage("image: a"), "3:3", "stage `it` has no key `kind`", "one of `sdist`, `wheel`"),
    (_stage("kind: whel"), "3:14", "must be one of `sdist`, `wheel`", "did you mean `wheel`?"),
    # types
    ("- version\n", "1:1", "`pipeline.yaml` must be a block of keys, not a list", ""),
    ("just words\n", "1:1", "must be a block of keys, not `just words`", ""),
    ("version: 1\nstages: []\n", "2:9", "`stages` must be a block of names, not a list", ""),
    ("version: 1\nstages:\n", "2:8", "`stages` must be a block of names, not empty", ""),
    ("version: 1\nstages: {it: 1}\n", "2:14", "stage `it` must be a block of keys, not `1`", ""),
    ("version: 2\nstages: {}\n", "1:10", "`version` must be `1`, not `2`", ""),
    ("version: 1.0\nstages: {}\n", "1:10", "`version` must be `1`, not `1.0`", ""),
    ('version: "1"\nstages: {}\n', "1:10", "`version` must be `1`, not text", "remove the quotes"),
    ("version: [1]\nstages: {}\n", "1:10", "`version` must be `1`, not a list", ""),
    ("version: 1\nengine: dokcer\nstages: {}\n", "2:9", "must be one of `auto`", ""),
    (_stage("kind: wheel, image: [a]"), "3:28", "`image` of stage `it` must be text, not a l", ""),
    (_stage("kind: wheel, image: ''"), "3:28", "`image` of stage `it` must be text, not emp", ""),
    (_stage('kind: wheel, image: " "'), "3:28", "must be text, not empty", "leave the key out"),
    (
        "version: 1\nproject:\n  tag:\nstages: {}\n",
        "3:7",
        "must be text, not empty",
        "leave the key out",
    ),
    (_stage('kind: wheel, image: "a\\nb"'), "3:28", "text on one line, not `a\\nb`", ""),
    (_stage("kind: changelog, needs: {}"), "3:32", "must be a list, not a block of keys", ""),
    (_stage("kind: changelog, needs: [[]]"), "3:33", "an entry of `needs` of stage `it`", ""),
    (_stage("kind: wheel, image: a, env: b"), "3:36", "must be a block of names, not `b`", ""),
    (_stage("kind: wheel, image: a, timeout: soon"), "3:40", "must be a number, not", "decimal"),
    (_stage('kind: wheel, image: a, timeout: "9"'), "3:40", "must be a number", "without quotes"),
    (_stage("kind: wheel, image: a, timeout: 0"), "3:40", "must be a number above 0", ""),
    (_stage("kind: wheel, image: a, timeout: 010"), "3:40", "must be a number", "decimal"),
    (_stage("kind: wheel, image: a, timeout: 1:30"), "3:40", "must be a number", "decimal"),
    (_stage("kind: wheel, image: a, timeout: .inf"), "3:40", "must be a number", "decimal"),
    (_stage("kind: wheel, image: a, network: off"), "3:40", "one of `none`, `host`, not", ""),
    # form
    (_stage("kind: changelog, tags: [a b]"), "3:32", "must be letters, digits", ""),
    (_stage("kind: test, image: a, run: b, requires: -r x"), "3:48", "a requirement such as", ""),
    ("version: 1\nstages: {It: {}}\n", "2:10", "`It` cannot be a name in `stages`", "a name is"),
    (_stage("kind: wheel, image: a, env: {A-B: c}"), "3:37", "`A-B` cannot be a name", "digits"),
    ("version: 1\nmirrors: {debian: mirror.example}\nstages: {}\n", "2:19", "an address that", ""),
]


def _check(repository: Repository, text: str, place: str, words: str, hint: str) -> None:
    error = repository.refused(text or b"\n")
    assert error.where == f"pipeline.yaml:{place}"
    assert words in error.message
    assert hint in error.hint
    assert not error.message.endswith(".")


@pytest.mark.parametrize(("text", "place", "words", "hint"), WORDS)
def test_refused_with_its_place_its_words_and_a_hint(
    repository: Repository, text: str, place: str, words: str, hint: str
) -> None:
    _check(repository, text, place, words, hint)


@pytest.mark.parametrize(("text", "place", "words", "hint"), WORDS)
def test_refused_alike_where_pyyaml_was_built_without_libyaml(
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    place: str,
    words: str,
    hint: str,
) -> None:
    monkeypatch.setitem(sys.modules, "yaml._yaml", None)
    _check(repository, text, place, words, hint)


@pytest.mark.parametrize(
    ("word", "taken"),
    [
        ("no", "false"),
        ("Off", "false"),
        ("on", "true"),
        ("YES", "true"),
        ("true", "true"),
        ("~", "nothing"),
        ("null", "nothing"),
        ("1.10", "a number"),
        ("3", "a number"),
        ("010", "a number"),
        ("0o17", "a number"),
        ("0x1F", "a number"),
        ("1_000", "a number"),
        ("1e3", "a number"),
        ("-.5", "a number"),
        (".NaN", "a number"),
        ("22:30", "a number"),
        ("2026-01-31", "a date"),
        ("2026-01-31 10:00:00", "a date"),
        ("=", "a special key"),
    ],
)
def test_words_that_yaml_takes_for_something_else_have_to_be_quoted(
    repository: Repository, word: str, taken: str
) -> None:
    body = "kind: command, image: python, run: x, env: {A: %s}"
    error = repository.refused(_stage(body % word))
    expected = f"`env.A` of stage `it` must be text, but YAML takes `{word}` for {taken}"
    assert error.message == expected
    assert error.hint == f'quote it: `"{word}"`'
    stage = repository.load(_stage(body % f'"{word}"')).stages["it"]
    assert getattr(stage, "env", None) == {"A": word}


@pytest.mark.parametrize("word", ["1.2.3", "nobody", "3.x", "-m", "v1", "cp311", "1-2", "+", "."])
def test_words_that_are_text_to_every_reader_need_no_quotes(
    repository: Repository, word: str
) -> None:
    body = f"kind: command, image: python, run: x, env: {{A: {word}}}"
    assert getattr(repository.load(_stage(body)).stages["it"], "env", None) == {"A": word}


def test_a_name_that_yaml_takes_for_something_else_has_to_be_quoted(
    repository: Repository,
) -> None:
    error = repository.refused("version: 1\nstages: {no: {kind: changelog}}\n")
    assert error.message == "YAML takes the name `no` for false"
    assert error.where == "pipeline.yaml:2:10"
    assert "no" in repository.load('version: 1\nstages: {"no": {kind: changelog}}\n').stages


def test_bytes_that_are_not_utf8_are_named_by_place(repository: Repository) -> None:
    error = repository.refused("version: 1\n# žluť \xff".encode("latin-1", "replace"))
    assert error.where == "pipeline.yaml:2:8"
    assert error.message == "`pipeline.yaml` is not UTF-8: the byte 0xff cannot stand here"


def test_utf16_is_not_read(repository: Repository) -> None:
    assert "is not UTF-8" in repository.refused("version: 1\n".encode("utf-16")).message


def test_a_file_over_a_mebibyte_is_not_read(repository: Repository) -> None:
    error = repository.refused("#" * (yaml.MAX_BYTES + 1))
    assert error.message == "`pipeline.yaml` is larger than 1 MiB"


def test_a_file_of_too_many_values_is_refused_at_the_first_too_many(
    repository: Repository,
) -> None:
    error = repository.refused("[" + "a,\n" * yaml.MAX_NODES + "]")
    assert error.where == f"pipeline.yaml:{yaml.MAX_NODES}:1"
    assert "more than 20000 values" in error.message


@pytest.mark.parametrize("depth", [33, 400, 100_000])
def test_a_file_nested_too_deep_is_refused_at_the_first_too_deep(
    repository: Repository, depth: int
) -> None:
    error = repository.refused("[" * depth)
    assert error.where == "pipeline.yaml:1:33"
    assert "nested deeper than 32 levels" in error.message


def test_messages_repeat_no_more_than_a_line_of_foreign_text(repository: Repository) -> None:
    error = repository.refused(f"version: {'1' * 5000}\nstages: {{}}\n")
    assert len(error.message) < 120


def test_a_declaration_that_is_not_a_file_is_refused(repository: Repository) -> None:
    (repository.root / "pipeline.yaml").unlink()
    os.mkfifo(repository.root / "pipeline.yaml")
    assert repository.refused().message == "`pipeline.yaml` is not a file"


@pytest.mark.skipif(os.getuid() == 0, reason="root may read every file")
def test_a_declaration_that_may_not_be_read_is_refused(repository: Repository) -> None:
    (repository.root / "pipeline.yaml").chmod(0)
    assert "Permission denied" in repository.refused().message


@pytest.mark.parametrize(
    ("text", "place", "words", "hint"),
    [
        (
            "from: {}\n",
            "1:1",
            "`from` of image `python` must hold exactly one key, not 0",
            "one of",
        ),
        ("from: {debian: a, image: b}\n", "1:1", "must hold exactly one key, not 2", "`image`"),
        ("from: {debain: a}\n", "1:8", "unknown key `debain` in `from` of image `python`", "mean"),
        ("from: {debian: ../a}\n", "1:16", "must be the name of a suite", ""),
        ("packages: [gcc]\n", "1:1", "image `python` has no key `from`", "what it starts from"),
        ("from: {debian: a}\npackages: [-y]\n", "2:12", "the name of a Debian package", ""),
        ("from: {debian: a}\nplatforms: [arm64]\n", "2:13", "one of `linux_x86_64`", "linux_arm"),
    ],
)
def test_an_image_is_refused_with_its_own_place(
    repository: Repository, text: str, place: str, words: str, hint: str
) -> None:
    error = repository.refused(image=text)
    assert error.where == f"images/python.yaml:{place}"
    assert words in error.message
    assert hint in error.hint


def test_an_image_needs_a_name_that_can_be_written(repository: Repository) -> None:
    repository.write("images/Python 3.yaml", "from: {debian: bookworm}\n")
    error = repository.refused()
    assert error.where == "images/Python 3.yaml:1:1"
    assert error.message == "`Python 3` cannot be the name of an image"


def test_an_image_under_a_near_name_is_not_passed_over(repository: Repository) -> None:
    repository.write("images/base.yml", "from: {debian: bookworm}\n")
    error = repository.refused()
    assert error.where == "images/base.yml:1:1"
    assert error.hint == "rename it to `images/base.yaml`"
