"""Canonical bytes without this tool: what normalises a wheel or sdist, as a context and a stage.

`pipeline run` normalises what a build left on the host. A Dockerfile that is built elsewhere gets
two further stages that do the same inside, with our own modules, so that its output is equal.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.dockerfile.parser import parse

if TYPE_CHECKING:
    from pipeline.wheels.bill import Parts

CONTEXT = "canonical"

PARTS = ("__init__.py", "errors.py", "files.py", "wheels")
"""What of this package normalising needs; the structure tests hold it to that."""

LIBRARIES = ("deflate", "packaging")

SCRIPT = """\
import sys
from pathlib import Path

from pipeline.wheels.bill import Parts
from pipeline.wheels.normalise import normalise

source, destination, epoch = sys.argv[1:]
known = Path(__file__).with_name("parts.json")
parts = Parts.load(known.read_text()) if known.exists() else None
for file in sorted(Path(source).iterdir()):
    is_pure = file.name.endswith(("-any.whl", ".tar.gz"))
    normalise(file, Path(destination), epoch=int(epoch), parts=None if is_pure else parts)
"""

STAGES = """\

# The bytes that `pipeline run` keeps: one writer, the times of the release.
FROM {image} AS normalise
WORKDIR /out
COPY --from={context} / /canonical
COPY --from={last} / /built
RUN --network=none ["/usr/bin/env", "PYTHONPATH=/canonical", "python{python}", \
"/canonical/canonical.py", "/built", "/out", "{epoch}"]

FROM scratch
COPY --from=normalise /out /
"""


def canonical_dockerfile(text: str, *, image: str, python: str, epoch: int) -> str:
    """Return a Dockerfile that goes on to normalise the output of ``text``.

    ``python`` is the version (``3.11``) of the interpreter in ``image``.
    """
    last = len(parse(text).stages) - 1
    more = STAGES.format(image=image, context=CONTEXT, last=last, python=python, epoch=epoch)
    return f"{text.rstrip()}\n{more}"


def write_context(directory: Path, parts: Parts | None = None) -> None:
    """Write what the normalising stage runs: our modules, and the libraries they import.

    ``parts`` is what a wheel can be made of from elsewhere, where it is to get a bill of it.
    The compressor is the one of this tool's own environment, built against the stable ABI: it
    serves any CPython from 3.11 on, on this machine's architecture.
    """
    own = Path(__file__).resolve().parents[1]
    (directory / own.name).mkdir(parents=True)
    for part in PARTS:
        _copy(own / part, directory / own.name / part)
    for library in LIBRARIES:
        spec = importlib.util.find_spec(library)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(library)
        origin = Path(spec.origin)
        package = origin.parent if origin.name == "__init__.py" else origin
        _copy(package, directory / package.name)
    (directory / "canonical.py").write_text(SCRIPT)
    if parts:
        (directory / "parts.json").write_text(parts.dump())


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)
