"""``.devcontainer/devcontainer.json``: the same place for editors that know dev containers.

The image is named by the digest of what is locked. No registry has it: before a container is made,
the editor runs ``pipeline dev --load`` on this machine, which assembles it from the lock and gives
it to Docker. Nothing of this machine or of a commit is in the file, so it can be committed and is
stale only when lock or declarations moved on. Source: the reference of ``devcontainer.json`` at
containers.dev.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pipeline.dev import image
from pipeline.dev.place import ENVIRONMENT, REPOSITORY, find
from pipeline.errors import ConfigError
from pipeline.workflows.files import Drift

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.dev.place import Place, Repository

FILE = ".devcontainer/devcontainer.json"
LAUNCHER = "pipelinew"
WORKSPACE = "${localWorkspaceFolder}"
OURS = "pipeline"
"""The name below ``customizations`` where we keep what the file was written for."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a file is written for; ``flags`` are Docker's (``--publish=...``)."""

    stage: str
    packages: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def text(place: Place, options: Options, root: Path) -> str:
    """Return the file's text."""
    start = f"./{LAUNCHER}" if (root / LAUNCHER).is_file() else "pipeline"
    packages = [word for name in options.packages for word in ("--package", name)]
    document = {
        "name": f"{root.name}: {options.stage}",
        "image": image.name(place),
        "initializeCommand": [start, "dev", options.stage, *packages, "--load"],
        "workspaceMount": f"source={WORKSPACE},target={REPOSITORY},type=bind",
        "workspaceFolder": place.workdir,
        "remoteUser": image.USER,
        # The image is made for the user who loads it.
        "updateRemoteUserUID": False,
        "userEnvProbe": "none",
        "overrideCommand": True,
        "runArgs": ["--init", *options.flags],
        "customizations": {
            OURS: asdict(options),
            "vscode": {
                "settings": {"python.defaultInterpreterPath": f"{ENVIRONMENT}/bin/python"},
            },
        },
    }
    return json.dumps(document, indent=2) + "\n"


def read(root: Path) -> tuple[str | None, Options | None]:
    """Return a repository's file and what it was written for; None for what is not ours."""
    try:
        found = (root / FILE).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None, None
    except OSError as error:
        raise ConfigError(f"`{FILE}` cannot be read: {error.strerror}", where=FILE) from error
    try:
        document = json.loads(found)
    except ValueError:
        return found, None
    match document:
        case {
            "customizations": {
                "pipeline": {"stage": str(stage), "packages": [*packages], "flags": [*flags]}
            }
        }:
            return found, Options(
                stage=stage, packages=tuple(map(str, packages)), flags=tuple(map(str, flags))
            )
        case _:
            return found, None


def drifts(repository: Repository) -> tuple[Drift, ...]:
    """Return how our file is behind lock, declarations or the tool; nothing where there is none."""
    root = repository.pipeline.root
    found, options = read(root)
    if found is None or options is None:
        return ()
    wanted = text(find(repository, options.stage, options.packages), options, root)
    if wanted == found:
        return ()
    lines = difflib.unified_diff(
        found.splitlines(), wanted.splitlines(), f"{FILE} (there)", f"{FILE} (wanted)", lineterm=""
    )
    return (Drift(file=FILE, reason="is not as it would be written", diff=tuple(lines)),)
