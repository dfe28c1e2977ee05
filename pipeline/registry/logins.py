"""Who we are to registries: Docker's own configuration and its credential helpers, never shown.

``config.json`` in ``$DOCKER_CONFIG`` or ``~/.docker``: ``auths``, ``credHelpers``, ``credsStore``
(docker-login(1)). A helper is a program ``docker-credential-NAME`` that is asked with ``get``.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, NetworkError, PipelineError
from pipeline.process import run

if TYPE_CHECKING:
    from collections.abc import Mapping

HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
HELPER_SECONDS = 60.0
IDENTITY_USER = "<token>"
"""The user name with which a helper gives an identity token in place of a password."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """What a registry knows us by: a password, or an identity token to be exchanged (OAuth 2)."""

    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The ``Authorization`` with user and password, empty without a password."""
        if not self.password:
            return ""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


class Logins:
    """The logins of a machine, each looked up once. Safe to use from several threads."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._known: dict[str, Login] = {}
        self._lock = threading.Lock()
        self._config: dict[str, object] | None = None

    def of(self, host: str) -> Login:
        """Return the login for a host (with its port), an empty one where there is none.

        Raises ConfigError when Docker's configuration is broken, NetworkError when a helper is.
        """
        with self._lock:
            if host not in self._known:
                self._known[host] = self._found(host)
            return self._known[host]

    def _found(self, host: str) -> Login:
        if self._config is None:
            self._config = _read(self._environ)
        helpers = _table(self._config, "credHelpers")
        name = helpers.get(host) or self._config.get("credsStore")
        if isinstance(name, str) and name:
            asked = self._asked(name, host)
            if asked != Login() or host in helpers:
                return asked
        for key, entry in _table(self._config, "auths").items():
            if _host(key) == host.lower() and isinstance(entry, dict):
                return _entry(entry)
        return Login()

    def _asked(self, name: str, host: str) -> Login:
        """Ask a helper; what it says on failing is not shown, since it may hold anything."""
        if not HELPER.fullmatch(name):
            raise ConfigError(
                "Docker's configuration names a credential helper that cannot be a program",
                hint="look at `credsStore` and `credHelpers` in its `config.json`",
            )
        program = f"docker-credential-{name}"
        try:
            answer = run(
                [program, "get"], env=self._environ, stdin=host.encode(), timeout=HELPER_SECONDS
            )
            if answer.status:
                return Login()  # a registry without a login is asked as nobody
            found = json.loads(answer.stdout)
            user, secret = str(found["Username"]), str(found["Secret"])
        except (PipelineError, ValueError, KeyError, TypeError) as error:
            raise NetworkError(
                f"the credential helper `{program}`, which Docker's configuration names for "
                f"`{host}`, does not work",
                hint=f"try `echo {host} | {program} get`, or take it out of Docker's `config.json`",
            ) from error
        return (
            Login(identity=secret) if user == IDENTITY_USER else Login(user=user, password=secret)
        )


def _read(environ: Mapping[str, str]) -> dict[str, object]:
    directory = environ.get("DOCKER_CONFIG") or (
        f"{environ['HOME']}/.docker" if environ.get("HOME") else ""
    )
    path = Path(directory) / "config.json"
    if not directory:
        return {}
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _broken(path) from error
    if not isinstance(found, dict):
        raise _broken(path)
    return found


def _broken(path: Path) -> ConfigError:
    return ConfigError(
        "Docker's configuration cannot be read, so who we are to registries is not known",
        where=str(path),
        hint="mend the file, or name another directory with `DOCKER_CONFIG`",
    )


def _table(config: dict[str, object], key: str) -> dict[str, object]:
    found = config.get(key)
    return found if isinstance(found, dict) else {}


def _entry(entry: dict[str, object]) -> Login:
    identity = entry.get("identitytoken")
    if isinstance(identity, str) and identity:
        return Login(identity=identity)
    user, password = entry.get("username"), entry.get("password")
    packed = entry.get("auth")
    if isinstance(packed, str) and packed:
        try:
            user, _, password = base64.b64decode(packed, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return Login()
    if not (isinstance(user, str) and isinstance(password, str)):
        return Login()
    return Login(user=user, password=password.strip("\0"))


def _host(key: str) -> str:
    """Return the host of a key, which may be an address as early versions wrote it."""
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0].lower()
