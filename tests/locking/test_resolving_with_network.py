from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.config.fields import Location
from pipeline.config.model import Environment, Image, ImageFrom, Pipeline
from pipeline.config.stages import CommandStage, WheelStage
from pipeline.errors import LockError, UsageError
from pipeline.lock.file import dump, load
from pipeline.locking.resolve import resolve
from pipeline.locking.settings import Settings, suites
from pipeline.locking.stale import check
from pipeline.platforms import Target
from pipeline.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.lock.types import Lock
    from pipeline.locking.hooks import HookStep

pytestmark = [pytest.mark.network, pytest.mark.slow]

PYPROJECT = """
[build-system]
requires = ["flit_core<4"]
build-backend = "flit_core.buildapi"
[project]
name = "thing"
version = "1"
"""
IMAGE = Image(
    name="python",
    origin=ImageFrom(debian="bookworm"),
    platforms=(Target.LINUX_X86_64, Target.LINUX_ARM64),
    packages=("python3-minimal",),
)


def answer(step: HookStep, lock: Lock) -> bytes:
    """Answer for a backend, as the sandbox would."""
    assert lock.images[step.base.image].platforms[step.base.target.platform].digest
    assert any(wheel.name.startswith("build-") for wheel in step.wheels)
    return b'{"requires": ["ninja"]}'


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Share what is downloaded between these tests."""
    with Store.open(tmp_path_factory.mktemp("shared") / "store") as opened:
        yield opened


def repository(root: Path, *requires: str) -> Pipeline:
    """Return a repository with a wheel of its own, one of a third party, and an environment."""
    (root / "pyproject.toml").write_text(PYPROJECT)
    return Pipeline(
        root=root,
        version=1,
        images={"python": IMAGE},
        stages={
            "wheel": WheelStage(name="wheel", image="python"),
            "other": WheelStage(name="other", image="python", source="markupsafe==3.0.3"),
            "tools": CommandStage(name="tools", image="python", run=("true",), requires=requires),
        },
        environments={
            "dev": Environment(requires=(*requires, "colorama; sys_platform == 'win32'"))
        },
        origins={("stages", "tools"): Location(file="pipeline.yaml", line=9, column=3)},
    )


def lock_of(
    pipeline: Pipeline,
    store: Store,
    previous: Lock | None = None,
    update: frozenset[str] | None = frozenset(),
) -> Lock:
    """Resolve with this machine's settings."""
    settings = Settings.gather(os.environ, suites=suites(pipeline))
    found = resolve(
        pipeline, previous, settings, store=store, run_step=answer, epoch=1763596800, update=update
    )
    return found.whole()


def versions(lock: Lock) -> dict[str, str]:
    """Return the versions that the tools stage has on x86-64."""
    rows = lock.stages["tools"].sets["cp311-linux_x86_64"].requirements
    return {row.name: row.version for row in rows}


def test_a_repository_is_locked_twice_to_the_same_bytes(store: Store, tmp_path: Path) -> None:
    pipeline = repository(tmp_path, "markupsafe")
    first = lock_of(pipeline, store, update=None)
    (tmp_path / "pipeline.lock").write_text(dump(first))
    assert load(tmp_path / "pipeline.lock") == first
    assert dump(lock_of(pipeline, store, first, update=None)) == dump(first)
    assert lock_of(pipeline, store, first) == first
    assert check(pipeline, first) == []
    _expect_whole(first)


def _expect_whole(lock: Lock) -> None:
    for platform in lock.images["python"].platforms.values():
        assert (platform.python, platform.glibc) == ("3.11", "2.36")
        assert platform.digest
    wheel = lock.stages["wheel"].sets["cp311-linux_arm64"]
    assert wheel.declared["hooks"] == ["ninja"]
    names = {row.name: row.files for row in wheel.requirements}
    assert {"build", "flit-core", "ninja"} <= names.keys()
    (ninja,) = names["ninja"]
    assert "aarch64" in ninja.name
    assert all(file.size for files in names.values() for file in files)
    other = lock.stages["other"].sets["cp311-linux_x86_64"]
    assert other.declared["sdist requires"] == ["setuptools>=77"]
    assert lock.sources["markupsafe==3.0.3"].name == "markupsafe-3.0.3.tar.gz"
    (row,) = lock.environments["dev"].requirements
    platforms = {file.name.rpartition("-")[2] for file in row.files}
    assert any("aarch64" in name for name in platforms)
    assert any("macosx" in name for name in platforms)
    assert not any("win" in name for name in platforms)


def test_only_what_is_named_moves(store: Store, tmp_path: Path) -> None:
    old = lock_of(repository(tmp_path, "attrs<25", "idna<3.5"), store)
    loose = repository(tmp_path, "attrs", "idna")
    kept = lock_of(loose, store, old)
    assert versions(kept) == versions(old)
    assert kept.images == old.images
    one = lock_of(loose, store, kept, update=frozenset({"idna"}))
    assert versions(one)["attrs"] == versions(old)["attrs"]
    assert versions(one)["idna"] != versions(old)["idna"]
    assert one.stages["wheel"] == kept.stages["wheel"]
    all_of_it = lock_of(loose, store, kept, update=frozenset({"tools"}))
    assert versions(all_of_it)["attrs"] != versions(old)["attrs"]
    with pytest.raises(UsageError, match="`nothing`"):
        lock_of(loose, store, kept, update=frozenset({"nothing"}))


def test_requirements_that_contradict_are_explained_where_they_stand(
    store: Store, tmp_path: Path
) -> None:
    with pytest.raises(LockError, match="stage `tools`") as caught:
        lock_of(repository(tmp_path, "attrs>25", "attrs<25"), store)
    assert caught.value.where == "pipeline.yaml:9:3"
    assert any("attrs" in line for line in caught.value.detail)


def test_a_package_without_a_wheel_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(LockError, match="tools") as caught:
        lock_of(repository(tmp_path, "markupsafe==0.23"), store)
    assert any("markupsafe" in line for line in (caught.value.message, *caught.value.detail))


def test_a_debian_package_that_does_not_exist_is_named(store: Store, tmp_path: Path) -> None:
    pipeline = repository(tmp_path, "attrs")
    image = replace(IMAGE, packages=("no-such-package",))
    with pytest.raises(LockError, match="`no-such-package`"):
        lock_of(replace(pipeline, images={"python": image}), store)
