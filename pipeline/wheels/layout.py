"""Where things are in a wheel: its ``.dist-info`` and ``.data``, found and named after the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.wheels.archive import refusal
from pipeline.wheels.names import same_stem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipeline.wheels.names import WheelName

_REQUIRED = ("METADATA", "RECORD", "WHEEL")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The two special directories as they are (``dist_info``, ``data``) and the file's name."""

    name: WheelName
    dist_info: str
    data: str

    def canonical(self, path: str) -> str:
        """Return ``path`` with the special directories named as the file name wants them."""
        top, slash, rest = path.partition("/")
        renamed = {self.dist_info: self.name.dist_info, self.data: self.name.data}
        return f"{renamed.get(top, top)}{slash}{rest}"

    def sort_key(self, path: str) -> tuple[bool, bool, str]:
        """Order members: ``dist-info`` last, as the format asks, and RECORD last of all."""
        inside = path.startswith(f"{self.dist_info}/")
        return inside, path == self.file("RECORD"), path

    def file(self, name: str) -> str:
        """Return the path of one of the metadata files as it is in the wheel."""
        return f"{self.dist_info}/{name}"


def find_layout(archive: Path, name: WheelName, paths: Iterable[str]) -> Layout:
    """Find the special directories; VerificationError unless they are complete and single."""
    files = set(paths)
    tops = {path.partition("/")[0] for path in files if "/" in path}
    dist_info = _the_one(archive, name, tops, ".dist-info")
    if not dist_info:
        raise refusal(archive, f"it has no directory `{name.dist_info}`")
    for required in _REQUIRED:
        if f"{dist_info}/{required}" not in files:
            raise refusal(archive, f"it has no `{dist_info}/{required}`")
    return Layout(name=name, dist_info=dist_info, data=_the_one(archive, name, tops, ".data"))


def _the_one(archive: Path, name: WheelName, tops: set[str], suffix: str) -> str:
    found = sorted(top for top in tops if top.endswith(suffix))
    if not found:
        return ""
    if len(found) > 1 or not same_stem(found[0].removesuffix(suffix), name.stem):
        listed = ", ".join(f"`{top}`" for top in found)
        raise refusal(archive, f"it has {listed} where `{name.stem}{suffix}` should be alone")
    return found[0]
