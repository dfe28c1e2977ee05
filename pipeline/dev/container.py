"""A place in a container: only the checkout is mounted, files made there belong to the caller.

The container is removed when it ends or we do (`pipeline.dev.guard`). Where nobody could see to
that, as after a loss of power, its labels say whose it was; the next call removes it, and so does
``pipeline doctor --clean``.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pipeline.dev import attach, image, refusals
from pipeline.dev.guard import guarded, tidy_end
from pipeline.dev.place import REPOSITORY
from pipeline.dev.shells import at_terminal, command
from pipeline.engines import owned
from pipeline.engines.daemon import UnusableError, connected, current_context
from pipeline.engines.docker import unavailable
from pipeline.errors import EngineUnavailableError, PipelineError
from pipeline.images.assemble import assemble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from docker import DockerClient
    from docker.errors import APIError
    from docker.models.containers import Container

    from pipeline.config.stages import Network
    from pipeline.dev.gpus import Gpus
    from pipeline.dev.inputs import Means
    from pipeline.dev.place import Place
    from pipeline.dev.ports import Port
    from pipeline.dev.shells import Asked

PURPOSE = "dev"
LOAD_SECONDS = 600
_SNAP = "/var/snap/"


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What Docker alone gives: a ``name`` of the container, open ``ports``, ``gpus``."""

    name: str = ""
    ports: tuple[Port, ...] = ()
    gpus: Gpus | None = None


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
    with _local(environ) as client:
        owned.remove(client, owned.leftovers(client))
        _require_unused(extras.name, client)
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
        with tidy_end(), _created(client, order, environ) as one:
            return _see_through(client, one, order, means.console.info)


def _require_unused(name: str, client: DockerClient) -> None:
    """Raise UsageError for a container of this name, before an image is sent for nothing."""
    found = client.api.containers(all=True, filters={"name": name}) if name else ()
    if any(f"/{name}" in one["Names"] for one in found):
        raise refusals.name_in_use(name)


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
def _created(client: DockerClient, order: Order, environ: Mapping[str, str]) -> Iterator[Container]:
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
            mounts=[Mount(type="bind", source=str(order.root), target=REPOSITORY)],
            network_mode=network(asked.network, extras),
            ports=_bindings(extras.ports),  # type: ignore[arg-type]  # the stubs know less
            device_requests=[extras.gpus.request()] if extras.gpus else None,
            labels=owned.labels(PURPOSE),
            tty=at_terminal(),
            stdin_open=True,
            init=True,
            use_config_proxy=False,  # the variables are those of the stage
        )
    except APIError as error:
        raise _refused(error, order) from error
    with guarded(one.id or "", environ):
        try:
            yield one
        finally:
            with suppress(NotFound):
                one.remove(v=True, force=True)


def _bindings(ports: tuple[Port, ...]) -> dict[str, list[tuple[str, int]]]:
    """Return the ports as the SDK takes them: one inside may be open at several outside."""
    found = defaultdict(list)
    for port in ports:
        found[port.inner].append((port.host, port.outer))
    return dict(found)


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
        raise refusals.unseen(root, "it comes from Snap and has a `/tmp` of its own")


def _see_through(
    client: DockerClient, one: Container, order: Order, tell: Callable[[str], None]
) -> int:
    """Start a container, lend it our streams, and return its exit status."""
    from docker.errors import APIError  # noqa: PLC0415 - see `pipeline.engines.daemon`

    wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
    opened = client.api.attach_socket(one.id or "", params=wanted)
    try:
        try:
            one.start()
        except APIError as error:
            raise _refused(error, order) from error
        for told in _open_ports(one) if order.extras.ports else ():
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


def _refused(error: APIError, order: Order) -> PipelineError:
    name, ports = order.extras.name, order.extras.ports
    return refusals.meaning(error, name=name, ports=ports, root=order.root)
