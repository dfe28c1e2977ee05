"""The directory of a download cache: files that come and go whole, and are never changed.

``SHA256SUMS`` names each of them with its digest, as ``sha256sum --check`` reads it, so that a
file changed in place is told from one that was added. A file appears under its name by a link that
fails where the name is taken, and its line is written after it: one without a line, which a
killed run may leave, is found by `damages` and takes its line when it is added again. What such a
run was writing lies at the top under a hidden name, and the next one to write removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.downloads.layout import artifacts, places
from pipeline.errors import StoreError, VerificationError
from pipeline.files import CHUNK, atomic_write, sha256_file, sibling
from pipeline.store.durable import sync

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pipeline.lock.types import LockedFile
    from pipeline.store.store import Store

SUMS = "SHA256SUMS"
LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
UNFINISHED = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")
"""How `pipeline.files.sibling` calls what is being written."""


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A file that is not as it has to be; ``what`` says how."""

    name: str
    what: str


@dataclass(frozen=True)
class Directory:
    """A download cache at ``path``, which need not exist before a file is put into it."""

    path: Path

    def find(self, file: LockedFile) -> Path | None:
        """Return where a locked file lies here, None when it does not; nothing is read."""
        return next((p for name in places(file) if (p := self.path / name).is_file()), None)

    def own_name(self, path: Path) -> str:
        """Return the name that a file has here, or would be given: its own when it lies outside."""
        try:
            return path.resolve().relative_to(self.path.resolve()).as_posix()
        except ValueError:
            return path.name

    def names(self) -> tuple[str, ...]:
        """Return the paths of all artifacts, sorted; there may be none."""
        return tuple(sorted(artifacts(self.path)))

    def sums(self) -> dict[str, str]:
        """Return the digest of each listed file; VerificationError when the list is malformed."""
        try:
            text = (self.path / SUMS).read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        found: dict[str, str] = {}
        for number, line in enumerate(text.splitlines(), 1):
            match = LINE.fullmatch(line)
            if match is None or found.get(match[2], match[1]) != match[1]:
                raise VerificationError(
                    f"`{SUMS}` of the download cache is damaged: its lines are a sha256, two "
                    "spaces and a name, and no name has two digests",
                    where=f"{self.path / SUMS}:{number}",
                    hint="restore it from git; after a merge, keep the lines of both sides",
                )
            found[match[2]] = match[1]
        return found

    def put(self, name: str, source: Path, sha256: str) -> bool:
        """Add a copy of ``source``, whose digest has to be ``sha256``, under a name.

        Returns whether it was new. Raises VerificationError, with nothing changed, when the name
        stands for other bytes already or the source has others; StoreError.
        """
        with self._changing() as sums:
            target = self.path / name
            if sums.get(name, sha256) != sha256 or target.exists():
                self._require(name, sha256, sums)
                sums[name] = sha256
                return False
            target.parent.mkdir(parents=True, exist_ok=True)
            self._place(source, target, sha256)
            sums[name] = sha256
        return True

    def _place(self, source: Path, target: Path, sha256: str) -> None:
        temporary = sibling(self.path / target.name)
        try:
            shutil.copyfile(source, temporary)
            if sha256_file(temporary) != sha256:
                raise VerificationError(f"`{source}` changed while it was copied", hint="try again")
            temporary.chmod(0o644)
            sync([temporary])
            os.link(temporary, target)
            sync([target.parent])
        finally:
            temporary.unlink(missing_ok=True)

    def _require(self, name: str, sha256: str, sums: Mapping[str, str]) -> None:
        target = self.path / name
        found = sha256_file(target) if target.exists() else sums[name]
        if found != sha256 or sums.get(name, sha256) != sha256:
            raise VerificationError(
                f"the download cache has other bytes under the name `{name}`, and what is in it "
                "never changes",
                hint="give what changed another version, such as one with a local part (`1.2+acme1`"
                f"); for a file that was changed in place, restore `{target}` from git",
            )

    def remove(self, names: Iterable[str]) -> None:
        """Remove files and their lines; those that are absent are no failure."""
        with self._changing() as sums:
            for name in names:
                (self.path / name).unlink(missing_ok=True)
                sums.pop(name, None)
                for folder in (self.path / name).relative_to(self.path).parents[:-1]:
                    with contextlib.suppress(OSError):  # not empty, or gone
                        (self.path / folder).rmdir()

    def damages(self, locked: Iterable[LockedFile]) -> list[Damage]:
        """Hash every file and hold it against its line and the lock; return what does not agree."""
        sums, found = self.sums(), {name: sha256_file(self.path / name) for name in self.names()}
        damages = [Damage(name=n, what="it is missing") for n in sums.keys() - found.keys()]
        for name, digest in found.items():
            if name not in sums:
                damages.append(Damage(name=name, what=f"`{SUMS}` has no line for it"))
            elif sums[name] != digest:
                damages.append(Damage(name=name, what=f"its bytes are not those of `{SUMS}`"))
        damages += (
            Damage(name=name, what="the lock names other bytes")
            for file in locked
            for name in places(file)
            if found.get(name, file.sha256) != file.sha256
        )
        return sorted(set(damages), key=lambda damage: (damage.name, damage.what))

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, str]]:
        """Give the digests to change, one run of all at a time; they are written at a clean end."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._sweep()
                sums = self.sums()
                before = dict(sums)
                yield sums
                if sums != before:
                    text = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
                    atomic_write(self.path / SUMS, text.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreError(
                f"the download cache `{self.path}` cannot be written: {error.strerror}"
            ) from error

    def _sweep(self) -> None:
        """Remove what killed runs were writing: whoever has the lock is the only one to write."""
        for name in os.listdir(self.path):
            if UNFINISHED.fullmatch(name):
                (self.path / name).unlink()


def take(directory: Directory, files: Iterable[LockedFile], store: Store) -> tuple[LockedFile, ...]:
    """Bring what is in a download cache into the store, each byte checked; return the others.

    Raises VerificationError for a file that has another content than the lock says.
    """
    rest = []
    for file in files:
        if path := directory.find(file):
            _store(path, file, store)
        else:
            rest.append(file)
    return tuple(rest)


def _store(path: Path, file: LockedFile, store: Store) -> None:
    try:
        with path.open("rb") as source, store.new_blob(file.sha256) as writer:
            while data := source.read(CHUNK):
                writer.write(data)
    except OSError as error:
        raise StoreError(f"`{path}` cannot be read: {error.strerror}") from error
    except VerificationError as error:
        raise VerificationError(
            f"`{path}` of the download cache is not the file that the lock names",
            hint="restore it (`pipeline cache verify --downloads` lists all that differ); with Git "
            "LFS, run `git lfs pull`",
            detail=(error.message,),
        ) from error
