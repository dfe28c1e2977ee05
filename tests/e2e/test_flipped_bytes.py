from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.sandbox, pytest.mark.network]


def locked(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project.root / "pipeline.lock").read_text())
    return found


def package(project: Project) -> tuple[str, str]:
    """Return name and digest of a Debian package that every image needs."""
    (platform,) = locked(project)["images"]["python"]["platforms"].values()
    row = next(row for row in platform["packages"] if row[0] == "libc6")
    return row[3].rpartition("/")[2], row[4]


def wheel(project: Project) -> tuple[str, str]:
    """Return name and digest of a wheel that every build needs."""
    (locked_set,) = locked(project)["stages"]["sdist"].values()
    row = next(row for row in locked_set["requirements"] if row[0] == "hatchling")
    return row[3][0][0], row[3][0][1]


@pytest.mark.parametrize("choose", [package, wheel])
def test_a_damaged_download_is_named_dropped_and_asked_for_again(
    pure: Project, downloads: Path, warm: Path, choose: Callable[[Project], tuple[str, str]]
) -> None:
    name, digest = choose(pure)
    project = pure.using(downloads)
    project.flip(project.blob(digest))
    damaged = project.run("run", "wheel", "--offline").expect(4)
    assert name in damaged.stderr or digest in damaged.stderr
    assert "hint:" in damaged.stderr
    assert not (pure.root / "dist").exists()
    again = project.run("run", "wheel", "--offline").expect(5)
    assert name in again.stderr, "it is to be fetched anew, and only the network is missing"
    project.blob(digest).hardlink_to(pure.using(warm).blob(digest))
    healed = project.run("run", "wheel", "--offline", "--json").expect(0)
    assert healed.digests == pure.run("run", "wheel", "--json").expect(0).digests


def test_a_damaged_output_is_never_handed_out_but_built_anew(pure: Project) -> None:
    first = pure.run("run", "wheel", "--json").expect(0)
    for name, digest in first.digests.items():
        pure.flip(pure.blob(digest))
        (pure.root / "dist" / name).unlink()
    drafted = pure.run("run", "wheel", "--draft", "--json").expect(0)
    assert drafted.digests == first.digests
    assert {cell["status"] for cell in drafted.document["cells"]} == {"built"}
    assert "the stored output of `wheel` was damaged" in drafted.stderr
    for output in (o for cell in drafted.document["cells"] for o in cell["outputs"]):
        assert pure.blob(output["sha256"]).stat().st_size == output["size"]
    assert "is what it says" in pure.run("cache", "verify").expect(0).stdout


def test_a_damaged_result_or_tree_is_as_good_as_absent(pure: Project) -> None:
    first = pure.run("run", "wheel", "--json", "--draft").expect(0)
    keys = [cell["key"] for cell in first.document["cells"]]
    row = pure.cache / "results" / keys[0][:2] / keys[0]
    tree = json.loads(row.read_bytes().partition(b"\n")[0])["tree"]
    pure.flip(pure.blob(tree))
    second = pure.run("run", "wheel", "--json", "--draft").expect(0)
    assert second.digests == first.digests
    for key in keys:
        pure.flip(pure.cache / "results" / key[:2] / key)
    third = pure.run("run", "wheel", "--json", "--draft").expect(0)
    assert third.digests == first.digests


def test_cache_verify_finds_names_and_removes_what_rotted(pure: Project) -> None:
    first = pure.run("run", "wheel", "--json").expect(0)
    layer = next((pure.cache / "derived" / "layer").rglob("libz.so.1.*"))
    pure.flip(layer)
    _, digest = wheel(pure)
    pure.flip(pure.blob(digest))
    found = pure.run("cache", "verify", "--json").expect(4)
    assert {damage["kind"] for damage in found.document["damages"]} == {"layer", "blob"}
    assert f"{layer.name}` is not what was written" in found.stderr
    assert digest in found.stderr
    assert found.document["error"]["exit_code"] == 4
    assert pure.run("cache", "verify", "--json").expect(0).document == {"damages": []}
    assert pure.run("run", "wheel", "--json").expect(0).digests == first.digests


def test_a_damaged_record_of_a_run_answers_nothing(pure: Project) -> None:
    settle(pure)
    first = pure.run("run", "wheel", "--json").expect(0)
    (record,) = (pure.cache / "noop").iterdir()
    pure.flip(record)
    again = pure.run("run", "wheel", "--json").expect(0)
    assert again.digests == first.digests
    assert "2 cells" in again.stderr, "it looked for itself"


def settle(project: Project) -> None:
    """Let the files be old enough for a run to be recorded."""
    project.run("plan", "wheel").expect(0)
