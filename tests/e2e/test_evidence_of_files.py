"""Provenance of files: written by runs, and files rebuilt from it alone and compared."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import Project, commit, copy_tracked, git, link_store
from tests.publishing.serving import TOKEN, FaultyIndex, access, serve

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Ran

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

STATEMENTS = "dist/provenance"


@pytest.fixture
def released(pure: Project) -> Project:
    """Return the example with its wheel and sdist built, with provenance, and a tag."""
    pure.write(".gitignore", "dist/\n")
    git(pure.root, "commit", "--quiet", "--all", "--message", "ignore")
    git(pure.root, "tag", "v1.0.0")
    pure.run("run", "wheel", "--provenance", "--offline").expect(0)
    return pure


def wheel_of(project: Project) -> Path:
    (wheel,) = (project.root / "dist").glob("*.whl")
    return wheel


def statement_of(project: Project) -> Path:
    (statement,) = (project.root / STATEMENTS).glob("*.whl.*")
    return statement


def verified(project: Project, word: str = "") -> Ran:
    word = word or str(wheel_of(project))
    return project.run("verify", word, "--from-provenance", "--offline", "--json")


def test_a_file_is_rebuilt_from_its_provenance(released: Project) -> None:
    (found,) = verified(released).expect(0).document["files"]
    assert found["same"]
    assert found["statement"]["subject"][0]["name"] == wheel_of(released).name


def test_a_tag_stands_for_all_that_it_released(released: Project) -> None:
    found = verified(released, "v1.0.0").expect(0).document["files"]
    assert {file["name"].rpartition(".")[2] for file in found} == {"whl", "gz"}


def test_what_is_in_the_work_tree_today_does_not_count(released: Project) -> None:
    (released.root / "src/example_duration/__init__.py").write_text("raise SystemExit\n")
    (released.root / "pipeline.lock").write_text("{}")
    assert verified(released).expect(0).document["files"][0]["same"]


def test_a_project_may_lie_below_the_top_of_its_repository(
    released: Project, tmp_path: Path
) -> None:
    root = tmp_path / "many" / "projects" / "one"
    copy_tracked(released.root, root)
    (tmp_path / "many" / "other.txt").write_text("another project's\n")
    commit(tmp_path / "many")
    (tmp_path / "many" / "other.txt").write_text("at work on it\n")
    project = Project(released.tool, root, released.cache)
    project.run("run", "wheel", "--provenance", "--offline").expect(0)
    assert verified(project).expect(0).document["files"][0]["same"]
    assert wheel_of(project).read_bytes() == wheel_of(released).read_bytes()


def test_two_places_say_the_same(released: Project, tmp_path: Path) -> None:
    other = tmp_path / "other place" / "pure"
    shutil.copytree(released.root, other)
    shutil.rmtree(other / "dist")
    link_store(released.cache, tmp_path / "other store", "blobs")
    project = Project(released.tool, other, tmp_path / "other store", {"TZ": "Asia/Tokyo"})
    project.run("run", "wheel", "--provenance", "--offline").expect(0)
    for statement in (released.root / STATEMENTS).iterdir():
        assert (other / STATEMENTS / statement.name).read_bytes() == statement.read_bytes()


def test_evidence_holds_no_secret_and_nothing_of_the_machine(pure: Project, tmp_path: Path) -> None:
    git(pure.root, "remote", "add", "origin", "https://u:CANARY@git.example/one.git")
    secrets = {
        "TWINE_PASSWORD": "CANARY",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "CANARY",
        "PIP_INDEX_URL": "https://u:CANARY@mirror.example/simple",
    }
    words = ("wheel", "duration", "--provenance", "--offline", "--json")
    ran = pure.run("run", *words, **secrets).expect(0)
    assert "CANARY" not in ran.stdout + ran.stderr
    evidence = sorted((pure.root / STATEMENTS).iterdir())
    assert [path.suffixes[-2:] for path in evidence].count([".cdx", ".json"]) == 1
    for path in evidence:
        assert not [w for w in ("CANARY", str(tmp_path), "mirror.example") if w in path.read_text()]


def test_other_bytes_than_the_provenance_is_about_are_refused(released: Project) -> None:
    with wheel_of(released).open("ab") as stream:
        stream.write(b"\0")
    told = verified(released).expect(4).stderr
    assert "the provenance is about other bytes than those of `example_duration" in told


def test_bytes_that_the_commit_does_not_give_are_told(released: Project) -> None:
    # Whoever changed the file changed the statement as well.
    wheel, statement = wheel_of(released), statement_of(released)
    before = subprocess.check_output(["sha256sum", wheel], text=True).split()[0]
    released.flip(wheel)
    after = subprocess.check_output(["sha256sum", wheel], text=True).split()[0]
    statement.write_text(statement.read_text().replace(before, after))
    assert "1 of 1 files came out with other bytes" in verified(released).expect(4).stderr


@pytest.mark.parametrize(
    ("what", "code", "sentence"),
    [
        (("hatchling-", "hatchlinG-"), 4, "`resolvedDependencies` in the provenance of"),
        (('"hermetic": true', '"hermetic": false'), 4, "`internalParameters` in the provenance"),
        (('"pipeline.yaml": "', '"pipeline.yaml": "0'), 4, "is not the one that the provenance"),
        (('"cell": "wheel"', '"cell": "whele"'), 2, "unknown stage `whele`"),
        (('"_type"', '"type"'), 4, "is no provenance that a rebuild can go by"),
    ],
)
def test_a_changed_statement_is_refused(
    released: Project, what: tuple[str, str], code: int, sentence: str
) -> None:
    file = statement_of(released)
    text = file.read_text()
    assert what[0] in text
    file.write_text(text.replace(*what))
    assert sentence in verified(released).expect(code).stderr


def test_files_of_changes_in_no_commit_cannot_be_verified(pure: Project) -> None:
    (pure.root / "src/example_duration/__init__.py").write_text("CHANGED = True\n")
    ran = pure.run("run", "wheel", "--provenance", "--offline").expect(0)
    assert "the provenance names no commit" in ran.stderr
    assert "built from changes that are in no commit" in verified(pure).expect(4).stderr


def test_a_shallow_clone_without_the_commit_is_told(released: Project, tmp_path: Path) -> None:
    git(released.root, "commit", "--quiet", "--allow-empty", "--message", "later")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{released.root}", str(clone))
    shutil.copytree(released.root / "dist", clone / "dist")
    told = verified(Project(released.tool, clone, released.cache)).expect(2).stderr
    assert "is not in this repository" in told
    assert "git fetch --unshallow --tags" in told


def test_what_is_neither_file_nor_tag_is_told(released: Project) -> None:
    assert "neither a file nor a tag" in verified(released, "v9").expect(2).stderr
    statement_of(released).unlink()
    assert "there is no provenance of" in verified(released).expect(2).stderr


def test_a_run_as_json_lists_what_it_wrote(pure: Project) -> None:
    ran = pure.run("run", "wheel", "--provenance", "--offline", "--json").expect(0)
    rows = [row for cell in ran.document["cells"] for row in cell["provenance"]]
    assert len(rows) == 2
    for row in rows:
        assert json.loads((pure.root / "dist" / row["name"]).read_text())["predicateType"]


def test_a_run_that_publishes_writes_it_unasked(pure: Project, tmp_path: Path) -> None:
    with serve(FaultyIndex(tmp_path / "index")) as index:
        pure.run("run", "publish", "--untagged", **access(index)).expect(0)
    texts = [path.read_text() for path in (pure.root / STATEMENTS).iterdir()]
    assert len(texts) == 2
    assert not [text for text in texts if TOKEN in text or "127.0.0.1" in text]


def test_a_draft_writes_none(pure: Project) -> None:
    pure.run("run", "wheel", "--provenance", "--draft", "--offline").expect(0)
    assert not (pure.root / "dist").exists()
