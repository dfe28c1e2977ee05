"""A place as an image in Docker: the locked image, and one layer with ``/env`` and the caller.

Nothing but the checkout is mounted into a container then: a daemon that sees neither ``/tmp`` nor
hidden directories (Docker from Snap) serves as well. The tag is the digest of what is locked; the
layer also holds what may change with every commit (versions, programs, the caller's user id), so
an image of that name is replaced when it is not what it would be now.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.dev.compilers import Additions
from pipeline.dev.place import ENVIRONMENT
from pipeline.engines.union import Leaf, Union
from pipeline.execute.packing import bundled
from pipeline.execute.provision import checked
from pipeline.files import sha256_bytes
from pipeline.images import bundle, layer
from pipeline.images.assemble import assemble
from pipeline.images.environment import unpack_wheels
from pipeline.images.extend import Change, extend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from docker import DockerClient

    from pipeline.dev.inputs import Means
    from pipeline.dev.place import Place
    from pipeline.engines.protocol import ImageContext
    from pipeline.images.bundle import Bundle
    from pipeline.plan.recipe import EnvironmentInput

NAME = "pipeline-dev"
USER = "developer"
HOME = "/tmp"  # noqa: S108 - inside, where it is the container's own; a step's HOME as well
CREATED = "1980-01-01T00:00:00Z"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The user inside: who runs this, or root where the daemon runs as them (rootless Docker)."""

    user: int
    group: int

    @property
    def ids(self) -> str:
        """User and group as Docker takes them."""
        return f"{self.user}:{self.group}"


def caller(client: DockerClient) -> Caller:
    """Return the user that files made in a container are to belong to on this machine."""
    options = client.info().get("SecurityOptions") or []
    if any("name=rootless" in option for option in options):
        return Caller(user=0, group=0)
    return Caller(user=os.getuid(), group=os.getgid())


def name(place: Place) -> str:
    """Return what a place's image is called in Docker."""
    return bundle.loaded_name(NAME, place.digest)


def load(place: Place, means: Means, client: DockerClient, user: Caller) -> bool:
    """Give the daemon the image of a place unless it has just that one; whether it was sent.

    DockerException and requests' own, as the SDK raises them.
    """
    from docker.errors import ImageNotFound  # noqa: PLC0415 - see `pipeline.engines.daemon`

    made = build(place, means, user)
    try:
        found = client.images.get(name(place)).id
    except ImageNotFound:
        found = None
    # An image is called by its manifest in containerd's store, by its configuration in others.
    if found in {f"sha256:{made.digest}", f"sha256:{sha256_bytes(made.config)}"}:
        return False
    # The stubs know files only; what is sent is what requests takes, which streams iterators.
    client.images.load(bundle.stream(made, name=NAME, tag=place.digest))  # type: ignore[arg-type]
    return True


def build(place: Place, means: Means, user: Caller) -> Bundle:
    """Return the image of a place: the same bytes for the same lock, checkout and user."""
    image = assemble(place.image, means.lock, place.platform, means.store)
    made = bundled(image)
    if place.environment:
        change = Change(created=CREATED, origin="locked environment")
        made = extend(made, _environment(place.environment, means), change)
    own = _own_layer(place, means, image, user)
    settings = Change(
        created=CREATED,
        origin=f"pipeline dev {place.cell.name}",
        env=dict(place.variables) | {"USER": USER, "LOGNAME": USER},
        workdir=place.workdir,
        labels={"pipeline.dev": place.cell.name},
    )
    return extend(made, own, settings)


def _environment(environment: EnvironmentInput, means: Means) -> bundle.LayerFile:
    """Return the layer of locked wheels, without bytecode, which is no part of an image."""

    def fill(root: Path) -> None:
        wheels = [(wheel.name, checked(wheel, means.store)) for wheel in environment.wheels]
        prefix = root / ENVIRONMENT.strip("/")
        prefix.mkdir()
        unpack_wheels(
            wheels, prefix, python=environment.python, interpreter=environment.interpreter
        )

    return _layer(f"environment {environment.digest}", means, fill)


def _users(image: ImageContext, user: Caller) -> dict[str, str]:
    """Return the files of users and groups with the caller in them."""
    view = Union(tuple(str(path) for path in reversed(image.layers)))
    added = {
        "etc/passwd": f"{USER}:x:{user.user}:{user.group}:{USER}:{HOME}:/bin/sh\n",
        "etc/group": f"{USER}:x:{user.group}:\n",
    }
    found = {path: view.find(f"/{path}").node for path in added}
    return {
        path: (_text(node) if isinstance(node, Leaf) else "root:x:0:0:root:/root:/bin/sh\n") + line
        for (path, line), node in zip(added.items(), found.values(), strict=True)
    }


def _text(leaf: Leaf) -> str:
    with open(leaf.host, encoding="utf-8", errors="replace") as stream:
        text = stream.read()
    return text if text.endswith("\n") or not text else f"{text}\n"


def _own_layer(place: Place, means: Means, image: ImageContext, user: Caller) -> bundle.LayerFile:
    """Return the layer of what the checkout and the caller add."""
    prefix = ENVIRONMENT.strip("/")
    files = {f"{prefix}/{path}": text for path, text in place.additions.files.items()}
    links = {f"{prefix}/{path}": leads for path, leads in place.additions.links.items()}
    if place.tools:
        files |= dict(place.tools.texts)
        links |= dict(place.tools.links(image))
    added = Additions(files=files | _users(image, user), links=links)
    return _layer(f"files {added.digest}", means, added.write)


def _layer(identity: str, means: Means, fill: Callable[[Path], None]) -> bundle.LayerFile:
    """Return a layer that is made once and kept; ``identity`` names all that it is made of."""

    def make(directory: Path) -> None:
        with means.store.scratch("layer") as scratch, (directory / "layer.tar").open("wb") as out:
            fill(scratch)
            written = layer.write(scratch, out)
        (directory / "digest").write_text(written.sha256)

    path = means.store.derived("dev-layer", sha256_bytes(identity.encode()), make)
    tar = path / "layer.tar"
    digest = (path / "digest").read_text()
    return bundle.LayerFile(path=tar, digest=digest, size=tar.stat().st_size)
