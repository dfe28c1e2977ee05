"""A place in a container: only the checkout is mounted, files made there belong to the caller.

The container is removed when it ends or we do. Where we are killed it is left behind, with labels
that say whose it was; the next call removes it, and so does ``pipeline doctor --clean``.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pipeline.dev import attach, image
from pipeline.dev.ports import taken
from pipeline.dev.shells import at_terminal, command
from pipeline.engines import owned
from pipeline.engines.daemon import UnusableError, connected, current_context
from pipeline.engines.docker import unavailable
from pipeline.errors import EngineUnavailableError, PipelineError, UsageError
from pipeline.images.assemble import assemble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from docker import DockerClient
    from docker.errors import APIError
    from docker.models.containers import Container
    from docker.types import DeviceRequest

    from pipeline.config.stages import Network
    from pipeline.dev.inputs import Means
    from pipeline.dev.place import Place
    from pipeline.dev.ports import Port
    from pipeline.dev.shells import Asked

PURPOSE = "dev"
LOAD_SECONDS = 600
_SNAP = "/var/snap/"


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What Docker alone gives: a ``name`` of the container, open ``ports``, ``gpus`` (``all``)."""

    name: str = ""
    ports: tuple[Port, ...] = ()
    gpus: str = ""


def network(wanted: Network, extras: Extras) -> Literal["none", "host", "bridge"]:
    """Return Docker's name for the network: open ports need one of the container's own."""
    return "bridge" if wanted == "none" and extras.ports else wanted


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to run in a container, and as whom; ``root`` is the checkout."""

    place: Place
    root: Path
    words: tuple[str, ...]
    asked: Asked
    extras: Extras
    user: image.Caller


def run(
    place: Place, means: Means, asked: Asked, extras: Extras, environ: Mapping[str, str]
) -> int:
    """Run what was asked for in a container and return its exit status.

    Raises EngineUnavailableError where Docker cannot be used, UsageError for a name, port or
    device that cannot be had.
    """
    for port in extras.ports:
        port.require_free()
    with _local(environ) as client:
        owned.remove(client, owned.leftovers(client))
        user = image.caller(client)
        _send(place, means, client, user)
        shown = assemble(place.image, means.lock, place.platform, means.store)
        order = Order(
            place=place,
            root=means.pipeline.root,
            words=command(asked, shown.layers),
            asked=asked,
            extras=extras,
            user=user,
        )
        with _created(client, order) as one:
            return _see_through(client, one, extras, means.console.info)


def load(place: Place, means: Means, environ: Mapping[str, str]) -> bool:
    """Give Docker the image of a place; whether it had to be sent. EngineUnavailableError."""
    with _local(environ) as client:
        return _send(place, means, client, image.caller(client))


def _send(place: Place, means: Means, client: DockerClient, user: image.Caller) -> bool:
    usual, client.api.timeout = client.api.timeout, LOAD_SECONDS
    try:
        return image.load(place, means, client, user)
    finally:
        client.api.timeout = usual


@contextmanager
def _local(environ: Mapping[str, str]) -> Iterator[DockerClient]:
    """Give a client of the current context's daemon, which has to see this machine's files."""
    context = current_context(environ)
    refused: list[PipelineError] = []  # said here; it is no failure of the connection
    try:
        with connected(context, environ) as client:
            try:
                _check_local(client)
                yield client
            except PipelineError as error:
                refused.append(error)
    except UnusableError as error:
        raise unavailable(error) from error
    if refused:
        raise refused[0]


@contextmanager
def _created(client: DockerClient, order: Order) -> Iterator[Container]:
    """Give a container that has not started; it is removed at the end, whatever runs in it."""
    from docker.errors import APIError, NotFound  # noqa: PLC0415 - see `pipeline.engines.daemon`
    from docker.types import Mount  # noqa: PLC0415

    require_visible(order.root, str(client.info().get("DockerRootDir", "")))
    place, asked, extras = order.place, order.asked, order.extras
    try:
        one = client.containers.create(
            image.name(place),
            entrypoint=order.words[0],
            command=list(order.words[1:]),
            name=extras.name or None,
            environment=dict(asked.variables),
            working_dir=place.workdir,
            user=order.user.ids,
            mounts=[
                Mount(type="bind", source=str(order.root / source), target=target)
                for source, target in place.mounts
            ],
            network_mode=network(asked.network, extras),
            ports={port.inner: (port.host, port.outer) for port in extras.ports},
            device_requests=_devices(extras.gpus),
            labels=owned.labels(PURPOSE),
            tty=at_terminal(),
            stdin_open=True,
            init=True,
            use_config_proxy=False,  # the variables are those of the stage
        )
    except APIError as error:
        raise _refused(error, extras) from error
    try:
        yield one
    finally:
        with suppress(NotFound):
            one.remove(v=True, force=True)


def _check_local(client: DockerClient) -> None:
    if client.api.base_url != "http+docker://localhost":
        raise EngineUnavailableError(
            "the Docker daemon is on another machine, which cannot see the checkout",
            hint="use a local one, or `--engine sandbox`",
        )


def require_visible(root: Path, daemon: str) -> None:
    """Refuse a checkout that the daemon with this data directory does not see.

    Docker from Snap has a ``/tmp`` of its own, where it would mount an empty directory.
    """
    if daemon.startswith(_SNAP) and root.parts[:2] == ("/", "tmp"):
        raise EngineUnavailableError(
            f"Docker from Snap cannot see `{root}`, since it has a `/tmp` of its own",
            hint="work in a checkout below your home directory, or take `--engine sandbox`",
        )


def _devices(gpus: str) -> list[DeviceRequest] | None:
    from docker.types import DeviceRequest  # noqa: PLC0415 - see `pipeline.engines.daemon`

    if not gpus:
        return None
    if gpus != "all" and not gpus.isdecimal():
        raise UsageError(f"`--gpus {gpus}` is neither `all` nor a number")
    return [DeviceRequest(count=-1 if gpus == "all" else int(gpus), capabilities=[["gpu"]])]


def _see_through(
    client: DockerClient, one: Container, extras: Extras, tell: Callable[[str], None]
) -> int:
    """Start a container, lend it our streams, and return its exit status."""
    from docker.errors import APIError  # noqa: PLC0415 - see `pipeline.engines.daemon`

    wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
    opened = client.api.attach_socket(one.id or "", params=wanted)
    try:
        try:
            one.start()
        except APIError as error:
            raise _refused(error, extras) from error
        for told in _open_ports(one) if extras.ports else ():
            tell(told)
        stream = opened._sock  # noqa: SLF001 - what is given is a reader; we write as well
        stream.settimeout(None)
        attach.pump(stream, one.resize, terminal=at_terminal())
        return int(one.wait()["StatusCode"])
    finally:
        opened.close()


def _open_ports(one: Container) -> Iterator[str]:
    """Yield where the container's ports are reached, those that Docker chose among them."""
    one.reload()
    for inner, places in sorted(one.ports.items()):
        for place in places or ():
            yield f"port {inner} is open at {place['HostIp']}:{place['HostPort']}"


def _refused(error: APIError, extras: Extras) -> UsageError | EngineUnavailableError:
    """Say what the daemon's refusal means."""
    words = str(error.explanation or error).strip()
    if error.status_code == 409 and extras.name:
        return UsageError(
            f"there is a container `{extras.name}` already",
            hint="give another `--name`, or remove it; `pipeline doctor` lists those left over",
        )
    if "already allocated" in words or "already in use" in words:
        return taken(", ".join(str(port) for port in extras.ports))
    if "could not select device driver" in words or "nvidia" in words:
        return UsageError(
            "Docker has no GPU to give",
            hint="install the NVIDIA container toolkit, or leave `--gpus` out",
        )
    return EngineUnavailableError(f"Docker cannot run the container: {words.splitlines()[0]}")
