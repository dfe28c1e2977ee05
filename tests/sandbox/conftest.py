"""A small root made of the host's own programs, read-only, and a way to run steps in it."""

from __future__ import annotations

import os
import sys
import textwrap
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pipeline.sandbox.launch import Outcome, launch
from pipeline.sandbox.spec import Bind, Bounds, Mount, Overlay, Spec

PYTHON = os.path.realpath(sys.executable)


@dataclass
class Ran:
    """How a step ended and what it printed."""

    outcome: Outcome
    output: str

    @property
    def lines(self) -> list[str]:
        return self.output.splitlines()


@dataclass
class Room:
    """A root to run steps in: `base` is its lower layer, on the host, `upper` takes the writes."""

    place: Path
    mounts: list[Mount] = field(default_factory=list)

    def __post_init__(self) -> None:
        for path in (self.base, self.upper, self.work):
            path.mkdir(mode=0o700)
        (self.base / "tmp").mkdir()
        for name in ("bin", "sbin", "lib", "lib64"):
            host = Path("/", name)
            if host.is_symlink():
                (self.base / name).symlink_to(host.readlink())
            elif host.is_dir():
                self.mounts.append(Bind(source=str(host), target=str(host)))
        self.mounts.append(Bind(source="/usr", target="/usr"))
        if not Path(PYTHON).is_relative_to("/usr"):
            prefix = str(Path(sys.base_prefix).resolve())
            self.mounts.append(Bind(source=prefix, target=prefix))

    @property
    def base(self) -> Path:
        return self.place / "base"

    @property
    def upper(self) -> Path:
        return self.place / "upper"

    @property
    def work(self) -> Path:
        return self.place / "work"

    def overlay(self, target: str, *lower: Path) -> Overlay:
        """Return a writable view of the directories at ``target``, with an upper of its own."""
        name = target.strip("/").replace("/", "-")
        upper, work = self.place / f"{name}.upper", self.place / f"{name}.work"
        upper.mkdir(exist_ok=True)
        work.mkdir(exist_ok=True)
        return Overlay(
            target=target, lower=tuple(map(str, lower)), upper=str(upper), work=str(work)
        )

    @property
    def spec(self) -> Spec:
        """A step that does nothing; `replace` its fields."""
        lower, upper, work = str(self.base), str(self.upper), str(self.work)
        return Spec(
            root=Overlay(target="/", lower=(lower,), upper=upper, work=work),
            mounts=tuple(self.mounts),
            env=(("PATH", "/usr/bin:/bin"),),
            limits=Bounds(seconds=60),
        )

    def run(self, spec: Spec) -> Ran:
        chunks: list[bytes] = []
        outcome = launch(spec, chunks.append)
        return Ran(outcome=outcome, output=b"".join(chunks).decode(errors="replace"))

    def shell(self, script: str, spec: Spec | None = None) -> Ran:
        return self.run(replace(spec or self.spec, argv=("/bin/sh", "-c", script)))

    def python(self, code: str, spec: Spec | None = None) -> Ran:
        """Run Python code with `attempt(call)`, which tells a call's result or its errno."""
        argv = (PYTHON, "-I", "-c", PRELUDE + textwrap.dedent(code))
        return self.run(replace(spec or self.spec, argv=argv))


PRELUDE = """
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def attempt(call, *arguments):
    try:
        result = call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    if result == -1:
        return errno.errorcode[ctypes.get_errno()]
    return "ok"
def syscall(number, *arguments):
    return attempt(libc.syscall, *(ctypes.c_long(word) for word in (number, *arguments)))
"""


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)
