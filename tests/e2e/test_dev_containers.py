"""The file of `pipeline dev --init` with the real command line of dev containers."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.conftest import Project

pytestmark = [
    pytest.mark.docker,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.extended,
    pytest.mark.skipif(not shutil.which("npm"), reason="`npm` is not installed"),
]

CLIENT = "@devcontainers/cli@0.89.0"
FOLDER = "devcontainer.local_folder"
"""The label by which the client knows a container of a checkout."""


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the command of the client, installed for the session."""
    place = tmp_path_factory.mktemp("npm")
    flags = ["--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(["npm", "install", "--prefix", str(place), *flags, CLIENT], check=True)
    return [str(place / "node_modules" / ".bin" / "devcontainer")]


class Opened:
    """A checkout that dev containers are opened for."""

    def __init__(self, project: Project, client: list[str]) -> None:
        self.project = project
        self._client = client

    def call(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._client, verb, "--workspace-folder", str(self.project.root), *words],
            env=self.project.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def up(self) -> str:
        """Bring it up and return the container's id."""
        done = self.call("up")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout.splitlines()[-1])
        assert told["outcome"] == "success"
        found: str = told["containerId"]
        return found

    def run(self, *words: str) -> str:
        """Run a command inside and return what it printed."""
        done = self.call("exec", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def opened(pure: Project, client: list[str]) -> Iterator[Opened]:
    """Give the example with a launcher and the file; its container and image are removed."""
    words = shlex.join([*pure.command()])
    pure.write("pipelinew", f'#!/bin/sh\nexec {words} "$@"\n')
    (pure.root / "pipelinew").chmod(0o755)
    pure.run("dev", "--init").expect(0)
    yield Opened(pure, client)
    for one in docker("ps", "-aq", "--filter", f"label={FOLDER}={pure.root}").split():
        docker("rm", "--force", one)
    image = _file(pure.root)["image"]
    assert isinstance(image, str)
    subprocess.run(["docker", "rmi", "--force", image], check=True, capture_output=True)


def _file(root: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((root / ".devcontainer/devcontainer.json").read_text())
    return found


def test_a_container_comes_up_from_the_locked_image_with_live_sources(opened: Opened) -> None:
    identity = opened.up()
    root = opened.project.root
    assert docker("inspect", "--format", "{{.Config.Image}}", identity) == _file(root)["image"]
    code = "import example_duration as d; print(d.__file__)"
    assert opened.run("python", "-c", code) == "/src/src/example_duration/__init__.py\n"
    assert opened.run("duration", "90m") == "1h30m\n"
    assert "passed" in opened.run("python", "-m", "pytest", "-q")
    source = root / "src" / "example_duration" / "__init__.py"
    source.write_text(source.read_text() + "\nEDITED = 'on the host'\n")
    edited = opened.run("python", "-c", "import example_duration as d; print(d.EDITED)")
    assert edited == "on the host\n"


def test_files_made_inside_belong_to_the_caller(opened: Opened) -> None:
    opened.up()
    opened.run("touch", "made")
    assert (opened.project.root / "made").stat().st_uid == os.getuid()
    assert opened.run("id", "-un").strip() == ("root" if os.getuid() == 0 else "developer")


def test_there_is_no_network_inside(opened: Opened) -> None:
    opened.up()
    code = "import socket; print([name for _, name in socket.if_nameindex()])"
    assert opened.run("python", "-c", code) == "['lo']\n"
