from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from pipeline.config import stages
from pipeline.config.fields import Location
from pipeline.config.load import load
from pipeline.errors import ConfigError
from pipeline.platforms import Target

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.config.conftest import Repository


def test_declarations_become_typed_values_with_their_defaults(repository: Repository) -> None:
    pipeline = repository.load()
    sdist, wheel, test = (pipeline.stages[name] for name in ("sdist", "wheel", "test"))
    assert isinstance(sdist, stages.SdistStage)
    assert sdist.name == "sdist"
    assert sdist.timeout == 3600.0
    assert isinstance(wheel, stages.WheelStage)
    assert wheel.matrix.axes == {
        "target": ("linux_x86_64", "linux_arm64"),
        "python": ("cp311", "cp313"),
    }
    assert isinstance(test, stages.TestStage)
    assert test.run == ("python -m pytest -q",)
    assert pipeline.project.changes == "changes"
    image = pipeline.images["python"]
    assert image.origin.debian == "bookworm"
    assert image.platforms == (Target.LINUX_X86_64,)
    assert pipeline.root == repository.root


def test_values_cannot_be_changed(repository: Repository) -> None:
    pipeline = repository.load()
    with pytest.raises(dataclasses.FrozenInstanceError):
        pipeline.project.version = "OTHER"  # type: ignore[misc]


def test_a_single_value_stands_for_a_list_of_that_one(repository: Repository) -> None:
    text = """\
version: 1
stages:
  wheel: {kind: wheel, image: python, matrix: {python: cp311}, tags: quick}
  test: {kind: test, image: python, needs: wheel, run: [echo a, echo b]}
"""
    stages = repository.load(text).stages
    assert stages["wheel"].matrix.axes == {"python": ("cp311",)}
    assert stages["wheel"].tags == ("quick",)
    assert stages["test"].needs == ("wheel",)


def test_settings_of_backends_may_be_given_several_times_or_be_empty(
    repository: Repository,
) -> None:
    repository.write(
        "pipeline.yaml",
        "version: 1\nstages:\n  sdist: {kind: sdist, image: python, "
        'config-settings: {setup-args: [-Da=1, -Db=2], --quiet: "", one: "1"}}\n',
    )
    (stage,) = repository.load().stages.values()
    expected = {"setup-args": ("-Da=1", "-Db=2"), "--quiet": ("",), "one": ("1",)}
    assert stage.config_settings == expected  # type: ignore[attr-defined]


def test_every_value_knows_its_place(repository: Repository) -> None:
    pipeline = repository.load()
    assert pipeline.origins["version",] == Location(file="pipeline.yaml", line=1, column=10)
    assert pipeline.where("stages", "wheel") == "pipeline.yaml:7:3"
    assert pipeline.where("stages", "wheel", "kind") == "pipeline.yaml:8:11"
    assert pipeline.where("stages", "wheel", "needs") == "pipeline.yaml:10:5"
    assert pipeline.where("stages", "wheel", "needs", "0") == "pipeline.yaml:10:13"
    assert pipeline.where("images", "python", "packages", "1") == "images/python.yaml:2:29"


def test_a_value_that_is_not_written_stands_at_the_block_around_it(repository: Repository) -> None:
    pipeline = repository.load()
    assert pipeline.where("stages", "wheel", "timeout") == "pipeline.yaml:7:3"
    assert pipeline.where("images", "python", "platforms") == "images/python.yaml:1:1"
    assert pipeline.where("mirrors", "debian") == "pipeline.yaml:1:1"


def test_places_do_not_count_for_equality(repository: Repository) -> None:
    first = repository.load()
    text = (repository.root / "pipeline.yaml").read_text()
    assert repository.load(f"# a comment\n{text}") == first


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(repository: Repository) -> None:
    first = repository.load()
    data = (repository.root / "pipeline.yaml").read_bytes()
    repository.write("pipeline.yaml", b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"))
    second = repository.load()
    assert second == first
    assert second.origins == first.origins


def test_text_may_be_any_unicode_and_columns_count_characters(repository: Repository) -> None:
    text = """\
version: 1
stages:
  c: {kind: command, image: python, env: {WHO: "žluť 漢字 🐍"}, run: "echo é 🐍", tags: [a b]}
"""
    error = repository.refused(text)
    assert error.where == f"pipeline.yaml:3:{text.splitlines()[2].index('a b') + 1}"
    stage = repository.load(text.replace("a b", "a")).stages["c"]
    assert getattr(stage, "env", None) == {"WHO": "žluť 漢字 🐍"}


def test_blocks_of_text_may_hold_tabs_and_several_lines(repository: Repository) -> None:
    text = """\
version: 1
stages:
  c:
    kind: command   # a comment with a\ttab
    image: python
    run: |
      make:
      \tall "x	y"
"""
    stage = repository.load(text).stages["c"]
    assert getattr(stage, "run", None) == ('make:\n\tall "x\ty"\n',)


def test_a_directory_without_declarations_says_how_to_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot find `pipeline\.yaml`") as caught:
        load(tmp_path)
    assert "pipeline -C DIR VERB" in caught.value.hint


def test_a_repository_needs_no_images(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text("version: 1\nstages: {notes: {kind: changelog}}\n")
    assert load(tmp_path).images == {}


def test_other_files_beside_the_images_are_left_alone(repository: Repository) -> None:
    repository.write("images/README.md", "words")
    assert list(repository.load().images) == ["python"]


def test_all_mistakes_of_all_files_are_told_at_once_in_order(repository: Repository) -> None:
    repository.write("images/python.yaml", "from: {debian: bookworm}\npakages: [gcc]\n")
    error = repository.refused(
        """\
version: 2
stages:
  a: {kind: changelog, needz: []}
  b: {kind: nothing}
"""
    )
    assert error.where == "pipeline.yaml:1:10"
    assert [line.partition(": ")[0] for line in error.detail] == [
        "pipeline.yaml:3:24",
        "pipeline.yaml:4:13",
        "images/python.yaml:2:1",
    ]
    assert "did you mean `needs`?" in error.detail[0]


def test_no_more_than_twenty_mistakes_are_told(repository: Repository) -> None:
    keys = "".join(f"wrong{number}: 1\n" for number in range(30))
    error = repository.refused(f"version: 1\nstages: {{}}\n{keys}")
    assert len(error.detail) == 20
    assert error.detail[-1] == "and 10 more"
