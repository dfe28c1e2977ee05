from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.config.load import load
from pipeline.config.stages import WheelStage
from pipeline.cross.found import Images, machines
from pipeline.errors import ConfigError
from pipeline.lock.types import DebianPackage, LockedImage, LockedPlatform, PythonFile
from pipeline.plan.matrix import Cell
from pipeline.platforms import Target
from pipeline.stages.strategy import choose

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config.model import Pipeline
    from pipeline.plan.types import Strategy

X86, ARM = Target.LINUX_X86_64, Target.LINUX_ARM64
ZIG = PythonFile(name="ziglang-0.17.0-py3-none-any.whl", sha256="a" * 64, size=1)


def package(name: str) -> DebianPackage:
    return DebianPackage(
        name=name, version="1", architecture="amd64", path="pool/a.deb", sha256="b" * 64, size=1
    )


def images(
    pipeline: Pipeline, *packages: str, zig: bool = False, on: tuple[Target, ...] = (X86, ARM)
) -> Images:
    platform = LockedPlatform(
        digest="c" * 64,
        packages=tuple(package(name) for name in packages),
        wheels=(ZIG,) if zig else (),
        python="3.11",
    )
    locked = LockedImage(declared={}, platforms={t.platform: platform for t in on})
    return Images(declared=pipeline.images, locked={"tools": locked})


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'one'\nversion = '1'\n")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "tools.yaml").write_text("from: {debian: bookworm}\n")
    (tmp_path / "pipeline.yaml").write_text(
        "version: 1\nstages:\n  wheel: {kind: wheel, image: tools}\n"
        "  test: {kind: test, image: tools, needs: [wheel], run: 'true'}\n"
    )
    return load(tmp_path)


def chosen(
    pipeline: Pipeline,
    found: Images,
    *,
    stage: str = "wheel",
    strategy: str = "auto",
    target: Target = ARM,
    here: Target | None = X86,
) -> Strategy:
    declared = pipeline.stages[stage]
    if isinstance(declared, WheelStage):
        declared = replace(declared, strategy=strategy)  # type: ignore[arg-type]
    cell = Cell(stage=stage, axes=(("target", target.value),))
    return choose(pipeline, found, declared, cell, image="tools", target=target, here=here)  # type: ignore[arg-type]


def test_what_this_machine_is_is_built_natively_whatever_is_said(pipeline: Pipeline) -> None:
    for strategy in ("auto", "native", "cross", "emulate"):
        found = chosen(pipeline, images(pipeline), strategy=strategy, target=X86)
        assert (found.name, found.machine) == ("native", X86)


def test_zig_in_the_image_makes_it_a_cross_build_on_this_machine(pipeline: Pipeline) -> None:
    found = chosen(pipeline, images(pipeline, zig=True))
    assert (found.name, found.machine) == ("cross", X86)
    assert "zig in `tools`" in found.reason


@pytest.mark.parametrize(
    ("compiler", "here", "target"),
    [("gcc-aarch64-linux-gnu", X86, ARM), ("gcc-x86-64-linux-gnu", ARM, X86)],
)
def test_so_does_debians_cross_compiler(
    pipeline: Pipeline, compiler: str, here: Target, target: Target
) -> None:
    found = chosen(pipeline, images(pipeline, compiler), here=here, target=target)
    assert (found.name, found.machine) == ("cross", here)


def test_the_compiler_of_the_wrong_direction_does_not(pipeline: Pipeline) -> None:
    found = chosen(pipeline, images(pipeline, "gcc", "gcc-x86-64-linux-gnu"))
    assert (found.name, found.machine) == ("emulate", ARM)
    assert "no compiler for linux_arm64" in found.reason


def test_an_image_that_is_not_locked_for_this_machine_is_emulated(pipeline: Pipeline) -> None:
    found = chosen(pipeline, images(pipeline, zig=True, on=(ARM,)))
    assert found.name == "emulate"
    assert "not locked for linux_x86_64" in found.reason


def test_tests_run_on_their_own_platform_though_a_compiler_is_there(pipeline: Pipeline) -> None:
    found = chosen(pipeline, images(pipeline, zig=True), stage="test")
    assert (found.name, found.machine) == ("emulate", ARM)


def test_a_docker_context_for_the_platform_counts_as_native(pipeline: Pipeline) -> None:
    docker = replace(pipeline.engines.docker, contexts={"linux/arm64": "far"})
    engines = replace(pipeline.engines, docker=docker)
    found = chosen(
        replace(pipeline, engine="docker", engines=engines), images(pipeline), strategy="native"
    )
    assert (found.name, found.machine) == ("native", ARM)


def test_a_strategy_that_cannot_be_had_is_refused_with_what_to_do(pipeline: Pipeline) -> None:
    with pytest.raises(ConfigError, match="no compiler on linux_x86_64") as refused:
        chosen(pipeline, images(pipeline, "gcc"), strategy="cross")
    assert "`ziglang`" in refused.value.hint
    assert "`gcc-aarch64-linux-gnu`" in refused.value.hint
    with pytest.raises(ConfigError, match="on a machine for linux_arm64") as refused:
        chosen(pipeline, images(pipeline, zig=True), strategy="native")
    assert "linux/arm64" in refused.value.hint


def test_where_a_wheel_may_be_built_does_not_depend_on_the_machine(pipeline: Pipeline) -> None:
    stage = pipeline.stages["wheel"]
    assert isinstance(stage, WheelStage)
    assert machines(images(pipeline, zig=True), stage, "tools", ARM) == (ARM, X86)
    assert machines(images(pipeline, "gcc"), stage, "tools", ARM) == (ARM,)
    emulated = replace(stage, strategy="emulate")
    assert machines(images(pipeline, zig=True), emulated, "tools", ARM) == (ARM,)


def test_prebuilt_files_need_neither_compiler_nor_emulation(pipeline: Pipeline) -> None:
    stage = replace(pipeline.stages["wheel"], resources={"linux_arm64": ("bin/tool",)})  # type: ignore[call-arg]
    stages = {**pipeline.stages, "wheel": stage}
    found = chosen(replace(pipeline, stages=stages), images(pipeline))
    assert (found.name, found.machine) == ("cross", X86)
    found = chosen(replace(pipeline, stages=stages), images(pipeline, "gcc"))
    assert found.name == "emulate"
