from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import UsageError
from pipeline.execute.engines import ENGINES, choose
from pipeline.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        yield opened


@pytest.mark.parametrize("name", ["sandbox", "docker", "buildkit"])
def test_an_engine_is_had_by_its_name(name: str, store: Store) -> None:
    assert choose(name, store, builder="farm").name == name


def test_a_name_that_is_none_is_answered_with_those_there_are(store: Store) -> None:
    with pytest.raises(UsageError, match="no engine `podman`") as caught:
        choose("podman", store)
    assert all(name in caught.value.hint for name in ENGINES)


def test_buildkit_needs_a_builder(store: Store) -> None:
    with pytest.raises(UsageError, match="needs the name of a builder") as caught:
        choose("buildkit", store)
    assert "--builder NAME" in caught.value.hint


def test_looking_into_a_failed_step_takes_the_sandbox(store: Store) -> None:
    assert choose("auto", store, keep=True).name == "sandbox"
    with pytest.raises(UsageError, match="`docker` keeps no failed step"):
        choose("docker", store, keep=True)
