"""Every file of a release has the version that it must have, by its name and by its metadata."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.config.model import Pipeline
from pipeline.config.stages import ImageStage, PublishStage, SdistStage, Stage, Variant, WheelStage
from pipeline.errors import ReleaseRefusedError
from pipeline.execute.report import Artifact, CellReport
from pipeline.files import sha256_bytes, sha256_file
from pipeline.plan.matrix import Cell
from pipeline.plan.types import Plan, PlannedCell
from pipeline.stages.versions import IMAGE_VERSION, refuse_declared, refuse_others, required
from tests.unit.publishing import making

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WHEEL = WheelStage(name="wheel", image="python")
SDIST = SdistStage(name="sdist", image="python")
PINNED = WheelStage(name="other", image="python", source="thing==2.0")
CUDA = WheelStage(name="cuda", image="python", variant=Variant(cuda="13.0", naming="local"))
SUFFIX = WheelStage(name="cuda", image="python", variant=Variant(cuda="13.0"))


def pipeline(root: Path) -> Pipeline:
    return Pipeline(root=root, version=1, stages={})


def planned(stage: Stage, *axes: tuple[str, str]) -> PlannedCell:
    cell = Cell(stage=stage.name, axes=axes)
    return PlannedCell(cell=cell, stage=stage, kind="", needs=(), recipe=None)


def judge(stage: Stage, path: Path, version: str = "1.0") -> None:
    made = Artifact(name=path.name, path=path, sha256=sha256_file(path), size=1)
    report = CellReport(stage=stage.name, cell=stage.name, key="", status="built", outputs=(made,))
    refuse_others(pipeline(path.parent), [(planned(stage), report)], version)


@pytest.mark.parametrize(
    ("stage", "version"),
    [(WHEEL, "1.0"), (WHEEL, "1.0.0"), (PINNED, "2.0"), (CUDA, "1.0+cu130"), (SUFFIX, "1.0")],
)
def test_a_file_may_have_the_version_of_its_tag_its_pin_or_its_variant(
    tmp_path: Path, stage: Stage, version: str
) -> None:
    judge(stage, making.wheel(tmp_path, version=version))


@pytest.mark.parametrize(
    ("stage", "version", "origin"),
    [
        (WHEEL, "1.1", "`VERSION` (which names the tag) says 1.0"),
        (WHEEL, "1.0.post1", "says 1.0"),
        (WHEEL, "1.0+cu130", "says 1.0"),
        (PINNED, "1.0", "`source: thing==2.0` of the stage `other` says 2.0"),
        (CUDA, "1.0", "the variant of `cuda` says 1.0+cu130"),
    ],
)
def test_any_other_version_is_refused_with_both_and_where_they_come_from(
    tmp_path: Path, stage: Stage, version: str, origin: str
) -> None:
    wheel = making.wheel(tmp_path, version=version)
    with pytest.raises(ReleaseRefusedError) as refused:
        judge(stage, wheel)
    assert f"the name of `{wheel.name}` says version {version}" in refused.value.message
    assert origin in refused.value.message
    assert refused.value.exit_code == 7


@pytest.mark.parametrize(("write", "stage"), [(making.wheel, WHEEL), (making.sdist, SDIST)])
def test_a_name_that_hides_another_version_in_the_metadata_is_refused(
    tmp_path: Path, write: Callable[..., Path], stage: Stage
) -> None:
    (tmp_path / "named").mkdir()
    written = write(tmp_path, version="1.1")
    named = written.rename(tmp_path / "named" / written.name.replace("1.1", "1.0"))
    if stage is SDIST:  # its top directory has the name's version in it, so it is no sdist at all
        judge(stage, named)
        return
    with pytest.raises(ReleaseRefusedError, match=r"the metadata in .* says version 1\.1"):
        judge(stage, named)


def test_what_a_project_s_files_say_is_known_before_anything_is_built(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\nversion = "1.2.2"\n')
    with pytest.raises(ReleaseRefusedError, match=r"`VERSION` says 1\.2\.3, but .* says 1\.2\.2"):
        refuse_declared(pipeline(tmp_path), Plan(cells=(planned(WHEEL),)), "1.2.3")
    refuse_declared(pipeline(tmp_path), Plan(cells=(planned(WHEEL),)), "1.2.2")
    refuse_declared(pipeline(tmp_path), Plan(cells=(planned(PINNED),)), "1.2.3")


HATCH = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "a"
dynamic = ["version"]
[tool.hatch.version]
path = "v.py"
"""
SETUPTOOLS = """
[project]
name = "a"
dynamic = ["version"]
[tool.setuptools.dynamic]
version = {file = "version.txt"}
"""
POETRY = """
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
[tool.poetry]
name = "a"
version = "1.2.2"
"""
SETUP = {"setup.py": "", "setup.cfg": "[metadata]\nname = a\nversion = 1.2.2\n"}


@pytest.mark.parametrize(
    ("text", "files"),
    [
        (HATCH, {"v.py": "__version__ = '1.2.2'\n"}),
        (SETUPTOOLS, {"version.txt": "1.2.2\n"}),
        ("", SETUP),
        (POETRY, {}),
    ],
    ids=["hatch", "setuptools", "setup.cfg", "poetry"],
)
def test_backends_files_are_read_as_the_backend_reads_them(
    tmp_path: Path, text: str, files: dict[str, str]
) -> None:
    for name, content in {"pyproject.toml": text, **files}.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(ReleaseRefusedError, match=r"says 1\.2\.2"):
        refuse_declared(pipeline(tmp_path), Plan(cells=(planned(SDIST),)), "1.2.3")


def test_a_version_that_a_tool_computes_is_left_for_the_files_to_tell(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[build-system]\nrequires = ['poetry-core', 'poetry-dynamic-versioning']\n"
        "build-backend = 'poetry_dynamic_versioning.backend'\n"
        "[tool.poetry]\nname = 'a'\nversion = '0.0.0'\n"
    )
    refuse_declared(pipeline(tmp_path), Plan(cells=(planned(SDIST),)), "1.2.3")


def archive(path: Path, tag: str, **annotations: str) -> Path:
    """Write an archive of an image without layers."""
    config = b"{}"
    manifest = json.dumps(
        {
            "config": {"digest": f"sha256:{sha256_bytes(config)}", "size": len(config)},
            "layers": [],
            "annotations": annotations,
        }
    ).encode()
    digest = f"sha256:{sha256_bytes(manifest)}"
    entry = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest,
        "size": len(manifest),
        "platform": {"os": "linux", "architecture": "amd64"},
        "annotations": {"org.opencontainers.image.ref.name": tag},
    }
    index = json.dumps({"manifests": [entry]}).encode()
    with tarfile.open(path, "w") as tar:
        for name, data in (
            ("index.json", index),
            (f"blobs/sha256/{digest[7:]}", manifest),
            (f"blobs/sha256/{sha256_bytes(config)}", config),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def test_an_image_bears_the_version_in_its_tag_and_its_annotations(tmp_path: Path) -> None:
    image = ImageStage(name="app", image="python")
    for tag, told in (("1.0", {}), ("1.0-cuda13", {}), ("1.0", {IMAGE_VERSION: "1.0"})):
        judge(image, archive(tmp_path / "app.oci.tar", tag, **told))
    with pytest.raises(ReleaseRefusedError, match=r"the tag of the image .* says version 9\.9"):
        judge(image, archive(tmp_path / "app.oci.tar", "9.9"))
    with pytest.raises(ReleaseRefusedError, match=r"image\.version` of .* says version 9\.9"):
        judge(image, archive(tmp_path / "app.oci.tar", "1.0", **{IMAGE_VERSION: "9.9"}))


def test_each_package_of_a_repository_is_told(tmp_path: Path) -> None:
    stage = WheelStage(name="wheel", image="python")
    for name, version in (("one", "1.1"), ("two", "1.2")):
        (tmp_path / name).mkdir()
        text = f'[project]\nname = "{name}"\nversion = "{version}"\n'
        (tmp_path / name / "pyproject.toml").write_text(text)
    cells = tuple(planned(stage, ("source", name)) for name in ("one", "two"))
    with pytest.raises(ReleaseRefusedError, match=r"`one/pyproject.toml`") as refused:
        refuse_declared(pipeline(tmp_path), Plan(cells=cells), "1.0")
    assert "`two/pyproject.toml`" in refused.value.detail[0]


def test_what_a_release_builds_and_does_not_publish_is_no_file_of_it(tmp_path: Path) -> None:
    for name, version in (("one", "1.0"), ("helper", "0.3")):
        (tmp_path / name).mkdir()
        text = f'[project]\nname = "{name}"\nversion = "{version}"\n'
        (tmp_path / name / "pyproject.toml").write_text(text)
    one = planned(WheelStage(name="one", image="python", source="one"))
    helper = planned(WheelStage(name="helper", image="python", source="helper"))
    publish = replace(planned(PublishStage(name="publish")), needs=("one",))
    refuse_declared(pipeline(tmp_path), Plan(cells=(helper, one, publish)), "1.0")
    with pytest.raises(ReleaseRefusedError, match=r"says 0\.3"):
        refuse_declared(pipeline(tmp_path), Plan(cells=(helper, one)), "1.0")


def test_one_function_says_which_version_a_file_must_have(tmp_path: Path) -> None:
    assert required(pipeline(tmp_path), planned(WHEEL), "1.0").version == "1.0"
    assert required(pipeline(tmp_path), planned(PINNED), "1.0").version == "2.0"
    image = ImageStage(name="app", image="python")
    assert required(pipeline(tmp_path), planned(image), "1.0").version == "1.0"
