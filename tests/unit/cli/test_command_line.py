from __future__ import annotations

import io
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from pipeline import bootstrap
from pipeline.cli.main import EVERYWHERE, VERBS, load, main, own_words, verb_first
from pipeline.cli.session import Session
from pipeline.cli.watching import declarations
from pipeline.console import Console

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def said(capsys: pytest.CaptureFixture[str], words: Sequence[str]) -> tuple[int, str, str]:
    code = main(words)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("rum", "unknown verb `rum`", "did you mean `pipeline run`?"),
        ("-C", "`-C` needs a directory", "`pipeline -C DIR VERB`"),
        ("-C x", "no verb follows `-C x`", "see `pipeline --help`"),
        ("-C x list", "cannot find the directory `x`", "`-C` names the directory of a project"),
        ("-C x -q run", "`-q` stands where a verb is expected", "`pipeline VERB -q`"),
        ("run", "`pipeline run` needs STAGE", "`pipeline list` names the stages"),
        ("run a --offlin", "`pipeline run` has no flag `--offlin`", "did you mean `--offline`?"),
        ("run a --index", "`pipeline run` has no flag `--index`", "see `pipeline run --help`"),
        ("doctor a", "`pipeline doctor` takes no argument `a`", "see `pipeline doctor --help`"),
        (
            "run a --jobs 0",
            "`-j/--jobs` must be a whole number above 0, not `0`",
            "see `pipeline run",
        ),
        ("run a --jobs -2", "`-j/--jobs`", "see `pipeline run --help`"),
        ("run a --engine dcker", "`--engine` must be `auto` or `sandbox` or", "mean `docker`?"),
        ("run a --dist", "`--dist` needs a value", "see `pipeline run --help`"),
        ("lock --check --upgrade", "`--upgrade` cannot be used with `--check`", "see"),
        ("cache", "`pipeline cache` needs ACTION", "see `pipeline cache --help`"),
        ("cache lst", "`ACTION` must be `list` or `verify` or", "did you mean `list`?"),
        (
            "cache prune --older-than nan",
            "`--older-than` must be a number of days, not `nan`",
            "see",
        ),
    ],
)
def test_a_wrong_word_is_told_with_what_to_write_instead(
    capsys: pytest.CaptureFixture[str], words: str, message: str, hint: str
) -> None:
    code, out, err = said(capsys, words.split())
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert second.startswith("hint: ")
    assert hint in second


def test_no_words_at_all_is_a_mistake_and_help_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, [])
    assert (code, out) == (2, "")
    assert said(capsys, ["--help"]) == (0, err, "")


def test_the_overview_fits_a_terminal_and_names_every_verb(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out, _ = said(capsys, ["--help"])
    assert max(map(len, out.splitlines())) <= 80
    assert re.findall(r"^  ([a-z]+) ", out, re.MULTILINE) == list(VERBS)


@pytest.mark.parametrize("name", list(VERBS))
def test_the_help_of_every_verb_fits_a_terminal_and_has_examples(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    assert main(["help", name]) == 0
    out = capsys.readouterr().out
    assert "\nexamples:\n" in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_flags_of_every_verb_are_those_that_may_stand_before_it() -> None:
    for verb in VERBS:
        _, parser = load(verb)
        (group,) = (one for one in parser._action_groups if one.title == "everywhere")
        flags = {
            flag: action.nargs != 0
            for action in group._group_actions
            for flag in action.option_strings
        }
        assert flags == EVERYWHERE


@pytest.mark.parametrize(
    ("words", "same"),
    [
        ("-C a run wheel", "run -C a wheel"),
        ("-Ca --json run wheel -C b", "run -Ca --json wheel -C b"),
        ("--directory=a --directory b list", "list --directory=a --directory b"),
        ("--json exec -e dev pytest -C x", "exec --json -e dev pytest -C x"),
        ("run -C a", "run -C a"),
        ("exec make -C a", "exec make -C a"),
        ("--json --help", "--help --json"),
        ("", ""),
    ],
)
def test_flags_before_the_verb_are_those_behind_it(words: str, same: str) -> None:
    assert verb_first(words.split()) == same.split()


def test_a_further_directory_is_meant_from_the_one_before_it(tmp_path: Path) -> None:
    _, parser = load("list")
    for words, directory in (
        ("-C a -C b", "a/b"),
        (f"-C a -C {tmp_path}", str(tmp_path)),
        ("-C a --directory=", "a"),
    ):
        assert str(parser.parse_all(words.split()).directory) == directory


def test_a_record_rests_on_links_and_directories_on_the_way_to_the_project(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    project = tmp_path / "project"
    shutil.copytree(pytestconfig.rootpath / "examples" / "pure", project)
    (tmp_path / "current").symlink_to(project)
    arguments = load("run")[1].parse_all(["wheel", "-C", "current/src"])
    with Session(arguments, Console(io.StringIO(), {}), {}, tmp_path) as session:
        watched = set(declarations(session))
    assert str(tmp_path / "current") in watched
    assert {str(project / "src/pipeline.yaml"), str(project / "pipeline.yaml")} <= watched


@pytest.mark.parametrize(
    "words",
    [
        "cache import all.bundle",
        "-C project cache import all.bundle",
        "cache import -C project all.bundle --json",
        "--directory=project --json cache --offline import all.bundle",
    ],
)
def test_the_launcher_finds_the_bundle_wherever_flags_stand(words: str) -> None:
    assert bootstrap.bundle_of(words.split()) == "all.bundle"
    assert bootstrap.bundle_of(["run", *words.split()]) == ""


def test_the_launcher_knows_which_flags_a_value_follows() -> None:
    _, parser = load("cache")
    valued = {flag for a in parser._actions if a.nargs != 0 for flag in a.option_strings}
    assert valued == bootstrap.WITH_VALUES


@pytest.mark.parametrize(
    ("words", "own"),
    [
        ("run wheel --json", "run wheel --json"),
        ("dev test -- npm ls --json", "dev test"),
        ("exec npm ls --json", "exec"),
        ("exec --json -e docs npm --json", "exec --json -e docs"),
        ("exec -C a -e", "exec -C a -e"),
        ("", ""),
    ],
)
def test_flags_of_a_command_that_is_handed_on_are_its_own(words: str, own: str) -> None:
    assert own_words(words.split()) == own.split()
