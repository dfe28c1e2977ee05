"""Where the files that a lock names are to be had on this machine, by their kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from pipeline.errors import NetworkError
from pipeline.lock.types import DebianPackage, ImageBlob, PythonFile
from pipeline.locking.credentials import pip_client
from pipeline.locking.index import Index, project_of
from pipeline.network.transport import Client
from pipeline.registry.client import Hosts, Registry
from pipeline.registry.logins import Logins

if TYPE_CHECKING:
    from collections.abc import Collection

    from pipeline.lock.types import LockedFile
    from pipeline.locking.settings import Settings
    from pipeline.network.download import Opener


def registries(settings: Settings) -> Registry:
    """Return the registries as the machine's settings and Docker's logins have them."""
    hosts, logins = Hosts(mirrors=settings.registries), Logins(settings.environ)
    return Registry(hosts, logins, unreachable=settings.unreachable)


class Places:
    """Says for each of ``files`` who gives it and at which addresses.

    Only what these files need is asked of the machine, when this is made: pip's settings are a
    program to run. Safe to use from several threads afterwards.
    """

    def __init__(self, files: Collection[LockedFile], settings: Settings) -> None:
        kinds = {type(file) for file in files}
        self._mirrors = settings.mirrors() if DebianPackage in kinds else ()
        plain = pip_client(settings) if kinds - {ImageBlob} else Client()
        self._client = plain
        self._index = Index(plain, settings)
        if PythonFile in kinds:
            # Looked up here, once: in the threads each of them might start pip for itself.
            self._indexes = settings.indexes
        self._registry = registries(settings) if ImageBlob in kinds else None

    def of(self, file: LockedFile) -> tuple[Opener, tuple[str, ...]]:
        """Return the client for a file and its addresses, the best first; NetworkError."""
        match file:
            case DebianPackage():
                return self._client, tuple(f"{mirror}/{file.path}" for mirror in self._mirrors)
            case PythonFile():
                return self._client, self._index.addresses(file.name, file.sha256)
            case ImageBlob():
                if self._registry is None:
                    raise ValueError(file)
                return self._registry, self._registry.addresses(file)
            case _:
                assert_never(file)


def gone(file: LockedFile) -> NetworkError:
    """Return the error for a file that none of its addresses has."""
    match file:
        case DebianPackage():
            return NetworkError(
                f"`{file.name}` {file.version} for {file.architecture} is gone from the pool of "
                "every mirror: the archive drops superseded versions",
                hint="add a mirror that keeps them (a snapshot archive) to `mirrors:`, or take the "
                "present versions with `pipeline lock --update IMAGE`",
            )
        case PythonFile():
            return NetworkError(
                f"no index has `{file.name}` with the locked sha256",
                hint="check pip's settings (`pip config list`); when the file was deleted, "
                + _another(file),
            )
        case ImageBlob():
            return NetworkError(
                f"the {file.source} no longer has `sha256:{file.sha256}`, which the lock names",
                hint="run `pipeline lock --update IMAGE` to take what its tag means now; to be "
                "safe from that, keep images as archives (`pipeline export image`)",
            )
        case _:
            assert_never(file)


def _another(file: PythonFile) -> str:
    """Return how to do without a file that was deleted: plain `pipeline lock` would keep it."""
    if file.is_wheel:
        return f"run `pipeline lock --update {project_of(file.name)}`"
    return "name another version in the stage's `source`"
