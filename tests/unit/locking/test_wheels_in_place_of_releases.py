"""What is built here takes the place of the release of its name, wherever something requires it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.config import stages
from pipeline.config.model import Environment, Image, ImageFrom, Pipeline
from pipeline.config.stages import ImageStage, WheelStage
from pipeline.lock.types import (
    Lock,
    LockedImage,
    LockedPlatform,
    LockedRequirement,
    LockedStage,
    RequirementSet,
)
from pipeline.locking import declared
from pipeline.locking.asking import Backends
from pipeline.locking.bases import bases
from pipeline.locking.resolve_environments import resolve_environments
from pipeline.locking.resolve_sets import resolve_stages
from pipeline.locking.stale import check
from pipeline.project.pyproject import reader
from tests.unit.locking.conftest import release, resolving

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.config.stages import Stage
    from pipeline.store.store import Store

BUILD = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
PLATFORM = LockedPlatform(digest="", packages=(), python="3.11", glibc="2.36")
IMAGES = {"python": LockedImage(declared={}, platforms={"linux/amd64": PLATFORM})}
IMAGE = Image(name="python", origin=ImageFrom(debian="bookworm"))
WHEEL = WheelStage(name="wheel", image="python")
LIB = WheelStage(name="lib", image="python", source="lib")
TEST = stages.TestStage(
    name="test", image="python", needs=("wheel",), run=("true",), requires=("runner",)
)


def project(directory: Path, name: str, *dependencies: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    text = f'[project]\nname = "{name}"\nversion = "0"\ndependencies = {list(dependencies)}\n'
    (directory / "pyproject.toml").write_text(BUILD + text)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """Return an index on which a test runner depends on the project under test."""
    index = tmp_path / "index"
    index.mkdir()
    release(index, "installer", "1.0")
    for name in ("build", "hatchling", "idna"):
        release(index, name, "3.0")
    release(index, "runner", "9.0", "Core>=8")
    release(index, "core", "8.0", "nowhere")
    return index


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a repository of a project that a test runner depends on."""
    root = tmp_path / "repository"
    project(root, "Core", "idna")
    return root


def repository(root: Path, *declared: Stage, **environments: Environment) -> Pipeline:
    named = {stage.name: stage for stage in declared}
    return Pipeline(
        root=root, version=1, stages=named, images={"python": IMAGE}, environments=environments
    )


def resolved(
    pipeline: Pipeline, index: Path, store: Store, stage: str, previous: Lock | None = None
) -> Mapping[str, str]:
    """Return the versions in the one set of a stage."""
    lock = previous or Lock(epoch=0, images=IMAGES)
    found = resolving(pipeline, index, store, lock)
    (locked,) = resolve_stages(found, lock, Backends(found, lock))[stage].sets.values()
    assert found.failures.errors == []
    return {requirement.name: requirement.version for requirement in locked.requirements}


def test_the_project_under_test_is_not_what_its_test_runner_would_get_from_an_index(
    root: Path, index: Path, store: Store
) -> None:
    found = resolved(repository(root, WHEEL, TEST), index, store, "test")
    assert found == {"idna": "3.0", "installer": "1.0", "runner": "9.0"}


def test_a_wheel_that_only_another_package_requires_need_not_be_on_any_index(
    root: Path, index: Path, store: Store
) -> None:
    project(root / "lib", "lib")
    release(index, "runner", "10.0", "core>=9", "lib")
    test = replace(TEST, needs=("wheel", "lib"))
    found = resolved(repository(root, WHEEL, LIB, test), index, store, "test")
    assert found == {"idna": "3.0", "installer": "1.0", "runner": "10.0"}


def test_an_image_has_the_wheel_it_needs_in_place_of_a_release(
    root: Path, index: Path, store: Store
) -> None:
    image = ImageStage(name="app", image="python", needs=("wheel",), requires=("runner",))
    found = resolved(repository(root, WHEEL, image), index, store, "app")
    assert found == {"idna": "3.0", "runner": "9.0"}


def test_a_project_that_the_tool_installs_wheels_with_is_tested_itself(
    root: Path, index: Path, store: Store
) -> None:
    project(root, "installer")
    found = resolved(
        repository(root, WHEEL, replace(TEST, requires=("idna",))), index, store, "test"
    )
    assert found == {"idna": "3.0"}


def test_another_project_of_the_repository_is_refused_also_where_a_third_party_requires_it(
    root: Path, index: Path, store: Store
) -> None:
    project(root / "lib", "lib")
    release(index, "runner", "10.0", "lib")
    release(index, "lib", "1.0")
    pipeline, lock = repository(root, WHEEL, LIB, TEST), Lock(epoch=0, images=IMAGES)
    found = resolving(pipeline, index, store, lock)
    assert "test" not in resolve_stages(found, lock, Backends(found, lock))
    (error,) = found.failures.errors
    assert "stage `test` installs `lib`" in error.message


def test_an_environment_holds_its_projects_and_no_release_of_them(
    root: Path, index: Path, store: Store
) -> None:
    environments = {
        "dev": Environment(requires=("runner",)),
        "other": Environment(sources=("lib",), requires=("idna",)),
    }
    project(root / "lib", "lib")
    pipeline = repository(root, **environments)
    lock = Lock(epoch=0)
    found = resolving(pipeline, index, store, lock)
    locked = resolve_environments(found, lock, Backends(found, lock))
    assert [one.name for one in locked["dev"].requirements] == ["idna", "runner"]
    release(index, "core", "9.0")
    wrong = replace(environments["other"], requires=("runner",))
    pipeline = repository(root, dev=environments["dev"], other=wrong)
    found = resolving(pipeline, index, store, lock)
    assert list(resolve_environments(found, lock, Backends(found, lock))) == ["dev"]
    (error,) = found.failures.errors
    assert "environment `other` needs `core`" in error.message


def old_lock(pipeline: Pipeline, *names: str) -> Lock:
    """Return a lock of a test as it was made before it named its wheels."""
    stage = pipeline.stages["test"]
    assert isinstance(stage, stages.TestStage)
    (base,) = bases(pipeline, stage, IMAGES)
    words = dict(declared.base(stage, base, reader(pipeline.root)) or {})
    del words["wheels"]
    held = tuple(LockedRequirement(name=name, version="8.0", files=()) for name in names)
    sets = {base.key: RequirementSet(declared=words, requirements=held)}
    images = {"python": replace(IMAGES["python"], declared=declared.image(IMAGE, pipeline.root))}
    return Lock(epoch=0, images=images, stages={"test": LockedStage(sets=sets)})


def stale(pipeline: Pipeline, lock: Lock) -> list[str]:
    return [str(one) for one in check(pipeline, lock) if one.section == "stages.test"]


def test_a_lock_that_has_the_project_under_test_from_an_index_is_stale(
    root: Path, index: Path, store: Store
) -> None:
    pipeline = repository(root, WHEEL, TEST)
    lock = old_lock(pipeline, "core", "runner")
    assert stale(pipeline, lock) == ["stages.test: wheels (+core, -core of an index)"]
    assert "core" not in resolved(pipeline, index, store, "test", lock)


def test_an_older_lock_without_the_names_of_its_wheels_stays_fresh(
    root: Path, index: Path, store: Store
) -> None:
    pipeline = repository(root, WHEEL, TEST)
    lock = old_lock(pipeline, "idna")
    assert stale(pipeline, lock) == []
    assert resolved(pipeline, index, store, "test", lock) == {"idna": "8.0"}
