"""A service in Docker: a container on a network of its own, its port open on loopback alone.

Both carry labels that name the test run (`pipeline.engines.owned`), so that what a killed keeper
leaves is found by the next one, and by ``pipeline doctor``.
"""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.engines import networks, owned
from pipeline.engines.daemon import UnusableError, connected, current_context, look
from pipeline.engines.docker import NAME, unavailable
from pipeline.engines.protocol import Availability
from pipeline.errors import EngineUnavailableError, ServiceError
from pipeline.execute.packing import bundled
from pipeline.files import sha256_bytes
from pipeline.images import bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from docker import DockerClient
    from docker.errors import APIError
    from docker.models.containers import Container

    from pipeline.engines.protocol import ImageContext
    from pipeline.testing.order import Order

HOST = "127.0.0.1"
PURPOSE = "test"
REPOSITORY = "pipeline-image"
LOAD_SECONDS = 600
REACH_SECONDS, OPEN_SECONDS = 0.5, 0.5
_ENDED = {"exited", "dead", "removing"}
_CONFLICT = 409


def probe(environ: Mapping[str, str]) -> Availability:
    """Say whether the daemon of the current context can be used."""
    try:
        daemon = look(current_context(environ), environ)
    except UnusableError as error:
        return error.availability(NAME)
    return Availability(works=True, identity=f"Docker {daemon.version}")


@dataclass(frozen=True, kw_only=True)
class Docked:
    """A service that runs; see `pipeline.testing.ready.Running`."""

    port: int
    inner: int
    client: DockerClient
    container: Container
    host: str = HOST
    engine: str = NAME

    def ended(self) -> str:
        """Return how it ended; empty while it runs."""
        from docker.errors import NotFound  # noqa: PLC0415 - see `pipeline.engines.daemon`

        try:
            self.container.reload()
        except NotFound:
            return "was removed"
        state = self.container.attrs["State"]
        return f"ended with status {state['ExitCode']}" if state["Status"] in _ENDED else ""

    def listens(self) -> bool:
        """Whether it takes a connection at its own address: Docker's proxy takes any on ours.

        Where that address cannot be reached from here (rootless Docker, a virtual machine), one
        through the proxy has to stay open a while, as it drops those that nobody takes.
        """
        networks = self.container.attrs["NetworkSettings"]["Networks"].values()
        address = next((one["IPAddress"] for one in networks if one["IPAddress"]), "")
        try:
            with socket.create_connection((address, self.inner), timeout=REACH_SECONDS):
                return True
        except ConnectionRefusedError:
            return False
        except OSError:
            return bool(self.port) and _stays_open(self.port)

    def tried(self, command: tuple[str, ...], pause: Callable[[], None]) -> str:
        """Run a command in the container, as the service's user."""
        from docker.errors import APIError  # noqa: PLC0415 - see `pipeline.engines.daemon`

        try:
            started = self.client.api.exec_create(self.container.id, list(command))["Id"]
            # Attached, a command that hangs would hold us up as long.
            self.client.api.exec_start(started, detach=True)
            while (status := self.client.api.exec_inspect(started)["ExitCode"]) is None:
                pause()
        except APIError as error:  # there is no such program, or the container ended
            return f"cannot be run ({_words(error)})"
        return f"ends with status {status}" if status else ""


def _stays_open(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=OPEN_SECONDS) as connection:
            with suppress(TimeoutError):
                return bool(connection.recv(1))
            return True
    except OSError:
        return False


@contextmanager
def started(order: Order, image: ImageContext, environ: Mapping[str, str]) -> Iterator[Docked]:
    """Start a service; when the block ends neither container nor network is left.

    What earlier runs left behind is removed first. Raises ServiceError for a name or port that is
    taken, EngineUnavailableError where the daemon cannot be used or is on another machine.
    """
    context = current_context(environ)
    try:
        with connected(context, environ) as client, ExitStack() as stack:
            if client.api.base_url != "http+docker://localhost":
                raise EngineUnavailableError(
                    "the Docker daemon is on another machine, whose ports tests do not reach",
                    hint="use a local one, or `PIPELINE_ENGINE=sandbox`",
                )
            networks.clean(client)
            name = _loaded(client, image)
            marks = {**owned.labels(PURPOSE), owned.LABEL: owned.owner(order.owner)}
            network = stack.enter_context(networks.made(client, order.name, marks))
            container = stack.enter_context(_created(client, order, name, network, marks))
            stack.enter_context(_logged(container, Path(order.log)))
            _start(container, order)
            port = _port(container, order)
            yield Docked(port=port, inner=order.port, client=client, container=container)
    except UnusableError as error:
        raise unavailable(error) from error


def _loaded(client: DockerClient, image: ImageContext) -> str:
    """Return the name under which the daemon has an image, sending it unless it is there."""
    from docker.errors import ImageNotFound  # noqa: PLC0415 - see `pipeline.engines.daemon`

    made = bundled(image)
    name = bundle.loaded_name(REPOSITORY, made.digest)
    try:
        found = client.images.get(name).id
    except ImageNotFound:
        found = None
    # An image is called by its manifest in containerd's store, by its configuration in others.
    if found not in {f"sha256:{made.digest}", f"sha256:{sha256_bytes(made.config)}"}:
        usual, client.api.timeout = client.api.timeout, LOAD_SECONDS
        # The stubs know files only; what is sent is what requests takes, which streams iterators.
        client.images.load(bundle.stream(made, name=REPOSITORY, tag=made.digest))  # type: ignore[arg-type]
        client.api.timeout = usual
    return name


@contextmanager
def _created(
    client: DockerClient, order: Order, image: str, network: str, marks: Mapping[str, str]
) -> Iterator[Container]:
    from docker.errors import APIError, NotFound  # noqa: PLC0415 - see `pipeline.engines.daemon`

    # Docker takes a place of one element for any port that is free.
    place = (HOST, order.host_port) if order.host_port else (HOST,)
    try:
        container = client.containers.create(
            image,
            entrypoint=[],
            command=list(order.command),
            name=order.name,
            hostname=order.name,
            user=str(order.user),
            environment=dict(order.environment),
            network=network,
            ports={f"{order.port}/tcp": place},  # type: ignore[dict-item] # the stubs lack it
            labels=dict(marks),
            init=True,
        )
    except APIError as error:
        raise _refused(error, order) from error
    try:
        yield container
    finally:
        with suppress(NotFound):
            container.remove(v=True, force=True)


@contextmanager
def _logged(container: Container, log: Path) -> Iterator[None]:
    """Write what the container prints to a file, from its first word on."""
    stream = container.attach(stdout=True, stderr=True, stream=True)

    def follow() -> None:
        with log.open("ab", buffering=0) as file, suppress(OSError):
            for piece in stream:
                file.write(piece)

    # It ends with the container, or with us.
    threading.Thread(target=follow, daemon=True).start()
    yield


def _start(container: Container, order: Order) -> None:
    from docker.errors import APIError  # noqa: PLC0415 - see `pipeline.engines.daemon`

    try:
        container.start()
    except APIError as error:
        raise _refused(error, order) from error


def _port(container: Container, order: Order) -> int:
    """Return the port of this machine; 0 for a container that has ended already."""
    container.reload()
    places = container.ports.get(f"{order.port}/tcp") or [{"HostPort": "0"}]
    return int(places[0]["HostPort"])


def _refused(error: APIError, order: Order) -> ServiceError:
    """Say what the daemon's refusal means."""
    words = _words(error)
    if error.status_code == _CONFLICT:
        return ServiceError(
            f"there is a container `{order.name}` already",
            hint="give another `name`, or none, which gives each its own",
        )
    if order.host_port and "port" in words:
        return ServiceError(
            f"the service `{order.name}` cannot have port {order.host_port} of this machine: "
            f"{words}",
            hint="leave `host_port` out, which takes any port that is free",
        )
    return ServiceError(f"Docker cannot run the service `{order.name}`: {words}")


def _words(error: APIError) -> str:
    """Return what the daemon says, in one line."""
    return str(error.explanation or error).strip().splitlines()[0]
