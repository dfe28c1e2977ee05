"""A Docker daemon that sees another `/tmp` than we do, as the one from Snap does."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Project

pytestmark = [
    pytest.mark.docker,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a Docker daemon"),
    pytest.mark.skipif(not shutil.which("dockerd"), reason="`dockerd` is not installed"),
]

# Namespaces of its own: of mounts for the other `/tmp`, of the network since a daemon without a
# bridge would remove that of the machine's daemon.
START = """
mount --make-rprivate / && mount -t tmpfs -o mode=1777 tmpfs /tmp && exec dockerd "$@"
"""


def answers(host: str) -> bool:
    asked = subprocess.run(["docker", "--host", host, "version"], check=False, capture_output=True)
    return asked.returncode == 0


@pytest.fixture
def outside() -> Iterator[Path]:
    """Give a directory that is not below `/tmp`; its path is short enough for a socket."""
    place = Path(tempfile.mkdtemp(prefix="own-", dir="/var/tmp"))
    yield place
    shutil.rmtree(place)


@pytest.fixture
def host(outside: Path) -> Iterator[str]:
    """Run the daemon and give the address of its socket."""
    state = outside / "daemon"
    state.mkdir()
    address = f"unix://{state}/sock"
    flags = ["--host", address, "--pidfile", f"{state}/pid", "--exec-root", f"{state}/exec"]
    flags += ["--data-root", f"{state}/data", "--config-file", f"{state}/daemon.json"]
    flags += ["--bridge=none", "--iptables=false", "--ip6tables=false"]
    flags += ["--feature", "containerd-snapshotter=false"]
    (state / "daemon.json").write_text("{}")
    with (state / "log").open("wb") as log:
        process = subprocess.Popen(
            ["unshare", "--mount", "--net", "sh", "-c", START, "sh", *flags], stdout=log, stderr=log
        )
    try:
        end = time.monotonic() + 60
        while not answers(address):
            assert process.poll() is None, (state / "log").read_text()[-2000:]
            assert time.monotonic() < end
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def moved(project: Project, place: Path, host: str) -> Project:
    """Return a project whose checkout lies elsewhere, for a daemon."""
    shutil.copytree(project.root, place / "checkout", symlinks=True)
    environ = {**project.environ, "DOCKER_HOST": host}
    return replace(project, root=place / "checkout", environ=environ)


def test_people_and_steps_work_where_the_checkout_is_not_below_tmp(
    pure: Project, outside: Path, host: str
) -> None:
    project = moved(pure, outside, host)
    dev = ("dev", "--engine", "docker", "--")
    assert project.run(*dev, "duration", "90m").expect(0).stdout == "1h30m\n"
    source = project.root / "src" / "example_duration" / "__init__.py"
    source.write_text(source.read_text() + "\nEDITED = 'on the host'\n")
    code = "import example_duration as d; print(d.EDITED)"
    assert project.run(*dev, "python", "-c", code).expect(0).stdout == "on the host\n"
    assert "  built  test" in project.run("run", "test", "--engine", "docker").expect(0).stderr


def test_a_checkout_that_the_daemon_does_not_see_is_named(pure: Project, host: str) -> None:
    if pure.root.parts[:2] != ("/", "tmp"):
        pytest.skip("tests have their directories elsewhere than below `/tmp`")
    refused = pure.run("dev", "--engine", "docker", "--", "true", DOCKER_HOST=host).expect(6)
    assert f"Docker cannot mount `{pure.root}`" in refused.stderr
    assert "take `--engine sandbox`" in refused.stderr
