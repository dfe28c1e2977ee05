"""Words and flags that select cells, and how many cells are shown."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from pipeline.cli.main import load, main
from pipeline.cli.selecting import selections
from pipeline.errors import UsageError
from pipeline.plan.selection import Selection, TagFilter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Printed = Callable[..., str]

MANY = """\
  many:
    kind: command
    image: python
    run: [id]
    matrix: {python: [cp311], level: [LEVELS]}
"""
OTHER = """\
  other:
    kind: command
    image: python
    run: [id]
    matrix:
      target: [linux_x86_64, linux_arm64]
      python: [cp311, cp313]
      exclude: [{target: linux_x86_64, python: cp313}]
"""
NARROWED = ["run", "plan", "list", "render", "verify"]


@pytest.fixture
def example(pytestconfig: pytest.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIPELINE_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "example"
    pure = pytestconfig.rootpath / "examples" / "pure"
    shutil.copytree(pure, root, ignore=shutil.ignore_patterns("dist"))
    levels = ", ".join(f"level-{number}" for number in range(100))
    with (root / "pipeline.yaml").open("a") as file:
        file.write(MANY.replace("LEVELS", levels))
    return root


@pytest.fixture
def printed(example: Path, capsys: pytest.CaptureFixture[str]) -> Printed:
    def call(*words: str) -> str:
        assert main([words[0], "-C", str(example), *words[1:]]) == 0
        return capsys.readouterr().out

    return call


@pytest.mark.parametrize("verb", NARROWED)
def test_verbs_that_take_stages_take_targets_and_pythons_too(verb: str) -> None:
    _, parser = load(verb)
    words = ["wheel[a]", "sdist", "--target", "linux_*", "--python=cp311", "--python=cp313"]
    axes = (("target", ("linux_*",)), ("python", ("cp311", "cp313")))
    assert selections(parser.parse_all(words)) == (
        Selection(stage="wheel", values=("a",), axes=axes),
        Selection(stage="sdist", axes=axes),
    )


@pytest.fixture
def two_platforms(example: Path) -> None:
    """Add a stage that is not locked, which listing does not ask for."""
    with (example / "pipeline.yaml").open("a") as file:
        file.write(OTHER)


@pytest.mark.usefixtures("two_platforms")
def test_flags_alone_narrow_everything(printed: Printed) -> None:
    everything = printed("list", "*").split()
    narrowed = printed("list", "--target", "linux_arm64").split()
    assert set(everything) - set(narrowed) == {"other[linux_x86_64,cp311]"}


@pytest.mark.usefixtures("two_platforms")
def test_list_names_the_cells_that_words_and_flags_mean(printed: Printed) -> None:
    assert printed("list", "other", "--python", "cp311").splitlines() == [
        "cell                       kind     image",
        "other[linux_x86_64,cp311]  command  python",
        "other[linux_arm64,cp311]   command  python",
    ]
    (stage,) = json.loads(printed("list", "other[cp313]", "--json"))["stages"]
    assert stage["cells"] == ["other[linux_arm64,cp313]"]


def test_a_plan_of_many_cells_is_told_by_stage_in_80_columns(printed: Printed) -> None:
    lines = printed("plan", "many", "sdist").splitlines()
    assert lines == [
        "stage  kind     cells  image   state",
        "sdist  sdist    1      python  1 to build",
        "many   command  100    python  100 to build",
    ]
    each = printed("plan", "many", "sdist", "--cells").splitlines()
    assert len(each) == 102
    assert max(map(len, each)) <= 80


def test_a_plan_of_few_cells_has_a_line_for_each(printed: Printed) -> None:
    lines = printed("plan", "many[level-1?]", "--python", "cp311").splitlines()
    assert [line.split()[0] for line in lines] == [
        "cell",
        *(f"many[cp311,level-{number}]" for number in range(10, 20)),
    ]


def test_axes_are_an_object_in_json_from_which_a_matrix_of_jobs_is_made(printed: Printed) -> None:
    cells = json.loads(printed("plan", "many[level-7]", "--json"))["cells"]
    assert [cell["axes"] for cell in cells] == [{"python": "cp311", "level": "level-7"}]


@pytest.mark.parametrize("verb", NARROWED)
def test_verbs_that_take_stages_take_tags_too(verb: str) -> None:
    _, parser = load(verb)
    asked = selections(parser.parse_all(["--tag", "+a,b", "--tag", "-slow", "--tag=-c"]))
    tags = (
        TagFilter(tags=("a", "b")),
        TagFilter(tags=("slow",), exclude=True),
        TagFilter(tags=("c",), exclude=True),
    )
    assert asked == (Selection(stage="*", tags=tags),)


@pytest.mark.parametrize("verb", ["run", "verify"])
@pytest.mark.parametrize("words", ["", "--tag -slow", "--python cp311"])
def test_a_verb_that_builds_is_told_what_by_a_word_or_a_tag(verb: str, words: str) -> None:
    _, parser = load(verb)
    with pytest.raises(UsageError, match=f"`pipeline {verb}` needs STAGE"):
        selections(parser.parse_all(words.split()))


def test_what_a_tagged_stage_needs_comes_with_it(example: Path, printed: Printed) -> None:
    file = example / "pipeline.yaml"
    file.write_text(file.read_text().replace("kind: wheel", "kind: wheel\n    tags: [wheel]", 1))
    lines = printed("plan", "--tag", "wheel").splitlines()
    assert [line.split()[0] for line in lines] == ["cell", "sdist", "wheel"]
    assert printed("list", "--tag", "wheel").splitlines()[1:] == ["wheel  wheel  python"]
    assert "wheel" not in printed("list", "--tag", "-wheel").split()
    assert printed("list").splitlines()[0].split()[5:] == ["tags"]


def test_a_tag_that_is_not_here_is_told_as_one(
    example: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "-C", str(example), "v9.9.9"]) == 2
    assert "cannot find the tag `v9.9.9`" in capsys.readouterr().err
    assert main(["verify", "-C", str(example), "whel"]) == 2
    assert "unknown stage `whel`" in capsys.readouterr().err
