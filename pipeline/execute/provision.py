"""Making a recipe's inputs ready: from identities to directories an engine can use."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, assert_never

from pipeline.engines.protocol import TreeContext
from pipeline.errors import StoreError, VerificationError
from pipeline.execute.artifacts import artifacts
from pipeline.execute.compiling import compile_inside
from pipeline.execute.generated import merged
from pipeline.files import sha256_bytes, sha256_file, walk_files
from pipeline.images.assemble import assemble, tree_image
from pipeline.images.bytecode import compile_below, host_compiles, with_bytecode
from pipeline.images.environment import unpack_wheels
from pipeline.locking.fetch import platform_files
from pipeline.plan.recipe import (
    EnvironmentInput,
    FilesInput,
    GeneratedInput,
    ImageInput,
    InstalledInput,
    OutputInput,
    SdistInput,
    SourceInput,
)
from pipeline.platforms import Target, native_platform
from pipeline.store.trees import Tree
from pipeline.wheels.unpack import unpack_sdist

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pipeline.checkout.inputs import SourceTree
    from pipeline.engines.protocol import Context, Engine, ImageContext
    from pipeline.images.bytecode import Runner
    from pipeline.lock.types import Lock, LockedFile, PythonFile
    from pipeline.plan.recipe import Input, Recipe
    from pipeline.store.store import Store
    from pipeline.wheels.bill import Parts

TREE_EPOCH = 315532800
"""The time of every file handed to a step: 1980-01-01, the first that zip can hold."""


class Provisioner:
    """Turns inputs into contexts; each is made once and kept in the store."""

    def __init__(self, store: Store, lock: Lock, engine: Engine) -> None:
        self._store = store
        self._lock = lock
        self._engine = engine

    def contexts(self, recipe: Recipe, outputs: Mapping[str, str]) -> dict[str, Context]:
        """Return every input of a recipe as a context; ``outputs`` gives trees by cells' keys."""
        return {
            name: self._context(part, recipe.platform, outputs)
            for name, part in recipe.inputs.items()
        }

    def _context(  # noqa: PLR0911 - one return for each kind of input
        self, part: Input, platform: str, outputs: Mapping[str, str]
    ) -> Context:
        match part:
            case ImageInput(runs=False):
                return assemble(part.image, self._lock, part.platform, self._store)
            case ImageInput():
                return self.image(part.image, part.platform)
            case EnvironmentInput():
                return self.environment(part, platform)
            case InstalledInput():
                return self._installed(part, platform, outputs)
            case SourceInput():
                return self.source(part.source)
            case GeneratedInput():
                return self._generated(part, outputs)
            case SdistInput():
                return self.unpacked(part.file.sha256, part.file.name)
            case FilesInput():
                return self.files(part)
            case OutputInput():
                return self._output(part, self._store.load_tree(outputs[part.key]))
            case _:
                assert_never(part)

    def image(self, name: str, platform: str) -> ImageContext:
        """Return an image, with its bytecode beside it."""
        context = assemble(name, self._lock, platform, self._store)
        locked = self._lock.images[name].platforms[platform]
        return with_bytecode(
            context,
            locked.python,
            self._store,
            self._runner(name, platform),
            interpreter=locked.interpreter,
        )

    def _runner(self, name: str, platform: str) -> Runner | None:
        """Return what compiles in an image: its twin for this machine where it is for another.

        None where there is no such twin, since compiling under emulation costs more than it saves.
        """
        if not runs_python_of(name, platform, self._lock):
            return None

        def run(command: tuple[str, ...], *, source: Path, destination: Path) -> None:
            image = assemble(name, self._lock, native_platform(), self._store)
            compile_inside(
                self._engine, self._store, image, command, source=source, destination=destination
            )

        return run

    def environment(self, part: EnvironmentInput, platform: str) -> TreeContext:
        """Return a virtual environment at ``/env`` with its bytecode."""

        def make(directory: Path) -> None:
            wheels = [(wheel.name, checked(wheel, self._store)) for wheel in part.wheels]
            unpack_wheels(wheels, directory, python=part.python, interpreter=part.interpreter)
            compile_below(
                directory,
                directory,
                part.python,
                inside="/env",
                below=(f"lib/python{part.python}",),
                run=self._runner(part.image, platform),
                interpreter=part.interpreter,
            )

        path = self._store.derived("env", part.digest, make)
        return self._tree(part.digest, path, shared=True)

    def _installed(
        self, part: InstalledInput, platform: str, outputs: Mapping[str, str]
    ) -> TreeContext:
        trees = [outputs[built.key] for built in part.built]
        locked = part.environment

        def make(directory: Path) -> None:
            wheels = [(wheel.name, checked(wheel, self._store)) for wheel in locked.wheels]
            for digest in trees:
                made = artifacts(self._store.load_tree(digest), self._store)
                wheels += [(a.name, a.path) for a in made if _fits(a.name, platform)]
            unpack_wheels(wheels, directory, python=locked.python, interpreter=locked.interpreter)

        digest = sha256_bytes(" ".join((locked.digest, *trees)).encode())
        path = self._store.derived("installed", digest, make)
        return self._tree(digest, path)

    def _tree(self, digest: str, path: Path, *, shared: bool = False) -> TreeContext:
        def image(platform: str) -> ImageContext:
            return tree_image(path, platform, self._store)

        return TreeContext(digest=digest, path=path, shared=shared, image=image)

    def source(self, source: SourceTree) -> TreeContext:
        """Return the checkout's files as a directory of their own."""
        digest = source.tree.digest

        def make(directory: Path) -> None:
            _copy_checkout(source, directory)

        return self._tree(digest, self._store.derived("source", digest, make))

    def generated_files(self, part: GeneratedInput, outputs: Mapping[str, str]) -> Tree:
        """Return the generated files among some sources; ConfigError as `merged` raises it."""
        trees = {each.made.key: outputs[each.made.key] for each in part.placed}
        loaded = {key: self._store.load_tree(digest) for key, digest in trees.items()}
        return merged(part, loaded)

    def _generated(self, part: GeneratedInput, outputs: Mapping[str, str]) -> TreeContext:
        added = self.generated_files(part, outputs)
        digest = Tree.of([*part.source.tree.entries, *added.entries]).digest

        def make(directory: Path) -> None:
            _copy_checkout(part.source, directory)
            with self._store.scratch("generated") as scratch:
                self._store.materialise(added, scratch / "made", epoch=TREE_EPOCH)
                shutil.copytree(scratch / "made", directory, symlinks=True, dirs_exist_ok=True)
            _set_times(directory)

        return self._tree(digest, self._store.derived("source", digest, make))

    def files(self, part: FilesInput) -> TreeContext:
        """Return files of our own making as a directory."""

        def make(directory: Path) -> None:
            for name, text in part.files:
                target = directory / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
                target.chmod(0o755 if text.startswith("#!") else 0o644)
            _set_times(directory)

        return self._tree(part.digest, self._store.derived("files", part.digest, make))

    def unpacked(self, digest: str, name: str) -> TreeContext:
        """Return the sources in a stored sdist called ``name``."""

        def make(directory: Path) -> None:
            file = self._store.blob_path(digest)
            unpack_sdist(file, name, directory, sha256=digest, epoch=TREE_EPOCH)

        path = self._store.derived("unpacked", digest, make)
        return self._tree(digest, path)

    def parts(self, recipe: Recipe, wheel: Path | None = None) -> Parts:
        """Return what a recipe's wheel can be made of from elsewhere.

        Of libraries only those count that are in ``wheel``, where one is given.
        """
        from pipeline.evidence.parts import parts  # noqa: PLC0415 - most wheels are pure
        from pipeline.wheels.bill import grafted  # noqa: PLC0415 - as above

        return parts(recipe, self._lock, self._store, grafted(wheel) if wheel else None)

    def _output(self, part: OutputInput, tree: Tree) -> TreeContext:
        if part.unpacked:
            (entry,) = (entry for entry in tree.entries if entry.path.endswith(".tar.gz"))
            return self.unpacked(entry.digest, entry.path)

        def make(directory: Path) -> None:
            self._store.materialise(tree, directory, epoch=TREE_EPOCH)

        path = self._store.derived("output", tree.digest, make)
        return self._tree(tree.digest, path)


def _fits(name: str, platform: str) -> bool:
    """Whether a file is a wheel; VerificationError for one that is not for ``platform``."""
    stem, dot, suffix = name.rpartition(".")
    if (dot, suffix) != (".", "whl"):
        return False
    tags = stem.rpartition("-")[2].split(".")
    machine = Target.of_platform(platform).machine
    if not any(tag == "any" or tag.endswith(f"_{machine}") for tag in tags):
        raise VerificationError(
            f"the wheel `{name}` is not for {platform}, which the image is for",
            hint="give the stage of the image and that of the wheel the same axis `target`",
        )
    return True


def checked(file: PythonFile, store: Store) -> Path:
    """Return where a locked file lies, after hashing it; VerificationError when it rotted."""
    path = store.blob_path(file.sha256)
    if sha256_file(path) != file.sha256:
        path.unlink()
        raise VerificationError(
            f"the stored bytes of `{file.name}` are not what the lock names",
            hint="the file was dropped; run again to fetch it anew",
        )
    return path


def _copy_checkout(source: SourceTree, directory: Path) -> None:
    """Copy the tree's files out of the checkout, checking that none changed since it was read."""
    for entry in source.tree.entries:
        target = directory / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if entry.kind == "link":
            target.symlink_to(entry.target)
            continue
        try:
            shutil.copyfile(source.place(entry.path), target)
        except OSError as error:
            raise StoreError(f"`{entry.path}` cannot be copied: {error.strerror}") from error
        if sha256_file(target) != entry.digest:
            raise VerificationError(
                f"`{entry.path}` changed while it was being read",
                hint="run again when the file is at rest",
            )
        target.chmod(entry.mode)
    _set_times(directory)


def _set_times(directory: Path) -> None:
    for name in walk_files(directory):
        os.utime(directory / name, (TREE_EPOCH, TREE_EPOCH), follow_symlinks=False)
    for parent, _, _ in os.walk(directory, topdown=False):
        os.utime(parent, (TREE_EPOCH, TREE_EPOCH))


def runs_python_of(name: str, platform: str, lock: Lock) -> bool:
    """Whether an image is locked for this machine with the same Python as on ``platform``."""
    platforms = lock.images[name].platforms
    here, there = platforms.get(native_platform()), platforms[platform]
    return here is not None and (here.python, here.interpreter) == (there.python, there.interpreter)


def wanted_files(
    recipes: Iterable[Recipe], lock: Lock, parents: Mapping[str, str]
) -> list[LockedFile]:
    """Return the locked files that recipes need; ``parents`` names what an image starts from."""
    wanted: dict[str, LockedFile] = {}
    for recipe in recipes:
        for part in recipe.inputs.values():
            if isinstance(part, EnvironmentInput):
                wanted |= {wheel.sha256: wheel for wheel in part.wheels}
            elif isinstance(part, InstalledInput):
                wanted |= {wheel.sha256: wheel for wheel in part.environment.wheels}
            elif isinstance(part, SdistInput):
                wanted[part.file.sha256] = part.file
            elif isinstance(part, ImageInput):
                for platform in _platforms(part, lock):
                    wanted |= image_files(part.image, platform, lock, parents)
    return list(wanted.values())


def _platforms(part: ImageInput, lock: Lock) -> tuple[str, ...]:
    """Return for which platforms an image is needed: also for this machine's, if that compiles."""
    python = lock.images[part.image].platforms[part.platform].python
    compiles = part.runs and python and not host_compiles(python)
    if compiles and runs_python_of(part.image, part.platform, lock):
        return tuple(dict.fromkeys((part.platform, native_platform())))
    return (part.platform,)


def image_files(
    name: str, platform: str, lock: Lock, parents: Mapping[str, str]
) -> dict[str, LockedFile]:
    """Return what an image and those below it are assembled from, by sha256."""
    wanted: dict[str, LockedFile] = {}
    image = name
    while image:
        locked = lock.images[image].platforms[platform]
        wanted |= {file.sha256: file for file in platform_files(locked)}
        image = parents.get(image, "")
    return wanted
