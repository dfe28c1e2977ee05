"""Where an index is: its upload address by twine's settings, its Simple API by ours.

Nothing is guessed from an address, and none is written here. Only of the two indexes that twine
knows by itself is the Simple API known: of the first it is pip's own default, of the one for tests
it stands beside the upload address.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from twine import utils
from twine.exceptions import TwineException
from twine.settings import Settings as TwineSettings

from pipeline.errors import NetworkError, ReleaseRefusedError
from pipeline.locking.credentials import Credentials
from pipeline.locking.pip_settings import default_index
from pipeline.network.addresses import is_loopback, origin, shown
from pipeline.network.transport import Client
from pipeline.publishing.simple import SimpleIndex
from pipeline.publishing.uploads import Uploader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipeline.locking.index import Link
    from pipeline.locking.settings import Settings
    from pipeline.publishing.session import Distribution

INDEX_VARIABLE = "PIPELINE_INDEX_URL"
ANSWER_SECONDS = 120.0
"""How long an index may look at a file before it answers."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """An index that files are published to.

    ``name`` is the repository's in twine's configuration, or its address where only that was
    given; ``upload`` and ``simple`` are addresses, which may hold credentials of their own.
    """

    name: str
    upload: str = field(repr=False)
    simple: str = field(repr=False)
    twine: TwineSettings = field(repr=False)

    @property
    def address(self) -> str:
        """The upload address without credentials: what the journal goes by."""
        return shown(self.upload)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is unsafe about it."""
        parts = urlsplit(self.upload)
        if parts.scheme == "https" or is_loopback(parts.netloc):
            return ()
        return (f"`{self.address}` is not encrypted: whoever is on the way can read the token",)


class RemoteIndex:
    """An `pipeline.publishing.index.Index` over the network.

    ``timeout`` is how many seconds it may be silent after it was sent a file.
    """

    def __init__(
        self, place: Place, settings: Settings, *, timeout: float = ANSWER_SECONDS
    ) -> None:
        pip = settings.pip
        self.name = place.name
        self._uploader = Uploader(
            place.twine,
            certificates=settings.environ.get("SSL_CERT_FILE") or pip.cert,
            proxy=pip.proxy,
            timeout=timeout,
        )
        same = origin(place.simple) == origin(place.upload)
        login = self._uploader.authorization if same else str
        self._reader = reader(place, settings, login)

    def files(self, project: str) -> Sequence[Link]:
        """Return all files of a project."""
        return self._reader.files(project)

    def digest(self, link: Link) -> str:
        """Return the sha256 of a file's bytes."""
        return self._reader.digest(link)

    def upload(self, file: Distribution) -> None:
        """Send a file once."""
        self._uploader.upload(file)

    def close(self) -> None:
        """End the connections."""
        self._uploader.close()


def reader(place: Place, settings: Settings, login: Callable[[], str] = str) -> SimpleIndex:
    """Return the reading side of an index; ``login`` as `SimpleIndex` takes it."""
    client = Client(
        timeout=settings.pip.timeout,
        cert=place.twine.cacert or settings.pip.cert,
        proxy=settings.pip.proxy,
        authorize=Credentials((place.simple,), settings.environ).header,
        login_hint=f"the files of `{place.name}` cannot be read: put user and password into "
        f"`{INDEX_VARIABLE}` or `netrc`",
    )
    return SimpleIndex(client, place.simple, login)


def find(repository: str, declared: str, settings: Settings) -> Place:
    """Return where a repository of twine's configuration is.

    ``declared`` is the Simple API's address by ``pipeline.yaml``, or empty. The variables of twine
    count as they do for it: ``TWINE_REPOSITORY``, ``TWINE_REPOSITORY_URL``, ``TWINE_USERNAME``,
    ``TWINE_PASSWORD``, ``TWINE_CERT``. Raises ReleaseRefusedError when it is not known, or is told
    in a way that cannot be read; NetworkError when the network is off.
    """
    if settings.offline:
        raise NetworkError(
            f"nothing can be uploaded to `{repository}`: the network is off",
            hint="leave out `--offline`, or add `--draft`",
        )
    environ = settings.environ
    name, upload, twine = _upload(repository, environ)
    url = environ.get("TWINE_REPOSITORY_URL", "")
    moved = bool(url or environ.get("TWINE_REPOSITORY"))
    simple = environ.get(INDEX_VARIABLE) or ("" if moved else declared) or _known(upload, environ)
    if not simple:
        raise ReleaseRefusedError(
            f"it is not known where `{name}` lists its files, so nobody could see what it has "
            "and what it took",
            hint="give the address of its Simple API, as for `pip install --index-url`: "
            f"`index-url` in the stage, or `{INDEX_VARIABLE}`",
        )
    _check(simple)
    return Place(name=name, upload=upload, simple=simple, twine=twine)


def uploads_to(repository: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the name and address that a journal of uploads to a repository goes by; no network.

    ReleaseRefusedError when this machine is not told where the repository is.
    """
    name, upload, _ = _upload(repository, environ)
    return name, shown(upload)


def _upload(repository: str, environ: Mapping[str, str]) -> tuple[str, str, TwineSettings]:
    """Return the name of a repository, the address to upload to, and twine's settings for it."""
    name = environ.get("TWINE_REPOSITORY") or repository
    url = environ.get("TWINE_REPOSITORY_URL", "")
    twine = _configured(name, url, environ)
    return shown(url) if url else name, twine.repository_config["repository"] or "", twine


def _configured(name: str, url: str, environ: Mapping[str, str]) -> TwineSettings:
    home = environ.get("HOME", "")
    config = Path(home) / ".pypirc"
    try:
        return TwineSettings(
            repository_name=name,
            repository_url=url or None,
            username=environ.get("TWINE_USERNAME"),
            password=environ.get("TWINE_PASSWORD"),
            cacert=environ.get("TWINE_CERT"),
            config_file=str(config) if home and config.is_file() else utils.DEFAULT_CONFIG_FILE,
            non_interactive=True,
            disable_progress_bar=True,
        )
    except (TwineException, ValueError):
        # What twine says may hold the address as it was given, and so a password.
        where = "`TWINE_REPOSITORY_URL`" if url else f"`{config}`"
        raise ReleaseRefusedError(
            f"{where} says of no repository `{name}` where to upload to, or cannot be read",
            hint=f"add a section `[{name}]` with `repository = https://...` to `.pypirc` and name "
            "it in `index-servers`, or set `TWINE_REPOSITORY_URL`",
        ) from None


def _known(upload: str, environ: Mapping[str, str]) -> str:
    if upload == utils.DEFAULT_REPOSITORY:
        return default_index(environ)
    if upload == utils.TEST_REPOSITORY:
        return upload.replace("/legacy/", "/simple/")
    return ""


def _check(simple: str) -> None:
    parts = urlsplit(simple)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ReleaseRefusedError(
            f"`{shown(simple)}` is no address of a Simple API",
            hint="write it as `https://index.example/simple/`",
        )
