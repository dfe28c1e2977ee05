"""The globs of `inputs`: what they say for a cell, and what to do about one that matches nothing.

A glob that matches nothing is a mistake that passes every check: tests that are not there do not
fail. So each has to match by itself, in every cell.
"""

from __future__ import annotations

import os
import re
from itertools import islice
from typing import TYPE_CHECKING

from pipeline.checkout import git, worktree
from pipeline.checkout.inputs import glob_pattern, literal_prefix
from pipeline.config.problems import closest, listing
from pipeline.config.stages import BuildStage, SdistStage, WheelStage
from pipeline.errors import ConfigError
from pipeline.locking.bases import cell_source
from pipeline.plan.matrix import cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.checkout.inputs import Checkout
    from pipeline.config.model import Pipeline
    from pipeline.stages.container import Situation

SHOWN = 3
"""How many files a hint names."""


def globs(situation: Situation) -> tuple[str, ...]:
    """Return the globs of a cell, the axes filled in; ConfigError for one that matches nothing."""
    stage, cell = situation.stage, situation.cell
    found = tuple(cell.fill(glob) for glob in stage.inputs)
    for index, glob in enumerate(found):
        if not situation.checkout.matching(glob):
            situation.checkout.require_submodules((glob,))
            raise ConfigError(
                f"`{glob}` in the `inputs` of `{cell.name}` matches no file of the repository",
                where=situation.pipeline.where("stages", stage.name, "inputs", str(index)),
                hint=remedy(situation.checkout, glob),
            )
    return found


def inputs_by_source(pipeline: Pipeline) -> Mapping[str, tuple[str, ...]]:
    """Return the globs of what is built of each directory's files, for the hooks of its backend.

    A source of which a stage takes all has none. A wheel made from an sdist takes none itself.
    """
    found: dict[str, dict[str, None]] = {}
    whole = set()
    for stage in pipeline.stages.values():
        needed = [pipeline.stages.get(need) for need in getattr(stage, "needs", ())]
        unpacks = isinstance(stage, WheelStage) and any(isinstance(n, SdistStage) for n in needed)
        if not isinstance(stage, BuildStage) or unpacks:
            continue
        for cell in cells(stage, pipeline.root):
            source = cell_source(stage, cell)
            if not stage.inputs:
                whole.add(source)
            found.setdefault(source, {}).update(dict.fromkeys(map(cell.fill, stage.inputs)))
    return {source: tuple(globs) for source, globs in found.items() if source not in whole}


def remedy(checkout: Checkout, glob: str) -> str:
    """Return what may be meant by a glob that matches nothing: an untracked file, or a near name.

    Looks at the disk, which only a mistake is worth.
    """
    if there := list(islice(_on_disk(checkout, glob), SHOWN)):
        return _untracked(checkout, there)
    if absent := [name for name in checkout.absent if re.fullmatch(glob_pattern(glob), name)]:
        names = listing(absent[:SHOWN])
        return f"{names}: tracked, but not on disk; `git checkout -- {absent[0]}` brings it"
    if near := _nearest(checkout.files, glob):
        return f"did you mean `{near}`?"
    if any(sign in glob for sign in "[]{}!"):
        return "globs are made of `*`, `**` and `?`; every other sign stands for itself"
    return "take it out, or add what it names: a new file counts once git tracks it"


def _on_disk(checkout: Checkout, glob: str) -> Iterator[str]:
    """Yield the files on disk that a glob matches, whoever knows them."""
    pattern, prefix = re.compile(glob_pattern(glob)), literal_prefix(glob)
    if not worktree.NEVER.isdisjoint(prefix.split("/")):
        return
    if os.path.isfile(checkout.root / prefix):
        yield from (name for name in (prefix,) if pattern.fullmatch(name))
        return
    start = prefix if os.path.isdir(checkout.root / prefix) else os.path.dirname(prefix)
    for parent, directories, files in os.walk(checkout.root / start):
        directories[:] = sorted(set(directories) - worktree.NEVER)
        for name in sorted(files):
            path = os.path.relpath(os.path.join(parent, name), checkout.root)
            if pattern.fullmatch(path):
                yield path


def _untracked(checkout: Checkout, there: list[str]) -> str:
    names, root = listing(there), checkout.root
    if not worktree.is_repository(root):
        return f"{names}: there, but left out by a `.gitignore` or as build output"
    ignored = not git.attempt(root, "check-ignore", "--quiet", "--", there[0]).status
    add = "git add --force" if ignored else "git add"
    why = "ignored by git" if ignored else "not tracked by git"
    return f"{names}: there, but {why}; `{add} {there[0]}`, since only tracked files are inputs"


def _nearest(files: tuple[str, ...], glob: str) -> str:
    """Return the glob with its first part that matches nothing as the nearest name beside it."""
    parts = glob.removeprefix("./").strip("/").split("/")
    known = [name.split("/") for name in files]
    for depth, part in enumerate(parts):
        if part == "**":
            break
        reached = [name for name in known if len(name) > depth]
        pattern = re.compile(glob_pattern(part))
        known = [name for name in reached if pattern.fullmatch(name[depth])]
        if not known:
            near = closest(part, {name[depth] for name in reached})
            return "/".join([*parts[:depth], near, *parts[depth + 1 :]]) if near else ""
    return ""
