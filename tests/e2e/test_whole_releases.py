"""From news fragments to an installed package: by hand, with a tag, a real index, and a kill."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from pipeline.platforms import Target
from tests.benchmarks import monorepo
from tests.e2e.conftest import Project, commit, git, machine_settings
from tests.publishing.serving import access
from tests.publishing.test_real_indexes import (
    PASSWORD,
    USER,
    RealIndex,
    programs,
    pypiserver,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["programs", "pypiserver"]  # fixtures

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.slow]

PUBLISH = """\
  changelog: {kind: changelog}
  publish: {kind: publish, needs: [sdist, wheel, changelog]}
  release: {kind: release, needs: [publish]}
"""


def with_remote(project: Project, place: Path) -> Path:
    """Give the repository a bare remote called `origin`, with all it has; return the remote."""
    git(project.root, "config", "user.name", "A")
    git(project.root, "config", "user.email", "a@mirror.example")
    git(project.root, "branch", "--move", "main")
    subprocess.run(["git", "init", "--quiet", "--bare", str(place)], check=True)
    git(project.root, "remote", "add", "origin", str(place))
    git(project.root, "push", "--quiet", "origin", "main")
    return place


def checked_out(remote: Path, tag: str, place: Path, project: Project) -> Project:
    """Return a clone elsewhere that stands at a tag, with another cache."""
    clone = ["git", "clone", "--quiet", "--branch", tag, str(remote), str(place)]
    subprocess.run(clone, check=True, capture_output=True)
    return Project(project.tool, place, project.cache, project.environ)


def published(index: RealIndex) -> dict[str, str]:
    """Return the sha256 of every file that the server holds."""
    files = (index.home / "packages").iterdir()
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def pip_install(programs: Path, index: RealIndex, place: Path, *packages: str) -> None:
    address = index.simple.replace("://", f"://{USER}:{PASSWORD}@")
    pip = [str(programs / "python"), "-m", "pip", "--isolated", "install", "--quiet"]
    pip += ["--no-cache-dir", "--index-url", address, "--target", str(place), *packages]
    subprocess.run(pip, check=True)


def test_a_fragment_becomes_a_package_that_anyone_can_rebuild(
    pure: Project, pypiserver: RealIndex, programs: Path, tmp_path: Path
) -> None:
    remote = with_remote(pure, tmp_path / "remote.git")
    pure.run(
        "changes", "new", "--kind", "bugfix", "--issue", "7", "--text", "Days are read."
    ).expect(0)
    git(pure.root, "add", "changes")
    git(pure.root, "commit", "--quiet", "--message", "days")
    draft = pure.run("run", "release", "--draft", "--json").expect(0)
    pure.run("run", "release", "--push").expect(0)
    there = checked_out(remote, "v1.0.0", tmp_path / "elsewhere", pure)
    there.run("run", "publish", **access(pypiserver, USER, PASSWORD)).expect(0)
    drafted = {n: d for n, d in draft.digests.items() if n.endswith((".whl", ".tar.gz"))}
    assert published(pypiserver) == drafted
    pip_install(programs, pypiserver, tmp_path / "site", "example-duration==1.0.0")
    assert (tmp_path / "site" / "example_duration" / "__init__.py").is_file()
    (wheel,) = (pypiserver.home / "packages").glob("*.whl")
    shutil.copy(wheel, there.root / "dist" / wheel.name)
    found = there.run("verify", f"dist/{wheel.name}", "--from-provenance", "--json").expect(0)
    assert [file["same"] for file in found.document["files"]] == [True]


def test_a_tag_lists_what_it_publishes_and_anyone_can_build_that_again(pure: Project) -> None:
    git(pure.root, "config", "user.name", "A")
    git(pure.root, "config", "user.email", "a@mirror.example")
    git(pure.root, "branch", "--move", "main")
    pure.run("run", "release").expect(0)
    body = git(pure.root, "tag", "-l", "--format=%(contents:body)", "v1.0.0")
    pure.run("run", "wheel").expect(0)
    lines = "".join(f"{line[4:]}\n" for line in body.splitlines() if line.startswith("    "))
    check = ["sha256sum", "--check", "--strict"]
    subprocess.run(check, cwd=pure.root / "dist", input=lines.encode(), check=True)
    again = pure.run("verify", "v1.0.0", "--json").expect(0)
    assert {f["name"]: f["second"] for f in again.document["files"]} == {
        name: digest for digest, name in (line.split() for line in lines.splitlines())
    }
    digest = lines.split()[0]
    git(pure.root, "tag", "v2", "--message", f"Altered\n\n{body.replace(digest, '0' * 64)}")
    altered = pure.run("verify", "v2").expect(4)
    assert "other bytes than the tag lists" in altered.stderr
    git(pure.root, "tag", "v3", "--message", "Plain")
    assert "lists no files" in pure.run("verify", "v3").expect(2).stderr


@pytest.fixture
def three(tool: Path, fetched: Callable[[str], Path], tmp_path: Path) -> Project:
    """Return a repository of three distributions, locked, that publishes them as one release."""
    root = monorepo.make(tmp_path / "three", 3, Target.native().value)
    shutil.rmtree(root / ".git")
    with (root / "pipeline.yaml").open("a", encoding="utf-8") as stream:
        stream.write(PUBLISH)
    (root / "changes").mkdir()
    (root / "changes" / "+first.feature.md").write_text("All three.\n")
    (root / "CHANGELOG.md").write_text("<!-- towncrier release notes start -->\n")
    (root / "pyproject.toml").write_text(
        '[tool.towncrier]\nname = "three"\ndirectory = "changes"\nfilename = "CHANGELOG.md"\n'
    )
    project = Project(tool, root, fetched("pure"), machine_settings())
    project.run("lock").expect(0)
    commit(root)
    return project


def test_three_distributions_survive_a_kill_in_the_middle(
    three: Project, pypiserver: RealIndex, programs: Path, tmp_path: Path
) -> None:
    remote = with_remote(three, tmp_path / "remote.git")
    three.run("run", "release", "--push").expect(0)
    there = checked_out(remote, "v1.0", tmp_path / "elsewhere", three)
    killed = Project(
        there.tool, there.root, there.cache, {**there.environ, **access(pypiserver, USER, PASSWORD)}
    ).start("run", "publish")
    end = time.monotonic() + 120
    while not published(pypiserver) and time.monotonic() < end:
        time.sleep(0.005)
    killed.kill()
    killed.communicate()
    before = published(pypiserver)
    there.run("run", "publish", **access(pypiserver, USER, PASSWORD)).expect(0)
    after = published(pypiserver)
    assert len(after) == 6
    assert before.items() <= after.items()
    names = [f"package-{number:03d}==1.0" for number in range(3)]
    pip_install(programs, pypiserver, tmp_path / "site", *names)
    assert (
        sorted(path.name for path in (tmp_path / "site").glob("package_*/one.py")) == ["one.py"] * 3
    )
