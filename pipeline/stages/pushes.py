"""What a stage of kind ``publish`` does with images: what would be pushed where, and the push."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.console import human_size, table
from pipeline.errors import NetworkError
from pipeline.files import sha256_bytes
from pipeline.registry.parcel import Parcel, open_parcel, top
from pipeline.registry.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.execute.report import Artifact
    from pipeline.locking.settings import Settings

ARCHIVE = ".oci.tar"


@dataclass(frozen=True, kw_only=True)
class Push:
    """One tag: the archives it is to stand for, one a platform, and ``place`` to put it.

    ``place`` is empty where none is declared.
    """

    place: str
    tag: str
    archives: tuple[Artifact, ...]
    parcels: tuple[Parcel, ...]

    @property
    def digest(self) -> str:
        """The sha256 of what the tag is to stand for."""
        return sha256_bytes(top(self.parcels)[1])

    @property
    def reference(self) -> str:
        """Where it goes, empty where no place is declared."""
        return f"{self.place}:{self.tag}" if self.place else ""

    @property
    def document(self) -> dict[str, object]:
        """The push as JSON's types."""
        parts = zip(self.archives, self.parcels, strict=True)
        return {
            "reference": self.reference,
            "digest": self.digest,
            "archives": [
                {"file": a.name, "platform": p.platform, "digest": p.digest} for a, p in parts
            ],
        }

    def carry_out(self, settings: Settings) -> bool:
        """Push to `place`; whether anything was to be done. ReleaseRefusedError, NetworkError."""
        from pipeline.locking.places import registries  # noqa: PLC0415 - network, for real pushes
        from pipeline.registry.push import push  # noqa: PLC0415 - as above

        if settings.offline:
            raise NetworkError(f"`{self.reference}` cannot be pushed: the network is off")
        return push(self.parcels, Reference.parse(self.reference), registries(settings))


def planned_pushes(made: Iterable[Artifact], place: str) -> tuple[Push, ...]:
    """Return a push for each tag among the archives in ``made``."""
    found: dict[str, list[tuple[Artifact, Parcel]]] = {}
    for artifact in made:
        if artifact.name.endswith(ARCHIVE):
            parcel = open_parcel(artifact.path)
            found.setdefault(parcel.tag, []).append((artifact, parcel))
    return tuple(
        Push(
            place=place,
            tag=tag,
            archives=tuple(artifact for artifact, _ in pairs),
            parcels=tuple(parcel for _, parcel in pairs),
        )
        for tag, pairs in found.items()
    )


def rows(pushes: Sequence[Push]) -> list[str]:
    """Return the lines of a table of the archives."""
    found = [
        (
            *(archive.name, parcel.platform, human_size(archive.size)),
            *(f"sha256:{parcel.digest}", push.reference or "no `registry` is declared"),
        )
        for push in pushes
        for archive, parcel in zip(push.archives, push.parcels, strict=True)
    ]
    headers = ("image", "platform", "size", "digest", "push to")
    return table(headers, found, yields=3) if found else []
