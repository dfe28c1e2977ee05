"""What a stage declares of prebuilt files and variants reaches the step that finishes the wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.plan.recipe import Recipe
    from pipeline.plan.types import Plan

WHEEL = "  wheel: {kind: wheel, image: python, needs: [sdist]}\n"
RESOURCES = "resources: {linux_x86_64: [a, both], linux_arm64: [b as pkg/b, both]}"


def recipe(repository: Path, planned: Callable[..., Plan], *fields: str) -> Recipe:
    """Return the recipe of the x86-64 wheel once its stage declares more."""
    file = repository / "pipeline.yaml"
    text = file.read_text()
    assert WHEEL in text
    declared = "matrix: {target: [linux_x86_64]}"
    more = "".join(f", {field}" for field in (declared, *fields))
    file.write_text(text.replace(WHEEL, f"{WHEEL.rstrip()[:-1]}{more}}}\n"))
    (cell,) = (cell for cell in planned("wheel").cells if cell.kind == "wheel")
    assert cell.recipe
    return cell.recipe


def finishing(found: Recipe) -> str:
    """Return the line of the Dockerfile that finishes, empty where none does."""
    lines = [line for line in found.dockerfile.splitlines() if '"/inside", "finish"' in line]
    return lines[0] if lines else ""


def test_a_plain_wheel_is_not_finished(repository: Path, planned: Callable[..., Plan]) -> None:
    assert not finishing(recipe(repository, planned))


def test_files_of_the_target_go_in_and_those_of_others_are_named(
    repository: Path, planned: Callable[..., Plan]
) -> None:
    line = finishing(recipe(repository, planned, RESOURCES))
    words = '"--platform=linux_x86_64", "--resource=a", "--resource=both", "--other=b as pkg/b"'
    assert line.endswith(f'{words}, "/built", "/out"]')


def test_a_variant_is_named_for_its_version_of_cuda(
    repository: Path, planned: Callable[..., Plan]
) -> None:
    variant = 'variant: {cuda: "13.0", naming: NAMING, requires: [numpy]}'
    line = finishing(recipe(repository, planned, variant.replace("NAMING", "suffix")))
    assert '"--suffix=cuda13", "--require=numpy"' in line
    file = repository / "pipeline.yaml"
    file.write_text(file.read_text().replace("naming: suffix", "naming: local"))
    (cell,) = (cell for cell in planned("wheel").cells if cell.kind == "wheel")
    assert cell.recipe
    assert '"--local=cu130", "--require=numpy"' in finishing(cell.recipe)


def test_files_that_may_run_at_start_up_are_part_of_the_key(
    repository: Path, planned: Callable[..., Plan]
) -> None:
    (before,) = (cell for cell in planned("wheel").cells if cell.kind == "wheel")
    found = recipe(repository, planned, "startup-files: [b.pth, a.pth]")
    assert found.startup_files == ("b.pth", "a.pth")
    assert found.components["startup files"] == "a.pth b.pth"
    assert before.recipe
    assert "startup files" not in before.recipe.components


def test_a_prebuilt_file_outside_of_the_source_is_refused_where_it_is_declared(
    repository: Path, planned: Callable[..., Plan]
) -> None:
    with pytest.raises(ConfigError, match=r"`../tool` of stage `wheel` leads upwards") as refused:
        recipe(repository, planned, "resources: {linux_x86_64: [../tool as tool]}")
    assert refused.value.where.startswith("pipeline.yaml:4:")
