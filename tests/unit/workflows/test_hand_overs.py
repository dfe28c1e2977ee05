"""What jobs hand each other: a matrix of the plan, manifests, and files that are held to them."""

from __future__ import annotations

import io
import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.cli.main import main
from pipeline.errors import UsageError, VerificationError
from pipeline.workflows.collect import collect
from pipeline.workflows.matrix import line, manifest, matrix

if TYPE_CHECKING:
    from pathlib import Path

ARM, INTEL = "linux/arm64", "linux/amd64"


def planned(cell: str, platform: str, *needs: str, kind: str = "wheel") -> dict[str, Any]:
    target = {"linux_arm64", "linux_x86_64"} & set(cell.partition("[")[2].rstrip("]").split(","))
    axes = {"target": min(target)} if target else {}
    return {"cell": cell, "kind": kind, "platform": platform, "axes": axes, "needs": list(needs)}


def entries(*cells: dict[str, Any], **labels: str) -> dict[str, tuple[str, str]]:
    found = matrix({"cells": list(cells)}, labels)["include"]
    return {entry["target"]: (entry["runner"], entry["cells"]) for entry in found}


def test_each_platform_gets_a_machine_of_its_own() -> None:
    found = entries(
        planned("sdist", INTEL, kind="sdist"),
        planned("wheel[linux_x86_64]", INTEL, "sdist"),
        planned("wheel[linux_arm64]", ARM, "sdist"),
        planned("test[linux_arm64]", ARM, "wheel[linux_arm64]", kind="test"),
        planned("publish", "", "wheel[linux_arm64]", kind="publish"),
    )
    assert found == {
        "linux_x86_64": ("ubuntu-24.04", "wheel[linux_x86_64]"),
        "linux_arm64": ("ubuntu-24.04-arm", "test[linux_arm64]"),
    }


def test_a_wheel_that_would_be_cross_compiled_here_goes_to_a_machine_of_its_platform() -> None:
    cells = [
        planned("toolchain[zig]", INTEL, kind="toolchain"),
        planned("wheel[linux_arm64]", INTEL, "toolchain[zig]"),
    ]
    assert entries(*cells) == {"linux_arm64": ("ubuntu-24.04-arm", "wheel[linux_arm64]")}


def test_a_label_can_be_chosen() -> None:
    found = entries(planned("wheel", ARM), linux_arm64="big-arm")
    assert found == {"linux_arm64": ("big-arm", "wheel")}


def test_a_plan_without_anything_to_build_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to build"):
        matrix({"cells": [planned("changelog", "", kind="changelog")]}, {})


def test_a_line_is_one_line() -> None:
    assert line("a", {"b": ["x\ny"]}) == 'a={"b":["x\\ny"]}'


@pytest.mark.parametrize("text", ["", "[]", "no json", '{"error": {"message": "x"}}'])
def test_what_is_no_document_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert main(["ci", "matrix"]) == 2
    assert capsys.readouterr().out == ""


def test_a_manifest_has_what_was_placed() -> None:
    output = {"name": "a.whl", "sha256": "1", "size": 2, "placed": True, "path": "dist/a.whl"}
    hidden = output | {"name": "b", "placed": False}
    run = {"cells": [{"cell": "wheel", "outputs": [output, hidden]}, {"cell": "t", "outputs": []}]}
    assert manifest(run) == {"wheel": [{"name": "a.whl", "sha256": "1", "size": 2}], "t": []}


def needs(result: str = "success", **outputs: dict[str, dict[str, bytes]]) -> dict[str, Any]:
    """Return the context ``needs`` of a job whose machines made these files of these cells."""
    texts = {
        target: json.dumps(
            {
                cell: [
                    {"name": name, "sha256": sha256(data).hexdigest(), "size": len(data)}
                    for name, data in files.items()
                ]
                for cell, files in cells.items()
            }
        )
        for target, cells in outputs.items()
    }
    return {"build": {"result": result, "outputs": texts | {"other": ""}}}


def lay(root: Path, **artifacts: dict[str, bytes]) -> Path:
    for artifact, files in artifacts.items():
        for name, data in files.items():
            path = root / artifact / name if artifact != "alone" else root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return root


SDIST = {"a.tar.gz": b"sdist"}


def test_files_of_several_machines_come_together(tmp_path: Path) -> None:
    both = needs(
        x={"sdist": SDIST, "w[x]": {"x.whl": b"x"}}, y={"sdist": SDIST, "w[y]": {"y.whl": b"y"}}
    )
    lay(tmp_path, dist_x=SDIST | {"x.whl": b"x"}, dist_y=SDIST | {"y.whl": b"y"})
    found = collect(both, tmp_path)
    assert [made.name for made in found.files] == ["a.tar.gz", "x.whl", "y.whl"]
    assert found.paths["y.whl"].read_bytes() == b"y"
    assert set(found.cells) == {"sdist", "w[x]", "w[y]"}


def test_one_artifact_alone_has_no_directory_of_its_own(tmp_path: Path) -> None:
    lay(tmp_path, alone=SDIST | {"below/b.txt": b"b"})
    found = collect(needs(x={"sdist": SDIST, "c": {"below/b.txt": b"b"}}), tmp_path)
    assert set(found.paths) == {"a.tar.gz", "below/b.txt"}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a.tar.gz": b"other"}, "is not a file that a job said it built"),
        (SDIST | {"evil.whl": b""}, "is not a file that a job said it built"),
        ({}, "no artifact holds it"),
    ],
)
def test_an_artifact_that_is_not_what_was_built_is_refused(
    tmp_path: Path, files: dict[str, bytes], reason: str
) -> None:
    lay(tmp_path, dist_x=files)
    with pytest.raises(VerificationError, match=reason):
        collect(needs(x={"sdist": SDIST}), tmp_path)


def test_a_link_in_an_artifact_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"sdist")
    downloaded = lay(tmp_path / "artifacts", dist_x={"b": b""})
    (downloaded / "dist_x" / "b").unlink()
    (downloaded / "dist_x" / "a.tar.gz").symlink_to(outside)
    with pytest.raises(VerificationError, match="is not a file"):
        collect(needs(x={"sdist": SDIST}), downloaded)


def test_a_cell_that_two_machines_made_differently_is_refused(tmp_path: Path) -> None:
    lay(tmp_path, dist_x=SDIST)
    with pytest.raises(VerificationError, match="`sdist` gave other bytes in the job for y"):
        collect(needs(x={"sdist": SDIST}, y={"sdist": {"a.tar.gz": b"other"}}), tmp_path)


def test_two_cells_with_one_name_for_two_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="a different one of that name"):
        collect(needs(x={"one": SDIST, "two": {"a.tar.gz": b"other"}}), tmp_path)


@pytest.mark.parametrize("result", ["failure", "cancelled", "skipped"])
def test_a_job_that_did_not_succeed_is_told(tmp_path: Path, result: str) -> None:
    with pytest.raises(VerificationError, match="did not succeed"):
        collect(needs(result, x={"sdist": SDIST}), tmp_path)


def test_jobs_that_hand_over_nothing_are_told(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="no job handed over"):
        collect(needs(), tmp_path)
