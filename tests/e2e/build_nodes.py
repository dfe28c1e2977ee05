"""Two BuildKit daemons on this machine, as two hosts: one at a socket, one behind TLS."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "v0.25.1"
PACKAGE = "github.com/moby/buildkit/cmd/buildkitd"
PATIENCE = 30.0
NAME = "pair"

CONFIGURATION = """\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
[node]
subjectAltName = IP:127.0.0.1, DNS:node.example
extendedKeyUsage = serverAuth
[client]
extendedKeyUsage = clientAuth
"""


def missing() -> str:
    """Return what such daemons need and this machine lacks, empty where it has all."""
    if os.geteuid():
        return "only root can run buildkitd here"
    lacking = [name for name in ("go", "runc", "openssl", "docker") if not shutil.which(name)]
    return f"not installed: {', '.join(lacking)}" if lacking else ""


def compiled(kept: Path) -> Path:
    """Return the daemon's program, compiled once below ``kept``.

    It is compiled from a module of ours: BuildKit's own has `exclude` lines, so that `go install`
    refuses it.
    """
    program = kept / f"buildkitd-{VERSION}"
    if program.exists():
        return program
    module = kept / "module"
    module.mkdir(exist_ok=True)
    go = ("go", "-C", str(module))
    if not (module / "go.mod").exists():
        subprocess.run([*go, "mod", "init", "nodes"], check=True, capture_output=True)
    subprocess.run([*go, "get", f"{PACKAGE}@{VERSION}"], check=True, capture_output=True)
    subprocess.run([*go, "build", "-o", f"{program}.new", PACKAGE], check=True)
    return (kept / f"{program.name}.new").rename(program)


@dataclass
class Node:
    """A daemon with a directory and an address of its own."""

    program: Path
    directory: Path
    address: str
    flags: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        self.directory.mkdir(exist_ok=True)
        root = str(self.directory / "state")
        flags = ["--root", root, "--addr", self.address, "--oci-worker-net=host", *self.flags]
        flags += ["--containerd-worker=false", f"--otel-socket-path={self.directory}/otel"]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.program), *flags], stdout=log, stderr=log, start_new_session=True
            )
        end = time.monotonic() + PATIENCE
        while not self._listens():
            assert self.process.poll() is None, (self.directory / "log").read_text()
            assert time.monotonic() < end, "the daemon does not listen"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a power cut does, with the steps it runs."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
            self._unmount()

    def _unmount(self) -> None:
        """Take away what a killed daemon left mounted: its directory can go only then."""
        table = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
        places = [line.split()[1] for line in table]
        for place in reversed([place for place in places if str(self.directory) in place]):
            subprocess.run(["umount", "--lazy", place], check=True)

    def _listens(self) -> bool:
        kind, _, place = self.address.partition("://")
        with suppress(OSError):
            if kind == "unix":
                with socket.socket(socket.AF_UNIX) as ours:
                    ours.connect(place)
                    return True
            host, port = place.split(":")
            with socket.create_connection((host, int(port)), timeout=1):
                return True
        return False


@dataclass(frozen=True)
class Pair:
    """Both nodes, and the builder over them. ``environ`` is what buildx finds it with."""

    one: Node
    two: Node
    environ: dict[str, str]

    def buildx(self, *words: str) -> str:
        """Run a buildx command."""
        done = subprocess.run(
            ["docker", "buildx", *words],
            env={**os.environ, **self.environ},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout


@contextmanager
def pair(program: Path, directory: Path) -> Iterator[Pair]:
    """Run both nodes; the builder `NAME` offers each its own platform."""
    certificates = _certificates(directory / "tls")
    one = Node(program, directory / "one", f"unix://{directory}/one.sock")
    two = Node(program, directory / "two", f"tcp://127.0.0.1:{_free_port()}", _tls(certificates))
    nodes = Pair(one, two, {"BUILDX_CONFIG": str(directory / "buildx")})
    try:
        one.start()
        two.start()
        create = ("create", "--driver", "remote", "--name", NAME)
        nodes.buildx(*create, "--node", "one", "--platform", "linux/amd64", one.address)
        files = ("cacert=ca.pem", "cert=client.pem", "key=client.key")
        options = [each.replace("=", f"={certificates}/") for each in files]
        options.append("servername=node.example")
        options = [word for option in options for word in ("--driver-opt", option)]
        named = ("--append", "--node", "two", "--platform", "linux/arm64")
        nodes.buildx(*create, *named, *options, two.address)
        yield nodes
    finally:
        one.kill()
        two.kill()


def _tls(certificates: Path) -> tuple[str, ...]:
    pairs = (("tlscacert", "ca.pem"), ("tlscert", "node.pem"), ("tlskey", "node.key"))
    return tuple(f"--{flag}={certificates / name}" for flag, name in pairs)


def _certificates(directory: Path) -> Path:
    """Make an authority, and a certificate for the nodes and one for their client."""
    directory.mkdir(parents=True)
    (directory / "openssl.cnf").write_text(CONFIGURATION)

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)

    request = ("req", "-x509", "-config", "openssl.cnf", "-newkey", "ec", "-nodes", "-days", "2")
    curve = ("-pkeyopt", "ec_paramgen_curve:prime256v1")
    own = ("-extensions", "authority", "-subj", "/CN=authority")
    openssl(*request, *curve, *own, "-keyout", "ca.key", "-out", "ca.pem")
    for name in ("node", "client"):
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-extensions", name, "-subj", f"/CN={name}")
        openssl(*request, *curve, *signed, "-keyout", f"{name}.key", "-out", f"{name}.pem")
    return directory


def _free_port() -> int:
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", 0))
        port: int = ours.getsockname()[1]
        return port
