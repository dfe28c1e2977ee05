"""A real registry on loopback, filled with images that the tests make."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest

from pipeline.store.store import Store
from tests.unit.registry.making import Blob, Made, Member, file, index

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = "docker-registry"
CONFIGURATION = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: "127.0.0.1:{port}"}}
{auth}
"""


@dataclass(frozen=True)
class Server:
    """A registry that runs; ``host`` is what references begin with."""

    host: str

    def send(self, url: str, data: bytes, media_type: str, method: str) -> str:
        request = urllib.request.Request(  # noqa: S310 - loopback
            urljoin(f"http://{self.host}", url),
            data=data,
            method=method,
            headers={"Content-Type": media_type},
        )
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - loopback
            return str(response.headers.get("Location", ""))

    def push_blob(self, repository: str, blob: Blob) -> None:
        octets = "application/octet-stream"
        place = self.send(f"/v2/{repository}/blobs/uploads/", b"", octets, "POST")
        joint = "&" if "?" in place else "?"
        self.send(f"{place}{joint}digest=sha256:{blob.sha256}", blob.data, octets, "PUT")

    def push_manifest(self, repository: str, blob: Blob, name: str) -> None:
        self.send(f"/v2/{repository}/manifests/{name}", blob.data, blob.media_type, "PUT")

    def push(self, repository: str, tag: str, *images: Made) -> str:
        """Push an image, or an index of several, and return its reference."""
        for one in images:
            for blob in one.blobs:
                self.push_blob(repository, blob)
            name = tag if len(images) == 1 else f"sha256:{one.manifest.sha256}"
            self.push_manifest(repository, one.manifest, name)
        if len(images) > 1:
            self.push_manifest(repository, index(*images), tag)
        return f"{self.host}/{repository}:{tag}"


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run Debian's registry on loopback."""
    with serve(tmp_path_factory.mktemp("registry")) as server:
        yield server


@contextmanager
def serve(directory: Path, auth: str = "") -> Iterator[Server]:
    """Run a registry that keeps its blobs below ``directory``."""
    port = free_port()
    file = directory / "config.yml"
    file.write_text(CONFIGURATION.format(root=directory / "data", port=port, auth=auth))
    process = subprocess.Popen(
        [PROGRAM, "serve", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        server = Server(f"127.0.0.1:{port}")
        wait_for(server, process)
        yield server
    finally:
        process.terminate()
        process.wait()


def wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://{server.host}/v2/", timeout=5):
                return
        except urllib.error.HTTPError as error:
            error.close()
            return  # it asks who we are, so it is there
        except OSError:
            assert process.poll() is None, "the registry ended"
            time.sleep(0.05)
    pytest.fail("the registry does not answer")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def programs() -> list[Member]:
    """Return a few programs of this machine and the libraries they need."""
    found: dict[str, Member] = {}
    for name in ("sh", "cat", "ls", "mkdir", "cp"):
        program = Path(shutil.which(name) or "").resolve()
        found[name] = file(f"bin/{name}", program.read_bytes(), mode=0o755)
        told = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
        for library in re.findall(r"(/\S+) \(0x", told.stdout):
            data = Path(library).resolve().read_bytes()
            found[library] = file(library.lstrip("/"), data, mode=0o755)
    return list(found.values())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Open an empty store."""
    with Store.open(tmp_path / "store") as opened:
        yield opened
