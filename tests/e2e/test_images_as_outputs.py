"""The image stage of the example `pure`: built, loaded, run, drafted, and a declared one kept."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from pipeline.registry.parcel import blob_stream, open_parcel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

ARCHIVE = "duration-1.0.0-linux_x86_64.oci.tar"
LOADED = "localhost/duration:1.0.0"
FILES = """
  files:
    kind: image
    image: python
    run: [mkdir -p /out/srv/empty, "echo here > /out/srv/file", "ln -s file /out/srv/link"]
"""


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, check=True, text=True)
    return done.stdout


def declare(pure: Project, text: str) -> None:
    pure.write("pipeline.yaml", (pure.root / "pipeline.yaml").read_text() + text)


def test_two_caches_make_the_same_archive(
    pure: Project, downloads: Path, warm: Path, tmp_path: Path
) -> None:
    first = pure.using(downloads).run("run", "duration", "--json").expect(0)
    second_cache = tmp_path / "second"
    shutil.copytree(warm / "blobs", second_cache / "blobs")
    masked = ("/bin/sh", "-c", 'umask 077; exec "$@"', "sh")
    second = pure.using(second_cache)
    again = second.run("run", "duration", "--json", "--dist", "other", before=masked).expect(0)
    assert again.digests == first.digests
    assert ARCHIVE in first.digests


def test_building_an_image_again_gives_the_same_bytes(pure: Project) -> None:
    done = pure.run("verify", "duration", "--offline", "--json").expect(0)
    assert {f["name"]: f["same"] for f in done.document["files"]}[ARCHIVE]


def test_a_change_of_the_entry_point_is_a_new_image_of_the_same_wheel(pure: Project) -> None:
    pure.run("run", "duration", "--offline").expect(0)
    text = (pure.root / "pipeline.yaml").read_text()
    pure.write("pipeline.yaml", text.replace("[duration]\n    annot", "[duration, 7s]\n    annot"))
    done = pure.run("run", "duration", "--offline", "--json").expect(0)
    status = {cell["cell"]: cell["status"] for cell in done.document["cells"]}
    assert (status["wheel"], status["duration"]) == ("cached", "built")


@pytest.fixture
def loaded(pure: Project) -> Iterator[str]:
    """Return the name of the example's image, loaded by Docker."""
    pure.run("run", "duration", "--offline").expect(0)
    docker("load", "--input", str(pure.root / "dist" / ARCHIVE))
    yield LOADED
    docker("rmi", "--force", LOADED)


@pytest.mark.docker
def test_docker_loads_it_and_runs_its_entry_point(loaded: str, pure: Project) -> None:
    assert docker("run", "--rm", "--network", "none", loaded, "90m", "5400") == "1h30m\n1h30m\n"
    digest = open_parcel(pure.root / "dist" / ARCHIVE).digest
    (found,) = json.loads(docker("image", "inspect", loaded))
    layers = json.loads(docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", loaded))
    assert len(layers) == 2
    assert found["Config"]["Entrypoint"] == ["duration"]
    # With its older store Docker names images by their configuration.
    if found.get("Descriptor"):
        assert found["Descriptor"]["digest"] == f"sha256:{digest}"


def test_what_commands_leave_below_out_is_the_layer_whenever_they_ran(pure: Project) -> None:
    declare(pure, FILES)
    first = pure.run("run", "files", "--offline", "--json").expect(0)
    again = pure.run("run", "files", "--offline", "--json", "--rebuild").expect(0)
    assert again.digests == first.digests
    parcel = open_parcel(pure.root / "dist" / "files-1.0.0-linux_x86_64.oci.tar")
    layer = json.loads(parcel.manifest)["layers"][-1]["digest"].removeprefix("sha256:")
    with (
        tarfile.open(parcel.archive, "r:") as archive,
        tarfile.open(fileobj=blob_stream(archive, layer), mode="r:") as tar,
    ):
        assert tar.getnames() == ["srv", "srv/empty", "srv/file", "srv/link"]


def test_a_draft_says_which_image_would_go_where(pure: Project) -> None:
    place = "registry.example/team/app"
    declare(pure, f"  push: {{kind: publish, needs: [duration], registry: {place}}}\n")
    done = pure.run("run", "push", "--untagged", "--draft", "--offline", "--json").expect(0)
    (cell,) = (cell for cell in done.document["cells"] if cell["cell"] == "push")
    (image,) = cell["result"]["images"]
    assert image["reference"] == f"{place}:1.0.0"
    assert [part["file"] for part in image["archives"]] == [ARCHIVE]
    assert not (pure.root / "dist").exists()


def test_offline_nothing_is_pushed(pure: Project) -> None:
    declare(pure, "  p: {kind: publish, needs: [duration], registry: registry.example/app}\n")
    assert "the network is off" in pure.run("run", "p", "--untagged", "--offline").expect(5).stderr


def test_a_declared_image_is_kept_with_the_digest_of_the_lock(
    pure: Project, tmp_path: Path
) -> None:
    file = tmp_path / "python.oci.tar"
    done = pure.run(
        "export", "image", "python", "--offline", "--json", "--output", str(file)
    ).expect(0)
    lock = json.loads((pure.root / "pipeline.lock").read_text())
    digest = lock["images"]["python"]["platforms"]["linux/amd64"]["digest"]
    assert done.document["digest"] == digest
    assert open_parcel(file).digest == digest


def test_an_image_that_is_not_declared_cannot_be_kept(pure: Project, tmp_path: Path) -> None:
    file = tmp_path / "x.oci.tar"
    refused = pure.run("export", "image", "pythn", "--output", str(file)).expect(2)
    assert "the images are python" in refused.stderr
    refused = pure.run(
        "export", "image", "python", "--target", "linux_arm64", "--output", str(file)
    )
    assert "is not declared for linux_arm64" in refused.expect(2).stderr
    assert not file.exists()


def test_a_kept_image_stands_in_for_its_packages(pure: Project) -> None:
    first = pure.run("run", "duration", "--offline", "--json").expect(0)
    pure.run("export", "image", "python", "--offline", "-o", "images/kept.oci.tar").expect(0)
    pure.write("images/python.yaml", "from: {archive: images/kept.oci.tar}\n")
    pure.run("lock").expect(0)
    lock = json.loads((pure.root / "pipeline.lock").read_text())
    assert lock["images"]["python"]["platforms"]["linux/amd64"]["packages"] == []
    again = pure.run("run", "duration", "--json").expect(0)
    assert again.digests[ARCHIVE] == first.digests[ARCHIVE]
