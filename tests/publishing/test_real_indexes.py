"""The same on pypiserver and devpi, from their packages; pip installs what was published."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ReleaseRefusedError
from pipeline.locking.settings import Settings
from tests.publishing.conftest import publish_to
from tests.publishing.serving import access
from tests.unit.publishing.making import release, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.publishing.publish import Receipt

pytestmark = pytest.mark.network
UV = Path(sys.executable).with_name("uv")
USER, PASSWORD = "ada", "tok-CANARY-of-a-real-server"


@dataclass(frozen=True)
class RealIndex:
    """A server that runs."""

    upload: str
    simple: str
    home: Path
    password: str = PASSWORD

    @property
    def settings(self) -> Settings:
        given = access(self, USER, self.password)
        return Settings(environ=given | {"HOME": str(self.home)})

    def publish(self, files: Sequence[Path]) -> Receipt:
        return publish_to("pypi", self.settings, self.home / "journals", files)


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install both servers, and pip, into an environment of their own."""
    place = tmp_path_factory.mktemp("servers") / "venv"
    packages = ("pypiserver[passlib]", "devpi-server", "pip")
    subprocess.run([UV, "venv", "--quiet", place], check=True)
    subprocess.run([UV, "pip", "install", "--quiet", "--python", place, *packages], check=True)
    return place / "bin"


@pytest.fixture(scope="session")
def devpi_server(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run devpi, which takes long to start, and give its address."""
    data = tmp_path_factory.mktemp("devpi") / "data"
    init = [str(programs / "devpi-init"), "--serverdir", str(data), "--no-root-pypi"]
    subprocess.run(init, check=True, capture_output=True)
    port = free_port()
    command = [
        *(programs / "devpi-server", "--serverdir", data, "--host", "127.0.0.1"),
        *("--port", str(port), "--offline-mode"),
    ]
    with running(command, port):
        base = f"http://127.0.0.1:{port}"
        ask(f"{base}/{USER}", {"password": PASSWORD})
        yield base


@pytest.fixture
def devpi(devpi_server: str, tmp_path: Path) -> RealIndex:
    """Make an index of devpi."""
    name = f"{devpi_server}/{USER}/dev{os.urandom(4).hex()}"
    ask(name, {"bases": [], "volatile": False}, login=f"{USER}:{PASSWORD}")
    return RealIndex(f"{name}/", f"{name}/+simple/", tmp_path)


@pytest.fixture
def pypiserver(programs: Path, tmp_path: Path) -> Iterator[RealIndex]:
    """Run pypiserver; it lists to nobody it does not know."""
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()  # noqa: S324  htpasswd's
    (tmp_path / "htpasswd").write_text(f"{USER}:{{SHA}}{digest}\n")
    (tmp_path / "packages").mkdir()
    port = free_port()
    command = [
        *(programs / "pypi-server", "run", "--interface", "127.0.0.1", "--port", str(port)),
        *("--passwords", tmp_path / "htpasswd", "--authenticate", "update,list,download"),
        *("--disable-fallback", tmp_path / "packages"),
    ]
    with running(command, port):
        base = f"http://127.0.0.1:{port}"
        yield RealIndex(f"{base}/", f"{base}/simple/", tmp_path)


@pytest.fixture(params=["pypiserver", "devpi"])
def index(request: pytest.FixtureRequest) -> RealIndex:
    """Give an empty index on loopback."""
    found: RealIndex = request.getfixturevalue(request.param)
    return found


@contextmanager
def running(command: Sequence[object], port: int) -> Iterator[None]:
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            assert process.poll() is None, f"{command[0]} ended"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            pytest.fail(f"{command[0]} does not answer")
        yield
    finally:
        process.terminate()
        process.wait()


def ask(url: str, body: object, login: str = "") -> None:
    """Tell devpi of a user or an index, with the headers that its own client sends."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if login:
        token = base64.b64encode(login.encode()).decode()
        headers["Authorization"] = f"Basic {token}"
        headers["X-Devpi-Auth"] = token
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method="PUT")  # noqa: S310  loopback
    with urllib.request.urlopen(request, timeout=60):  # noqa: S310  loopback
        pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def install(programs: Path, index: RealIndex, *words: str) -> str:
    """Install from the index, and from nowhere else, with pip."""
    target = index.home / "site"
    address = index.simple.replace("://", f"://{USER}:{PASSWORD}@")
    command = [
        *(str(programs / "python"), "-m", "pip", "--isolated", "install", "--quiet"),
        *("--index-url", address, "--target", str(target), "--no-cache-dir", *words),
    ]
    environ = {k: v for k, v in os.environ.items() if not k.upper().endswith("_PROXY")}
    subprocess.run(command, check=True, env=environ | {"PIP_CONFIG_FILE": os.devnull})
    code = "import app, base_kit; print(app.NAME, base_kit.NAME)"
    done = subprocess.run(
        [programs / "python", "-c", code],
        env={"PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_what_is_published_can_be_installed(
    index: RealIndex, programs: Path, tmp_path: Path
) -> None:
    files = release(tmp_path / "dist")
    assert len(index.publish(files).sent) == 4
    assert install(programs, index, "app==1.0") == "app base-kit\n"


def test_a_second_run_finds_all_of_it(index: RealIndex, tmp_path: Path) -> None:
    files = release(tmp_path / "dist")
    index.publish(files[:2])
    assert len(index.publish(files).sent) == 2
    assert index.publish(files).sent == ()


def test_other_bytes_are_refused_before_the_first_upload(index: RealIndex, tmp_path: Path) -> None:
    files = release(tmp_path / "dist")
    index.publish(files[:1])
    changed = wheel(tmp_path / "dist", "app", requires=["base-kit>=1"], body="changed")
    with pytest.raises(ReleaseRefusedError, match="has other bytes"):
        index.publish([*files[1:], changed])
    assert len(index.publish(release(tmp_path / "dist")).sent) == 3


def test_a_wrong_password_is_told(index: RealIndex, tmp_path: Path) -> None:
    with pytest.raises(ReleaseRefusedError, match=r"wrong") as caught:
        replace(index, password="tok-of-yesterday").publish([wheel(tmp_path)])  # noqa: S106  it is wrong
    assert "tok-of-yesterday" not in str(caught.value)
    assert "TWINE_PASSWORD" in caught.value.hint
