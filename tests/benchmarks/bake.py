"""What Docker is measured with, where it answers: up-to-date bake targets, an empty container."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.benchmarks.timing import Command

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DOCKERFILE = "FROM scratch\nCOPY . /\n"
IMAGE = "pipeline-benchmark-empty"


def answers(env: Mapping[str, str]) -> bool:
    """Whether a Docker daemon with buildx is there."""
    if not shutil.which("docker"):
        return False
    words = (("docker", "info"), ("docker", "buildx", "version"))
    return not any(
        subprocess.run(command, env=env, check=False, capture_output=True).returncode
        for command in words
    )


def up_to_date(directory: Path, count: int, env: Mapping[str, str]) -> Command | None:
    """Return `docker buildx bake` of ``count`` outputs that are up to date; None without Docker."""
    if not answers(env):
        return None
    targets = {}
    for number in range(count):
        context = directory / str(number)
        context.mkdir(parents=True)
        (context / "Dockerfile").write_text(DOCKERFILE)
        (context / "file").write_text(str(number))
        output = f"type=local,dest={directory}/out/{number}"
        targets[str(number)] = {"context": str(context), "output": [output]}
    file = directory / "docker-bake.json"
    file.write_text(json.dumps({"group": {"default": {"targets": [*targets]}}, "target": targets}))
    words = ("docker", "buildx", "bake", "--file", str(file), "--allow=fs=*")
    return Command(argv=words, cwd=directory, env=env)


def empty_container(directory: Path, env: Mapping[str, str]) -> Command | None:
    """Return `docker run` of a program that does nothing; None without Docker or busybox."""
    busybox = shutil.which("busybox")
    if not busybox or not answers(env):
        return None
    directory.mkdir()
    shutil.copy(busybox, directory / "busybox")
    (directory / "Dockerfile").write_text("FROM scratch\nCOPY busybox /\n")
    build = ("docker", "buildx", "build", "--load", "--tag", IMAGE, str(directory))
    subprocess.run(build, env=env, check=True, capture_output=True)
    words = ("docker", "run", "--rm", "--network=none", IMAGE, "/busybox", "true")
    return Command(argv=words, cwd=directory, env=env)
