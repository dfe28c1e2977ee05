"""Which packages of the repository a person works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.dev.packages import chosen, closed
from pipeline.errors import UsageError
from pipeline.locking.workspace import Members
from pipeline.project.pyproject import read_project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def members(tmp_path: Path) -> Members:
    for name, needs in {"app": ["lib", "requests"], "lib": ["base[x]>1"], "base": ["app"]}.items():
        (tmp_path / name).mkdir()
        text = f'[project]\nname = "{name}"\nversion = "1"\ndependencies = {needs}\n'
        (tmp_path / name / "pyproject.toml").write_text(text)
    return Members(
        root=tmp_path,
        places={name: name for name in ("app", "lib", "base")},
        read=lambda source: read_project(tmp_path, source),
    )


def test_first_party_dependencies_come_along(members: Members) -> None:
    found = closed(members, ["lib"])
    assert [one.name for one in found] == ["app", "base", "lib"]
    assert found[0].editable.place("src") == "app/src"


def test_a_package_is_chosen_by_any_spelling_of_its_name(members: Members) -> None:
    assert chosen(members, ["LIB"]) == ("lib",)
    with pytest.raises(UsageError, match="no package `other` in this repository") as refused:
        chosen(members, ["other"])
    assert "`app`, `lib`, `base`" in refused.value.hint
