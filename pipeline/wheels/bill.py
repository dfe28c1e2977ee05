"""What a wheel holds that its project did not write, found in the wheel itself.

Two things get into a wheel from outside: libraries that `auditwheel` put into it, whose names tell
what they were, and what a compiler links into everything it makes, which its objects say in the
section ``.comment``. Both are held against the packages that were at hand; PEP 770 says where the
bill goes.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from packaging.utils import canonicalize_name

from pipeline.wheels.cyclonedx import Component, component, hashes, text
from pipeline.wheels.elf import MAGIC

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.wheels.names import WheelName
    from pipeline.wheels.zipwrite import NewMember

FILE = "sboms/pipeline.cdx.json"
"""Where the bill stands in ``.dist-info``."""

GRAFTED = re.compile(
    r"[^/]+\.libs/(?P<base>[^/]+)-(?P<digest>[0-9a-f]{8})(?P<rest>\.so(?:\.[^/]+)?)"
)
"""How auditwheel names a library: its own name, and the beginning of its sha256 as it was."""

HOW = "pipeline:how"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The packages that something in a wheel may be from.

    ``libraries`` has for the name of a file the sha256 of each file called so, and its package.
    ``runtimes`` are packages that a compiler links in, each after the words it leaves.
    """

    libraries: Mapping[str, list[tuple[str, Component]]] = field(default_factory=dict)
    runtimes: list[tuple[str, Component]] = field(default_factory=list)

    def dump(self) -> str:
        """Return it as JSON."""
        return json.dumps({"libraries": self.libraries, "runtimes": self.runtimes}, sort_keys=True)

    @classmethod
    def load(cls, data: str) -> Self:
        """Return what `dump` wrote."""
        return cls(**json.loads(data))


def grafted(file: Path) -> frozenset[str]:
    """Return the names that the libraries in a wheel had where they are from."""
    with zipfile.ZipFile(file) as archive:
        found = map(GRAFTED.fullmatch, archive.namelist())
        return frozenset(f"{match['base']}{match['rest']}" for match in found if match)


@dataclass
class _Found:
    """A package, how it got into the wheel, and the sha256 of each file that is of it."""

    package: Component
    ways: set[str] = field(default_factory=set)
    files: dict[str, str] = field(default_factory=dict)

    def component(self) -> Component:
        how = [{"name": HOW, "value": way} for way in sorted(self.ways)]
        files = [
            {"type": "file", "name": name, "hashes": hashes(digest)}
            for name, digest in sorted(self.files.items())
        ]
        parts: Component = {"components": files} if files else {}
        return self.package | {"properties": how} | parts


class Bill:
    """Looks at a wheel's members as they go by; then it knows what the wheel is made of."""

    def __init__(self, parts: Parts, name: WheelName, epoch: int) -> None:
        self._parts = parts
        self._name = name
        self._epoch = epoch
        self._found: dict[str, _Found] = {}

    def seen(self, member: NewMember) -> NewMember:
        """Look at a member, and return it."""
        if member.data[: len(MAGIC)] == MAGIC:
            if match := GRAFTED.fullmatch(member.name):
                self._add(self._provider(match), member, "vendored")
            else:
                for mark, package in self._parts.runtimes:
                    if re.search(re.escape(mark.encode()), member.data):
                        self._add(package, None, "linked statically")
        return member

    def text(self) -> str:
        """Return the bill of all that was seen, empty when nothing is from elsewhere."""
        if not self._found:
            return ""
        name, version = canonicalize_name(self._name.name), self._name.version
        main = component(f"pkg:pypi/{name}@{version}", name, version)
        parts = (found.component() for found in self._found.values())
        return text(main, parts, epoch=self._epoch)

    def _add(self, package: Component, member: NewMember | None, how: str) -> None:
        found = self._found.setdefault(str(package["bom-ref"]), _Found(package))
        found.ways.add(how)
        if member:
            found.files[member.name] = hashlib.sha256(member.data).hexdigest()

    def _provider(self, match: re.Match[str]) -> Component:
        """Return the package that a library is from; where none has it, the library alone."""
        name = f"{match['base']}{match['rest']}"
        for digest, package in self._parts.libraries.get(name, ()):
            if digest.startswith(match["digest"]):
                return package
        reference = f"library:{name}:{match['digest']}"
        return {"type": "library", "bom-ref": reference, "name": name}
