"""Sending files with twine, in this process.

As a library, so that a token is on no command line, in no environment that was not given it, and
in no output but what we let through: twine's own printing and logging is silenced, and from what a
server says whatever we said to it is taken out.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import email.utils
import io
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from twine.exceptions import InvalidDistribution, TrustedPublishingFailure, TwineException
from twine.package import PackageFile

from pipeline.errors import NetworkError, ReleaseRefusedError
from pipeline.network.addresses import is_loopback, shown
from pipeline.network.faults import RETRIED, TransientError
from pipeline.publishing import attestations
from pipeline.publishing.index import LOGIN_HINT, TakenError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from twine.settings import Settings

    from pipeline.publishing.session import Distribution

LOGGERS = ("twine", "keyring", "id", "urllib3", "requests")
WORDS_LIMIT = 300
"""Characters of a server's answer that are shown."""

TAKEN = re.compile(r"already (exist|been used|uploaded)|exists already", re.IGNORECASE)

UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""OpenSSL's name of the one TLS fault that does not pass."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server said to an upload: ``words`` without anything secret, ``wait`` in seconds."""

    status: int
    words: str
    wait: float = 0.0


class Uploader:
    """Uploads to the repository of twine's ``settings``.

    ``certificates`` is a file or directory, empty for what twine takes; ``proxy`` an address;
    ``timeout`` how many seconds a server may be silent. ReleaseRefusedError when no token or
    password is to be had.
    """

    def __init__(
        self, settings: Settings, *, certificates: str = "", proxy: str = "", timeout: float
    ) -> None:
        with _silence():
            self._login = _login(settings)
            self._repository = settings.create_repository()
        session = self._repository.session
        session.auth = self._login
        if certificates and not settings.cacert:
            session.verify = certificates
        if is_loopback(urlsplit(self._repository.url).netloc):
            session.trust_env = False  # a proxy would look for it on its own machine
        elif proxy:
            session.proxies = {"http": proxy, "https": proxy}
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Patient(timeout))

    def authorization(self) -> str:
        """Return our ``Authorization``, for the reading side of the same server."""
        request = requests.Request("GET", self._repository.url, auth=self._login).prepare()
        return request.headers.get("Authorization", "")

    def upload(self, file: Distribution) -> None:
        """Send a file once, as `pipeline.publishing.index.Index.upload` says."""
        package = package_of(file.path)
        if package.sha2_digest != file.sha256:
            raise ReleaseRefusedError(f"`{file.name}` changed since it was checked")
        attestations.attach(package, file.path, self._repository.url)
        judge(self._send(package), file, shown(self._repository.url))

    def close(self) -> None:
        """End the connections."""
        self._repository.close()

    def _send(self, package: PackageFile) -> Answer:
        url = shown(self._repository.url)
        try:
            with _silence():
                response = self._repository.upload(package, max_redirects=1)
        except requests.exceptions.SSLError as error:
            if UNTRUSTED not in str(error):
                raise TransientError("the connection was cut") from None
            raise NetworkError(
                f"the certificate of `{url}` cannot be verified",
                hint="set `TWINE_CERT`, or `cert` in pip's settings, to the machine's certificates",
            ) from None
        except requests.exceptions.Timeout:
            raise TransientError("the server does not answer") from None
        except TrustedPublishingFailure as error:
            raise _no_login(str(error)) from None
        except (requests.exceptions.RequestException, OSError):
            # What requests says may hold addresses with passwords of proxies.
            raise TransientError("the connection failed or was cut") from None
        with response:
            return _answer(response)


def package_of(path: Path) -> PackageFile:
    """Return a file with the form that goes with it; ReleaseRefusedError when twine would not."""
    try:
        with _silence():
            return PackageFile.from_filename(str(path), None)
    except InvalidDistribution as error:
        words = str(error)
        raise ReleaseRefusedError(f"twine refuses `{path.name}`: {words}") from error


def judge(answer: Answer, file: Distribution, url: str) -> None:
    """Return when a server took a file; else raise what its answer means."""
    said = f": {answer.words}" if answer.words else ""
    status = answer.status
    if 200 <= status < 300:
        return
    if status in RETRIED or status >= 500:
        raise TransientError(f"the index answers with status {status}", wait=answer.wait)
    if status == 409 or (status in {400, 403} and TAKEN.search(answer.words)):
        raise TakenError(f"`{url}` says that it has `{file.name}` already{said}")
    _refuse(answer, f"`{file.name}`", url, said)


def _refuse(answer: Answer, file: str, url: str, said: str) -> NoReturn:
    match answer.status:
        case 401 | 403:
            raise ReleaseRefusedError(
                f"`{url}` does not let us upload {file} (status {answer.status}): the token is "
                f"missing, wrong, expired or not for this project{said}",
                hint=LOGIN_HINT,
            )
        case 413:
            raise ReleaseRefusedError(
                f"{file} is larger than `{url}` takes{said}",
                hint="make it smaller, or ask the index for a higher limit",
            )
        case status if status < 400:
            raise ReleaseRefusedError(
                f"`{url}` sends an upload elsewhere (status {status}), which is not followed, "
                "since it would carry our token along",
                hint="give the address that it leads to: often only the final slash is missing",
            )
        case 404 | 405 | 410:
            raise ReleaseRefusedError(
                f"`{url}` is no address to upload to (status {answer.status}){said}",
                hint="check `repository` in `.pypirc`, or `TWINE_REPOSITORY_URL`",
            )
        case status:
            raise ReleaseRefusedError(f"`{url}` refuses {file} (status {status}){said}")


def _login(settings: Settings) -> requests.auth.AuthBase:
    try:
        login = settings.auth.authenticator
        if not (settings.auth.password or "").isprintable():
            raise _no_login("it holds a line break, or something else that none has")
        requests.Request("GET", "http://127.0.0.1/", auth=login).prepare()
    except TwineException as error:
        raise _no_login(str(error)) from None
    except UnicodeError:
        raise _no_login("it holds letters that none can have") from None
    except requests.exceptions.RequestException:
        words = "none is set, and the index gives this machine none for its identity"
        raise _no_login(words) from None
    return login


def _no_login(words: str) -> ReleaseRefusedError:
    reason = words.splitlines()[0].rstrip(".") if words else "nothing is configured"
    return ReleaseRefusedError(
        f"there is no good token or password to upload with: {reason}", hint=LOGIN_HINT
    )


def _answer(response: requests.Response) -> Answer:
    """Return what was said, with what could be our token or its encoding taken out."""
    secrets = _secrets(response.request.headers)
    text = response.text if "html" not in response.headers.get("Content-Type", "") else ""
    words = " ".join(f"{response.reason or ''} {text}".split())
    for secret in secrets:
        words = words.replace(secret, "[hidden]")
    return Answer(
        status=response.status_code,
        words=words[:WORDS_LIMIT],
        wait=_asked_wait(response.headers.get("Retry-After", "")),
    )


def _secrets(headers: Mapping[str, str]) -> tuple[str, ...]:
    encoded = headers.get("Authorization", "").rpartition(" ")[2]
    if not encoded:
        return ()
    password = base64.b64decode(encoded).decode(errors="replace").partition(":")[2]
    again = base64.b64encode(password.encode()).decode().rstrip("=")
    return tuple(secret for secret in (encoded, encoded.rstrip("="), password, again) if secret)


def _asked_wait(text: str) -> float:
    """Return the seconds that ``Retry-After`` asks for, given as a number or as a date."""
    if text.isdigit():
        return float(text)
    try:
        until = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    zoned = until if until.tzinfo else until.replace(tzinfo=dt.UTC)
    return max(0.0, (zoned - dt.datetime.now(tz=dt.UTC)).total_seconds())


class _Patient(HTTPAdapter):
    """Waits for an answer only so long; trying again is for whoever knows what it means."""

    def __init__(self, timeout: float) -> None:
        super().__init__(max_retries=0)
        self._timeout = timeout

    def send(  # type: ignore[override]  # all of them are passed on, whatever they are
        self, request: requests.PreparedRequest, **options: object
    ) -> requests.Response:
        """Send a request as `requests` does, with our time limit."""
        return super().send(request, **{**options, "timeout": self._timeout})  # type: ignore[arg-type]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep twine and what it uses from printing: what counts is told by us, without secrets."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())  # else Python prints warnings on its own
    with contextlib.redirect_stdout(io.StringIO()):
        yield
