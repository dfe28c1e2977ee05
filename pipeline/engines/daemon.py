"""Talking to a Docker daemon through its SDK: is it there, can it be used, what can it do.

The SDK takes a tenth of a second to import and cannot drive BuildKit, so it is imported when a
daemon is asked something, and building is left to ``docker buildx`` (`pipeline.engines.buildx`).
"""

from __future__ import annotations

import json
import re
import shutil
import socket
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.engines.protocol import Availability
from pipeline.errors import PipelineError
from pipeline.process import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker import DockerClient

OLDEST = 24
"""The first Docker whose BuildKit knows OCI layouts as contexts and SOURCE_DATE_EPOCH."""
OLDEST_BUILDX = (0, 13)
"""The first buildx that reports progress as JSON."""

SECONDS = 20
DEFAULT = "default"
SOCKET = "unix:///var/run/docker.sock"
INSTALL = "install Docker 24 or newer with its buildx plugin (Debian: `docker.io`, `docker-buildx`)"
_SNAPSHOTTER = "io.containerd.snapshotter.v1"


@dataclass(frozen=True, kw_only=True)
class Daemon:
    """A daemon that answered. ``layouts`` says that it reads OCI layouts by itself.

    Only its containerd image store does; the older stores want an image to be loaded first.
    """

    version: str
    platform: str
    layouts: bool


class UnusableError(Exception):
    """A daemon or a tool cannot be used: one sentence on why, and what to do."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint

    def availability(self, identity: str) -> Availability:
        """Return it as an engine's answer."""
        return Availability(works=False, identity=identity, reason=self.reason, hint=self.hint)


def current_context(environ: Mapping[str, str]) -> str:
    """Return the context Docker's own commands would use, in their order of precedence."""
    if environ.get("DOCKER_HOST"):
        return DEFAULT
    if named := environ.get("DOCKER_CONTEXT"):
        return named
    home = environ.get("HOME") or "/"
    file = Path(environ.get("DOCKER_CONFIG") or f"{home}/.docker") / "config.json"
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return DEFAULT
    named = found.get("currentContext") if isinstance(found, dict) else None
    return named if isinstance(named, str) and named else DEFAULT


@contextmanager
def connected(context: str, environ: Mapping[str, str]) -> Iterator[DockerClient]:
    """Give a client of a context's daemon; UnusableError for all that goes wrong with it.

    Errors for people that are raised in the block are passed on as they are.
    """
    from docker.errors import DockerException  # noqa: PLC0415 - see above
    from requests.exceptions import RequestException  # noqa: PLC0415

    try:
        with closing(_opened(context, environ)) as client:
            yield client
    except (DockerException, RequestException, OSError, ValueError) as error:
        raise _unusable(error, context, environ) from error


def _opened(context: str, environ: Mapping[str, str]) -> DockerClient:
    try:
        return _client(context, environ)
    except PipelineError as error:
        raise _unusable(error, context, environ) from error


def _client(context: str, environ: Mapping[str, str]) -> DockerClient:
    import docker  # noqa: PLC0415
    from docker.tls import TLSConfig  # noqa: PLC0415

    if context == DEFAULT:
        _knock(_host(environ))
        return docker.from_env(
            environment=dict(environ), timeout=SECONDS, use_ssh_client=True, use_context=False
        )
    found = _inspected(context, environ)
    _knock(found.host)
    tls = TLSConfig(client_cert=found.client, ca_cert=found.authority, verify=found.verify)
    return docker.DockerClient(
        base_url=found.host,
        tls=tls if found.client or found.authority else False,
        timeout=SECONDS,
        use_ssh_client=True,
    )


def knock(context: str, environ: Mapping[str, str]) -> None:
    """Raise UnusableError where the current context's socket is a local one and nobody answers."""
    try:
        _knock(_host(environ) if context == DEFAULT else "")
    except OSError as error:
        raise _unusable(error, context, environ) from error


def _host(environ: Mapping[str, str]) -> str:
    return environ.get("DOCKER_HOST") or SOCKET


def _knock(host: str) -> None:
    """Connect to a local socket; OSError. The SDK would leave one open that nobody answers at."""
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as ours:
            ours.settimeout(SECONDS)
            ours.connect(host.removeprefix("unix://"))


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a context's daemon is: its address, and the files of its certificates."""

    host: str
    verify: bool
    client: tuple[str, str] | None
    authority: str | None


def _inspected(context: str, environ: Mapping[str, str]) -> Endpoint:
    """Ask Docker's command line for a context; the SDK finds none without a `config.json`."""
    told = run(["docker", "context", "inspect", context], env=environ, timeout=SECONDS)
    if told.status:
        raise UnusableError(
            f"there is no Docker context `{context}`", "`docker context ls` names those there are"
        )
    (found,) = json.loads(told.stdout)
    endpoint = found["Endpoints"]["docker"]
    directory = Path(found["Storage"]["TLSPath"]) / "docker"
    names = ("cert.pem", "key.pem", "ca.pem")
    cert, key, authority = (str(directory / name) for name in names)
    return Endpoint(
        host=endpoint["Host"],
        verify=not endpoint.get("SkipTLSVerify"),
        client=(cert, key) if Path(cert).exists() else None,
        authority=authority if Path(authority).exists() else None,
    )


def look(context: str, environ: Mapping[str, str]) -> Daemon:
    """Ask a context's daemon for its version; UnusableError when it does not answer or is old."""
    with connected(context, environ) as client:
        told = client.version()
        version = str(told["Version"])
        if _major(version) < OLDEST:
            raise UnusableError(f"Docker {version} is too old, {OLDEST} is the oldest", INSTALL)
        status = client.info().get("DriverStatus") or []
        layouts = any(_SNAPSHOTTER in row for row in status)
    return Daemon(version=version, platform=f"{told['Os']}/{told['Arch']}", layouts=layouts)


def _major(version: str) -> int:
    """Return a version's first number; a build without one is a developer's own, and new."""
    number = version.partition(".")[0]
    return int(number) if number.isdecimal() else OLDEST


def check_command(environ: Mapping[str, str]) -> None:
    """Raise UnusableError unless there is Docker's command."""
    if shutil.which("docker", path=environ.get("PATH")) is None:
        raise UnusableError("the command `docker` is not installed", INSTALL)


def check_tools(environ: Mapping[str, str]) -> str:
    """Return buildx's version; UnusableError when a command is missing or too old."""
    check_command(environ)
    try:
        told = run(["docker", "buildx", "version"], env=environ, timeout=SECONDS)
    except PipelineError as error:
        raise UnusableError(error.message, error.hint) from error
    found = re.search(r"\bv?(\d+)\.(\d+)\.(\d+)", told.stdout)
    if told.status or found is None:
        raise UnusableError("Docker's plugin `buildx` is not installed", INSTALL)
    if (int(found[1]), int(found[2])) < OLDEST_BUILDX:
        oldest = ".".join(map(str, OLDEST_BUILDX))
        raise UnusableError(f"buildx {found[0]} is too old, {oldest} is the oldest", INSTALL)
    return found[0].removeprefix("v")


def _unusable(error: BaseException, context: str, environ: Mapping[str, str]) -> UnusableError:
    """Say what an exception of the SDK means, from the system's own error at its root."""
    place = environ.get("DOCKER_HOST", "") if context == DEFAULT else f"context {context}"
    at = f" at `{place}`" if place else ""
    for cause in _causes(error):
        match cause:
            case UnusableError():
                return cause
            case PermissionError():
                return UnusableError(
                    f"you may not use the socket of the Docker daemon{at}",
                    "have yourself added to the group `docker`, then log in anew",
                )
            case FileNotFoundError() | ConnectionError():
                return UnusableError(f"no Docker daemon answers{at}", "start it, or " + INSTALL)
            case TimeoutError():
                return UnusableError(f"the Docker daemon{at} did not answer in {SECONDS} s")
            case _:
                pass
    words = str(error).splitlines() or [type(error).__name__]
    return UnusableError(f"the Docker daemon{at} cannot be used: {words[0]}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what it came from, its roots first."""
    if below := error.__cause__ or error.__context__:
        yield from _causes(below)
    yield error
