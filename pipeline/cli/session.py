"""What every verb works with: the repository, the store, the lock, the console."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pipeline.cli import noop
from pipeline.errors import ConfigError, UsageError
from pipeline.files import sha256_bytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

    from pipeline.checkout.inputs import Checkout
    from pipeline.config.model import Pipeline
    from pipeline.console import Console
    from pipeline.downloads.place import Place
    from pipeline.engines.protocol import Engine
    from pipeline.environments.make import Maker
    from pipeline.execute.means import Means, Options
    from pipeline.lock.types import Lock
    from pipeline.locking.settings import Settings
    from pipeline.release.moment import Moment
    from pipeline.store.store import Store

PIPELINE_FILE = "pipeline.yaml"


class Session:
    """One call of the command line, ``words``. Everything is made when first asked for."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        console: Console,
        environ: Mapping[str, str],
        cwd: Path,
        words: Sequence[str] = (),
    ) -> None:
        self.arguments = arguments
        self.console = console
        self.environ = environ
        self.words = words
        self._cwd = cwd
        self._copy: Path | None = None
        self._partly_checked: Lock | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    @property
    def named_directory(self) -> Path:
        """Where the project is searched from: the working directory, or what ``-C`` names."""
        return self._cwd / (self.arguments.directory or "")

    @cached_property
    def root(self) -> Path:
        """The repository: the nearest directory upwards that holds ``pipeline.yaml``."""
        start = self.named_directory.resolve()
        if not start.is_dir():
            raise UsageError(
                f"cannot find the directory `{self.arguments.directory}`",
                hint="`-C` names the directory of a project, or one below it",
            )
        for directory in (start, *start.parents):
            if (directory / PIPELINE_FILE).is_file():
                return directory
        raise ConfigError(
            f"cannot find `{PIPELINE_FILE}` in `{start}` or above it",
            hint="run it inside a project, or name one with `pipeline -C DIR VERB`; the tutorial "
            "writes a first one",
        )

    @property
    def files(self) -> Path:
        """Where the project's files are read: `root`, or the copy of a commit (`work_on`)."""
        return self._copy or self.root

    @cached_property
    def pipeline(self) -> Pipeline:
        """What the repository declares."""
        from pipeline.config.load import load  # noqa: PLC0415

        try:
            return load(self.files)
        except ConfigError as error:
            error.detail = (*error.detail, *_absent_declarations(self.files))
            raise

    @cached_property
    def lock(self) -> Lock:
        """The lock, checked against the declarations; LockError when stale or missing."""
        from pipeline.locking.stale import require_fresh  # noqa: PLC0415

        require_fresh(self.pipeline, self._unchecked_lock)
        return self._unchecked_lock

    def use_lock(
        self,
        *,
        stages: Iterable[str] = (),
        images: Iterable[str] = (),
        environments: Iterable[str] = (),
    ) -> Lock:
        """Go on with the lock if it is fresh as far as these go by it; LockError when it is not.

        Images and sources beside those may be missing from it.
        """
        known = vars(self).get("lock")
        if known is None or known is self._partly_checked:
            from pipeline.locking.stale import require_fresh, sections_of  # noqa: PLC0415

            sections = sections_of(self.pipeline, stages, images)
            sections |= {f"environments.{name}" for name in environments}
            require_fresh(self.pipeline, self._unchecked_lock, sections)
            self._partly_checked = vars(self)["lock"] = self._unchecked_lock
        return self.lock

    @cached_property
    def _unchecked_lock(self) -> Lock:
        from pipeline.lock.file import FILE, load  # noqa: PLC0415

        return load(self.files / FILE)

    @cached_property
    def store(self) -> Store:
        """The store, open; closed at the session's end."""
        from pipeline.store.store import Store  # noqa: PLC0415

        store = Store.open(cache_directory(self.environ))
        self._open.callback(store.close)
        return store

    @cached_property
    def settings(self) -> Settings:
        """Where packages come from."""
        from pipeline.locking.settings import Settings, suites  # noqa: PLC0415

        return Settings.gather(
            self.environ,
            suites=suites(self.pipeline),
            mirrors=self.pipeline.mirrors.debian,
            registries=self.pipeline.mirrors.registry,
            root=self.root,
            downloads=self.downloads,
            flag=getattr(self.arguments, "debian_mirror", None),
            offline=getattr(self.arguments, "offline", False),
        )

    @cached_property
    def downloads(self) -> Place | None:
        """The project's download cache, None where it has none."""
        declared = self.pipeline.project.download_cache
        named = self.environ.get("PIPELINE_DOWNLOAD_CACHE", "")
        if not declared and not named:
            return None
        from pipeline.downloads.place import Place  # noqa: PLC0415 - few projects have one

        clones = cache_directory(self.environ) / "downloads"
        return Place.of(declared, named, root=self.root, clones=clones)

    @cached_property
    def engine_choice(self) -> tuple[str, str]:
        """The engine and the builder that flag, environment or file name; UsageError."""
        flags, environ, settings = self.arguments, self.environ, self.pipeline.engines
        name = getattr(flags, "engine", None) or environ.get("PIPELINE_ENGINE")
        name = name or self.pipeline.engine
        flag = getattr(flags, "builder", None)
        if flag and name != "buildkit":
            raise UsageError(
                f"`--builder` is for the engine `buildkit`, not for `{name}`",
                hint=f"add `--engine buildkit` to build on `{flag}`",
            )
        builder = flag or environ.get("PIPELINE_BUILDER") or settings.buildkit.builder
        return name, builder or ""

    @cached_property
    def environments(self) -> Maker:
        """What makes the environments of this checkout."""
        from pipeline.environments.make import Maker  # noqa: PLC0415

        return Maker(
            pipeline=self.pipeline,
            lock=self.lock,
            store=self.store,
            settings=self.settings,
            console=self.console,
        )

    def engine(self, *, keep: bool = False, shell: bool = False, fresh: bool = False) -> Engine:
        """Return the chosen engine; flags as `pipeline.execute.engines.choose` takes them."""
        from pipeline.execute.engines import choose  # noqa: PLC0415

        name, builder = self.engine_choice
        return choose(
            name,
            self.store,
            builder=builder,
            contexts=self.pipeline.engines.docker.contexts,
            keep=keep,
            shell=shell,
            fresh=fresh,
            tell=self.console.info,
        )

    def means(self, engine: Engine, *, quiet: bool = False, lock: Lock | None = None) -> Means:
        """Return what a run works with; ``lock`` stands for the repository's own."""
        from pipeline.execute.logs import Turns  # noqa: PLC0415
        from pipeline.execute.means import Means  # noqa: PLC0415

        return Means(
            root=self.root,
            pipeline=self.pipeline,
            lock=lock or self.lock,
            store=self.store,
            settings=self.settings,
            engine=engine,
            console=self.console,
            turns=Turns(self.console.speaker(quiet=quiet)),
        )

    @cached_property
    def version(self) -> str:
        """The project's version; empty where it has no version file, and so releases nothing."""
        from pipeline.release.version import read_version  # noqa: PLC0415

        file = self.files / self.pipeline.project.version
        return read_version(file) if file.exists() else ""

    @cached_property
    def moment(self) -> Moment:
        """When a release is made: now, or as SOURCE_DATE_EPOCH says."""
        from pipeline.release.moment import moment  # noqa: PLC0415

        return moment(self.environ, time.time())

    def options(self) -> Options:
        """Return how a run goes unless told otherwise: a draft, a cell a processor."""
        from pipeline.execute.means import Options  # noqa: PLC0415

        return Options(today=self.moment.date, jobs=os.cpu_count() or 1)

    @cached_property
    def own_directory(self) -> Path:
        """Where the store keeps what belongs to this checkout."""
        return self.store.root / "checkouts" / sha256_bytes(str(self.root).encode())[:32]

    @cached_property
    def checkout(self) -> Checkout:
        """The files that may be inputs."""
        from pipeline.checkout.inputs import Checkout  # noqa: PLC0415
        from pipeline.store.stat import StatCache  # noqa: PLC0415

        stats = StatCache((self._copy.parent if self._copy else self.own_directory) / "stat.json")
        return Checkout(self.files, stats, without=self.pipeline.project.downloads)

    def scratch(self, label: str) -> Path:
        """Return a private directory that is removed at the session's end."""
        return self._open.enter_context(self.store.scratch(label))

    def work_on(self, copy: Path) -> None:
        """Go on with the files of a copy of the project, a directory in one of our own.

        What is asked of git, and where files are put, stays with `root`.
        """
        self._copy = copy
        read = ("pipeline", "lock", "_unchecked_lock", "settings", "version", "environments")
        for name in (*read, "checkout"):
            vars(self).pop(name, None)


def _absent_declarations(root: Path) -> tuple[str, ...]:
    """Return a line about declarations that are tracked and not on disk, which may explain much."""
    from pipeline.checkout import git, worktree  # noqa: PLC0415 - only for a refusal

    if not worktree.is_repository(root):
        return ()
    rows = [row for folder in ("images", "dockerfiles") for row in git.index(root, folder)]
    absent = git.absent_files(root, [row.path for row in rows if not row.is_submodule])
    submodules = (row.path for row in rows if row.is_submodule)
    return (
        *(
            f"the submodule `{path}` is not checked out: run `git submodule update --init`"
            for path in submodules
            if not (root / path / ".git").exists()
        ),
        *(f"`{name}` is tracked, but not on disk" for name in absent[:5]),
    )


def cache_directory(environ: Mapping[str, str]) -> Path:
    """Return the store's directory."""
    return Path(noop.cache_directory(environ))
