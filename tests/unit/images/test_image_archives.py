from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.errors import VerificationError
from pipeline.images.bundle import Bundle, from_layout, stream
from pipeline.images.extend import Change, extend
from tests.unit.images.bundling import bundle, topmost

if TYPE_CHECKING:
    from pathlib import Path

CREATED = "2026-01-02T03:04:05Z"
CHANGE = Change(created=CREATED, origin="stage app")


def members(made: Bundle) -> dict[str, bytes]:
    """Return what lies in the archive, read by the standard library."""
    text = io.BytesIO(b"".join(stream(made, name="app", tag="1.0")))
    found = {}
    with tarfile.open(fileobj=text, mode="r:") as tar:
        for member in tar:
            if member.isfile():
                file = tar.extractfile(member)
                assert file is not None
                found[member.name] = file.read()
    return found


def config(made: Bundle) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(made.config)
    return found


@pytest.fixture
def base(tmp_path: Path) -> Bundle:
    return bundle(tmp_path / "base")


def extended(base: Bundle, tmp_path: Path, change: Change = CHANGE) -> Bundle:
    return extend(base, topmost(tmp_path), change)


def test_an_archive_is_an_oci_layout_whose_blobs_are_what_their_names_say(base: Bundle) -> None:
    found = members(base)
    blobs = {name: data for name, data in found.items() if name.startswith("blobs/sha256/")}
    assert len(blobs) == 3
    assert all(hashlib.sha256(data).hexdigest() == name[13:] for name, data in blobs.items())
    assert json.loads(found["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads(found["index.json"])["manifests"]
    assert entry["digest"] == f"sha256:{base.digest}"
    assert entry["size"] == len(blobs[f"blobs/sha256/{base.digest}"])
    assert entry["platform"] == {"architecture": "amd64", "os": "linux"}


def test_an_archive_has_docker_s_own_table_of_contents_too(base: Bundle) -> None:
    found = members(base)
    (image,) = json.loads(found["manifest.json"])
    assert image["RepoTags"] == ["localhost/app:1.0"]
    assert found[image["Config"]] == base.config
    assert all(layer in found for layer in image["Layers"])


def test_the_same_image_is_the_same_archive_wherever_it_is_made(tmp_path: Path) -> None:
    first, second = bundle(tmp_path / "here"), bundle(tmp_path / "there" / "deep")
    one = b"".join(stream(first, name="app", tag="1.0"))
    assert one == b"".join(stream(second, name="app", tag="1.0"))
    names = tarfile.open(fileobj=io.BytesIO(one), mode="r:").getnames()  # noqa: SIM115 - no file
    assert names == sorted(names)


def test_a_layer_that_rotted_is_not_written(base: Bundle) -> None:
    path = base.layers[0].path
    data = bytearray(path.read_bytes())
    data[600] ^= 1
    path.write_bytes(data)
    with pytest.raises(VerificationError, match="not what its name says"):
        members(base)


def test_a_manifest_that_rotted_is_not_read(base: Bundle, tmp_path: Path) -> None:
    layout = tmp_path / "base" / "layout"
    (layout / "blobs" / "sha256" / base.digest).write_bytes(base.manifest + b" ")
    with pytest.raises(VerificationError, match="not what its name says"):
        from_layout(layout, base.digest)


def test_a_layer_goes_on_top_of_those_below(base: Bundle, tmp_path: Path) -> None:
    made = extended(base, tmp_path)
    manifest = json.loads(made.manifest)
    assert [part["digest"] for part in manifest["layers"]] == [
        f"sha256:{layer.digest}" for layer in (*base.layers, made.layers[-1])
    ]
    diffs = config(made)["rootfs"]["diff_ids"]
    assert diffs == [*config(base)["rootfs"]["diff_ids"], f"sha256:{made.layers[-1].digest}"]
    assert len(config(made)["history"]) == len(diffs)
    assert config(made)["created"] == CREATED
    assert made.digest != base.digest
    assert set(members(base)) - set(members(made)) == {
        f"blobs/sha256/{base.digest}",
        f"blobs/sha256/{hashlib.sha256(base.config).hexdigest()}",
    }


def test_nothing_but_what_is_said_changes(base: Bundle, tmp_path: Path) -> None:
    assert config(extended(base, tmp_path))["config"] == config(base)["config"]


def test_an_entry_point_takes_the_arguments_of_the_one_below_away(
    base: Bundle, tmp_path: Path
) -> None:
    made = extended(base, tmp_path, replace(CHANGE, entrypoint=("app", "--go")))
    assert config(made)["config"]["Entrypoint"] == ["app", "--go"]
    assert "Cmd" not in config(made)["config"]


def test_arguments_stand_beside_their_entry_point(base: Bundle, tmp_path: Path) -> None:
    made = extended(base, tmp_path, replace(CHANGE, entrypoint=("app",), cmd=("a", "b")))
    settings = config(made)["config"]
    assert (settings["Entrypoint"], settings["Cmd"]) == (["app"], ["a", "b"])


def test_variables_are_added_and_programs_come_first(base: Bundle, tmp_path: Path) -> None:
    change = replace(CHANGE, path="/env/bin", env={"LANG": "tr_TR", "X": "a=b"})
    env = config(extended(base, tmp_path, change))["config"]["Env"]
    assert env == ["PATH=/env/bin:/usr/bin:/bin", "LANG=tr_TR", "X=a=b"]


def test_a_declared_path_counts_as_it_stands(base: Bundle, tmp_path: Path) -> None:
    change = replace(CHANGE, path="/env/bin", env={"PATH": "/opt"})
    assert "PATH=/opt" in config(extended(base, tmp_path, change))["config"]["Env"]


def test_labels_directory_and_annotations_are_those_declared(base: Bundle, tmp_path: Path) -> None:
    change = replace(CHANGE, labels={"a": "1"}, workdir="/srv", annotations={"b": "2"})
    made = extended(base, tmp_path, change)
    assert config(made)["config"]["Labels"] == {"a": "1"}
    assert config(made)["config"]["WorkingDir"] == "/srv"
    assert json.loads(made.manifest)["annotations"] == {"b": "2"}


def test_layers_of_docker_s_older_format_become_oci_s(base: Bundle, tmp_path: Path) -> None:
    manifest = json.loads(base.manifest)
    manifest["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json"
    manifest["layers"][0]["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    older = replace(base, manifest=json.dumps(manifest).encode())
    found = json.loads(extended(older, tmp_path).manifest)
    assert found["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    types = [part["mediaType"].rpartition(".")[2] for part in found["layers"]]
    assert types == ["tar+gzip", "tar"]
    assert older.media_type.startswith("application/vnd.docker.")
