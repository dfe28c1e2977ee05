"""Secrets of a build: from the caller's environment into files that live as long as the build."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.store.faults import guarded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pipeline.store.store import Store


@contextmanager
def secret_files(
    secrets: Mapping[str, str], cell: str, environ: Mapping[str, str], store: Store
) -> Iterator[dict[str, Path]]:
    """Give a file for each secret, by id; UsageError when a variable is not set.

    ``secrets`` maps ids to the variables of ``environ`` that hold them.
    """
    if not secrets:
        yield {}
        return
    if missing := [name for name in secrets.values() if name not in environ]:
        raise UsageError(
            f"`{cell}` needs a secret that `{missing[0]}` should hold, and it is not set",
            hint=f"set `{missing[0]}` in the environment of this command",
        )
    with store.scratch("secrets") as room:
        files = {name: room / str(number) for number, name in enumerate(secrets)}
        for name, path in files.items():
            _write(path, environ[secrets[name]])
        yield files


def _write(path: Path, value: str) -> None:
    with guarded("writing a secret to", path):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "wb") as stream:
            stream.write(os.fsencode(value))
