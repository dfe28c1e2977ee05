"""What a daemon's refusal of a container means to who asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.dev.ports import taken
from pipeline.errors import EngineUnavailableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from docker.errors import APIError

    from pipeline.dev.ports import Port

NAMES = "letters, digits, `_`, `.` and `-`"


def meaning(
    error: APIError, *, name: str, ports: Sequence[Port], root: Path
) -> UsageError | EngineUnavailableError:
    """Return the error to raise; ``root`` is the checkout that was to be mounted."""
    words = str(error.explanation or error).strip()
    if error.status_code == 409 and name:
        return name_in_use(name)
    if "Invalid container name" in words:
        return UsageError(f"`--name {name}` is no name of a container", hint=f"use {NAMES}")
    if "already allocated" in words or "already in use" in words:
        return taken(", ".join(str(port) for port in ports))
    if "could not select device driver" in words or "nvidia" in words.lower():
        return UsageError(
            "Docker has no GPU to give",
            hint="install the NVIDIA driver and container toolkit, or leave `--gpus` out",
            detail=(words.splitlines()[0],),
        )
    if "bind source path does not exist" in words:
        return unseen(root, "the Docker daemon does not see this machine's files there")
    return EngineUnavailableError(f"Docker cannot run the container: {words.splitlines()[0]}")


def name_in_use(name: str) -> UsageError:
    """Return the error for a name that another container has."""
    return UsageError(
        f"there is a container `{name}` already",
        hint="give another `--name`, or remove it; `pipeline doctor` lists those left over",
    )


def unseen(root: Path, why: str) -> EngineUnavailableError:
    """Return the error for a checkout that cannot be mounted."""
    return EngineUnavailableError(
        f"Docker cannot mount `{root}`: {why}",
        hint="work in a checkout below your home directory, or take `--engine sandbox`",
    )
