"""What is measured."""

from __future__ import annotations

import os
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.session import cache_directory
from pipeline.execute.provision import image_files
from pipeline.lock.file import load
from pipeline.platforms import Target
from pipeline.sandbox.launch import launch
from pipeline.sandbox.spec import Overlay, Spec
from pipeline.store.store import Store
from tests.benchmarks import bake, matrix, monorepo, nvcc, pulls
from tests.benchmarks.timing import Command, Reading, side_by_side
from tests.registry.conftest import PROGRAM, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[2]
THIRD_PARTY = ROOT / "examples" / "third-party"
CUDA = ROOT / "examples" / "cuda"
SDISTS = ROOT / "tests" / "e2e" / "real_sdists"
MARKUPSAFE = "markupsafe==3.0.3"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table: what was measured, beside what, and how much is allowed."""

    what: str
    reading: str
    allowed: str
    beside: str = ""
    ratio: str = ""


def against(what: str, reading: Reading, beside: str, other: Reading, allowed: str) -> Row:
    """Return the row of a ratio between two readings."""
    return Row(
        what=what,
        reading=reading.milliseconds,
        beside=f"{beside}, {other.milliseconds}",
        ratio=f"{reading.seconds / other.seconds:.2f}",
        allowed=allowed,
    )


def environ(**changes: str) -> dict[str, str]:
    """Return our environment as a person has it: Python may write its bytecode."""
    left_out = {"VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"}
    return {k: v for k, v in os.environ.items() if k not in left_out} | changes


def launcher(directory: Path, *words: str) -> Command:
    """Return a call of the launcher."""
    return Command(argv=(str(ROOT / "pipelinew"), *words), cwd=directory, env=environ())


def bare(directory: Path) -> Command:
    """Return bare Python: the interpreter of the tool's own environment, doing nothing."""
    python = min((cache_directory(os.environ) / "tool").glob("*/bin/python"))
    return Command(argv=(str(python), "-c", "pass"), cwd=directory, env=environ())


def do(command: Command) -> None:
    """Run a command that prepares something."""
    subprocess.run(command.argv, cwd=command.cwd, env=command.env, check=True, stdout=sys.stderr)


def nothing_changed(directory: Path, runs: int) -> list[Row]:
    """Measure runs with nothing to do: 10 wheels, and 100 in one repository."""
    commands = [bare(directory)]
    for count in (10, 100):
        root = monorepo.make(directory / str(count), count, Target.native().value)
        do(launcher(root, "lock"))
        do(launcher(root, "run", "wheel", "--quiet"))
        time.sleep(0.2)  # a file just written is not trusted to rest
        do(launcher(root, "run", "wheel"))
        commands.append(launcher(root, "run", "wheel"))
    if baked := bake.up_to_date(directory / "bake", 10, environ()):
        commands.append(baked)
    python, ten, hundred, *docker = side_by_side(commands, runs=runs)
    what = "`./pipelinew run wheel`, nothing changed, 10 wheels"
    rows = [
        against(what, ten, "bare Python", python, "7"),
        against("the same, 100 wheels", hundred, "10 wheels", ten, "2"),
        Row(
            what="peak memory of that, 100 wheels",
            reading=f"{hundred.memory / 1e6:.0f} MB",
            allowed="80 MB",
        ),
    ]
    return rows + [against(what, ten, "`docker buildx bake`", one, "0.25") for one in docker]


def version(directory: Path, runs: int) -> list[Row]:
    """Measure how soon the tool says its version."""
    told, python = side_by_side([launcher(ROOT, "--version"), bare(directory)], runs=2 * runs)
    return [against("`./pipelinew --version`", told, "bare Python", python, "2.5")]


def planning(directory: Path, runs: int) -> list[Row]:
    """Measure the plan of a wheel of 200 cells, and of its tests with it."""
    root = matrix.make(directory / "many", 200)
    do(launcher(root, "lock"))
    commands = [launcher(root, "plan", "wheel"), launcher(root, "plan"), bare(directory)]
    wheels, tests, python = side_by_side(commands, runs=runs)
    what = "`./pipelinew plan wheel`, 200 cells"
    rows = [against(what, wheels, "bare Python", python, "1 s")]
    return [*rows, against("the same with their 200 tests", tests, "200 cells", wheels, "2")]


def markupsafe(directory: Path, runs: int) -> list[Row]:
    """Measure MarkupSafe's wheel, image warm, beside the same backend on the bare host."""
    do(launcher(THIRD_PARTY, "run", "markupsafe", "--quiet", "--draft"))
    python, source = on_host(directory)
    out = directory / "dist"

    def clean() -> None:
        shutil.rmtree(source / "build", ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)

    words = ("run", "markupsafe", "--quiet", "--rebuild", "--dist", str(out))
    host = Command(
        argv=(python, "-m", "build", "-n", "-w", "-o", str(out), str(source)),
        cwd=directory,
        env=environ(),
        before=clean,
    )
    built, beside = side_by_side([launcher(THIRD_PARTY, *words), host], runs=runs)
    what = "MarkupSafe wheel, image warm, launcher included"
    return [against(what, built, "`python -m build -n -w` on the host", beside, "1.25")]


def cuda_wheel(directory: Path, runs: int) -> list[Row]:
    """Measure the CUDA example's wheel, image warm, beside its nvcc and a link on the bare host."""
    kept = without(CUDA, directory / "whole", "needs: [sdist]")
    only = without(kept, directory / "built", "variant:", "abi3:", "repair")
    do(launcher(only, "lock"))
    words = ("run", f"wheel[{Target.native().value}]", "--quiet")
    for root in (only, kept):
        do(launcher(root, *words))
    commands = [launcher(root, *words, "--rebuild") for root in (only, kept)]
    bare_nvcc = nvcc.by_hand(directory, kept, environ())
    built, whole, beside = side_by_side([*commands, bare_nvcc], runs=min(runs, 7))
    what = "CUDA wheel for two GPU architectures, image warm, launcher included"
    host = "nvcc, gcc and a link on the host"
    return [
        against(what, built, host, beside, "1.3"),
        against("the same, renamed, repaired and its ABI checked", whole, host, beside, ""),
    ]


def compiler_cache(directory: Path, runs: int) -> list[Row]:
    """Measure a wheel whose objects ccache has, beside one for which all is compiled."""
    kept = without(SDISTS, directory / "kept")
    plain = without(SDISTS, directory / "plain", "compiler-cache:")
    words = ("run", f"cached[{Target.native().value}]", "--quiet")
    commands = [
        replace(launcher(root, *words), before=partial(set_anew, root / "pipeline.yaml"))
        for root in (kept, plain)
    ]
    found, compiled = side_by_side(commands, runs=runs)
    what = "lz4 wheel by zig, all objects in the compiler cache, launcher included"
    return [against(what, found, "without the cache", compiled, "")]


def set_anew(declared: Path) -> None:
    """Give the last stage a variable that it never had, so that its step runs again."""
    text = declared.read_text().partition("    env:")[0]
    declared.write_text(f"{text}    env: {{ONCE: t{time.monotonic_ns()}}}\n")


def without(project: Path, copy: Path, *fields: str) -> Path:
    """Copy a project; leave the lines of its stages out that begin with one of ``fields``."""
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns("dist"))
    lines = (copy / "pipeline.yaml").read_text().splitlines(keepends=True)
    left = [line for line in lines if not line.lstrip().startswith(fields)]
    (copy / "pipeline.yaml").write_text("".join(left))
    return copy


def on_host(directory: Path) -> tuple[str, Path]:
    """Return a host Python with MarkupSafe's locked build requirements, and its sources."""
    lock = load(THIRD_PARTY / "pipeline.lock")
    sdist = lock.sources[MARKUPSAFE]
    subprocess.run([sys.executable, "-m", "venv", str(directory / "venv")], check=True)
    python = str(directory / "venv" / "bin" / "python")
    (locked,) = lock.stages["markupsafe"].sets.values()
    wheels = [file for requirement in locked.requirements for file in requirement.files]
    with Store.open(cache_directory(os.environ)) as store:
        for file in (sdist, *wheels):
            shutil.copyfile(store.blob_path(file.sha256), directory / file.name)
    install = (python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps")
    paths = [str(directory / wheel.name) for wheel in wheels]
    subprocess.run([*install, *paths], check=True)
    shutil.unpack_archive(directory / sdist.name, directory, filter="data")
    return python, directory / sdist.name.removesuffix(".tar.gz")


def empty_step(directory: Path, runs: int) -> list[Row]:
    """Measure a step that does nothing, from our call of the sandbox to its end."""
    seconds = []
    for number in range(4 * runs + 1):
        # New ones each time: ext4 is slow to make files after it removed some.
        places = [directory / f"{number}-{name}" for name in ("lower", "upper", "work")]
        for place in places:
            place.mkdir(mode=0o700)
        lower, upper, work = map(str, places)
        spec = Spec(root=Overlay(target="/", lower=(lower,), upper=upper, work=work))
        began = time.perf_counter()
        outcome = launch(spec, lambda _: None)
        seconds.append(time.perf_counter() - began)
        assert outcome.status == 0
    taken = Reading(seconds=statistics.median(seconds[1:]), memory=0)
    what = "an empty sandbox step, launcher child included"
    rows = [Row(what=what, reading=taken.milliseconds, allowed="20 ms")]
    if command := bake.empty_container(directory / "docker", environ()):
        (docker,) = side_by_side([command], runs=runs)
        rows.append(against(what, taken, "`docker run`", docker, "0.125"))
    return rows


def assembling(directory: Path, runs: int) -> list[Row]:
    """Measure assembling an image with gcc from fetched packages, for both platforms."""
    root = directory / "third-party"
    shutil.copytree(THIRD_PARTY, root, ignore=shutil.ignore_patterns("dist", "pipeline.lock"))
    for image in (root / "images").iterdir():
        with image.open("a") as stream:
            stream.write("platforms: [linux_x86_64, linux_arm64]\n")
    do(launcher(root, "lock"))
    commands = [cold_assembly(directory, root, p) for p in ("linux/amd64", "linux/arm64")]
    amd, arm = side_by_side(commands, runs=min(runs, 5))
    return [
        Row(
            what="assembling an image with gcc and Python's headers from fetched packages",
            reading=f"{amd.seconds:.2f} s",
            allowed="5 s",
        ),
        against("the same for arm64", arm, "x86-64", amd, "1.3"),
        Row(
            what="peak memory of assembling it",
            reading=f"{max(amd.memory, arm.memory) / 1e6:.0f} MB",
            allowed="300 MB",
        ),
    ]


def cold_assembly(directory: Path, root: Path, platform: str) -> Command:
    """Return a command that assembles the image in a store that holds its packages only."""
    lock = load(root / "pipeline.lock")
    files = image_files("compiler", platform, lock, {})
    cold = directory / f"store-{platform.rpartition('/')[2]}"

    def seed() -> None:
        shutil.rmtree(cold, ignore_errors=True)
        with Store.open(cache_directory(os.environ)) as warm, Store.open(cold) as store:
            for digest in files:
                store.add_blob_file(warm.blob_path(digest))

    script = Path(__file__).with_name("assemble_once.py")
    words = (sys.executable, str(script), str(root), str(cold), platform)
    return Command(argv=words, cwd=directory, env=environ(), before=seed)


def docker_cell(directory: Path, runs: int) -> list[Row]:
    """Measure a cold cell through Docker beside a plain build of its Dockerfile."""
    if not bake.answers(environ()):
        return []
    do(launcher(THIRD_PARTY, "run", "markupsafe", "--quiet", "--draft"))
    words = ("run", "markupsafe", "--quiet", "--rebuild", "--engine", "docker")
    ours = launcher(THIRD_PARTY, *words, "--dist", str(directory / "dist"))
    commands = [ours, by_hand(directory / "rendered")]
    cell, plain = side_by_side(commands, runs=min(runs, 9))
    what = "MarkupSafe wheel through Docker, cold, launcher included"
    return [against(what, cell, "`docker buildx build` by hand", plain, "1.3")]


def by_hand(directory: Path) -> Command:
    """Return what a person would type for that cell: its own Dockerfile, with nothing cached."""
    do(launcher(THIRD_PARTY, "render", "markupsafe", "--output", str(directory)))
    printed = launcher(THIRD_PARTY, "render", "markupsafe")
    text = subprocess.run(
        printed.argv, cwd=printed.cwd, env=printed.env, check=True, stdout=subprocess.PIPE
    ).stdout
    (place,) = directory.iterdir()
    (place / "Dockerfile").write_bytes(text)
    argv = shlex.split((place / "build").read_text().splitlines()[1])
    argv.insert(argv.index("build") + 1, "--no-cache")
    return Command(argv=tuple(argv), cwd=directory, env=environ())


def pulling(directory: Path, runs: int) -> list[Row]:
    """Measure pulling and unpacking an image from a registry on loopback, beside Docker."""
    do(launcher(THIRD_PARTY, "fetch"))
    plain = pulls.tars(THIRD_PARTY, cache_directory(os.environ))
    size = sum(map(len, plain)) / 1e6
    what = f"pulling and unpacking an image of {size:.0f} MB from a registry on loopback"
    if not shutil.which(PROGRAM):
        return [Row(what=what, reading="no `docker-registry` here", allowed="")]
    with serve(directory) as server:
        commands = pulls.commands(directory, server, plain, environ())
        ours, *docker = side_by_side(commands, runs=min(runs, 5))
    if not docker:
        return [Row(what=what, reading=ours.milliseconds, allowed="1.5")]
    return [against(what, ours, "`docker pull`", docker[0], "1.5")]


ALL: Mapping[str, Callable[[Path, int], list[Row]]] = {
    "nothing-changed": nothing_changed,
    "version": version,
    "planning": planning,
    "markupsafe": markupsafe,
    "cuda": cuda_wheel,
    "compiler-cache": compiler_cache,
    "empty-step": empty_step,
    "assembling": assembling,
    "pulling": pulling,
    "docker-cell": docker_cell,
}
