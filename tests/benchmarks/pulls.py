"""What pulling is measured with: an image of gcc in a registry on loopback, `docker pull`."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.files import sha256_bytes
from pipeline.images import layer as layers
from pipeline.images.assemble import assemble
from pipeline.lock.file import load
from pipeline.store.store import Store
from tests.benchmarks import bake
from tests.benchmarks.timing import Command
from tests.unit.registry.making import OCI, Blob, file, image, tar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.registry.conftest import Server

REPOSITORY = "pipeline-benchmark"
TAG = "1"


def tars(project: Path, cache: Path) -> list[bytes]:
    """Return the layers of the image `compiler`, whose packages are in the cache, as tars."""
    found = []
    with Store.open(cache) as store:
        context = assemble("compiler", load(project / "pipeline.lock"), "linux/amd64", store)
        for directory in context.layers:
            stream = io.BytesIO()
            layers.write(directory, stream)
            found.append(stream.getvalue())
    return found


def push_fresh(server: Server, plain: list[bytes]) -> None:
    """Push the image with a new file in each layer, so that nobody has any of it already."""
    packed = []
    for number, data in enumerate(plain):
        first = tar([file(f"fresh-{number}", os.urandom(64))], format=tarfile.USTAR_FORMAT)
        whole = first[: 2 * tarfile.BLOCKSIZE] + data
        command = ["gzip", "-1", "-n"]
        gzip = subprocess.run(command, input=whole, stdout=subprocess.PIPE, check=True).stdout
        kind = f"{OCI}.layer.v1.tar+gzip"
        packed.append(Blob(data=gzip, media_type=kind, diff_id=sha256_bytes(whole)))
    server.push(REPOSITORY, TAG, image(*packed))


def commands(
    directory: Path, server: Server, plain: list[bytes], env: Mapping[str, str]
) -> list[Command]:
    """Return our pull into an empty store, and Docker's where it answers."""
    reference = f"{server.host}/{REPOSITORY}:{TAG}"
    store = directory / "cold"
    script = Path(__file__).with_name("pull_once.py")

    def empty() -> None:
        shutil.rmtree(store, ignore_errors=True)
        push_fresh(server, plain)

    words = (sys.executable, str(script), str(store), reference)
    found = [Command(argv=words, cwd=directory, env=env, before=empty)]
    if bake.answers(env):
        pull = ("docker", "pull", "--quiet", reference)
        found.append(
            Command(argv=pull, cwd=directory, env=env, before=lambda: push_fresh(server, plain))
        )
    return found
