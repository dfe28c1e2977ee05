"""What cannot be locked stops what needs it, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.config.fields import Location
from pipeline.config.model import Environment, Image, ImageFrom, Pipeline
from pipeline.config.stages import CommandStage, WheelStage
from pipeline.errors import ConfigError, LockError, StageFailedError, UsageError
from pipeline.lock.types import (
    Lock,
    LockedImage,
    LockedPlatform,
    LockedRequirement,
    LockedStage,
    PythonFile,
    RequirementSet,
)
from pipeline.locking import declared
from pipeline.locking.context import Activity
from pipeline.locking.pip_settings import PipSettings
from pipeline.locking.resolve import resolve
from pipeline.locking.stale import check, require_fresh, sections_of
from tests.unit.locking.conftest import make_settings, release

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.locking.hooks import HookStep
    from pipeline.locking.resolve import Resolution
    from pipeline.locking.settings import Settings
    from pipeline.store.store import Store
    from tests.unit.locking.conftest import Site

GOOD = Image(name="good", origin=ImageFrom(debian="bookworm"), packages=("python3",))
BAD = Image(name="bad", origin=ImageFrom(debian="bookwrom"), packages=("python3",))
BELOW = Image(name="below", origin=ImageFrom(image="bad"), packages=("python3",))
ABSENT = PythonFile(name="python-0-py3-none-any.whl", sha256="0" * 64, size=1)
PLATFORM = LockedPlatform(digest="d" * 64, packages=(), python="3.11", glibc="2.36")
PYPROJECT = """
[build-system]
requires = ["hatchling"]
[project]
name = "thing"
version = "1"
"""
KEY = "cp311-linux_x86_64"


def at(line: int, file: str = "pipeline.yaml") -> Location:
    return Location(file=file, line=line, column=1)


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    root = tmp_path / "repository"
    root.mkdir()
    (root / "pyproject.toml").write_text(PYPROJECT)
    stages = (
        CommandStage(name="fine", image="good", run=("true",), requires=("idna",)),
        CommandStage(name="wrong", image="good", run=("true",), requires=("idna>9",)),
        CommandStage(name="on-bad", image="bad", run=("true",), requires=("idna",)),
        CommandStage(name="on-below", image="below", run=("true",), requires=("idna",)),
        WheelStage(name="absent", image="good", source="absent==1"),
        WheelStage(name="broken", image="good"),
    )
    origins: dict[tuple[str, ...], Location] = {
        ("stages", stage.name): at(line) for line, stage in enumerate(stages, 10)
    }
    return Pipeline(
        root=root,
        version=1,
        stages={stage.name: stage for stage in stages},
        images={image.name: image for image in (GOOD, BAD, BELOW)},
        environments={
            "one": Environment(requires=("idna",)),
            "two": Environment(requires=("idna<1", "idna>1")),
        },
        origins={
            **origins,
            ("stages", "absent", "source"): at(20),
            ("environments", "two"): at(30),
            ("images", "bad", "from"): at(2, "images/bad.yaml"),
        },
    )


@pytest.fixture
def settings(site: Site, tmp_path: Path) -> Settings:
    """Return settings that know a mirror without any suite, and a directory of packages."""
    index = tmp_path / "index"
    index.mkdir()
    for name in ("idna", "build", "hatchling"):
        for version in ("1.0", "2.0"):
            release(index, name, version)
    made = make_settings(site.address, tmp_path)
    vars(made)["pip"] = PipSettings(find_links=(str(index),), no_index=True)
    return made


def locked(pipeline: Pipeline, *images: Image) -> Lock:
    """Return a lock of images, as they were declared, that need not be assembled again."""
    found = {
        image.name: LockedImage(
            declared=declared.image(image, pipeline.root), platforms={"linux/amd64": PLATFORM}
        )
        for image in images
    }
    return Lock(epoch=0, images=found)


def failing(step: HookStep, _lock: Lock) -> bytes:
    words = f"the hook of {step.source} ended with status 1"
    raise StageFailedError(words, where="Dockerfile:9")


def resolved(pipeline: Pipeline, settings: Settings, store: Store, previous: Lock) -> Resolution:
    return resolve(pipeline, previous, settings, store=store, run_step=failing, epoch=0)


def test_all_that_can_be_locked_is_and_each_failure_names_its_own_place(
    pipeline: Pipeline, settings: Settings, store: Store
) -> None:
    found = resolved(pipeline, settings, store, locked(pipeline, GOOD))
    assert list(found.lock.images) == ["good"]
    assert list(found.lock.stages) == ["fine"]
    assert list(found.lock.environments) == ["one"]
    assert sorted((error.where, type(error)) for error in found.errors) == [
        ("images/bad.yaml:2:1", ConfigError),
        ("pipeline.yaml:11:1", LockError),
        ("pipeline.yaml:15:1", StageFailedError),
        ("pipeline.yaml:20:1", LockError),
        ("pipeline.yaml:30:1", LockError),
    ]
    with pytest.raises((ConfigError, LockError, StageFailedError)):
        found.whole()


def test_what_fails_keeps_what_it_had(pipeline: Pipeline, settings: Settings, store: Store) -> None:
    then = replace(BAD, origin=ImageFrom(debian="bookworm"))
    old = RequirementSet(
        declared={"requires": ["idna"]},
        requirements=(LockedRequirement(name="idna", version="0.9", files=(ABSENT,)),),
    )
    previous = replace(
        locked(pipeline, GOOD, then),
        stages={"on-bad": LockedStage(sets={KEY: old}), "wrong": LockedStage(sets={KEY: old})},
        environments={"two": old},
    )
    lock = resolved(pipeline, settings, store, previous).lock
    assert lock.images["bad"] == previous.images["bad"]
    assert [lock.stages[name].sets[KEY] for name in ("on-bad", "wrong")] == [old, old]
    assert lock.environments["two"] == old
    assert ("images.bad", "from") in {(one.section, one.what) for one in check(pipeline, lock)}


def test_images_and_sources_that_cannot_be_locked_stop_only_what_needs_them(
    pipeline: Pipeline, settings: Settings, store: Store
) -> None:
    stages = {n: one for n, one in pipeline.stages.items() if n not in {"wrong", "broken"}}
    environments = {"one": pipeline.environments["one"]}
    pipeline = replace(pipeline, stages=stages, environments=environments)
    lock = resolved(pipeline, settings, store, locked(pipeline, GOOD)).lock
    require_fresh(pipeline, lock, sections_of(pipeline, ["fine"]))
    require_fresh(pipeline, lock, {"environments.one"})
    for name in ("on-bad", "on-below", "absent"):
        with pytest.raises(LockError, match="is stale"):
            require_fresh(pipeline, lock, sections_of(pipeline, [name]))


def test_a_declaration_that_moved_elsewhere_is_refused_by_every_stage(
    pipeline: Pipeline, settings: Settings, store: Store
) -> None:
    lock = resolved(pipeline, settings, store, locked(pipeline, GOOD)).lock
    with pytest.raises(LockError, match="is stale") as refused:
        require_fresh(pipeline, lock, sections_of(pipeline, ["fine"]))
    assert [line.partition(" ")[0] for line in refused.value.detail] == [
        "stages.broken",
        "stages.wrong",
        "environments.two",
    ]


@pytest.mark.slow
def test_a_wrong_setting_of_the_machine_stops_everything(
    pipeline: Pipeline, settings: Settings, store: Store
) -> None:
    with pytest.raises(UsageError, match="Debian mirror"):
        resolved(pipeline, replace(settings, mirror_flag="ftp://mirror"), store, Lock(epoch=0))


def test_what_lasts_is_told_again_with_how_long_it_has_taken() -> None:
    said: list[str] = []
    now = [0.0]
    activity = Activity(said.append, clock=lambda: now[0])
    with activity.doing("first"):
        for now[0] in (4.0, 9.0, 12.0, 15.0):
            activity.tick()
        with activity.doing("second"):
            now[0] = 23.0
            activity.tick()
    now[0] = 99.0
    activity.tick()
    assert said == [
        "first",
        "still waiting, 12 s: first",
        "second",
        "still waiting, 23 s: first",
    ]
