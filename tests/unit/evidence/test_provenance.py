"""Statements about files: complete, the same every time, and nothing secret in them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.checkout.inputs import Checkout
from pipeline.config.load import load
from pipeline.errors import PipelineError, VerificationError
from pipeline.evidence.provenance import SUFFIX, equivalence, read_claim
from pipeline.execute.evidence import Evidence, gather, origin_of, public_address, write
from pipeline.execute.report import Artifact, CellReport
from pipeline.plan.selection import Selection
from pipeline.stages.planner import plan
from pipeline.store.stat import StatCache
from tests.unit.stages.conftest import IMAGE, PIPELINE, locked

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.lock.types import Lock
    from tests.unit.conftest import Repository

NAME = "one-1-py3-none-any.whl"
WHEEL = Artifact(name=NAME, path=Path("unread"), sha256="1" * 64, size=1)
REMOTE = "https://somebody:CANARY@git.example/x/one.git"


def lock() -> Lock:
    found = locked("sdist", "wheel")
    image = replace(found.images["python"], declared={"from": ["debian bookworm"]})
    return replace(found, images={"python": image})


@pytest.fixture
def project(repository: Repository) -> Repository:
    repository.write("pipeline.yaml", PIPELINE)
    repository.write("images/python.yaml", IMAGE)
    repository.write("pipeline.lock", "{}")
    repository.write("pyproject.toml", "[project]\nname = 'one'\nversion = '1'\n")
    repository.commit()
    repository.git("remote", "add", "origin", REMOTE)
    return repository


def gathered(root: Path) -> list[Evidence]:
    found = lock()
    checkout = Checkout(root, StatCache(root.parent / f"{root.name}.stat"))
    planned = plan(load(root), found, checkout, (Selection.parse("wheel"),))
    report = CellReport(stage="wheel", cell="wheel", key="k", status="built", outputs=(WHEEL,))
    return list(gather(planned, [report], found, origin_of(root)))


def statement(root: Path) -> dict[str, Any]:
    (made,) = gathered(root)
    found: dict[str, Any] = json.loads(made.text)
    return found


def test_a_statement_lists_all_that_could_be_read(project: Repository) -> None:
    said = statement(project.root)
    assert said["subject"] == [{"name": NAME, "digest": {"sha256": "1" * 64}}]
    materials = said["predicate"]["buildDefinition"]["resolvedDependencies"]
    head = project.git("rev-parse", "HEAD").strip()
    assert materials[0] == {
        "name": "repository",
        "uri": f"git+https://git.example/x/one.git@{head}",
        "digest": {"gitCommit": head},
    }
    kinds = {(each["name"], each["uri"].rpartition(":")[0]) for each in materials[1:]}
    assert kinds == {
        ("dash.deb", "pkg"),
        ("build-1.6-py3-none-any.whl", "pkg"),
        ("python", "urn:pipeline:image"),
        ("source", "urn:pipeline:tree"),
    }
    assert said["predicate"]["buildDefinition"]["internalParameters"]["hermetic"]


def test_another_directory_gives_the_same_statement(project: Repository, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    shutil.copytree(project.root, other)
    assert gathered(project.root) == gathered(other)


def test_nothing_of_the_machine_and_nothing_secret_is_in_it(
    project: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TWINE_PASSWORD", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "PIP_INDEX_URL", "USER"):
        monkeypatch.setenv(name, "https://CANARY@mirror.example")
    (made,) = gathered(project.root)
    assert "CANARY" not in made.text
    assert str(tmp_path) not in made.text
    assert "mirror.example" not in made.text


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://u:CANARY@git.example/a.git?t=CANARY#CANARY", "https://git.example/a.git"),
        ("https://CANARY@git.example:8443/a", "https://git.example:8443/a"),
        ("git@git.example:x/a.git", "ssh://git.example/x/a.git"),
        ("ssh://CANARY@git.example/a", "ssh://git.example/a"),
        ("/srv/somebody/a.git", ""),
        ("file:///srv/somebody/a", ""),
        ("../a", ""),
        ("https://git.example:CANARY/a", ""),
        ("ext::sh -c CANARY", ""),
    ],
)
def test_the_address_of_a_remote_is_told_without_user_and_password(address: str, told: str) -> None:
    assert public_address(address) == told


@pytest.mark.parametrize("changed", ["pyproject.toml", "images/other.yaml"])
def test_what_is_in_no_commit_has_none(project: Repository, changed: str) -> None:
    project.write(changed, "# changed\n")
    assert origin_of(project.root).commit == ""


def test_a_project_below_the_top_is_judged_by_its_own_files(project: Repository) -> None:
    root = project.root / "below"
    for name in ("pipeline.yaml", "pipeline.lock"):
        project.write(f"below/{name}", "")
    project.commit()
    project.write("pipeline.yaml", "# changed\n")
    assert origin_of(root).commit == project.git("rev-parse", "HEAD").strip()
    project.write("below/pipeline.yaml", "# changed\n")
    assert origin_of(root).commit == ""


def test_untracked_files_are_no_inputs(project: Repository) -> None:
    project.write("notes.txt", "mine\n")
    assert origin_of(project.root).commit


def test_evidence_is_written_beside_the_files(project: Repository, tmp_path: Path) -> None:
    made = gathered(project.root)
    written = write(tmp_path / "dist", made)
    (row,) = written["wheel"]
    assert row["name"] == f"provenance/{NAME}{SUFFIX}"
    claim = read_claim(tmp_path / "dist" / str(row["name"]))
    assert (claim.name, claim.sha256, claim.cell) == (NAME, "1" * 64, "wheel")
    assert claim.commit == project.git("rev-parse", "HEAD").strip()
    assert claim.platform.startswith("linux/")


def test_a_directory_that_cannot_be_written_is_told(project: Repository, tmp_path: Path) -> None:
    (tmp_path / "dist").write_text("a file")
    with pytest.raises(PipelineError, match="cannot be written"):
        write(tmp_path / "dist", gathered(project.root))


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said.clear(),
        lambda said: said.update(predicateType="https://slsa.dev/provenance/v2"),
        lambda said: said["subject"].append(said["subject"][0]),
        lambda said: said["subject"][0].update(name="../../etc/passwd"),
        lambda said: said["subject"][0].update(name="/etc/passwd"),
        lambda said: said["predicate"].update(buildDefinition=[]),
        lambda said: said["predicate"]["buildDefinition"].update(buildType="urn:other"),
        lambda said: said["predicate"]["buildDefinition"]["externalParameters"].pop("commit"),
    ],
)
def test_what_this_tool_did_not_write_is_no_provenance(
    project: Repository, tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    said = statement(project.root)
    change(said)
    file = tmp_path / "statement.json"
    file.write_text(json.dumps(said))
    with pytest.raises(VerificationError, match="no provenance"):
        read_claim(file)


@pytest.mark.parametrize("data", [b"", b"\xff", b"[" * 100_000, b"null"])
def test_what_is_no_json_is_no_provenance(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "statement.json"
    file.write_bytes(data)
    with pytest.raises(VerificationError, match="no provenance"):
        read_claim(file)


def test_a_rebuild_is_told_as_two_equal_files() -> None:
    said: dict[str, Any] = equivalence(NAME, "1" * 64, "c" * 40)
    definition = said["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {"candidate": f"rebuild/{NAME}", "target": NAME}
    digests = [each["digest"] for each in definition["resolvedDependencies"]]
    assert digests == [{"sha256": "1" * 64}] * 2
