"""What is printed of a bug: enough to report it, and nothing that is secret.

The words of an exception come from anywhere, a library's among them, and people paste them into
public reports. So values of variables that hold a secret by their name are taken out, as they
stand and as HTTP's basic authentication encodes them.
"""

from __future__ import annotations

import base64
import os
import re
import shlex
import sys
import traceback
from typing import TYPE_CHECKING

from pipeline.checkout.remotes import LOGIN
from pipeline.start import version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SECRET = re.compile(r"TOKEN|PASSWORD|PASSWD|SECRET|CREDENTIAL|_KEY$", re.IGNORECASE)
ENCODED = re.compile(r"[A-Za-z0-9+/]{8,}={0,2}")
SHORTEST = 6
"""Characters that a value must have to be a secret, and not a number or a switch."""

HIDDEN = "[hidden]"


def report(words: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return what to tell of the exception that is being handled, and how to report it."""
    text = (
        f"{traceback.format_exc()}"
        "error: this is a bug in pipeline\n"
        "hint: report it with the lines above and the following\n"
        f"  command: pipeline {shlex.join(words)}\n"
        f"  version: {version()}, Python {sys.version.split()[0]}, {os.uname().release}\n"
    )
    return without_secrets(text, environ)


def without_secrets(text: str, environ: Mapping[str, str]) -> str:
    """Return a text without the secrets of ``environ``, plain or in base64, or logins of URLs."""
    secrets = list(_secrets(environ))
    for secret in secrets:
        text = text.replace(secret, HIDDEN)

    def hidden(match: re.Match[str]) -> str:
        decoded = _decoded(match[0])
        return HIDDEN if any(secret in decoded for secret in secrets) else match[0]

    return LOGIN.sub("", ENCODED.sub(hidden, text))


def _secrets(environ: Mapping[str, str]) -> Iterator[str]:
    for name, value in environ.items():
        if SECRET.search(name) and len(value) >= SHORTEST:
            yield value


def _decoded(text: str) -> str:
    whole = text.rstrip("=")
    whole += "=" * (-len(whole) % 4)
    try:
        return base64.b64decode(whole).decode(errors="replace")
    except ValueError:
        return ""
