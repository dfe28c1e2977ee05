"""A cell as files: what ``docker buildx build`` needs to build it without this tool."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from pipeline.dockerfile.summary import MAIN
from pipeline.engines.buildx import whole_trees
from pipeline.engines.protocol import ImageContext
from pipeline.errors import StoreError, UsageError
from pipeline.execute.canonical import CONTEXT, canonical_dockerfile, write_context
from pipeline.execute.outputs import SUFFIX
from pipeline.execute.provision import Provisioner
from pipeline.files import remove_tree
from pipeline.plan.recipe import ImageInput
from pipeline.platforms import native_platform
from pipeline.process import printable

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.execute.means import Means
    from pipeline.plan.recipe import Recipe
    from pipeline.plan.types import PlannedCell

TAG = "pipeline"


def export_cell(planned: PlannedCell, directory: Path, means: Means) -> str:
    """Write ``DIRECTORY/CELL/`` anew and return the command that builds it.

    The directory holds ``Dockerfile``, ``contexts/NAME`` (directories, and OCI layouts for images)
    and ``build``, the command as a script; the output appears in ``out`` beside them. A wheel or
    sdist gets the bytes that a run here gives it, unless the platform is foreign.
    """
    recipe = planned.recipe
    if recipe is None:
        raise UsageError(f"`{planned.name}` runs on the host and has no Dockerfile")
    base = directory / re.sub(r"[^A-Za-z0-9._-]+", "-", planned.name).strip("-")
    try:
        remove_tree(base)
        (base / "contexts").mkdir(parents=True)
        # BuildKit takes files of the same size and time for the same when it was sent some from a
        # directory of this path before; see `pipeline.engines.buildx.Room.main`.
        main = base / f"context-{os.urandom(8).hex()}"
        places = _contexts(recipe, base, main, means)
        (base / "Dockerfile").write_text(_dockerfile(planned, recipe, base, places, means))
        command = _command(recipe, places, base, main)
        script = base / "build"
        script.write_text(f"#!/bin/sh\n{command}\n")
        script.chmod(0o755)
    except OSError as error:
        raise StoreError(f"`{base}` cannot be written: {error.strerror}") from error
    return command


def _dockerfile(
    planned: PlannedCell, recipe: Recipe, base: Path, places: dict[str, str], means: Means
) -> str:
    """Return the Dockerfile; of a wheel or sdist one whose output has the canonical bytes."""
    image = next(part for part in recipe.inputs.values() if isinstance(part, ImageInput))
    python = means.lock.images[image.image].platforms[image.platform].python
    if planned.kind not in SUFFIX or not python or recipe.platform != native_platform():
        return recipe.dockerfile
    provisioner = Provisioner(means.store, means.lock, means.engine)
    known = provisioner.parts(recipe) if recipe.bill else None
    write_context(base / "contexts" / CONTEXT, known)
    places[CONTEXT] = str(base / "contexts" / CONTEXT)
    return canonical_dockerfile(
        recipe.dockerfile, image=image.image, python=python, epoch=recipe.epoch
    )


def _contexts(recipe: Recipe, base: Path, main: Path, means: Means) -> dict[str, str]:
    """Copy each context below ``base``; return what ``--build-context`` takes for it.

    The build's own context becomes ``main``, which is empty where the Dockerfile uses none.
    """
    provisioner = Provisioner(means.store, means.lock, means.engine)
    outputs = {}
    for part in recipe.uses:
        if result := means.store.get_result(part.key):
            outputs[part.key] = result.tree
    places = {}
    if MAIN not in recipe.inputs:
        main.mkdir()
    contexts = whole_trees(provisioner.contexts(recipe, outputs), recipe.platform)
    for name, context in contexts.items():
        target = base / "contexts" / name
        if isinstance(context, ImageContext):
            if context.layout is None:
                raise StoreError(f"the image `{name}` has no OCI layout")
            shutil.copytree(context.layout(), target, symlinks=True)
            places[name] = f"oci-layout://{target}:{TAG}@sha256:{context.digest}"
        elif name == MAIN:
            shutil.copytree(context.path, main, symlinks=True)
        else:
            shutil.copytree(context.path, target, symlinks=True)
            places[name] = str(target)
    return places


def _command(recipe: Recipe, places: dict[str, str], base: Path, main: Path) -> str:
    words = ["env", f"SOURCE_DATE_EPOCH={recipe.epoch}", "docker", "buildx", "build"]
    words += ["--platform", recipe.platform, "--provenance=false"]
    for name, place in sorted(places.items()):
        words += ["--build-context", f"{name}={place}"]
    words += ["--network", recipe.network]
    words += ["--allow", "network.host"] if recipe.network == "host" else []
    for name, value in recipe.arguments.items():
        words += ["--build-arg", f"{name}={value}"]
    for name, variable in recipe.secrets.items():
        words += ["--secret", f"id={name},env={variable}"]
    words += ["--output", f"type=local,dest={base / 'out'}", "--file", str(base / "Dockerfile")]
    return printable([*words, str(main)])
