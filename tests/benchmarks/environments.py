"""What environments cost: entering one, exporting one, and locking them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from uv import find_uv_bin

from pipeline.cli.session import cache_directory
from pipeline.environments.export import FOLDER
from pipeline.lock.file import load
from pipeline.lock.types import RequirementSet
from pipeline.locking.pylock import Origin, pylock_text
from pipeline.locking.select import host_files
from pipeline.platforms import Workplace
from pipeline.store.store import Store
from tests.benchmarks.cases import ROOT, against, bare, do, environ, launcher
from tests.benchmarks.timing import Command, side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.benchmarks.cases import Row

COPIED = ("pipeline.yaml", "pipeline.lock", "pyproject.toml", "VERSION", "images", "pipeline")


def entering(directory: Path, runs: int) -> list[Row]:
    """Measure a command in an environment that is in place, beside bare Python."""
    do(launcher(ROOT, "exec", "true"))
    entered, python = side_by_side([launcher(ROOT, "exec", "true"), bare(directory)], runs=2 * runs)
    return [against("`./pipelinew exec true`", entered, "bare Python", python, "4")]


def exporting(directory: Path, runs: int) -> list[Row]:
    """Measure the export of our `dev` from unpacked wheels, beside uv with its cache full."""
    root, place = _copy(directory), directory / "store"
    _fill(place, root)
    ours = replace(
        launcher(root, "export", "-e", "dev"), env=environ(PIPELINE_CACHE_DIR=str(place))
    )

    def forget() -> None:
        link = root / FOLDER / "dev"
        with Store.open(place) as store:
            made = Path(os.readlink(link))
            store.directories.record(made).unlink()
            _put_away(made, store.root / "trash")
        link.unlink()

    def forget_all() -> None:
        forget()
        os.utime(root / "pipeline.lock")

    do(ours)
    timed = Command(argv=ours.argv, cwd=root, env=ours.env, before=forget)
    anew = Command(argv=ours.argv, cwd=root, env=ours.env, before=forget_all)
    what = "`./pipelinew export -e dev` of this project, from a full cache"
    exported, first, still, synced = side_by_side(
        [timed, anew, ours, _uv_sync(directory, root)], runs=runs
    )
    beside = "`uv pip sync` of the same wheels"
    return [
        against(what, exported, beside, synced, "1.2"),
        against("the same, pipeline.lock just written", first, beside, synced, ""),
        against("the same, the environment still there", still, beside, synced, ""),
    ]


def _uv_sync(directory: Path, root: Path) -> Command:
    """Return uv's own way to the same environment, its cache filled before."""
    locked = load(root / "pipeline.lock").environments["dev"]
    chosen = {file.sha256: file for file in host_files(locked)}
    folder = directory / "wheels"
    folder.mkdir()
    with Store.open(cache_directory(os.environ)) as store:
        for file in chosen.values():
            shutil.copyfile(store.blob_path(file.sha256), folder / file.name)
    addresses = {sha256: ("path", f"wheels/{file.name}") for sha256, file in chosen.items()}
    wanted = tuple(r for r in locked.requirements if any(f.sha256 in chosen for f in r.files))
    lock = directory / "pylock.dev.toml"
    here = tuple(place for place in (Workplace.here(),) if place)
    origin = Origin(environment="dev", python="3.11", platforms=here, sources=(), epoch=0, build={})
    text = pylock_text(RequirementSet(declared={}, requirements=wanted), origin, addresses)
    lines = text.splitlines(keepends=True)
    lock.write_text("".join(line for line in lines if "{ name" not in line or " path =" in line))
    variables = environ(UV_CACHE_DIR=str(directory / "uv-cache"))
    uv, venv = find_uv_bin(), str(directory / "venv")

    def clear() -> None:
        if os.path.isdir(venv):
            _put_away(Path(venv), directory / "trash")
        words = (uv, "venv", "--quiet", "--no-config", "--python", sys.executable, venv)
        subprocess.run(words, env=variables, check=True)

    words = ("pip", "sync", "--quiet", "--no-config", "--offline", "--python", f"{venv}/bin/python")
    return Command(argv=(uv, *words, str(lock)), cwd=directory, env=variables, before=clear)


def _fill(place: Path, root: Path) -> None:
    """Make a store beside what it is compared with: how fast ext4 is depends on where it writes."""
    warm = cache_directory(os.environ)
    locked = load(root / "pipeline.lock").environments["dev"]
    with Store.open(warm) as known, Store.open(place) as store:
        for file in host_files(locked):
            store.add_blob_file(known.blob_path(file.sha256))
    (place / "tool").symlink_to(warm / "tool")


def _put_away(path: Path, trash: Path) -> None:
    """Move a directory away. Removing it would make ext4 look long for a free inode afterwards."""
    trash.mkdir(exist_ok=True)
    path.rename(trash / os.urandom(8).hex())


def locking(directory: Path, runs: int) -> list[Row]:
    """Measure locking this project anew, beside the questions to uv alone that are in it."""
    root = _copy(directory)
    script = Path(__file__).with_name("record_uv.py")
    asked = directory / "asked"
    asked.mkdir()
    do(Command(argv=(sys.executable, str(script), str(root), str(asked)), cwd=root, env=environ()))
    alone = Command(argv=("sh", str(asked / "ask")), cwd=asked, env=environ())
    ours = launcher(root, "lock", "--upgrade")
    locked, answered = side_by_side([ours, alone], runs=min(runs, 5))
    what = "`./pipelinew lock --upgrade` of this project, index cache warm"
    return [against(what, locked, "its resolutions by uv, one after the other", answered, "1.5")]


def _copy(directory: Path) -> Path:
    """Return a checkout with what is locked of this one, so that no environment in use is lost."""
    root = directory / "checkout"
    root.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("*.pyc"))
        else:
            shutil.copyfile(ROOT / name, root / name)
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    return root


ALL: Mapping[str, Callable[[Path, int], list[Row]]] = {
    "entering": entering,
    "exporting": exporting,
    "locking": locking,
}
