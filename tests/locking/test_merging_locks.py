"""After a merge: what both sides agree on stays, and the order of the sides means nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.cli.main import main
from pipeline.lock.file import dump, load
from pipeline.lock.types import Lock, LockedImage, LockedRequirement, PythonFile, RequirementSet
from pipeline.locking.conflict import sides
from pipeline.locking.merging import merged
from tests.locking.conftest import make_wheels, wheel

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = [LockedImage(declared={"from": [f"debian {n}"]}, platforms={}) for n in range(3)]


def locked(*names: str) -> RequirementSet:
    rows = []
    for name, version in (name.split() for name in names):
        file = PythonFile(name=f"{name}-{version}-py3-none-any.whl", sha256="0" * 64, size=1)
        rows.append(LockedRequirement(name=name, version=version, files=(file,)))
    return RequirementSet(declared={"requires": ["thing"]}, requirements=tuple(rows))


def lock(*names: str, epoch: int = 1) -> Lock:
    return Lock(epoch=epoch, environments={"dev": locked(*names)})


def versions(found: RequirementSet) -> list[str]:
    return [f"{row.name} {row.version}" for row in found.requirements]


def both_ways(base: Lock, ours: Lock, theirs: Lock) -> Lock:
    found = merged(base, ours, theirs)
    assert merged(base, theirs, ours) == found
    return found


def test_what_one_side_alone_changed_is_taken_as_it_is() -> None:
    changed = lock("a 2")
    assert both_ways(lock("a 1"), lock("a 1"), changed) == changed


def test_a_set_that_both_changed_keeps_each_change_and_is_resolved_again() -> None:
    found = both_ways(
        lock("a 1", "b 1", "c 1"), lock("a 2", "b 1", "c 1"), lock("a 1", "b 2", "d 1")
    )
    assert versions(found.environments["dev"]) == ["a 2", "b 2", "d 1"]
    assert found.environments["dev"].declared == {}


def test_of_two_new_versions_the_higher_is_preferred() -> None:
    found = both_ways(lock("a 1", "b 1"), lock("a 1.10", "b 2"), lock("a 1.9", "b 2"))
    assert versions(found.environments["dev"]) == ["a 1.10", "b 2"]


def test_what_one_side_removed_is_gone() -> None:
    base = Lock(epoch=1, environments={"dev": locked("a 1"), "docs": locked("b 1")})
    found = both_ways(base, base, Lock(epoch=1, environments={"dev": locked("a 1")}))
    assert list(found.environments) == ["dev"]


def test_an_image_that_both_changed_is_resolved_anew() -> None:
    sides = [Lock(epoch=1, images={"python": image, "same": IMAGES[0]}) for image in IMAGES]
    assert list(both_ways(*sides).images) == ["same"]


def test_the_later_epoch_counts() -> None:
    assert both_ways(lock(epoch=1), lock(epoch=2), lock(epoch=3)).epoch == 3


@pytest.fixture(scope="module")
def branches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a locked project in git; its branches `left` and `right` each moved one package."""
    parent = tmp_path_factory.mktemp("branches")
    with pytest.MonkeyPatch.context() as patch:
        make_wheels(parent, patch)
        return made_branches(parent / "project")


@pytest.fixture
def project(branches: Path, wheels: Path) -> Path:
    """Return a copy of it, on `main`, whose packages come from a directory."""
    return shutil.copytree(branches, wheels.parent / "project")


def made_branches(root: Path) -> Path:
    root.mkdir()
    (root / "pyproject.toml").write_text(
        '[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.11"\n'
    )
    declare(root, alpha="alpha==1.0", beta="beta==1.0")
    git(root, "init", "--quiet", "--initial-branch=main")
    (root / ".gitattributes").write_text("pipeline.lock -merge\n")
    commit(root, "both at 1.0")
    git(root, "checkout", "--quiet", "-b", "left")
    declare(root, alpha="alpha==2.0", beta="beta==1.0")
    commit(root, "alpha 2.0")
    git(root, "checkout", "--quiet", "-b", "right", "main")
    declare(root, alpha="alpha==1.0", beta="beta==2.0")
    commit(root, "beta 2.0")
    git(root, "checkout", "--quiet", "main")
    return root


def declare(root: Path, *, alpha: str, beta: str) -> None:
    """Write declarations, far enough apart for git to merge them."""
    (root / "pipeline.yaml").write_text(
        "version: 1\nstages:\n  changelog: {kind: changelog}\nenvironments:\n"
        f"  dev: {{requires: [{alpha},\n\n\n\n\n\n\n\n  {beta}, gamma]}}\n"
    )


def git(root: Path, *words: str, status: int = 0) -> None:
    author = ("-c", "user.name=A", "-c", "user.email=a@mirror.example")
    told = subprocess.run(["git", *author, *words], cwd=root, capture_output=True, check=False)
    assert told.returncode == status, told.stderr


def commit(root: Path, message: str) -> None:
    assert main(["lock", "-C", str(root)]) == 0
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)


def conflict(root: Path) -> None:
    """Merge the branches that each moved one package."""
    git(root, "checkout", "--quiet", "right")
    git(root, "merge", "left", status=1)


def test_a_conflict_is_resolved_from_the_declarations_and_both_sides(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conflict(project)
    capsys.readouterr()
    assert main(["lock", "--resolve-conflict", "--json", "-C", str(project)]) == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert [(one["name"], one["old"], one["new"]) for one in changes] == [("alpha", "1.0", "2.0")]
    found = versions(load(project / "pipeline.lock").environments["dev"])
    assert found == ["alpha 2.0", "beta 2.0", "gamma 2.0"]
    assert main(["lock", "--check", "-C", str(project)]) == 0


@pytest.mark.slow
def test_what_both_sides_agree_on_does_not_move(project: Path, wheels: Path) -> None:
    conflict(project)
    wheel(wheels, "gamma", "3.0")
    assert main(["lock", "--resolve-conflict", "-C", str(project)]) == 0
    assert "gamma 2.0" in versions(load(project / "pipeline.lock").environments["dev"])


@pytest.mark.slow
def test_markers_that_were_committed_are_resolved_by_what_every_verb_says(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / ".git/info/attributes").write_text("pipeline.lock merge\n")  # line by line
    conflict(project)
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "with the markers")
    for words in (["lock"], ["lock", "--check"], ["exec", "true"], ["plan"]):
        capsys.readouterr()
        assert (
            main(
                [*words, "-C", str(project)] if words[0] != "exec" else ["-C", str(project), *words]
            )
            == 3
        )
        told = capsys.readouterr().err
        assert "`pipeline.lock` holds a merge conflict" in told
        assert "`pipeline lock --resolve-conflict`" in told
    assert main(["lock", "--resolve-conflict", "-C", str(project)]) == 0
    found = versions(load(project / "pipeline.lock").environments["dev"])
    assert found == ["alpha 2.0", "beta 2.0", "gamma 2.0"]
    assert main(["lock", "--check", "-C", str(project)]) == 0


@pytest.mark.parametrize("style", ["--diff3", "--zdiff3"])
def test_markers_of_three_sides_give_the_base(tmp_path: Path, style: str) -> None:
    locks = [lock("a 1", "b 1"), lock("a 2", "b 1"), lock("a 1", "b 2")]
    for name, one in zip(("base", "ours", "theirs"), locks, strict=True):
        (tmp_path / name).write_text(dump(one))
    words = ["git", "merge-file", "--stdout", style, "ours", "base", "theirs"]
    told = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    (tmp_path / "pipeline.lock").write_text(told)
    assert list(sides(tmp_path)) == locks


@pytest.mark.parametrize("whole", [True, False])
def test_markers_around_sides_that_agree_are_resolved_too(tmp_path: Path, *, whole: bool) -> None:
    text = dump(lock("a 1"))
    told = f"<<<<<<< ours\n{text}=======\n{text}>>>>>>> theirs\n"
    if not whole:
        told = text.replace("\n", "\n<<<<<<< ours\n=======\n>>>>>>> theirs\n", 1)
    (tmp_path / "pipeline.lock").write_text(told)
    assert list(sides(tmp_path)) == [Lock(epoch=0), lock("a 1"), lock("a 1")]


@pytest.mark.slow
def test_declarations_in_conflict_come_first(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(project, "checkout", "--quiet", "-b", "third")
    declare(project, alpha="alpha==1.0", beta="beta")
    commit(project, "any beta")
    git(project, "merge", "right", status=1)
    assert main(["lock", "--resolve-conflict", "-C", str(project)]) == 2
    assert "`pipeline.yaml` is in conflict" in capsys.readouterr().err


def test_a_lock_in_no_conflict_is_left_alone(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (project / "pipeline.lock").read_bytes()
    assert main(["lock", "--resolve-conflict", "-C", str(project)]) == 2
    assert "is in no conflict" in capsys.readouterr().err
    assert (project / "pipeline.lock").read_bytes() == before


@pytest.mark.slow
def test_a_plain_lock_says_what_it_changed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declare(project, alpha="alpha==2.0", beta="beta==1.0")
    capsys.readouterr()
    assert main(["lock", "-C", str(project)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "wrote pipeline.lock",
        "name   old  new  why                 where",
        "alpha  1.0  2.0  declared otherwise  environment dev",
    ]
