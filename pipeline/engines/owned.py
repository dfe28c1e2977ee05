"""Containers of ours on a Docker daemon: whose they are, and removing those whose owner is gone.

Each has labels that name the process which started it, so that what a killed process left can be
told from what another one is using. A process is known by its id together with the moment it
started; an id alone is used again. Ids mean something in one pid namespace of one boot only, so
both are in the label, and what belongs to another namespace is left alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from docker import DockerClient

LABEL = "pipeline.owner"
PURPOSE = "pipeline.purpose"


@dataclass(frozen=True, kw_only=True)
class Owned:
    """A container of ours: its id, its name, and what it is for (``dev``)."""

    identity: str
    name: str
    purpose: str


def labels(purpose: str) -> dict[str, str]:
    """Return the labels of a container that this process starts."""
    return {LABEL: owner(os.getpid()), PURPOSE: purpose}


def owner(process: int) -> str:
    """Return the name of a process that no other one has ever had; OSError for one that is gone."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    namespace = os.stat("/proc/self/ns/pid").st_ino
    return f"{boot}:{namespace}:{process}:{_started(process)}"


def _started(process: int) -> str:
    """Return when a process started, in ticks since boot: field 22 of its status (proc(5))."""
    status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    return status.rpartition(")")[2].split()[19]


def is_gone(label: str, *, running: bool) -> bool:
    """Whether the process with this label is gone. After a boot nothing that runs is of before."""
    parts = label.split(":")
    if len(parts) != 4 or not parts[2].isdecimal():
        return False
    boot, namespace, process, _ = parts
    try:
        now = owner(int(process))
    except OSError:
        now = owner(os.getpid())
        gone = True
    else:
        gone = now != label
    if boot != now.split(":")[0]:
        return not running
    return gone and namespace == now.split(":")[1]


def leftovers(client: DockerClient) -> tuple[Owned, ...]:
    """Return the containers whose owners are gone, by name."""
    found = client.api.containers(all=True, filters={"label": LABEL})
    gone = [one for one in found if _left(one["Labels"], one["State"])]
    owned = (
        Owned(
            identity=one["Id"],
            name=one["Names"][0].lstrip("/") if one["Names"] else one["Id"][:12],
            purpose=one["Labels"].get(PURPOSE, ""),
        )
        for one in gone
    )
    return tuple(sorted(owned, key=lambda one: one.name))


def _left(found: Mapping[str, str], state: str) -> bool:
    return is_gone(found[LABEL], running=state == "running")


def remove(client: DockerClient, containers: Sequence[Owned]) -> None:
    """Remove containers with what they wrote; one that is gone meanwhile is fine."""
    from docker.errors import NotFound  # noqa: PLC0415 - see `daemon`

    for one in containers:
        try:
            client.api.remove_container(one.identity, v=True, force=True)
        except NotFound:
            continue
