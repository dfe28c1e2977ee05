"""Draft, release and a stranger's rebuild of the tag are the same bytes, whatever the disk has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.release.listing import HEADING
from tests.e2e.conftest import GIT, Project, git
from tests.e2e.test_draft_of_a_release import SOMEBODY
from tests.unit.checkout import disks
from tests.unit.conftest import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.checkout.disks import Case

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.slow]


@pytest.fixture
def project(pure: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project with the files of `disks`, whose sdist has them all."""
    for name, text in GIT.items():
        monkeypatch.setenv(name, text)
    declared = (pure.root / "pipeline.yaml").read_text()
    (pure.root / "pipeline.yaml").write_text(
        declared.replace("wheel, test, changelog", "wheel, changelog")
    )
    disks.begin(Repository(pure.root))
    return pure


def released(project: Project) -> dict[str, str]:
    """Draft and release; return the sha256 of the files, which are the same in both."""
    drafted = project.run("run", "release", "--draft", "--json", **SOMEBODY).expect(0)
    cut = project.run("run", "release", "--json", **SOMEBODY).expect(0)
    assert drafted.digests == cut.digests
    return cut.digests


def rebuilt(project: Project, tag: str, place: Path) -> dict[str, str]:
    """Return the sha256 of what a fresh clone makes of a tag."""
    git(place.parent, *disks.ALLOWED, "clone", "-q", "--recursive", str(project.root), place.name)
    there = Project(project.tool, place, project.cache)
    found = there.run("verify", tag, "--json").expect(0).document["files"]
    assert all(file["same"] for file in found)
    return {file["name"]: file["second"] for file in found}


@pytest.mark.parametrize("differ", disks.CASES, ids=lambda one: one.__name__)
def test_draft_release_and_a_stranger_s_rebuild_are_the_same_bytes(
    project: Project, tmp_path: Path, differ: Case
) -> None:
    differ(Repository(project.root))
    assert git(project.root, "status", "--porcelain") == ""
    digests = released(project)
    assert rebuilt(project, "v1.0.0", tmp_path / "clone") == digests
    assert len(digests) == 2


def test_a_submodule_is_released_at_its_pinned_commit(project: Project, tmp_path: Path) -> None:
    repository = Repository(project.root)
    vendor = Repository(tmp_path / "vendor")
    vendor.root.mkdir()
    vendor.git("init", "--quiet")
    vendor.commit("vendor.py")
    disks.add_submodule(repository, vendor.root, "kept/vendor")
    repository.git("config", "diff.ignoreSubmodules", "all")
    repository.write("kept/vendor/vendor.py", "V = 2\n")
    digests = released(project)
    assert rebuilt(project, "v1.0.0", tmp_path / "clone") == digests


def test_verifying_names_what_lay_on_disk_otherwise(project: Project) -> None:
    """Publish from the disk, as nothing does any more, under a tag that lists it."""
    repository = Repository(project.root)
    disks.a_clean_filter(repository)
    made = project.run("run", "wheel", "--json", **SOMEBODY).expect(0).digests
    rows = "".join(f"    {digest}  {name}\n" for name, digest in sorted(made.items()))
    message = f"v1\n\n{HEADING.format(stage='publish')}\n\n{rows}"
    repository.git("tag", "v1", "--cleanup=verbatim", "--message", message)
    found = project.run("verify", "v1").expect(4)
    assert "`notes.nb` on disk differs from the commit: filter=strip" in found.stderr
