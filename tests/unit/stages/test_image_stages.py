from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError
from pipeline.plan.recipe import ImageOutput, InstalledInput, Recipe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.plan.types import Plan

    Planned = Callable[..., Plan]

APP = "  app: {kind: image, image: python, needs: [wheel], entrypoint: [app]}\n"
AXIS = "matrix: {target: [linux_x86_64, linux_arm64]}"
PREFIX = "org.opencontainers.image"


@pytest.fixture
def declare(repository: Path) -> Callable[..., None]:
    """Return a function that adds a stage, after replacing some words."""
    before = (repository / "pipeline.yaml").read_text()
    (repository / "VERSION").write_text("1.2\n")

    def write(text: str, **words: str) -> None:
        found = before + text
        for old, new in words.items():
            found = found.replace(old, new)
        (repository / "pipeline.yaml").write_text(found)

    return write


def recipe(plan: Plan, cell: str) -> Recipe:
    found = plan.by_name()[cell].recipe
    assert found is not None
    return found


def output(plan: Plan, cell: str = "app") -> ImageOutput:
    found = recipe(plan, cell).image
    assert found is not None
    return found


def test_the_layer_of_a_wheel_needs_no_command(
    planned: Planned, declare: Callable[..., None]
) -> None:
    declare(APP)
    found = recipe(planned("app"), "app")
    installed = found.inputs["env"]
    assert isinstance(installed, InstalledInput)
    assert [built.cell for built in installed.built] == ["wheel"]
    assert [used.cell for used in found.uses] == ["wheel"]
    assert "COPY --from=env / /out/env" in found.dockerfile
    assert "RUN" not in found.dockerfile
    assert "src" not in found.inputs


def test_commands_see_the_sources_and_what_was_made(
    planned: Planned, declare: Callable[..., None]
) -> None:
    declare('  app: {kind: image, image: python, needs: [wheel], run: "cp x /out"}\n')
    found = recipe(planned("app"), "app")
    assert list(found.inputs) == ["python", "env", "src", "need-1"]
    assert "COPY --from=need-1 / /needs/wheel" in found.dockerfile


def test_an_image_of_commands_alone_has_no_environment(
    planned: Planned, declare: Callable[..., None]
) -> None:
    declare('  app: {kind: image, image: python, run: "cp x /out"}\n')
    assert list(recipe(planned("app"), "app").inputs) == ["python", "src"]
    assert not output(planned("app")).environment


@pytest.mark.parametrize(
    "field",
    [
        "cmd: [x]",
        "workdir: /srv",
        "labels: {a: b}",
        "annotations: {a: b}",
        "env: {A: b}",
    ],
)
def test_all_that_is_said_of_the_image_counts_for_its_key(
    planned: Planned, declare: Callable[..., None], field: str
) -> None:
    declare(APP)
    before = recipe(planned("app"), "app")
    declare(APP.replace("entrypoint", f"{field}, entrypoint"))
    assert recipe(planned("app"), "app").key != before.key


def test_the_version_names_archive_and_tag_and_counts_for_the_key(
    planned: Planned, declare: Callable[..., None], repository: Path
) -> None:
    declare(APP)
    before = recipe(planned("app"), "app")
    (repository / "VERSION").write_text("1.3+local.1\n")
    after = output(planned("app"))
    assert after.tag == "1.3_local.1"
    assert after.file.startswith("app-1.3_local.1-linux_")
    assert dict(after.annotations)[f"{PREFIX}.version"] == "1.3+local.1"
    assert recipe(planned("app"), "app").key != before.key


def test_a_project_without_a_version_can_make_images(
    planned: Planned, declare: Callable[..., None], repository: Path
) -> None:
    declare(APP)
    (repository / "VERSION").unlink()
    found = output(planned("app"))
    assert found.tag == "latest"
    assert found.file.startswith("app-linux_")


def test_declared_annotations_stand_above_ours(
    planned: Planned, declare: Callable[..., None]
) -> None:
    declare(APP.replace("entrypoint", f"annotations: {{{PREFIX}.title: T}}, entrypoint"))
    assert dict(output(planned("app")).annotations) == {
        f"{PREFIX}.title": "T",
        f"{PREFIX}.version": "1.2",
    }


def test_the_fixed_variables_of_steps_are_not_the_image_s(
    planned: Planned, declare: Callable[..., None]
) -> None:
    declare(APP.replace("entrypoint", "env: {A: b}, entrypoint"))
    assert output(planned("app")).env == (("A", "b"),)


def test_an_image_for_each_platform_shares_a_wheel_without_the_axis(
    planned: Planned, declare: Callable[..., None]
) -> None:
    declare(APP.replace("entrypoint", f"{AXIS}, entrypoint"))
    cells = planned("app").by_name()
    for target, platform in (("linux_x86_64", "linux/amd64"), ("linux_arm64", "linux/arm64")):
        cell = cells[f"app[{target}]"]
        assert cell.needs == ("wheel",)
        assert recipe(planned("app"), cell.name).platform == platform
        assert output(planned("app"), cell.name).file == f"app-1.2-{target}.oci.tar"


def test_an_image_for_each_platform_takes_the_wheel_of_its_own(
    planned: Planned, declare: Callable[..., None]
) -> None:
    declare(
        APP.replace("entrypoint", f"{AXIS}, entrypoint"),
        **{"needs: [sdist]": f"needs: [sdist], {AXIS}"},
    )
    cells = planned("app").by_name()
    assert cells["app[linux_arm64]"].needs == ("wheel[linux_arm64]",)


def test_an_image_with_nothing_on_top_is_refused(
    planned: Planned, declare: Callable[..., None]
) -> None:
    declare("  app: {kind: image, image: python}\n")
    with pytest.raises(ConfigError, match="puts nothing on top of its image"):
        planned("app")


def test_a_place_without_an_image_is_refused(
    planned: Planned, declare: Callable[..., None]
) -> None:
    declare("  p: {kind: publish, needs: [wheel], registry: registry.example/team/app}\n")
    with pytest.raises(ConfigError, match="names one place for an image, but it needs no image"):
        planned("p")


@pytest.mark.parametrize(
    "place", ["team/app", "registry.example", "registry.example/team/app:1", "a.example/App"]
)
def test_a_place_that_is_no_repository_of_a_host_is_refused(
    planned: Planned, declare: Callable[..., None], place: str
) -> None:
    declare(f"{APP}  p: {{kind: publish, needs: [app], registry: '{place}'}}\n")
    with pytest.raises(ConfigError, match="must be a place such as"):
        planned("p")
