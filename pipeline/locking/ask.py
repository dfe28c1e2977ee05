"""Runs inside a step, by the image's own Python: asks a build backend its questions (PEP 517).

The request is ``request.json`` beside this file, the answer goes to the path it names. It stands
alone: nothing of `pipeline` is importable there, and the interpreter may be old.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import zipfile
from typing import Any


def main() -> None:
    """Read the request, ask, write the answer."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "request.json"), encoding="utf-8") as stream:
        request = json.load(stream)
    sys.path[0:1] = [os.path.abspath(path) for path in request["backend-path"]]
    backend = load(request["backend"])
    answer: dict[str, Any] = {}
    if request["question"] == "metadata":
        answer["metadata"] = metadata(backend, request["config-settings"])
    else:
        settings = request["config-settings"]
        hook = getattr(backend, "get_requires_for_build_" + request["question"], None)
        answer["requires"] = [str(item) for item in hook(settings)] if hook else []
    with open(request["answer"], "w", encoding="utf-8") as stream:
        json.dump(answer, stream)


def load(name: str) -> Any:  # noqa: ANN401  a backend is any object with the hooks
    """Return the backend object named ``module:attribute``."""
    module, _, attribute = name.partition(":")
    found = importlib.import_module(module)
    for part in attribute.split(".") if attribute else []:
        found = getattr(found, part)
    return found


def metadata(backend: Any, settings: dict[str, Any]) -> str:  # noqa: ANN401
    """Return the METADATA a wheel would have; a backend that cannot say builds one."""
    directory = tempfile.mkdtemp()
    if hasattr(backend, "prepare_metadata_for_build_wheel"):
        name = backend.prepare_metadata_for_build_wheel(directory, settings)
        with open(os.path.join(directory, name, "METADATA"), encoding="utf-8") as stream:
            return stream.read()
    wheel = os.path.join(directory, backend.build_wheel(directory, settings))
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            if member.endswith(".dist-info/METADATA") and member.count("/") == 1:
                return archive.read(member).decode("utf-8")
    raise SystemExit("the backend built a wheel without METADATA")


if __name__ == "__main__":
    main()
