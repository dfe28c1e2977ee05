"""A project with one image, Debian's redis, locked for real, and a way to see what is left."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.platforms import Target
from pipeline.testing.services import Service, Services

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REPOSITORY = Path(__file__).parents[2]
KEPT = "PIPELINE_TEST_CACHE"
PATIENCE = 30.0
REDIS = (
    *("redis-server", "--bind", "*", "--protected-mode", "no", "--save", ""),
    # It writes its title over its environment.
    *("--proc-title-template", "{title} MARK="),
)
PIPELINE = """\
version: 1
stages:
  version: {kind: command, image: redis, run: redis-server --version > /out/version}
"""
IMAGE = """\
from: {{debian: bookworm}}
platforms: [{platform}]
packages: [redis-server, dash, coreutils]
"""

ENGINES = [
    pytest.param("sandbox", marks=pytest.mark.sandbox),
    pytest.param("docker", marks=pytest.mark.docker),
]

PLUGIN = "pipeline.testing.plugin"


@dataclass
class Place:
    """A project, and an engine for its services. ``mark`` is in the environment of each."""

    root: Path
    logs: Path
    engine: str
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def services(self, slot: str = "main") -> Services:
        return Services(self.root, logs=self.logs, slot=slot)

    @property
    def redis(self) -> list[str]:
        """The command of a redis that can be told by the mark."""
        return [*REDIS[:-1], REDIS[-1] + self.mark]

    def start(self, services: Services, command: Sequence[str] = (), **more: object) -> Service:
        name = f"{self.mark}-{uuid.uuid4().hex[:6]}"
        fields: dict[str, object] = {"name": name, "port": 6379, **more}
        fields["environment"] = {"MARK": self.mark}
        command = command or self.redis
        return services.start("redis", command, **fields)  # type: ignore[arg-type]

    @property
    def left(self) -> list[str]:
        """Processes of services, and containers and networks of this project's services."""
        found = []
        for path in [*Path("/proc").glob("[0-9]*/environ"), *Path("/proc").glob("[0-9]*/cmdline")]:
            with suppress(OSError):
                if f"MARK={self.mark}".encode() in path.read_bytes():
                    found.append(path.parent.name)
        if self.engine == "docker":
            for kind in (("ps", "--all"), ("network", "ls")):
                found += docker(*kind, "--quiet", "--filter", f"name={self.mark}")
        return found

    def wait_until_nothing_is_left(self) -> None:
        end = time.monotonic() + PATIENCE
        while self.left and time.monotonic() < end:
            time.sleep(0.05)
        assert self.left == []

    @contextmanager
    def pytest(self, text: str, *words: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
        """Start a run of one test file in the project, with the plugin; it is over at the end."""
        (self.root / "test_it.py").write_text(text.replace("COMMAND", repr(self.redis)))
        command = [sys.executable, "-m", "pytest", "-W", "error"]
        # Where the package is installed pytest loads the plugin itself, and not twice.
        if not any(each.value == PLUGIN for each in entry_points(group="pytest11")):
            command += ["-p", PLUGIN]
        # It is a run of its own, also where a worker of pytest-xdist starts it.
        inherited = {n: value for n, value in os.environ.items() if not n.startswith("PYTEST_")}
        variables = {"PYTHONPATH": str(REPOSITORY), "MARK": "", "NAME": self.mark}
        with subprocess.Popen(
            [*command, "-p", "no:cacheprovider", "-s", *words, "test_it.py"],
            cwd=self.root,
            env={**inherited, **variables, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as run:
            try:
                yield run
            finally:
                run.kill()


def docker(*words: str) -> list[str]:
    told = subprocess.run(["docker", *words], capture_output=True, text=True, check=True)
    return told.stdout.split()


def ask(service: Service, words: str) -> str:
    """Give redis an inline command and return its answer."""
    with socket.create_connection((service.host, service.port), timeout=10) as connection:
        connection.sendall(f"{words}\r\n".encode())
        return connection.recv(4096).decode().strip()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the project; its images are unpacked in a store for all of these tests."""
    root = tmp_path_factory.mktemp("services") / "project"
    (root / "images").mkdir(parents=True)
    (root / "pipeline.yaml").write_text(PIPELINE)
    (root / "images" / "redis.yaml").write_text(IMAGE.format(platform=Target.native().value))
    kept = os.environ.get(KEPT)
    cache = Path(kept) if kept else root.parent / "cache"
    os.environ["PIPELINE_CACHE_DIR"] = str(cache)
    start = REPOSITORY / "pipeline" / "start.py"
    command = [sys.executable, "-I", "-S", "-X", "utf8", str(start), "lock"]
    subprocess.run(command, cwd=root, check=True)
    return root


@pytest.fixture(params=ENGINES)
def place(
    request: pytest.FixtureRequest,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    """Give the project with one engine after the other; nothing may be left afterwards."""
    monkeypatch.setenv("PIPELINE_ENGINE", request.param)
    found = Place(root=project, logs=tmp_path, engine=request.param)
    yield found
    found.wait_until_nothing_is_left()


@pytest.fixture(scope="session", autouse=True)
def no_image_is_left() -> Iterator[None]:
    """Remove the images that were sent to Docker, which keeps them for the next run."""
    if shutil.which("docker") is None:
        yield
        return
    before = images()
    yield
    for image in images() - before:
        docker("rmi", "--force", image)


def images() -> set[str]:
    words = ("docker", "images", "--quiet", "localhost/pipeline-image")
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    return set(told.stdout.split())
