from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Project, Ran

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

SOMEBODY = {
    f"GIT_{who}_{what}": "somebody@mail.example"
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}
CLOSED = {"PIP_PROXY": "http://127.0.0.1:9", "PIPELINE_DEBIAN_MIRROR": "http://127.0.0.1:9"}


def files_of(project: Project) -> dict[str, bytes]:
    found = (
        path for path in project.root.rglob("*") if path.is_file() and ".git/" not in str(path)
    )
    return {str(path.relative_to(project.root)): path.read_bytes() for path in found}


def test_a_draft_shows_the_release_and_changes_nothing(pure: Project) -> None:
    before = files_of(pure)
    drafted = pure.run("run", "release", "--draft").expect(0)
    head = pure.git("rev-parse", "HEAD").strip()
    assert "## 1.0.0 (" in drafted.stdout
    assert "`render(90000)` is `1d1h`" in drafted.stdout
    for row in ("example_duration-1.0.0-py3-none-any.whl", "example_duration-1.0.0.tar.gz"):
        (verdict,) = (
            line
            for line in drafted.stdout.splitlines()
            if line.endswith("accepted") and row in line
        )
        assert "1.0.0" in verdict
    assert "commit   release: 1.0.0" in drafted.stdout
    assert f"at {head[:12]}" in drafted.stdout
    assert "tag      v1.0.0 (Release v1.0.0)" in drafted.stdout
    assert "22 passed" in drafted.stderr, "the tests' own words belong to standard error"
    assert pure.git("status", "--porcelain", "--ignored") == ""
    assert files_of(pure) == before
    assert pure.git("tag") == ""
    assert pure.leftovers == []


def test_two_drafts_give_the_same_hashes_and_the_second_needs_no_network(pure: Project) -> None:
    first = pure.run("run", "release", "--draft", "--json").expect(0)
    second = pure.run("run", "release", "--draft", "--json", "--offline", **CLOSED).expect(0)
    assert first.digests == second.digests
    assert len(first.digests) == 2
    cells = {cell["cell"]: cell["status"] for cell in second.document["cells"]}
    assert cells == {
        **dict.fromkeys(("sdist", "wheel", "test"), "cached"),
        **dict.fromkeys(("changelog", "publish", "release"), "done"),
    }


def test_the_document_of_a_run_holds_what_the_design_promises(pure: Project) -> None:
    found = pure.run("run", "release", "--draft", "--json").expect(0).document
    assert (found["version"], found["tag"], found["draft"]) == ("1.0.0", "v1.0.0", True)
    assert found["engine"] == "sandbox"
    assert isinstance(found["seconds"], float)
    wheel = next(cell for cell in found["cells"] if cell["stage"] == "wheel")
    assert {"stage", "cell", "key", "cached", "seconds", "outputs"} <= wheel.keys()
    (output,) = wheel["outputs"]
    assert {"path", "sha256", "size"} <= output.keys()
    assert os.path.getsize(output["path"]) == output["size"]


def without_network(project: Project, *words: str) -> Ran:
    """Run in a network namespace that has no interface that is up."""
    alone = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--net")
    return project.run(*words, before=alone)


def test_what_was_fetched_builds_where_there_is_no_network_at_all(
    pure: Project, downloads: Path
) -> None:
    drafted = without_network(pure.using(downloads), "run", "release", "--draft", "--json")
    assert len(drafted.expect(0).digests) == 2


def test_an_empty_cache_without_network_is_told_with_a_hint_and_exit_5(
    pure: Project, tmp_path: Path
) -> None:
    empty = pure.using(tmp_path / "empty")
    offline = empty.run("run", "wheel", "--offline").expect(5)
    assert "network is off" in offline.stderr
    assert "hint: run `pipeline fetch`" in offline.stderr
    assert offline.stdout == ""


@pytest.mark.slow  # it tries again for a minute
def test_a_network_that_refuses_is_told_with_a_hint_and_exit_5(
    pure: Project, tmp_path: Path
) -> None:
    unreachable = pure.using(tmp_path / "empty").run("run", "wheel", **CLOSED).expect(5)
    assert "hint:" in unreachable.stderr
    assert unreachable.stdout == ""


def test_a_release_that_is_no_draft_is_refused_before_anything_changes(pure: Project) -> None:
    pure.write("src/more.py", "")
    refused = pure.run("run", "release", **SOMEBODY).expect(7)
    assert "the work tree is not clean: `src/more.py`" in refused.stderr
    assert pure.git("tag") == ""
    assert not (pure.root / "dist").exists()


def test_the_tag_builds_the_bytes_that_the_draft_showed(pure: Project) -> None:
    drafted = pure.run("run", "release", "--draft", "--json").expect(0)
    cut = pure.run("run", "release", "--json", "--offline", **SOMEBODY).expect(0)
    assert pure.git("rev-parse", "v1.0.0^{}") == pure.git("rev-parse", "HEAD")
    tagged = pure.run("run", "wheel", "--json").expect(0)
    assert drafted.digests == cut.digests == tagged.digests
    assert len(tagged.digests) == 2
