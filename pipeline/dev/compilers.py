"""The compiler of a wheel stage, put to use as its steps do: for extensions built in place.

An image with zig has no `cc`: a step gets programs of that name at ``/cross``, and a link to zig
that the script which builds makes (`pipeline.inside.build`). A person gets the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.config.stages import WheelStage
from pipeline.cross.compiler import PLACE, ZIG
from pipeline.engines.union import Union
from pipeline.errors import ConfigError
from pipeline.files import sha256_bytes
from pipeline.stages.wheel_build import compiler_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pipeline.engines.protocol import ImageContext
    from pipeline.stages.container import Situation

PACKAGES = ("dist-packages", "site-packages")


@dataclass(frozen=True, kw_only=True)
class Tools:
    """Programs and settings of a compiler: ``texts`` by their paths below the root.

    ``zig`` says that it is zig, whose place in the image ``python`` and ``interpreter`` tell.
    """

    texts: tuple[tuple[str, str], ...]
    variables: Mapping[str, str]
    zig: bool
    python: str
    interpreter: str

    def links(self, image: ImageContext) -> Iterator[tuple[str, str]]:
        """Yield the links that the programs go by, as paths below the root and targets."""
        if self.zig:
            yield ZIG.lstrip("/"), self._zig(image)

    def _zig(self, image: ImageContext) -> str:
        from pipeline.images.bytecode import directories  # noqa: PLC0415 - as below

        view = Union(tuple(str(layer) for layer in reversed(image.layers)))
        for directory in directories(self.python, self.interpreter):
            for packages in PACKAGES:
                if view.find(found := f"/{directory}/{packages}/ziglang").node is not None:
                    return found
        raise ConfigError("the image has no `ziglang` where its Python looks for packages")


def tools(situation: Situation) -> Tools | None:
    """Return the compiler of a wheel's cell for its own platform; None where the image's does."""
    stage = situation.stage
    compiler = compiler_for(situation, stage) if isinstance(stage, WheelStage) else None
    if compiler is None or compiler.cross:
        return None
    # Most places have no need of these, and start the sooner.
    from pipeline.cross.files import files  # noqa: PLC0415
    from pipeline.inside.build import compilers  # noqa: PLC0415

    found = files(compiler, interpreter=situation.interpreter(situation.target))
    settings = json.loads(dict(found)["settings.json"])
    return Tools(
        texts=tuple((f"{PLACE.lstrip('/')}/{path}", text) for path, text in found),
        variables=compilers(settings),
        zig=compiler.family == "zig",
        python=situation.platform.python,
        interpreter=situation.platform.interpreter,
    )


@dataclass(frozen=True, kw_only=True)
class Additions:
    """Files and links that are added to an image's root; texts that start with ``#!`` are run."""

    files: Mapping[str, str]
    links: Mapping[str, str]

    @property
    def digest(self) -> str:
        """The sha256 over all of it."""
        parts = [sorted(self.files.items()), sorted(self.links.items())]
        return sha256_bytes(json.dumps(parts).encode())

    def write(self, root: Path) -> None:
        """Write them below an empty directory."""
        for path, text in self.files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            target.chmod(0o755 if text.startswith("#!") else 0o644)
        for path, leads in self.links.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).symlink_to(leads)
