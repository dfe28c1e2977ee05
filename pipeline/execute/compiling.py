"""Compiling bytecode with an image's own interpreter, in a step."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from pipeline.engines.protocol import BuildRequest, TreeContext
from pipeline.images.bytecode import DESTINATION, SOURCE

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.engines.protocol import Engine, ImageContext
    from pipeline.store.store import Store

DOCKERFILE = """\
FROM image AS build
WORKDIR {destination}
COPY --from=source / {source}
RUN --network=none {command}
FROM scratch
COPY --from=build {destination} /
"""


def compile_inside(
    engine: Engine,
    store: Store,
    image: ImageContext,
    command: tuple[str, ...],
    *,
    source: Path,
    destination: Path,
) -> None:
    """Run ``command`` in ``image`` over ``source`` and bring what it made to ``destination``."""
    text = DOCKERFILE.format(source=SOURCE, destination=DESTINATION, command=json.dumps(command))
    request = BuildRequest(
        dockerfile=text,
        contexts={"image": image, "source": TreeContext(digest="", path=source)},
        platform=image.platform,
        label="bytecode",
        internal=True,
    )
    built = engine.build(request, lambda _: None)
    with store.scratch("bytecode") as scratch:
        store.materialise(built.output, scratch / "made", epoch=0)
        shutil.copytree(scratch / "made", destination, dirs_exist_ok=True)
