"""Plans of stages with a matrix: which cells there are, and which of them need which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.plan.types import Plan

    Planned = Callable[..., Plan]

PIPELINE = """\
version: 1
stages:
  sdist: {kind: sdist, image: python}
  wheel:
    kind: wheel
    image: python
    needs: [sdist]
    env: {LEVEL: "{level}"}
    matrix:
      target: [linux_x86_64, linux_arm64]
      level: [low, high]
      exclude: [{target: linux_arm64, level: low}]
      include:
        - {target: linux_arm64, level: top}
        - {level: high, extra: more}
  test:
    kind: test
    image: python
    needs: [wheel]
    run: echo {level}
    matrix: {target: [linux_x86_64, linux_arm64], level: [low, high, top]}
"""


@pytest.fixture(autouse=True)
def matrices(repository: Path) -> None:
    (repository / "pipeline.yaml").write_text(PIPELINE)


def test_cells_are_planned_as_included_and_excluded(planned: Planned) -> None:
    assert [cell.name for cell in planned("wheel").cells] == [
        "sdist",
        "wheel[linux_x86_64,low]",
        "wheel[linux_x86_64,high,more]",
        "wheel[linux_arm64,high,more]",
        "wheel[linux_arm64,top]",
    ]


def test_an_included_cell_is_filled_in_as_any_other(planned: Planned) -> None:
    cells = planned("wheel").by_name()
    recipe = cells["wheel[linux_arm64,top]"].recipe
    assert recipe is not None
    assert recipe.platform == "linux/arm64"
    assert 'LEVEL="top"' in recipe.dockerfile


def test_cells_meet_those_that_agree_and_no_excluded_one(planned: Planned) -> None:
    cells = planned("test[linux_arm64,top]", "test[high]").by_name()
    assert cells["test[linux_arm64,top]"].needs == ("wheel[linux_arm64,top]",)
    assert cells["test[linux_arm64,high]"].needs == ("wheel[linux_arm64,high,more]",)
    assert cells["test[linux_x86_64,high]"].needs == ("wheel[linux_x86_64,high,more]",)


def test_a_cell_whose_need_has_no_such_cell_is_refused(planned: Planned) -> None:
    with pytest.raises(ConfigError) as caught:
        planned("test")
    assert caught.value.message == (
        "`test[linux_x86_64,top]` needs stage `wheel`, of which no cell has its values"
    )
    assert caught.value.where == "pipeline.yaml:21:5"
    assert caught.value.hint.startswith("`exclude` it here")


def test_what_was_excluded_cannot_be_selected(planned: Planned) -> None:
    with pytest.raises(UsageError, match=r"stage `wheel` has no cell with `linux_arm64`, `low`"):
        planned("wheel[linux_arm64,low]")
