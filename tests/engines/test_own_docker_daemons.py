"""Docker daemons of the test's own: with the older image store, dying, and out of disk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.engines.docker import DockerEngine
from pipeline.errors import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.engines.protocol import ImageContext
    from tests.engines.conftest import Workshop

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a Docker daemon"),
    pytest.mark.skipif(not shutil.which("dockerd"), reason="`dockerd` is not installed"),
]

COPIED = "FROM base AS b\nRUN echo made > /made\nFROM scratch\nCOPY --from=b /made /\n"


@dataclass
class Own:
    """A daemon at a socket of its own."""

    host: str
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def daemon(directory: Path) -> Iterator[Own]:
    """Run a daemon whose state lies in ``directory``, with neither network nor containerd store.

    It has a network namespace of its own, as one without a bridge removes the bridge that is there.
    """
    host = f"unix://{directory}/sock"
    flags = ["--host", host, "--pidfile", f"{directory}/pid", "--exec-root", f"{directory}/exec"]
    flags += ["--data-root", f"{directory}/data", "--bridge=none", "--iptables=false"]
    flags += ["--ip6tables=false", "--feature", "containerd-snapshotter=false"]
    (directory / "daemon.json").write_text("{}")
    flags += ["--config-file", f"{directory}/daemon.json"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(["unshare", "--net", "dockerd", *flags], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        while not (directory / "sock").exists() or not answers(host):
            assert process.poll() is None, (directory / "log").read_text()[-2000:]
            assert time.monotonic() < end
            time.sleep(0.1)
        yield Own(host, process)
    finally:
        process.terminate()
        process.wait()
        _end_containerd(directory)


def _end_containerd(directory: Path) -> None:
    """End what a daemon that was killed could not end."""
    pid = directory / "exec" / "containerd" / "containerd.pid"
    if pid.exists():
        with open(pid, encoding="ascii") as stream:
            subprocess.run(["kill", "-9", stream.read().strip()], check=False, capture_output=True)


def answers(host: str) -> bool:
    asked = subprocess.run(["docker", "--host", host, "version"], check=False, capture_output=True)
    return asked.returncode == 0


@pytest.fixture
def place() -> Iterator[Path]:
    """Return a directory that nothing is mounted below at the end; addresses must be short."""
    directory = Path(tempfile.mkdtemp(prefix="own-"))
    yield directory
    with open("/proc/self/mountinfo", encoding="utf-8") as stream:
        points = [line.split()[4] for line in stream if str(directory) in line.split()[4]]
    for point in reversed(points):
        subprocess.run(["umount", "--lazy", point], check=False)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def shop(workshop: Workshop, tiny_image: ImageContext) -> Workshop:
    workshop.contexts["base"] = tiny_image
    return workshop


def engine(shop: Workshop, own: Own) -> DockerEngine:
    return DockerEngine(shop.store, environ={**os.environ, "DOCKER_HOST": own.host})


def test_an_image_is_loaded_once_where_layouts_cannot_be_read(shop: Workshop, place: Path) -> None:
    with daemon(place) as own:
        for _ in range(2):
            shop.engine = engine(shop, own)
            assert shop.files(COPIED) == {"made": "made\n"}
        listed = [
            "docker",
            "--host",
            own.host,
            "image",
            "ls",
            "--format",
            "{{.Repository}}:{{.Tag}}",
        ]
        images = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
    assert images == [f"pipeline-image:{shop.contexts['base'].digest}"]


def test_a_name_that_was_given_to_another_image_is_not_trusted(shop: Workshop, place: Path) -> None:
    with daemon(place) as own:
        name = f"pipeline-image:{shop.contexts['base'].digest}"
        (place / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /wrong\n")
        build = ["docker", "--host", own.host, "buildx", "build", "--builder", "default"]
        subprocess.run([*build, "--tag", name, str(place)], check=True, capture_output=True)
        shop.engine = engine(shop, own)
        assert shop.files(COPIED) == {"made": "made\n"}


def test_a_daemon_that_is_not_what_it_was_is_asked_again(shop: Workshop, place: Path) -> None:
    with daemon(place) as own:
        shop.engine = engine(shop, own)
        shop.build(COPIED)
        (kept,) = (shop.store.root / "docker").iterdir()
        known = json.loads(kept.read_text())
        kept.write_text(json.dumps({**known, "layouts": True}))
        shop.engine = engine(shop, own)
        assert shop.files(COPIED) == {"made": "made\n"}
        assert json.loads(kept.read_text()) == known


def test_a_daemon_that_dies_is_the_engines_fault_and_not_the_steps(
    shop: Workshop, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with daemon(place) as own:
        shop.engine = engine(shop, own)
        monkeypatch.setattr(shop, "collect", lambda _: own.kill())
        with pytest.raises(EngineUnavailableError, match="Docker went away during the build") as e:
            shop.build("FROM base\nRUN echo begun; sleep 5\n")
    assert e.value.hint


def test_a_full_disk_of_the_daemon_is_named(shop: Workshop, place: Path) -> None:
    size = "size=48m,mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(place)], check=True)
    big = shop.tree("big", {}) / "big"
    big.write_bytes(os.urandom(64 << 20))
    with daemon(place) as own:
        shop.engine = engine(shop, own)
        with pytest.raises(EngineUnavailableError, match="the disk of the builder is full") as e:
            shop.build("FROM base AS b\nCOPY --from=big / /\nFROM scratch\nCOPY --from=b / /\n")
    assert "docker buildx prune" in e.value.hint
