"""``RUN --mount``: what a step sees for its own time only."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.dockerfile.beyond import other_engine
from pipeline.dockerfile.lexing import fault
from pipeline.dockerfile.summary import MAIN
from pipeline.engines.commands import SCRIPTS, script
from pipeline.engines.copying import DIRECTORY_MODE, Copier, Target
from pipeline.engines.union import Directory, Union, absolute
from pipeline.files import sha256_bytes
from pipeline.sandbox.spec import Bind, Overlay, Tmpfs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack
    from pathlib import Path

    from pipeline.dockerfile.instructions import Mount, Run
    from pipeline.sandbox.spec import Mount as Mounted
    from pipeline.store.store import Store

MEMORY = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
"""Bytes of a tmpfs that names no size: half of the machine's memory, as the kernel has it."""

_SIZE = re.compile(r"(\d+)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)


Origins = Callable[[str, int], tuple[Union, bool]]
"""Gives what a mount's ``from`` names at a line: its view, and whether it is a context, whose
directories nobody changes, so that they are mounted where they lie."""


@dataclass(frozen=True, kw_only=True)
class Mounter:
    """Makes the mounts of one RUN ready. What they need is held by ``cleanup`` until it ends."""

    store: Store
    scratch: Path
    secrets: Mapping[str, Path]
    workdir: str
    epoch: int
    origins: Origins
    expand: Callable[[str], str]
    cleanup: ExitStack

    def mounts(self, run: Run) -> tuple[Mounted, ...]:
        """Return the mounts in the order they are made; ConfigError with the line."""
        made = [self._mount(run, mount) for mount in run.mounts]
        return (*self._script(run), *(each for each in made if each is not None))

    def variables(self, run: Run) -> dict[str, str]:
        """Return the variables that secrets are handed over in."""
        found: dict[str, str] = {}
        for mount in run.mounts:
            if mount.type == "secret" and mount.variable:
                data = self._secret(run, mount)
                if data is not None:
                    found[self.expand(mount.variable)] = data.decode(errors="surrogateescape")
        return found

    def _script(self, run: Run) -> list[Mounted]:
        lone = script(run)
        if lone is None or not lone[1].startswith("#!"):
            return []
        name, text = lone
        if "/" in name:
            raise fault(run.line, f"the heredoc `{name}` cannot name a script")
        path = self._file(text.encode(), 0o755)
        return [Bind(source=path, target=f"{SCRIPTS}/{name}")]

    def _mount(self, run: Run, mount: Mount) -> Mounted | None:
        target = absolute(self.expand(mount.target), self.workdir) if mount.target else ""
        if target == "/":
            raise fault(run.line, "a mount's target cannot be `/`")
        match mount.type:
            case "tmpfs":
                return Tmpfs(target=target, size=_bytes(run.line, self.expand(mount.size)))
            case "cache":
                return self._cache(mount, target)
            case "secret":
                return self._secret_file(run, mount, target)
            case "ssh":
                raise other_engine(run.line, "`--mount=type=ssh`", "it has no agent to pass on")
            case "bind":
                return self._bind(run, mount, target)

    def _cache(self, mount: Mount, target: str) -> Bind:
        """Lock the cache for as long as the step runs, unless it says that steps may share it."""
        key = sha256_bytes((self.expand(mount.id) or target).encode())[:32]
        if not mount.shared:
            self.cleanup.enter_context(self.store.key_lock("mounts", key))
        directory = self.store.root / "mounts" / key
        if not directory.is_dir():
            directory.parent.mkdir(mode=0o700, exist_ok=True)
            directory.mkdir(exist_ok=mount.shared)
            directory.chmod(int(mount.mode or "755", 8))
        return Bind(source=str(directory), target=target, read_only=mount.read_only)

    def _secret_file(self, run: Run, mount: Mount, target: str) -> Bind | None:
        if mount.variable and not target:
            return None
        data = self._secret(run, mount)
        if data is None:
            return None
        name = posixpath.basename(self.expand(mount.id))
        path = self._file(data, int(mount.mode or "400", 8))
        return Bind(source=path, target=target or f"/run/secrets/{name}")

    def _secret(self, run: Run, mount: Mount) -> bytes | None:
        name = self.expand(mount.id) or posixpath.basename(self.expand(mount.target))
        path = self.secrets.get(name)
        if path is not None:
            return path.read_bytes()
        if mount.required:
            raise fault(run.line, f"the secret `{name}` is required and was not given")
        return None

    def _bind(self, run: Run, mount: Mount, target: str) -> Mounted:
        view, plain = self.origins(mount.origin, run.line)
        path = absolute(self.expand(mount.source))
        found = view.find(path)
        if found.node is None:
            raise fault(run.line, f"`{path}` is not in `{mount.origin or MAIN}`")
        if isinstance(found.node, Directory):
            return self._directory(view, found.path, found.node, target, mount, plain=plain)
        source = found.node.host if mount.read_only else self._copy(view, found.path)
        return Bind(source=source, target=target, read_only=mount.read_only)

    def _directory(
        self,
        view: Union,
        path: str,
        directory: Directory,
        target: str,
        mount: Mount,
        *,
        plain: bool,
    ) -> Mounted:
        """Show a directory as it is where it can be; else in hard links. Writes are dropped."""
        lower = directory.hosts[::-1] if plain else (self._copy(view, path),)
        if mount.read_only and len(lower) == 1:
            return Bind(source=lower[0], target=target)
        return Overlay(
            target=target,
            lower=lower,
            upper=self._directory_new(),
            work=self._directory_new(),
            read_only=mount.read_only,
        )

    def _copy(self, view: Union, path: str) -> str:
        top = self._directory_new()
        copier = Copier(Union((top,)), top, epoch=self.epoch)
        copier.copy(view, path, Target(path="/", directory=True))
        copier.finish()
        name = posixpath.basename(path)
        return f"{top}/{name}" if not isinstance(view.find(path).node, Directory) else top

    def _file(self, data: bytes, mode: int) -> str:
        path = self._unused()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as stream:
            stream.write(data)
        os.chmod(path, mode)
        self.cleanup.callback(os.unlink, path)
        return path

    def _directory_new(self) -> str:
        path = self._unused()
        os.mkdir(path)
        os.chmod(path, DIRECTORY_MODE)
        return path

    def _unused(self) -> str:
        return str(self.scratch / f"mount-{os.urandom(6).hex()}")


def _bytes(line: int, word: str) -> int:
    if not word:
        return MEMORY
    match = _SIZE.fullmatch(word.strip())
    if match is None or not int(match[1]):
        raise fault(line, f"`size={word}` is not a size", "write a number of bytes, or `64m`, `1g`")
    return int(match[1]) << {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}[match[2].lower()]
