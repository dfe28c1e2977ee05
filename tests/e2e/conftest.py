"""The real command over real projects: a clone of the checkout, caches, small repositories.

Everything runs the clone's own files, so a test neither sees nor changes the working tree. What
the locks name is fetched once a session; PIPELINE_TEST_CACHE names a store to keep it in between
sessions.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

REPOSITORY = Path(__file__).parents[2]
KEPT = "PIPELINE_TEST_CACHE"
PATIENCE = 20.0
"""Seconds that something may take to end which we do not wait for otherwise."""

MACHINE = ("PIP_", "PIPELINE_DEBIAN_MIRROR", "SSL_CERT", "HTTP", "NO_PROXY", "http", "no_proxy")
"""Beginnings of variables by which a machine says where packages come from."""

GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_NAME": "Somebody" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "somebody@mail.example" for who in ("AUTHOR", "COMMITTER")},
}


@dataclass(frozen=True)
class Ran:
    """How a call of the command ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output; anything beside it is a failure."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found

    def expect(self, status: int) -> Ran:
        """Fail unless it ended with this exit code and without a traceback of ours."""
        assert self.status == status, f"exit {self.status}\n{self.stdout}\n{self.stderr}"
        assert "/pipeline/cli/main.py" not in self.stderr, self.stderr
        return self

    @property
    def digests(self) -> dict[str, str]:
        """The sha256 of each file that a run with ``--json`` made."""
        outputs = (o for cell in self.document["cells"] for o in cell["outputs"])
        return {o["name"]: o["sha256"] for o in outputs}


@dataclass(frozen=True)
class Project:
    """A repository, the cache its runs use, and the environment they are started in."""

    tool: Path
    root: Path
    cache: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def command(self, *words: str) -> list[str]:
        """Return the command line; `pipeline.start` is what `./pipelinew` ends in."""
        start = str(self.tool / "pipeline" / "start.py")
        return [sys.executable, "-I", "-S", "-X", "utf8", start, *words]

    @property
    def variables(self) -> dict[str, str]:
        """The whole environment of a run: nothing of the session's own is passed on."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.root.parent),
            "PIPELINE_CACHE_DIR": str(self.cache),
            **self.environ,
        }

    def run(self, *words: str, before: Sequence[str] = (), **environ: str) -> Ran:
        """Run a verb to its end; ``before`` is put in front of the command line."""
        done = subprocess.run(
            [*before, *self.command(*words)],
            cwd=self.root,
            env=self.variables | environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=1800,  # against a hang; a busy machine may take its time
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a verb in a process group of its own, as a shell does."""
        return subprocess.Popen(
            self.command(*words),
            cwd=self.root,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def using(self, cache: Path) -> Project:
        """Return the same repository with another cache."""
        return replace(self, cache=cache)

    def write(self, name: str, text: str) -> None:
        """Write a file of the repository and let git track it."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self.git("add", "--force", name)

    def stages(self, **stages: Mapping[str, object]) -> None:
        """Declare command stages in the image `python`, each given by its fields."""
        declared = {n: {"kind": "command", "image": "python", **f} for n, f in stages.items()}
        # JSON is YAML, and quotes what a test may put into a command.
        self.write("pipeline.yaml", f"version: 1\nstages: {json.dumps(declared)}\n")

    def git(self, *words: str) -> str:
        """Ask git in the repository."""
        return git(self.root, *words)

    def edit_lock(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the lock's document."""
        lock = json.loads((self.root / "pipeline.lock").read_text(encoding="utf-8"))
        change(lock)
        self.write("pipeline.lock", json.dumps(lock))

    @property
    def leftovers(self) -> list[str]:
        """What lies in the store's room for unfinished things, and mounts below the store."""
        table = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
        mounts = [line for line in table if str(self.cache) in line]
        return mounts + sorted(path.name for path in (self.cache / "work").iterdir())

    @staticmethod
    def processes(words: str) -> list[int]:
        """Return the processes whose command line holds ``words``."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if words.encode() in path.read_bytes():
                    found.append(int(path.parent.name))
        return found

    def gone(self, words: str) -> bool:
        """Whether no process with ``words`` in its command line is left, soon."""
        end = time.monotonic() + PATIENCE
        while self.processes(words):
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def blob(self, digest: str) -> Path:
        """Return the file of a blob."""
        return self.cache / "blobs" / digest[:2] / digest

    @staticmethod
    def flip(path: Path) -> None:
        """Change one byte in the middle of a file, keeping its size; other links keep theirs."""
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        mode = path.stat().st_mode
        path.unlink()
        path.write_bytes(data)
        path.chmod(mode)


def git(root: Path, *words: str) -> str:
    """Run git in ``root`` without the machine's configuration and return what it says."""
    done = subprocess.run(
        ["git", *words],
        cwd=root,
        env={**os.environ, **GIT},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout


def commit(root: Path) -> None:
    """Make ``root`` a repository with one commit of all its files."""
    git(root, "init", "--quiet", ".")
    git(root, "add", "--force", ".")
    git(root, "commit", "--quiet", "--message", "all of it")


def copy_tracked(source: Path, target: Path) -> None:
    """Copy the files of a working tree that git tracks, or would if they were added."""
    names = git(source, "ls-files", "-z", "--cached", "--others", "--exclude-standard", ".")
    for name in filter(None, names.split("\0")):
        if os.path.lexists(source / name):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, target / name, follow_symlinks=False)


def link_store(source: Path, target: Path, *folders: str) -> None:
    """Make a store of links to another one's files, which nobody may change where they lie."""
    target.mkdir(mode=0o700)
    for folder in folders:
        if (source / folder).is_dir():
            subprocess.run(["cp", "-al", str(source / folder), str(target / folder)], check=True)


def machine_settings() -> dict[str, str]:
    """Return what this machine's environment says about where packages come from."""
    chosen = {n: v for n, v in os.environ.items() if n.startswith(MACHINE)}
    return chosen | {n: os.environ[n] for n in ("HOME", "PIP_CONFIG_FILE") if n in os.environ}


@pytest.fixture(scope="session")
def settings() -> Mapping[str, str]:
    """Return what this machine says about where packages come from."""
    return machine_settings()


@pytest.fixture(scope="session")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clone of the checkout with the changes of the working tree, all committed."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("a clone needs the git repository that these tests come from")
    root = tmp_path_factory.mktemp("tool") / "pipeline clone"
    root.mkdir()
    copy_tracked(REPOSITORY, root)
    shutil.rmtree(root / "examples" / "pure" / "dist", ignore_errors=True)
    commit(root)
    return root


@pytest.fixture(scope="session")
def fetched(tool: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that fetches all an example's lock names and returns the store."""
    kept = os.environ.get(KEPT)
    store = Path(kept) if kept else tmp_path_factory.mktemp("downloads") / "store"
    done: set[str] = set()

    def fetch(example: str) -> Path:
        if example not in done:
            root = tool / "examples" / example if example else tool
            project = Project(tool, root, store, machine_settings())
            project.run("fetch").expect(0)
            done.add(example)
        return store

    return fetch


@pytest.fixture(scope="session")
def warm(
    tool: Path, fetched: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a store in which the example `pure` was built; tests only link to its files."""
    base = tmp_path_factory.mktemp("warm")
    link_store(fetched("pure"), base / "store", "blobs")
    copy_tracked(tool / "examples" / "pure", base / "pure")
    commit(base / "pure")
    Project(tool, base / "pure", base / "store").run("run", "test", "--offline").expect(0)
    return base / "store"


@pytest.fixture
def downloads(warm: Path, tmp_path: Path) -> Path:
    """Return a store that holds nothing but what the example `pure` needs to be fetched."""
    link_store(warm, tmp_path / "downloads", "blobs")
    return tmp_path / "downloads"


@pytest.fixture
def ready(warm: Path, tmp_path: Path) -> Path:
    """Return a store with downloads and unpacked images, in which nothing was built yet."""
    link_store(warm, tmp_path / "ready", "blobs", "derived")
    return tmp_path / "ready"


@pytest.fixture(scope="session")
def shared(warm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one store for tests that do not look into it."""
    store = tmp_path_factory.mktemp("shared") / "store"
    link_store(warm, store, "blobs", "derived")
    return store


def make_pure(tool: Path, parent: Path, cache: Path) -> Project:
    """Copy the example `pure` into a repository of its own."""
    root = parent / "pure"
    copy_tracked(tool / "examples" / "pure", root)
    commit(root)
    return Project(tool, root, cache)


@pytest.fixture(scope="session")
def copies(tool: Path) -> Callable[[Path, Path], Project]:
    """Return a function that copies the example `pure` below a directory, to use a store."""

    def copy(parent: Path, cache: Path) -> Project:
        return make_pure(tool, parent, cache)

    return copy


@pytest.fixture
def pure(tool: Path, ready: Path, tmp_path: Path) -> Project:
    """Return the example `pure` with a cache of the test's own."""
    return make_pure(tool, tmp_path, ready)


@pytest.fixture
def steps(tool: Path, shared: Path, tmp_path: Path) -> Project:
    """Return a repository for command stages: an image and its lock, no stage yet."""
    example, root = tool / "examples" / "pure", tmp_path / "steps"
    (root / "images").mkdir(parents=True)
    shutil.copy(example / "images" / "python.yaml", root / "images")
    shutil.copy(example / "pipeline.lock", root)
    (root / "data.txt").write_text("of the repository\n")
    commit(root)
    project = Project(tool, root, shared)
    project.edit_lock(lambda lock: lock.update(stages={}))
    return project


@pytest.fixture
def child_ends() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Give a list of started runs that are killed, with all of their group, at the end."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 400 MB of its own; only root can mount one."""
    place = tmp_path / "small"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", "size=400m,mode=700"]
    made = subprocess.run(["mount", *options, "tmpfs", str(place)], check=False)
    if made.returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)
