"""Bytecode of an image's standard library and packages, beside the image and not in it.

Python starts up to three times faster from it, but marshal writes what depends on reference
counts, so a ``.pyc`` may differ between two runs: it must not count for an image's digest. It lies
in directories of its own that only the sandbox mounts on top. Bytecode belongs to a minor version
of CPython and to no architecture, so the interpreter that runs this makes it where it is of the
image's version, and else the image's own one does, in a sandbox.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipeline.errors import StageFailedError
from pipeline.files import sha256_bytes, sha256_file
from pipeline.images import compiler
from pipeline.images.root import seal
from pipeline.images.skeleton import Layers

if TYPE_CHECKING:
    from pipeline.engines.protocol import ImageContext
    from pipeline.store.store import Store

FORMAT = 1
SOURCE = "/source"
DESTINATION = "/destination"
"""Where a runner in a sandbox finds the two directories."""


class Runner(Protocol):
    """Runs a compiling command in a sandbox made of an image.

    ``source`` is to be seen read-only at `SOURCE` and ``destination`` writable at `DESTINATION`.
    Raises when the command fails.
    """

    def __call__(self, command: tuple[str, ...], *, source: Path, destination: Path) -> None:
        """Run ``command`` to its end."""


def host_compiles(python: str) -> bool:
    """Whether the interpreter that runs this makes bytecode for CPython ``python`` (``3.11``)."""
    version = sys.version_info
    return (
        sys.implementation.name == "cpython"
        and version.releaselevel == "final"
        and f"{version.major}.{version.minor}" == python
    )


def directories(python: str, interpreter: str = "") -> tuple[str, ...]:
    """Return where an image's modules are, relative to its root.

    ``interpreter`` is where its Python stands, by default Debian's place.
    """
    usual = (f"usr/lib/python{python}", "usr/lib/python3", f"usr/local/lib/python{python}")
    prefix = interpreter.removesuffix(f"/bin/python{python}").strip("/")
    own = f"{prefix}/lib/python{python}" if prefix else usual[0]
    return usual if own in usual else (*usual, own)


def command(
    interpreter: str, source: str, destination: str, *, inside: str, below: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the command that compiles the directories ``below`` ``source``.

    ``inside`` is where they will stand when the bytecode is used.
    """
    text = Path(compiler.__file__).read_text(encoding="utf-8")
    jobs = str(min(4, os.cpu_count() or 1))
    return (interpreter, "-I", "-S", "-c", text, source, destination, inside, jobs, *below)


def with_bytecode(
    context: ImageContext,
    python: str,
    store: Store,
    run: Runner | None = None,
    *,
    interpreter: str = "",
) -> ImageContext:
    """Return ``context`` with the bytecode of each of its layers in ``derived``.

    ``run`` is what to do where the interpreter that runs this is of another version; without it
    the context is returned as it is, as for an image without Python. ``interpreter`` is where the
    image's stands, by default Debian's place. Each layer's bytecode is made once.
    """
    if not python or not (run or host_compiles(python)):
        return context
    made = [_of_layer(layer, python, store, run, interpreter) for layer in context.layers]
    return dataclasses.replace(context, derived=tuple(path for path in made if path))


def _of_layer(
    layer: Path, python: str, store: Store, run: Runner | None, interpreter: str
) -> Path | None:
    layers = Layers(directories=(layer,))
    places = directories(python, interpreter)
    below = tuple(name for name in places if layers.kind(name.encode()) == "dir")
    if not below:
        return None
    parts = (str(FORMAT), layer.parent.name, python, sha256_file(Path(compiler.__file__)))

    def make(directory: Path) -> None:
        compile_below(
            layer, directory, python, inside="/", below=below, run=run, interpreter=interpreter
        )

    return store.derived("bytecode", sha256_bytes(" ".join(parts).encode()), make)


def compile_below(
    source: Path,
    destination: Path,
    python: str,
    *,
    inside: str,
    below: tuple[str, ...],
    run: Runner | None = None,
    interpreter: str = "",
) -> bool:
    """Write the bytecode of the directories ``below`` ``source`` to ``destination``.

    The two may be the same. Returns False, having done nothing, where there is no interpreter of
    the version ``python`` to do it.
    """
    if host_compiles(python):
        _on_host(source, destination, inside=inside, below=below)
    elif run:
        program = interpreter or f"/usr/bin/python{python}"
        line = command(program, SOURCE, DESTINATION, inside=inside, below=below)
        run(line, source=source, destination=destination)
    else:
        return False
    seal(destination)
    return True


def _on_host(source: Path, destination: Path, *, inside: str, below: tuple[str, ...]) -> None:
    from pipeline import process  # noqa: PLC0415 - subprocess is needed only here

    line = command(sys.executable, str(source), str(destination), inside=inside, below=below)
    completed = process.run(line, env={})
    if completed.status == compiler.FULL:
        raise OSError(compiler.FULL, os.strerror(compiler.FULL), str(destination))
    if completed.status:
        raise StageFailedError(
            f"the bytecode of `{source}` could not be made: status {completed.status}",
            detail=tuple(completed.stderr.strip().splitlines()[-20:]),
        )
