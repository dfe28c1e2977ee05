"""An environment as a list, and the directory that is made from it.

Wheels lie unpacked in the store, and an environment is hard links to their files beside a few
files of its own. All of that can be told before the first directory is made. Who kept the list
makes the environment again without asking anybody, so little is imported here.
"""

from __future__ import annotations

import contextlib
import os
from functools import partial

from pipeline.network.workers import gather
from pipeline.store import durable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypedDict

    Own = tuple[str, bytes | str, bool]

    class Blueprint(TypedDict):
        """What an environment is made of, in types that `marshal` takes.

        ``own`` are files and links of its own: path, bytes or the link's target, whether it is a
        program. ``directories`` are those that these need, parents first. ``wheels`` are each a
        directory of the store, the directories that its files need, and the files to link. All
        paths are relative to the environment, but for the store's. ``record`` is the tree of it
        all, encoded.
        """

        own: list[Own]
        directories: list[str]
        wheels: list[tuple[str, list[str], list[str]]]
        record: bytes


JOBS = 2
"""Threads that link. Further ones wait for each other in the kernel."""


def realise(blueprint: Blueprint, directory: str) -> None:
    """Make an environment in ``directory``, which is new and empty.

    Raises OSError, FileNotFoundError among them where a wheel is no longer in the store.
    """
    _make(blueprint["directories"], directory)
    for name, content, program in blueprint["own"]:
        _write(f"{directory}/{name}", content, program=program)
    wheels = sorted(blueprint["wheels"], key=lambda wheel: len(wheel[2]))
    tasks: list[Callable[[], None]] = [durable.load]
    tasks += (partial(_link, wheels[first::JOBS], directory) for first in range(JOBS))
    for outcome in gather(tasks, jobs=JOBS + 1):
        if outcome is not None:
            raise outcome


def _make(names: Iterable[str], directory: str) -> None:
    for name in names:
        with contextlib.suppress(FileExistsError):
            os.mkdir(f"{directory}/{name}")


def _link(wheels: Iterable[tuple[str, list[str], list[str]]], directory: str) -> None:
    # From descriptors on, the kernel has half the path to walk.
    target = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for wheel, directories, names in wheels:
            _make(directories, directory)
            source = os.open(wheel, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                for name in names:
                    os.link(name, name, src_dir_fd=source, dst_dir_fd=target)
            finally:
                os.close(source)
    finally:
        os.close(target)


def _write(path: str, content: bytes | str, *, program: bool) -> None:
    if isinstance(content, str):
        os.symlink(content, path)
        return
    with open(path, "xb") as stream:
        stream.write(content)
        os.fchmod(stream.fileno(), 0o755 if program else 0o644)
