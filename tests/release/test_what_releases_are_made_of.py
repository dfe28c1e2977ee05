"""What is tagged is what the commit holds, also where the disk holds something else unseen."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.release.conftest import STAGES, Project

if TYPE_CHECKING:
    from pathlib import Path


def hide(project: Project, path: str, text: str) -> None:
    """Change a file that git was told not to look at."""
    project.git("update-index", "--assume-unchanged", path)
    project.write(path, text)
    assert project.git("status", "--porcelain") == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("VERSION", "9.9.9"),
        ("CHANGELOG.md", "# Nothing\n"),
        ("changes/1.feature.md", "It curses.\n"),
        ("pyproject.toml", "[tool.towncrier]\ndirectory = 'elsewhere'\n"),
        ("pipeline.lock", "{}\n"),
        ("pipeline.yaml", "version: 1\nstages: {release: {kind: release}}\n"),
    ],
    ids=lambda word: word.partition("\n")[0],
)
def test_what_is_hidden_on_disk_is_not_released(project: Project, path: str, text: str) -> None:
    hide(project, path, text)
    drafted = project.run("run", "release", "--draft").expect(0)
    assert f"`{path}` on disk differs from the commit: assume-unchanged" in drafted.stderr
    project.run("run", "release").expect(0)
    assert project.git("tag") == "v1.0.0"
    assert "- It greets. (#1)" in project.git("show", "v1.0.0:CHANGELOG.md")
    assert project.git("show", "v1.0.0:VERSION") == "1.0.0"
    assert project.git("diff", "--name-only", "HEAD~", "HEAD").split() == [
        "CHANGELOG.md",
        "changes/1.feature.md",
    ]
    assert project.read(path) == text


@pytest.mark.slow
def test_the_changelog_keeps_its_encoding_on_disk(project: Project) -> None:
    project.write(".gitattributes", "CHANGELOG.md text working-tree-encoding=UTF-16\n")
    text = project.read("CHANGELOG.md")
    (project.root / "CHANGELOG.md").write_bytes(text.encode("utf-16"))
    project.commit()
    project.run("run", "release").expect(0)
    assert "- It greets. (#1)" in project.git("show", "v1.0.0:CHANGELOG.md")
    assert "- It greets. (#1)" in (project.root / "CHANGELOG.md").read_bytes().decode("utf-16")
    assert project.git("status", "--porcelain") == ""


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["false", "input", "true"])
def test_a_changelog_of_crlf_keeps_its_line_ends(project: Project, setting: str) -> None:
    old = project.read("CHANGELOG.md") + "\n## 0.9.0\n\n- It was.\n"
    (project.root / "CHANGELOG.md").write_bytes(old.replace("\n", "\r\n").encode())
    (project.root / "changes/1.feature.md").write_bytes(b"It greets.\r\n")
    project.commit()
    project.git("config", "core.autocrlf", setting)
    assert project.git("status", "--porcelain") == ""
    done = project.run("run", "release").expect(0)
    assert "the provenance names no commit" not in done.stderr
    assert project.git("status", "--porcelain") == ""
    assert not (project.root / "changes/1.feature.md").exists()
    disk = (project.root / "CHANGELOG.md").read_bytes()
    assert disk.count(b"\r\n") == disk.count(b"\n")
    assert project.git("ls-files", "--eol", "CHANGELOG.md").startswith("i/crlf")
    assert "- It was." not in project.git("tag", "--list", "--format=%(contents)", "v1.0.0")


@pytest.mark.slow
def test_a_version_file_that_is_a_link_stays_one(project: Project) -> None:
    project.write("data/VERSION", project.read("VERSION"))
    (project.root / "VERSION").unlink()
    (project.root / "VERSION").symlink_to("data/VERSION")
    project.commit()
    project.run("run", "release").expect(0)
    assert project.git("show", "v1.0.0:VERSION") == "data/VERSION"
    assert project.git("status", "--porcelain") == ""


@pytest.mark.parametrize("words", [("--draft",), ()])
def test_a_declaration_that_git_ignores_is_refused(
    project: Project, words: tuple[str, ...]
) -> None:
    project.write(".git/info/exclude", "images/\n")
    project.write("images/python.yaml", "from: {debian: bookworm}\npackages: [python3]\n")
    refused = project.run("run", "release", *words).expect(7)
    assert "git ignores `images/python.yaml`, so no commit has it" in refused.stderr
    assert project.git("tag") == ""


def test_a_declaration_that_a_sparse_checkout_left_out_is_named(project: Project) -> None:
    project.write("images/python.yaml", "from: {debian: bookworm}\npackages: [python3]\n")
    project.write("pipeline.yaml", STAGES + "  check: {kind: command, image: python, run: x}\n")
    project.commit()
    project.git("sparse-checkout", "set", "--cone", "changes")
    refused = project.run("run", "release").expect(2)
    assert "`images/python.yaml` is tracked, but not on disk" in refused.stderr
    assert project.git("tag") == ""


def test_declarations_in_a_submodule_that_is_not_checked_out_are_named(project: Project) -> None:
    project.write("pipeline.yaml", STAGES + "  check: {kind: command, image: python, run: x}\n")
    pinned = project.git("rev-parse", "HEAD")
    project.git("update-index", "--add", "--cacheinfo", f"160000,{pinned},images")
    (project.root / "images").mkdir()
    refused = project.run("list").expect(2)
    assert "the submodule `images` is not checked out" in refused.stderr
    assert "`images` is tracked, but not on disk" not in refused.stderr
    (project.root / "images" / ".git").write_text("gitdir: ../.git/modules/images\n")
    assert "submodule" not in project.run("list").expect(2).stderr


@pytest.mark.parametrize("words", [("--draft",), ()])
def test_a_clone_without_all_objects_is_refused(
    project: Project, tmp_path: Path, words: tuple[str, ...]
) -> None:
    project.write("far/away.py", "far = True\n")
    project.commit()
    project.git("config", "uploadpack.allowFilter", "true")
    partial = Project(tmp_path / "partial")
    options = ("--filter=blob:none", "--sparse", f"file://{project.root}", str(partial.root))
    subprocess.run(["git", "clone", "-q", *options], check=True)
    partial.git("sparse-checkout", "set", "changes")
    refused = partial.run("run", "release", *words).expect(7)
    assert "this clone lacks the content of `far/away.py`" in refused.stderr
    assert partial.git("tag") == ""


@pytest.mark.slow
def test_a_draft_shows_what_is_being_worked_on(project: Project) -> None:
    project.write("changes/2.fix.md", "It no longer curses.\n")
    project.write("changes/1.feature.md", "It greets loudly.\n")
    drafted = project.run("run", "release", "--draft", "--json").expect(7)
    notes = json.loads(drafted.stdout)["cells"][0]["text"]
    assert "It no longer curses. (#2)" in notes
    assert "It greets loudly. (#1)" in notes
