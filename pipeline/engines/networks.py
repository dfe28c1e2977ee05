"""Networks of services on a Docker daemon: one for each, so that none sees another."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pipeline.engines import owned
from pipeline.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker import DockerClient
    from docker.models.networks import Network

NO_WAY_OUT = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
"""What a container sends to the outside carries an address that no answer comes back to. A network
that is `internal` would shut the way in as well."""

_CONFLICT = 409


@contextmanager
def made(client: DockerClient, name: str, marks: Mapping[str, str]) -> Iterator[str]:
    """Make a network for the time of the block and give its id; ServiceError."""
    from docker.errors import APIError, NotFound  # noqa: PLC0415 - see `pipeline.engines.daemon`

    try:
        network = client.networks.create(
            name, driver="bridge", labels=dict(marks), options=dict(NO_WAY_OUT)
        )
    except APIError as error:
        if error.status_code == _CONFLICT:
            raise ServiceError(
                f"there is a network `{name}` already, of another service",
                hint="give another `name`, or none, which gives each its own",
            ) from error
        words = str(error.explanation or error).strip().splitlines()[0]
        raise ServiceError(
            f"Docker cannot make a network for the service `{name}`: {words}",
            hint="`pipeline doctor --clean` removes what earlier runs left; "
            "`docker network ls` shows the rest",
        ) from error
    try:
        yield network.id or name
    finally:
        with suppress(NotFound):
            network.remove()


def leftovers(client: DockerClient) -> list[Network]:
    """Return the networks whose owners are gone, by name; DockerException."""
    found = client.networks.list(filters={"label": owned.LABEL}, greedy=True)
    return sorted((one for one in found if _left(one)), key=lambda one: one.name or "")


def _left(network: Network) -> bool:
    label = (network.attrs.get("Labels") or {}).get(owned.LABEL, "")
    return owned.is_gone(label, running=bool(network.attrs.get("Containers")))


def clean(client: DockerClient) -> None:
    """Remove containers and networks whose owners are gone; DockerException.

    Another process may be about to remove the same.
    """
    from docker.errors import APIError  # noqa: PLC0415 - see `pipeline.engines.daemon`

    with suppress(APIError):
        owned.remove(client, owned.leftovers(client))
    remove(leftovers(client))


def remove(networks: list[Network]) -> None:
    """Remove networks; one that is gone meanwhile, or in use again, is fine."""
    from docker.errors import APIError  # noqa: PLC0415 - see `pipeline.engines.daemon`

    for network in networks:
        with suppress(APIError):
            network.remove()
