"""Generated files among the sources: which they are, and whether an sdist has them all.

They are merged here and not by `COPY`, so that a file of the repository is never overwritten and
what is missing is told by name, on every engine alike.
"""

from __future__ import annotations

import posixpath
import tarfile
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.config.problems import nearest
from pipeline.errors import ConfigError
from pipeline.files import sha256_bytes
from pipeline.store.trees import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pipeline.plan.recipe import GeneratedInput, Placed
    from pipeline.store.trees import Entry

REMEDIES = {
    "hatchling": "name it in `artifacts` below `[tool.hatch.build]`, since hatchling leaves out "
    "what `.gitignore` names",
    "setuptools": "name it in `MANIFEST.in`, and what is no module in `package-data` too",
    "flit_core": "add it to `include` below `[tool.flit.sdist]`",
    "poetry": "add it to `include` below `[tool.poetry]`, for the formats `sdist` and `wheel`",
    "pdm": "add it to `source-includes` below `[tool.pdm.build]`",
    "scikit_build_core": "add it to `sdist.include` below `[tool.scikit-build]`",
    "maturin": "add it to `include` below `[tool.maturin]`",
    "mesonpy": "add it with `meson.add_dist_script`: Meson packs what a repository tracks",
}
"""How each backend is told to pack a file, by the first part of its name."""


def merged(part: GeneratedInput, trees: Mapping[str, Tree]) -> Tree:
    """Return the generated files alone; ``trees`` are the outputs by the keys of their cells.

    ConfigError where an output lacks a file, or one would take the place of another.
    """
    taken = {entry.path: "the repository" for entry in part.source.tree.entries}
    links = {entry.path for entry in part.source.tree.entries if entry.kind == "link"}
    directories = {parent for path in taken for parent in _parents(path)}
    found: list[Entry] = []
    for placed in part.placed:
        for entry in _taken_from(placed, trees[placed.made.key]):
            path = entry.path
            parents = {*_parents(path)}
            above = sorted(parents & taken.keys())
            if path in taken or path in directories or above:
                owner = taken.get(path) or next((taken[one] for one in above), "the repository")
                what = "a link" if parents & links else "a file or directory"
                raise ConfigError(
                    f"`{placed.made.cell}` makes `{path}`, where {owner} has {what} already",
                    hint="nothing is overwritten: name another place in `generated`, or take what "
                    "is there out of git",
                )
            taken[path] = f"`{placed.made.cell}`"
            directories |= parents
            found.append(entry)
    return Tree.of(found)


def _taken_from(placed: Placed, tree: Tree) -> Iterator[Entry]:
    """Yield what is taken from an output, each with its path among the sources."""
    entries = [entry for entry in tree.entries if entry.kind != "dir"]
    below = f"{placed.path}/" if placed.path else ""
    alone = [entry for entry in entries if entry.path == placed.path]
    some = alone or [entry for entry in entries if entry.path.startswith(below)]
    if not some:
        raise ConfigError(
            f"`{placed.made.cell}` made no `{placed.path or 'file'}`, which `generated` puts at "
            f"`{placed.place}`",
            hint=nearest(placed.path, [entry.path for entry in entries])
            or "declare it in its `outputs`, or put it in `/out`",
        )
    for entry in some:
        rest = "" if alone else entry.path.removeprefix(below)
        if alone and placed.place.endswith("/"):
            rest = posixpath.basename(entry.path)
        _refuse_leaving(placed, entry, below)
        yield replace(entry, path=posixpath.normpath(posixpath.join(placed.place, rest)))


def _refuse_leaving(placed: Placed, entry: Entry, below: str) -> None:
    """Refuse a link that does not stay within what is taken."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(entry.path), entry.target))
    if entry.kind == "link" and (
        entry.target.startswith("/")
        or not f"{target}/".startswith(below)
        or target.startswith("..")
    ):
        raise ConfigError(
            f"`{placed.made.cell}` made the link `{entry.path}`, which leads to `{entry.target}`, "
            "out of what is put into the sources",
            hint="let it make a file in its stead, as with `cp -L`",
        )


def refuse_missing(cell: str, part: GeneratedInput, files: Iterable[Entry], sdist: Path) -> None:
    """Refuse an sdist that lacks a generated file: a backend may leave out what is ignored.

    A backend may also put it elsewhere, as hatchling's `sources` do: then name and content count.
    """
    below = "" if part.directory in {"", "."} else f"{part.directory}/"
    wanted = {entry.path.removeprefix(below): entry for entry in files}
    packed = _packed(sdist, {posixpath.basename(path) for path in wanted})
    for path, entry in wanted.items():
        moved = (posixpath.basename(path), entry.digest)
        if path not in packed and (entry.kind == "link" or moved not in packed):
            raise ConfigError(
                f"the backend of `{cell}` left `{path}` out of the sdist, which `generated` names",
                where=f"{below}pyproject.toml",
                hint=_remedy(part, f"{below}pyproject.toml"),
            )


def _packed(sdist: Path, names: set[str]) -> set[str | tuple[str, str]]:
    """Return the paths in an sdist, and of files called as one of ``names`` name and digest."""
    found: set[str | tuple[str, str]] = set()
    with tarfile.open(sdist) as archive:
        for member in archive:
            found.add(member.name.partition("/")[2])
            name = posixpath.basename(member.name)
            if name in names and (stream := archive.extractfile(member)):
                found.add((name, sha256_bytes(stream.read())))
    return found


def _remedy(part: GeneratedInput, name: str) -> str:
    try:
        text = tomllib.loads(part.source.place(name).read_text(encoding="utf-8"))
        backend = str(text["build-system"]["build-backend"])
    except (OSError, ValueError, KeyError, TypeError):
        backend = "setuptools"
    word = backend.partition(".")[0].partition(":")[0]
    return REMEDIES.get(word, f"tell `{backend}` to pack it")


def _parents(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path
