"""Projects that can be released, in real repositories with a bare remote."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader, BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

import pytest

from pipeline.checkout import git
from pipeline.checkout.snapshot import changed_paths, lay_out
from pipeline.cli.main import main
from pipeline.config.load import load
from pipeline.lock.file import FILE, dump
from pipeline.lock.file import load as load_lock
from pipeline.lock.types import Lock
from pipeline.release.conditions import Scene
from pipeline.release.moment import moment
from pipeline.release.settings import read_settings
from pipeline.release.version import read_version
from pipeline.stages.releasing import prepare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.release.planned import PlannedRelease

DAY = 1_795_132_800
"""2026-11-20, midnight UTC."""

TOWNCRIER = """
[tool.towncrier]
name = "thing"
directory = "changes"
filename = "CHANGELOG.md"
title_format = "## {version} ({project_date})"
issue_format = "#{issue}"

[[tool.towncrier.type]]
directory = "breaking"
name = "Breaking changes"

[[tool.towncrier.type]]
directory = "feature"
name = "Features"

[[tool.towncrier.type]]
directory = "fix"
name = "Fixes"

[[tool.towncrier.type]]
directory = "internal"
name = "Internal"
check = false
"""
CHANGELOG = "# Changelog\n\n<!-- towncrier release notes start -->\n"
STAGES = """
version: 1
project: {changes-exempt: ["docs/**", "*.cfg"]}
stages:
  changelog: {kind: changelog}
  release: {kind: release, needs: [changelog]}
"""


LOADED_LATE = (
    *("pipeline.cli.changes", "pipeline.cli.cutting", "pipeline.cli.run", "pipeline.cli.session"),
    *("pipeline.engines.auto", "pipeline.engines.sandbox", "pipeline.execute.engines"),
    *("pipeline.execute.hosting", "pipeline.execute.run", "pipeline.execute.scheduler"),
    *("pipeline.publishing.preflight", "pipeline.stages.changelog", "pipeline.stages.planner"),
    *("pipeline.stages.release", "pipeline.wheels.bill", "pipeline.wheels.normalise"),
)
"""What the command line imports only when it is needed: most of the time of a short command."""


@dataclass(frozen=True)
class Ran:
    """How a call of the command ended."""

    status: int
    stdout: str
    stderr: str

    def expect(self, status: int) -> Ran:
        """Fail unless it ended so, without a traceback."""
        assert self.status == status, f"exit {self.status}\n{self.stdout}\n{self.stderr}"
        assert "Traceback" not in self.stderr, self.stderr
        return self


@dataclass(frozen=True)
class Project:
    """A repository whose branch ``main`` is on the remote ``origin``."""

    root: Path

    @property
    def remote(self) -> Path:
        """The bare repository it is pushed to."""
        return self.root.parent / "remote.git"

    def git(self, *words: str) -> str:
        """Run git there and return what it printed."""
        done = subprocess.run(
            ["git", *words], cwd=self.root, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        """Write a file, directories included, byte by byte."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())

    def read(self, path: str) -> str:
        """Return a file's text, line ends as they are."""
        return (self.root / path).read_bytes().decode()

    def commit(self, message: str = "work") -> str:
        """Commit all there is and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def run(self, *words: str, stdin: str = "", **environ: str) -> Ran:
        """Run the command there, in a process of its own."""
        variables = {"PIPELINE_CACHE_DIR": str(self.root.parent / "cache"), **environ}
        with ExitStack() as stack:
            streams = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            streams[0].write(stdin.encode())
            streams[0].seek(0)
            # A copy of this process has read all modules already: it starts ten times as fast.
            for name in LOADED_LATE:
                importlib.import_module(name)
            child = os.fork()
            if child == 0:
                become_the_command(words, self.root, variables, streams)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            return Ran(status, *(read(stream) for stream in streams[1:]))

    def scene(self, files: Path | None = None, **environ: str) -> Scene:
        """Return what is to be released, at a fixed moment unless the environment says so."""
        files = files or self.root
        project = load(files).project
        return Scene(
            root=self.root,
            files=files,
            project=project,
            settings=read_settings(files),
            version=read_version(files / project.version),
            made=moment(environ or {"SOURCE_DATE_EPOCH": str(DAY)}, 0.0),
        )

    def planned(self, **environ: str) -> PlannedRelease:
        """Return the release as it would be."""
        with tempfile.TemporaryDirectory() as scratch:
            changed = changed_paths(self.root)
            copy = lay_out(self.root, git.head(self.root), Path(scratch, "copy"), changed)
            notes = Path(scratch, "notes")
            notes.mkdir()
            found = prepare(self.scene(copy, **environ), load_lock(copy / FILE), notes)
        assert found is not None
        return found

    @property
    def state(self) -> Mapping[str, object]:
        """What a person would see: refs, index, status and every file."""
        files = {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and ".git" not in path.relative_to(self.root).parts
        }
        return {
            "refs": self.git("for-each-ref"),
            "head": self.git("symbolic-ref", "HEAD"),
            "index": self.git("ls-files", "--stage"),
            "status": self.git("status", "--porcelain"),
            "files": files,
        }

    def copy(self, parent: Path) -> Project:
        """Return a copy of it and its remote below another directory."""
        parent.mkdir(exist_ok=True)
        shutil.copytree(self.root, parent / "work", symlinks=True)
        shutil.copytree(self.remote, parent / "remote.git", symlinks=True)
        return Project(parent / "work")


def know_nobody(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Let git know of no configuration, and of a person by the environment."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "ada@mail.example")


def become_the_command(
    words: Sequence[str], root: Path, variables: Mapping[str, str], streams: Sequence[IO[bytes]]
) -> NoReturn:
    """Go on as the command line, from its first word to its exit status."""
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream.fileno(), number)
        sys.stdin = TextIOWrapper(BufferedReader(FileIO(0)), "utf-8")
        sys.stdout, sys.stderr = (
            TextIOWrapper(BufferedWriter(FileIO(n, "w")), "utf-8") for n in (1, 2)
        )
        os.chdir(root)
        os.environ.update(variables)
        status = main(words)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    finally:
        os._exit(70)


def read(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode()


@pytest.fixture(autouse=True)
def git_of_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let git know of nobody during each test."""
    know_nobody(monkeypatch, tmp_path / "home")


@pytest.fixture(scope="session")
def first_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project of version 1.0.0 with one fragment, committed and pushed; to be copied."""
    parent = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        know_nobody(patch, parent / "home")
        return made_project(parent / "work")


@pytest.fixture
def project(first_project: Project, tmp_path: Path) -> Project:
    """Return a copy of `first_project` that a test may change."""
    return first_project.copy(tmp_path)


def made_project(root: Path) -> Project:
    made = Project(root)
    made.root.mkdir()
    made.git("init", "--quiet", "--initial-branch=main", "--template=")
    made.write("VERSION", "1.0.0")
    made.write("pyproject.toml", TOWNCRIER)
    made.write("CHANGELOG.md", CHANGELOG)
    made.write("pipeline.yaml", STAGES)
    made.write(FILE, dump(Lock(epoch=DAY - 1000)))
    made.write("changes/1.feature.md", "It greets.\n")
    made.write("code.py", "x = 1\n")
    made.commit()
    made.git("init", "--quiet", "--bare", "--initial-branch=main", "--template=", str(made.remote))
    made.git("remote", "add", "origin", "../remote.git")
    made.git("push", "--quiet", "--set-upstream", "origin", "main")
    return made
