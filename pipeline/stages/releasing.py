"""What a release is built from: the project as the tag will have it.

A run that leads to a release sees the changelog with the new section, no fragments, and a lock
whose epoch is that of the release. So the bytes of a draft are the bytes that the tag builds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.checkout import git, history, worktree
from pipeline.errors import ConfigError
from pipeline.lock import file as lock_file
from pipeline.release import changelog, tags
from pipeline.release.conditions import has_section
from pipeline.release.moment import next_epoch
from pipeline.release.planned import PlannedRelease
from pipeline.release.settings import require_directory

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.lock.types import Lock
    from pipeline.release.conditions import Obstacle, Scene


def prepare(scene: Scene, lock: Lock, scratch: Path) -> PlannedRelease | None:
    """Plan the release; ``scratch`` is an empty directory. Nothing is written elsewhere.

    None when the version was tagged or has its notes already: then nothing is left to change.
    ConfigError when the changelog cannot take the notes.
    """
    root, settings = scene.root, scene.settings
    require_directory(settings, scene.project.changes)
    if settings.single_file and settings.news != scene.project.changelog:
        raise ConfigError(
            f"towncrier writes notes to `{settings.news}`, "
            f"the project declares `{scene.project.changelog}`",
            where=settings.file,
            hint="name the same file as `filename` in towncrier's settings and as `changelog` "
            "under `project` in `pipeline.yaml`",
        )
    repository = worktree.is_repository(root)
    if (repository and scene.tag in git.tags(root)) or has_section(scene):
        return None
    date = scene.made.date.isoformat()
    rendered = changelog.render(scene.files, settings, scratch, version=scene.version, date=date)
    epoch = _epoch(scene, lock) if repository else lock.epoch
    written = dict(rendered.written)
    if epoch != lock.epoch:
        written[lock_file.FILE] = lock_file.dump(replace(lock, epoch=epoch)).encode()
    if repository and _differs(scene):
        written[scene.project.version] = (scene.files / scene.project.version).read_bytes()
    return PlannedRelease(
        version=scene.version,
        tag=scene.tag,
        parent=git.head(root) if repository else "",
        notes=rendered.notes,
        epoch=epoch,
        written=written,
        removed=rendered.removed,
    )


def _differs(scene: Scene) -> bool:
    """Whether the version file is not what the commit has, which a release commits then.

    A link stays one: what it leads to is a file of its own, which has to be clean.
    """
    path = scene.project.version
    held = history.held_by(scene.root, git.head(scene.root), [path]) if git.head(scene.root) else {}
    if (scene.files / path).is_symlink():
        return False
    data = (scene.files / path).read_bytes()
    return path not in held or held[path].blob != history.blob_of(scene.root, data)


def _epoch(scene: Scene, lock: Lock) -> int:
    """Return the epoch of the release: the lock's own unless the last release had the same."""
    if not git.head(scene.root):
        return lock.epoch
    earlier = tags.reachable(scene.root, scene.project.tag)
    text = history.file_text(scene.root, earlier[-1].commit, lock_file.FILE) if earlier else None
    try:
        last = json.loads(text)["epoch"] if text else None
    except (ValueError, KeyError, TypeError):
        last = None
    return next_epoch(lock.epoch, last, scene.made)


@dataclass(frozen=True, kw_only=True)
class Releasing:
    """The release that a run leads to.

    ``release`` is None where the version was released already. ``push`` asks for commit and tag
    to be pushed; ``remote`` is who is asked what it has, empty where nobody is to be.
    ``obstacles`` are what the files of the commit have against it. A draft made ``anywhere`` is of
    a release that is cut from another checkout.
    """

    scene: Scene
    release: PlannedRelease | None
    obstacles: tuple[Obstacle, ...] = ()
    push: bool = False
    remote: str = ""
    anywhere: bool = False
