"""What a registry asks for before it answers, and how it is given: basic or a token.

A registry answers 401 with ``WWW-Authenticate``: ``Basic``, or ``Bearer`` with the address of a
server that gives tokens (the distribution project's token specification; RFC 6750, RFC 9110).
"""

from __future__ import annotations

import json
import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import NetworkError
from pipeline.network.addresses import shown
from pipeline.network.transport import AGENT, read_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.network.transport import Client
    from pipeline.registry.logins import Login

PARAMETER = re.compile(r'([A-Za-z0-9_-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
ANSWER_LIMIT = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """One way to say who we are: ``basic``, or ``bearer`` with its parameters."""

    scheme: str
    parameters: Mapping[str, str]


def challenges(headers: Iterable[str]) -> list[Challenge]:
    """Return what ``WWW-Authenticate`` headers ask for, as far as we can give it."""
    found = []
    for header in headers:
        scheme, _, rest = header.strip().partition(" ")
        if scheme.lower() in {"basic", "bearer"}:
            pairs = {
                name.lower(): re.sub(r"\\(.)", r"\1", quoted) if quoted else plain
                for name, quoted, plain in PARAMETER.findall(rest)
            }
            found.append(Challenge(scheme=scheme.lower(), parameters=pairs))
    return found


def authorization(
    asked: Iterable[Challenge], login: Login, client: Client, *, scope: str, secure: bool
) -> str:
    """Return the ``Authorization`` that answers a registry, empty where we have nothing to say.

    ``scope`` is what is wanted where the registry does not say so itself; ``secure`` whether it
    was asked over https, when the server of tokens must be too. Raises NetworkError.
    """
    for challenge in asked:
        if challenge.scheme == "bearer":
            return _token(challenge.parameters, login, client, scope=scope, secure=secure)
        if login.basic:
            return login.basic
    return ""


def _token(
    parameters: Mapping[str, str], login: Login, client: Client, *, scope: str, secure: bool
) -> str:
    realm = parameters.get("realm", "")
    if not realm.startswith("https://" if secure else ("https://", "http://")):
        raise NetworkError(
            "the registry sends us to an address for tokens that is not an `https://` one, so "
            "nothing is told there",
            hint="its configuration is wrong, or something stands between it and us",
        )
    wanted = {"service": parameters.get("service", ""), "scope": parameters.get("scope") or scope}
    fields = {name: value for name, value in wanted.items() if value}
    try:
        return client.retrying(lambda: _asked(realm, fields, login, client), realm)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise NetworkError(f"`{shown(realm)}` gives no token that can be read") from error


def _asked(realm: str, fields: Mapping[str, str], login: Login, client: Client) -> str:
    headers = {"Accept": "application/json"}
    if login.identity:
        grant = {"grant_type": "refresh_token", "refresh_token": login.identity}
        body = urllib.parse.urlencode({**fields, **grant, "client_id": AGENT}).encode()
        with client.open(realm, headers, data=body) as response:
            return _answer(read_page(response, ANSWER_LIMIT).data)
    joint = "&" if "?" in realm else "?"
    address = f"{realm}{joint}{urllib.parse.urlencode(fields)}"
    with client.open(address, headers, authorization=login.basic) as response:
        return _answer(read_page(response, ANSWER_LIMIT).data)


def _answer(data: bytes) -> str:
    found = json.loads(data)
    token = found.get("token") or found.get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
        raise TypeError("no token")
    return f"Bearer {token}"
