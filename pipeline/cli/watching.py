"""Which paths decide whether a run would come out the same."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.checkout import worktree
from pipeline.config.matrix import directories
from pipeline.config.stages import ContainerStage
from pipeline.plan.matrix import all_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.cli.session import Session

OWN = Path(__file__).resolve().parent.parent
PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "hatch_build.py")


def watched_paths(session: Session) -> Iterator[str] | None:
    """Return every path a run looked at, as text; None when that cannot be told.

    That is so for a `source` axis with ``**``, and outside git, where any new file is an input.
    """
    index = worktree.git_index_path(session.root)
    if index is None or _looks_everywhere(session):
        return None
    return _paths(session, index)


def _looks_everywhere(session: Session) -> bool:
    patterns = (*_stage_patterns(session), *_environment_patterns(session))
    return any("**" in pattern for pattern in patterns)


def _paths(session: Session, index: Path) -> Iterator[str]:
    yield from declarations(session)
    yield str(session.root / session.pipeline.project.version)
    yield str(index)
    yield from sorted(session.checkout.watched)
    yield from _globbed(session, _stage_patterns(session))


def declarations(session: Session) -> Iterator[str]:
    """Yield the paths that decide what is declared and locked, and those of the tool itself."""
    root = session.root
    named = session.named_directory
    for directory in _between(named.resolve(), root):
        yield str(directory / "pipeline.yaml")
    # A link on the way there may lead elsewhere the next time.
    yield from (str(path) for path in (named, *named.parents) if path.is_symlink())
    yield str(root / "pipeline.lock")
    origins = (image.origin for image in session.pipeline.images.values())
    yield from (str(root / origin.archive) for origin in origins if origin.archive)
    for folder in ("images", "dockerfiles"):
        yield from _with_files(root / folder)
    yield from _with_files(OWN)
    yield from _projects(session)
    yield from _globbed(session, _environment_patterns(session))


def _between(start: Path, root: Path) -> Iterator[Path]:
    """Yield the directories in which another ``pipeline.yaml`` would be found first."""
    for directory in (start, *start.parents):
        yield directory
        if directory == root:
            return


def _with_files(directory: Path) -> Iterator[str]:
    """Yield a directory and all below it, without bytecode, whose coming and going is our own."""
    for parent, names, files in os.walk(directory):
        names[:] = [name for name in names if name != "__pycache__"]
        yield from (os.path.join(parent, file) for file in files)
    yield str(directory) if directory != OWN else str(OWN / "__init__.py")


def _projects(session: Session) -> Iterator[str]:
    """Yield the files of projects that the lock's freshness depends on."""
    named = _environment_patterns(session)
    sources = {found for pattern in named for found in directories(pattern, session.root)}
    for name, cells in all_cells(session.pipeline).items():
        stage = session.pipeline.stages[name]
        if isinstance(stage, ContainerStage):
            sources |= {cell.get("source") or cell.fill(stage.source) for cell in cells}
    for source in sorted(sources):
        if "==" not in source:
            yield from (str(session.root / source / file) for file in PROJECT_FILES)


def _globbed(session: Session, patterns: Iterable[str]) -> Iterator[str]:
    """Yield the directories in which a glob of sources could come to match more."""
    for pattern in patterns:
        parts = Path(pattern).parts
        for depth, part in enumerate(parts):
            if any(character in part for character in "*?["):
                above = "/".join(parts[:depth])
                yield from (str(path) for path in session.root.glob(above or "."))
                below = "/".join(parts[: depth + 1])
                yield from (str(path) for path in session.root.glob(below) if path.is_dir())


def _stage_patterns(session: Session) -> Iterator[str]:
    for stage in session.pipeline.stages.values():
        yield from stage.matrix.axes.get("source", ())


def _environment_patterns(session: Session) -> Iterator[str]:
    for environment in session.pipeline.environments.values():
        yield from environment.sources
