from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.config import stages
from pipeline.config.fields import Location
from pipeline.config.model import Environment, Image, ImageFrom, Pipeline
from pipeline.config.stages import CommandStage, SdistStage, WheelStage
from pipeline.errors import ConfigError, LockError
from pipeline.lock.types import (
    DebianPackage,
    Lock,
    LockedImage,
    LockedPlatform,
    LockedStage,
    PythonFile,
    RequirementSet,
)
from pipeline.locking import declared
from pipeline.locking.bases import bases, container_stages, third_party_sources
from pipeline.locking.stale import Stale, check, require_fresh
from pipeline.locking.workspace import members
from pipeline.platforms import Target
from pipeline.project.pyproject import reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pipeline.config.stages import Stage

PYPROJECT = """
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"
[project]
name = "thing"
dependencies = ["attrs"]
[project.optional-dependencies]
fast = ["numpy"]
[dependency-groups]
test = ["pytest"]
[tool.hatch.build]
include = ["thing"]
"""
IMAGE = Image(name="python", origin=ImageFrom(debian="bookworm"), packages=("python3",))
WHEEL = WheelStage(name="wheel", image="python", needs=("sdist",))
STAGES: Mapping[str, Stage] = {
    "sdist": SdistStage(name="sdist", image="python"),
    "wheel": WHEEL,
    "test": stages.TestStage(
        name="test", image="python", needs=("wheel",), run=("true",), groups=("test",)
    ),
    "docs": CommandStage(name="docs", image="python", run=("true",), requires=("sphinx",)),
    "plain": CommandStage(name="plain", image="python", run=("true",)),
}


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """Return a repository with a project, one image, a few stages and an environment."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    return Pipeline(
        root=tmp_path,
        version=1,
        stages=STAGES,
        images={"python": IMAGE},
        environments={"dev": Environment(groups=("test",), extras=("fast",))},
    )


def locked(pipeline: Pipeline) -> Lock:
    """Return a lock that holds the declarations of today and no artifacts."""
    platform = LockedPlatform(digest="", packages=(), python="3.11", glibc="2.36")
    images = {
        name: LockedImage(
            declared=declared.image(image, pipeline.root),
            platforms={target.platform: platform for target in image.platforms},
        )
        for name, image in pipeline.images.items()
    }
    projects = reader(pipeline.root)
    stages = {}
    for stage in container_stages(pipeline):
        found = {b.key: declared.base(stage, b, projects) for b in bases(pipeline, stage, images)}
        sets = {key: RequirementSet(declared=words) for key, words in found.items() if words}
        if sets:
            stages[stage.name] = LockedStage(sets=sets)
    known = members(pipeline, projects)
    environments = {
        name: RequirementSet(declared=declared.environment(e, known))
        for name, e in pipeline.environments.items()
    }
    sdist = PythonFile(name="a-1.tar.gz", sha256="a" * 64, size=1)
    sources = dict.fromkeys(third_party_sources(pipeline), sdist)
    return Lock(epoch=0, images=images, stages=stages, environments=environments, sources=sources)


def moved(pipeline: Pipeline, now: Pipeline) -> list[tuple[str, str]]:
    """Return the sections and words that a change of declarations makes stale."""
    return [(stale.section, stale.what) for stale in check(now, locked(pipeline))]


def edit(pipeline: Pipeline, then: str, now: str) -> None:
    """Change the project's file."""
    path = pipeline.root / "pyproject.toml"
    assert then in path.read_text()
    path.write_text(path.read_text().replace(then, now))


def test_nothing_is_stale_after_locking(pipeline: Pipeline) -> None:
    lock = locked(pipeline)
    assert check(pipeline, lock) == []
    require_fresh(pipeline, lock)
    assert sorted(lock.stages) == ["docs", "sdist", "test", "wheel"]


def test_a_changed_image_is_named_with_values_then_and_now(pipeline: Pipeline) -> None:
    image = replace(IMAGE, packages=("bash", "python3"))
    now = replace(pipeline, images={"python": image})
    assert check(now, locked(pipeline)) == [
        Stale(
            section="images.python",
            what="packages",
            declared_now=("bash", "python3"),
            declared_then=("python3",),
        )
    ]


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        (
            "hatchling>=1.27",
            "hatchling>=1.28",
            {("stages.sdist", "build-system"), ("stages.wheel", "build-system")},
        ),
        (
            "hatchling.build",
            "hatchling.other",
            {("stages.sdist", "backend"), ("stages.wheel", "backend")},
        ),
        (
            'include = ["thing"]',
            'include = ["other"]',
            {("stages.sdist", "hook inputs"), ("stages.wheel", "hook inputs")},
        ),
        (
            '["attrs"]',
            '["attrs>=26"]',
            {("stages.test", "dependencies"), ("environments.dev", "dependencies")},
        ),
        ('["numpy"]', '["numpy>=2"]', {("environments.dev", "extras")}),
        (
            '["pytest"]',
            '["pytest>=9"]',
            {("stages.test", "groups"), ("environments.dev", "groups")},
        ),
        ('name = "thing"', 'name = "thing"\ndescription = "words"', set()),
    ],
)
def test_a_change_of_the_project_makes_what_depends_on_it_stale_and_nothing_else(
    pipeline: Pipeline, then: str, now: str, expected: set[tuple[str, str]]
) -> None:
    lock = locked(pipeline)
    edit(pipeline, then, now)
    assert {(stale.section, stale.what) for stale in check(pipeline, lock)} == expected


def with_stage(pipeline: Pipeline, **stages: Stage) -> Pipeline:
    """Return the pipeline with stages replaced or added."""
    return replace(pipeline, stages={**pipeline.stages, **stages})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda p: replace(p, environments={}), ("environments.dev", "")),
        (lambda p: replace(p, images={}), ("images.python", "")),
        (lambda p: with_stage(p, docs=STAGES["plain"]), ("stages.docs", "")),
        (
            lambda p: with_stage(p, plain=replace(STAGES["docs"], name="plain")),
            ("stages.plain", ""),
        ),
        (
            lambda p: with_stage(p, t=WheelStage(name="t", image="python", source="a==1")),
            ("sources.a==1", ""),
        ),
    ],
)
def test_what_is_new_or_gone_is_named(
    pipeline: Pipeline, change: Callable[[Pipeline], Pipeline], expected: tuple[str, str]
) -> None:
    assert expected in moved(pipeline, change(pipeline))


LEVELS = stages.Matrix(axes={"level": ("1", "2")})
COMPUTED = ("dependencies = [", "dynamic = ['dependencies']\nclassifiers = [")


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        ("wheel", {"env": {"LEVEL": "1"}}, {("wheel", "env")}),
        ("wheel", {"config_settings": {"a": ("1", "2")}}, {("wheel", "config-settings")}),
        # The hooks of a wheel are asked in the checkout, where its sdist is still to be made.
        ("sdist", {"env": {"LEVEL": "1"}}, {("sdist", "env"), ("wheel", "env")}),
        ("sdist", {"config_settings": {"a": ("",)}}, {("sdist", "config-settings")}),
        ("docs", {"env": {"LEVEL": "1"}}, set()),
    ],
)
def test_what_a_stage_gives_the_hooks_is_part_of_its_declaration(
    pipeline: Pipeline, name: str, fields: dict[str, object], expected: set[tuple[str, str]]
) -> None:
    now = with_stage(pipeline, **{name: replace(STAGES[name], **fields)})  # type: ignore[arg-type]
    assert moved(pipeline, now) == sorted((f"stages.{one}", word) for one, word in expected)
    assert check(now, locked(now)) == []


def test_where_a_backend_computes_dependencies_its_options_count_for_whoever_installs_the_wheel(
    pipeline: Pipeline,
) -> None:
    edit(pipeline, *COMPUTED)
    now = with_stage(pipeline, wheel=replace(WHEEL, env={"LEVEL": "1"}))
    assert moved(pipeline, now) == [
        ("stages.test", "env"),
        ("stages.wheel", "env"),
        ("environments.dev", "env"),
    ]


def test_cells_of_one_set_have_their_backend_asked_with_the_options_of_each(
    pipeline: Pipeline,
) -> None:
    wheel = replace(WHEEL, matrix=LEVELS, env={"LEVEL": "{level}", "A": "{level}"})
    now = with_stage(pipeline, wheel=wheel)
    lock = locked(now)
    (base,) = bases(now, wheel, lock.images)
    assert [dict(options.env)["LEVEL"] for options in base.options_of(".")] == ["1", "2"]
    assert lock.stages["wheel"].sets[base.key].declared["env"] == ["A=1 LEVEL=1", "A=2 LEVEL=2"]


def test_the_variables_of_an_image_count_for_the_hooks_asked_in_it(pipeline: Pipeline) -> None:
    now = replace(pipeline, images={"python": replace(IMAGE, env={"CC": "clang"})})
    assert ("stages.wheel", "env") in moved(pipeline, now)


def test_an_interpreter_that_moved_makes_its_sets_stale(pipeline: Pipeline) -> None:
    lock = locked(pipeline)
    platform = LockedPlatform(digest="", packages=(), python="3.11", glibc="2.41")
    image = replace(lock.images["python"], platforms={"linux/amd64": platform})
    found = check(pipeline, replace(lock, images={"python": image}))
    assert ("stages.wheel", "glibc") in {(stale.section, stale.what) for stale in found}


def test_what_hooks_answered_is_not_compared(pipeline: Pipeline) -> None:
    lock = locked(pipeline)
    sets = {
        key: replace(locked_set, declared={**locked_set.declared, "hooks": ["ninja"]})
        for key, locked_set in lock.stages["wheel"].sets.items()
    }
    assert (
        check(pipeline, replace(lock, stages={**lock.stages, "wheel": LockedStage(sets=sets)}))
        == []
    )


def test_a_stale_lock_is_refused_with_every_word_that_moved(pipeline: Pipeline) -> None:
    lock = locked(pipeline)
    edit(pipeline, '["attrs"]', '["attrs>=26"]')
    place = Location(file="pipeline.yaml", line=7, column=3)
    placed = replace(pipeline, origins={("stages", "test"): place})
    with pytest.raises(LockError) as caught:
        require_fresh(placed, lock)
    assert caught.value.where == "pipeline.yaml:7:3"
    assert "stages.test: dependencies (+attrs>=26, -attrs)" in caught.value.detail


def test_a_stage_without_a_target_axis_has_a_base_for_each_platform(pipeline: Pipeline) -> None:
    image = replace(IMAGE, platforms=(Target.LINUX_X86_64, Target.LINUX_ARM64))
    both = replace(pipeline, images={"python": image})
    keys = sorted(locked(both).stages["wheel"].sets)
    assert keys == ["cp311-linux_arm64", "cp311-linux_x86_64"]


BOTH = (Target.LINUX_X86_64, Target.LINUX_ARM64)


@pytest.mark.parametrize(
    ("targets", "packages", "expected"),
    [
        (("linux_x86_64",), (), ["cp311-linux_x86_64"]),
        (("linux_arm64",), (), ["cp311-linux_arm64"]),
        (("linux_arm64", "linux_x86_64"), (), ["cp311-linux_arm64", "cp311-linux_x86_64"]),
        # Where a wheel for one is compiled on the other, that is built on too.
        (
            ("linux_arm64",),
            ("gcc-aarch64-linux-gnu",),
            ["cp311-linux_arm64", "cp311-linux_x86_64"],
        ),
    ],
)
def test_a_stage_is_resolved_for_no_platform_that_nothing_is_built_for(
    pipeline: Pipeline, targets: tuple[str, ...], packages: tuple[str, ...], expected: list[str]
) -> None:
    image = replace(IMAGE, platforms=BOTH)
    wheel = replace(WHEEL, matrix=stages.Matrix(axes={"target": targets}))
    now = with_stage(replace(pipeline, images={"python": image}), wheel=wheel)
    debian = tuple(
        DebianPackage(name=name, version="1", architecture="all", path="x", sha256="", size=1)
        for name in packages
    )
    platform = LockedPlatform(digest="", packages=debian, python="3.11", glibc="2.36")
    platforms = {target.platform: platform for target in BOTH}
    images = {"python": LockedImage(declared={}, platforms=platforms)}
    sdist = STAGES["sdist"]
    assert isinstance(sdist, SdistStage)
    assert [base.key for base in bases(now, sdist, images)] == expected


def test_an_axis_of_sources_gives_each_its_own_base(pipeline: Pipeline) -> None:
    for name in ("a", "b"):
        (pipeline.root / "packages" / name).mkdir(parents=True)
        (pipeline.root / "packages" / name / "pyproject.toml").write_text(PYPROJECT)
    matrix = stages.Matrix(axes={"source": ("packages/*",)})
    wheel = WheelStage(name="wheel", image="python", matrix=matrix)
    test = stages.TestStage(name="test", image="python", needs=("wheel",), run=("true",))
    many = with_stage(pipeline, wheel=wheel, test=test)
    assert sorted(locked(many).stages["wheel"].sets) == [
        "packages/a:cp311-linux_x86_64",
        "packages/b:cp311-linux_x86_64",
    ]
    (base,) = bases(many, test, locked(many).images)
    assert base.wheels == ("packages/a", "packages/b")


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        ({"target": ("linux_arm64",)}, "not declared for"),
        ({"python": ("cp313",)}, "has CPython 3.11"),
    ],
)
def test_a_cell_that_its_image_cannot_serve_is_refused(
    pipeline: Pipeline, matrix: Mapping[str, tuple[str, ...]], words: str
) -> None:
    stage = WheelStage(name="wheel", image="python", matrix=stages.Matrix(axes=matrix))
    with pytest.raises(ConfigError, match=words):
        check(with_stage(pipeline, wheel=stage), locked(pipeline))


def test_an_image_for_an_interpreter_that_has_another_is_to_be_mended_itself(
    pipeline: Pipeline,
) -> None:
    matrix = stages.Matrix(axes={"python": ("cp313",)})
    named = replace(pipeline.images["python"], name="python-cp313")
    images = {**pipeline.images, "python-cp313": named}
    stage = WheelStage(name="wheel", image="python-{python}", matrix=matrix)
    lock = locked(pipeline)
    lock = replace(lock, images={**lock.images, "python-cp313": lock.images["python"]})
    with pytest.raises(ConfigError, match="has CPython") as caught:
        check(with_stage(replace(pipeline, images=images), wheel=stage), lock)
    assert "start `images/python-cp313.yaml` from" in caught.value.hint
