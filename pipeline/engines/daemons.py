"""What is known of the daemons of a run, and of earlier ones.

Asking a daemon takes a tenth of a second, most of it to import the SDK. What it answered is kept in
the store, and asked again when a build fails for a reason that lies in no step.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from threading import Lock
from typing import TYPE_CHECKING

from pipeline.engines.daemon import Daemon, check_command, knock, look
from pipeline.files import sha256_bytes
from pipeline.store.faults import guarded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PLACES = ("DOCKER_HOST", "DOCKER_CONFIG", "HOME")
"""The variables that say what a context's name means."""


class Daemons:
    """Daemons by their contexts' names. Safe to use from several threads."""

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self._directory = directory
        self._environ = environ
        self._asking = Lock()
        self._known: dict[str, Daemon] = {}

    def get(self, context: str) -> Daemon:
        """Return what is known of a daemon, asking it only if nothing is; UnusableError."""
        with self._asking:
            if context not in self._known:
                check_command(self._environ)
                remembered = self._remembered(context)
                if remembered:
                    knock(context, self._environ)
                self._known[context] = remembered or self._ask(context)
            return self._known[context]

    def ask(self, context: str) -> Daemon:
        """Ask a daemon anew and return what it says; UnusableError."""
        with self._asking:
            self._known[context] = self._ask(context)
            return self._known[context]

    def _ask(self, context: str) -> Daemon:
        found = look(context, self._environ)
        file = self._file(context)
        with guarded("remembering Docker in", file):
            file.parent.mkdir(mode=0o700, exist_ok=True)
            temporary = file.with_name(f"{file.name}.{os.getpid()}")
            temporary.write_text(json.dumps(asdict(found)), encoding="utf-8")
            temporary.replace(file)
        return found

    def _remembered(self, context: str) -> Daemon | None:
        try:
            return Daemon(**json.loads(self._file(context).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def _file(self, context: str) -> Path:
        named = repr([context, *(self._environ.get(name) for name in PLACES)])
        return self._directory / sha256_bytes(named.encode())[:32]
