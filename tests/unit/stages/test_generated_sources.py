"""What a command makes is part of the sources of an sdist, and of its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.config.load import load
from pipeline.errors import ConfigError
from pipeline.plan.recipe import GeneratedInput
from pipeline.stages.generated import files_by_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.plan.types import Plan

    Planned = Callable[..., Plan]

PIPELINE = """\
version: 1
stages:
  gen: {kind: command, image: python, run: COMMAND, matrix: {flavour: [plain, fancy]}}
  sdist:
    kind: sdist
    image: python
    needs: [gen]
    matrix: {flavour: [plain]}
    generated: {"src/{flavour}.py": "gen/{flavour}/a.py", data/: gen}
  wheel: {kind: wheel, image: python, needs: [sdist]}
"""


def declare(root: Path, command: str = "x", **changes: str) -> None:
    text = PIPELINE.replace("COMMAND", command)
    for old, new in changes.items():
        text = text.replace(old, new)
    (root / "pipeline.yaml").write_text(text)


def test_places_and_parts_take_the_values_of_the_axes(planned: Planned, repository: Path) -> None:
    declare(repository)
    cell = planned("sdist").by_name()["sdist[plain]"]
    assert cell.recipe is not None
    source = cell.recipe.inputs["src"]
    assert isinstance(source, GeneratedInput)
    assert [(one.place, one.made.cell, one.path) for one in source.placed] == [
        ("src/plain.py", "gen[plain]", "plain/a.py"),
        ("data/", "gen[plain]", ""),
    ]
    assert [one.cell for one in cell.recipe.uses] == ["gen[plain]", "gen[plain]"]


def test_the_sdist_and_its_wheel_have_the_commands_in_their_keys(
    planned: Planned, repository: Path
) -> None:
    declare(repository)
    before = {cell.name: cell.key for cell in planned("wheel").cells}
    declare(repository, "y")
    after = {cell.name: cell.key for cell in planned("wheel").cells}
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())


def test_a_file_of_the_repository_is_not_generated(planned: Planned, repository: Path) -> None:
    declare(repository)
    (repository / "src").mkdir()
    (repository / "src" / "plain.py").write_text("")
    with pytest.raises(ConfigError, match=r"`src/plain\.py` is to be generated") as caught:
        planned("sdist")
    assert caught.value.where == "pipeline.yaml:9:37"
    assert "git rm --cached src/plain.py" in caught.value.hint


def test_one_cell_makes_the_files(planned: Planned, repository: Path) -> None:
    declare(repository)
    text = (repository / "pipeline.yaml").read_text()
    text = text.replace("    matrix: {flavour: [plain]}\n", "").replace("{flavour}", "a")
    (repository / "pipeline.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"`gen\[plain\]`, `gen\[fancy\]` all match it"):
        planned("sdist")


def test_places_of_files_are_known_before_any_is_made(repository: Path) -> None:
    declare(repository)
    assert files_by_source(load(repository)) == {".": ("src/plain.py",)}
