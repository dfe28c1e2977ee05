from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError, LockError, UsageError
from pipeline.lock.types import Lock
from pipeline.plan.recipe import OutputInput
from tests.unit.stages.conftest import locked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.plan.types import Plan

    Planned = Callable[..., Plan]


def test_what_is_asked_for_brings_what_it_needs_before_it(planned: Planned) -> None:
    assert [cell.name for cell in planned("test").cells] == ["sdist", "wheel", "test"]


def test_nothing_asked_for_means_everything(planned: Planned) -> None:
    assert [cell.name for cell in planned().cells] == ["sdist", "wheel", "test", "notes"]


def test_an_unknown_stage_is_refused_with_the_nearest_name(planned: Planned) -> None:
    with pytest.raises(UsageError, match="unknown stage `weel`") as refused:
        planned("weel")
    assert "`wheel`" in refused.value.hint


def test_a_wheel_is_built_from_the_sdist_it_needs(planned: Planned) -> None:
    source = planned("wheel").by_name()["wheel"].recipe.inputs["src"]  # type: ignore[union-attr]
    assert isinstance(source, OutputInput)
    assert (source.cell, source.unpacked) == ("sdist", True)


def test_the_same_declarations_give_the_same_keys(planned: Planned) -> None:
    assert [cell.key for cell in planned().cells] == [cell.key for cell in planned().cells]


def test_a_change_of_a_source_moves_the_keys_of_all_that_is_made_from_it(
    planned: Planned, repository: Path
) -> None:
    before = planned()
    (repository / "new.py").write_text("x = 1\n")
    after = planned()
    moved = [
        old.name for old, new in zip(before.cells, after.cells, strict=True) if old.key != new.key
    ]
    assert moved == ["sdist", "wheel", "test"]


def test_the_epoch_is_part_of_every_key(planned: Planned) -> None:
    assert planned("wheel").cells[0].key != planned("wheel", epoch=1).cells[0].key


def test_inputs_narrow_what_a_stage_sees(planned: Planned, repository: Path) -> None:
    text = (repository / "pipeline.yaml").read_text()
    narrowed = text.replace("sdist, image: python", "sdist, image: python, inputs: pyproject.toml")
    (repository / "pipeline.yaml").write_text(narrowed)
    before = planned("sdist").cells[0].key
    (repository / "other.py").write_text("")
    assert planned("sdist").cells[0].key == before


def test_a_lock_without_the_stage_is_refused(planned: Planned) -> None:
    with pytest.raises(LockError, match="image `python` is not locked"):
        planned("wheel", lock=Lock(epoch=1))


def test_two_sdists_for_one_wheel_are_refused(planned: Planned, repository: Path) -> None:
    text = (repository / "pipeline.yaml").read_text()
    second = "  other: {kind: sdist, image: python}\n"
    both = text.replace("needs: [sdist]", "needs: [sdist, other]") + second
    (repository / "pipeline.yaml").write_text(both)
    with pytest.raises(ConfigError, match="`sdist`, `other`"):
        planned("wheel")


def test_cells_of_an_axis_meet_those_with_the_same_value(
    planned: Planned, repository: Path
) -> None:
    axis = "matrix: {target: [linux_x86_64, linux_arm64]}"
    text = (repository / "pipeline.yaml").read_text()
    text = text.replace("needs: [wheel]", f"needs: [wheel], {axis}")
    text = text.replace("needs: [sdist]", f"needs: [sdist], {axis}")
    (repository / "pipeline.yaml").write_text(text)
    arm = planned("test[linux_arm64]").by_name()["test[linux_arm64]"]
    assert arm.needs == ("wheel[linux_arm64]",)
    assert arm.recipe is not None
    assert arm.recipe.platform == "linux/arm64"


def test_a_test_without_the_axis_takes_the_wheel_of_its_own_platform(
    planned: Planned, repository: Path
) -> None:
    text = (repository / "pipeline.yaml").read_text()
    axis = "matrix: {target: [linux_x86_64, linux_arm64]}"
    text = text.replace("needs: [sdist]", f"needs: [sdist], {axis}")
    (repository / "pipeline.yaml").write_text(text)
    cells = planned("test").by_name()
    (wheel,) = cells["test"].needs
    assert cells[wheel].recipe.platform == cells["test"].recipe.platform  # type: ignore[union-attr]


def test_settings_go_to_the_backend_one_flag_for_each_value(
    repository: Path, planned: Planned
) -> None:
    text = (repository / "pipeline.yaml").read_text()
    settings = "config-settings: {a: ['-Dx=1', '-Dy=2'], b: z}"
    text = text.replace("kind: sdist,", f"kind: sdist, {settings},")
    (repository / "pipeline.yaml").write_text(
        text.replace("kind: wheel,", f"kind: wheel, {settings},")
    )
    flags = ", ".join(f'"--config-setting={one}"' for one in ("a=-Dx=1", "a=-Dy=2", "b=z"))
    for cell in planned("wheel").cells:
        assert cell.recipe is not None
        assert f'"--{cell.name}", {flags}, "--outdir"' in cell.recipe.dockerfile


@pytest.mark.parametrize(
    ("python", "start"),
    [
        ("3.9", '["/env/bin/python", "-c", "import sys; sys.path.remove(\'\'); '),
        ("3.10", '["/env/bin/python", "-c", "import sys; sys.path.remove(\'\'); '),
        ("3.11", '["/env/bin/python", "-P", "-m", "build", '),
        ("3.13", '["/env/bin/python", "-P", "-m", "build", '),
    ],
)
def test_builds_do_not_import_from_the_source(planned: Planned, python: str, start: str) -> None:
    lock = locked("sdist", "wheel", python=python)
    for cell in planned("wheel", lock=lock).cells:
        assert cell.recipe is not None
        assert f"RUN --network=none {start}" in cell.recipe.dockerfile


def test_arguments_and_templates_are_part_of_a_key(repository: Path, planned: Planned) -> None:
    (repository / "dockerfiles").mkdir()
    template = repository / "dockerfiles" / "own.Dockerfile.j2"
    template.write_text('{% extends "pipeline/command.Dockerfile.j2" %}\n')
    text = (
        "version: 1\nstages:\n  make: {kind: command, image: python, dockerfile: own,"
        " inputs: [pyproject.toml], matrix: {level: [a, b]}, build-args: {LEVEL: 'x{level}'},"
        " secrets: {token: TOKEN}}\n"
    )
    (repository / "pipeline.yaml").write_text(text)
    with pytest.raises(ConfigError, match="ARG LEVEL"):
        planned()
    template.write_text(template.read_text() + "{% block steps %}ARG LEVEL\n{% endblock %}\n")
    one, two = planned().cells
    assert one.recipe is not None
    assert one.recipe.arguments == {"LEVEL": "xa"}
    assert one.recipe.components["argument LEVEL"] == "xa"
    assert one.key != two.key
    (repository / "pipeline.yaml").write_text(text.replace("token: TOKEN", "token: OTHER"))
    assert planned().cells[0].key == one.key
