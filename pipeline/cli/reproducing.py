"""``pipeline verify TAG`` and ``FILE-OR-TAG --from-provenance``: releases, rebuilt and compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.checkout import git
from pipeline.checkout.differences import differences
from pipeline.checkout.git import remotes
from pipeline.checkout.history import body_of, commit_of, object_kind
from pipeline.checkout.worktree import is_repository
from pipeline.errors import UsageError
from pipeline.evidence.provenance import SUFFIX, read_claim
from pipeline.execute.artifacts import DIST
from pipeline.execute.evidence import DIRECTORY
from pipeline.execute.rebuild import Comparison, compare_files
from pipeline.execute.reproduce import (
    Claimed,
    check_file,
    made_again,
    made_for,
    reproduce,
    snapshot,
)
from pipeline.files import sha256_file
from pipeline.release.listing import listed
from pipeline.release.tags import version_of

SHOWN = 10
"""How many files on disk are named as what may have made a difference."""

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.cli.session import Session
    from pipeline.evidence.provenance import Claim
    from pipeline.execute.means import Means
    from pipeline.execute.reproduce import Snapshot


def reproduced(words: Sequence[str], session: Session) -> tuple[Comparison, ...]:
    """Rebuild each file that is named, or that a tag named here released; compare the bytes."""
    claims = [found for word in words for found in _wanted(word, session.root)]
    for claimed in claims:
        check_file(claimed)
    commits = dict.fromkeys(claimed.claim.commit for claimed in claims)
    return tuple(
        comparison
        for commit in commits
        for comparison in _of_commit([c for c in claims if c.claim.commit == commit], session)
    )


def tag_of(word: str, session: Session) -> str:
    """Return the commit of a tag that a word names, empty where it names none, or a stage."""
    if word in session.pipeline.stages or not is_repository(session.root):
        return ""
    return commit_of(session.root, f"refs/tags/{word}")


def require_tags(words: Sequence[str], session: Session) -> None:
    """Refuse a word that is spelt as a tag of the project's and names none, and no stage."""
    for word in words:
        spelt = version_of(word, session.pipeline.project.tag)
        if not spelt or word in session.pipeline.stages:
            continue
        if tag_of(word, session):
            raise UsageError(
                f"the tag `{word}` cannot be verified together with other words",
                hint=f"`pipeline verify {word}` does it alone",
            )
        here = is_repository(session.root)
        remote = next(iter(remotes(session.root) if here else ()), "origin")
        raise UsageError(
            f"cannot find the tag `{word}` in this clone",
            hint=f"`git tag` lists those that are here, `git fetch --tags {remote}` brings others",
        )


def relisted(tag: str, session: Session) -> tuple[Comparison, ...]:
    """Rebuild all that a tag lists, and compare the digests; UsageError where it lists nothing."""
    stages = listed(body_of(session.root, tag))
    if stages is None:
        ref = f"refs/tags/{tag}"
        hint = f"`pipeline verify {tag} --from-provenance` takes the files in `{DIST}`"
        if object_kind(session.root, ref) != "tag":
            remote = next(iter(remotes(session.root)), "origin")
            annotated = f"`git fetch --force {remote} {ref}:{ref}`"
            hint = f"it has no annotation here, which {annotated} brings where there is one; {hint}"
        raise UsageError(
            f"the tag `{tag}` lists no files, so there is nothing to compare", hint=hint
        )
    commit = commit_of(session.root, f"refs/tags/{tag}")
    with snapshot(session.root, commit, session.store) as laid:
        cells = made_for(stages, laid)
        names = ", ".join(f"`{cell}`" for cell in cells)
        session.console.info(f"building {names} of `{tag}` again, commit {commit[:12]}")
        dist = made_again(cells, laid, _means(laid, session), engine=session.engine_choice)
        files = {name: digest for stage in stages.values() for name, digest in stage.items()}
        for name in sorted(name for name, digest in files.items() if not digest):
            session.console.info(f"{name}: compiled on its own platform, so the tag has no sha256")
        return _explained(
            [
                replace(_held(name, files[name], dist, session.root / DIST), commit=commit)
                for name in sorted(files)
                if files[name]
            ],
            session.root,
        )


def _explained(compared: Sequence[Comparison], root: Path) -> tuple[Comparison, ...]:
    """Add where the files on disk are not those of the commit, if one was made of them here."""
    other = [one for one in compared if not one.same]
    if not other or git.head(root) != other[0].commit:
        return tuple(compared)
    found = [str(difference) for difference in differences(root, other[0].commit)]
    more = [f"and {len(found) - SHOWN} more files on disk"] if len(found) > SHOWN else []
    return tuple(
        one if one.same else replace(one, differences=(*one.differences, *found[:SHOWN], *more))
        for one in compared
    )


def _held(name: str, digest: str, dist: Path, released: Path) -> Comparison:
    """Compare a rebuilt file with a digest; where the released file is here, look inside."""
    if (released / name).is_file() and sha256_file(released / name) == digest:
        return compare_files(name, released / name, dist / name)
    if not (dist / name).is_file():
        return Comparison(name=name, first=digest, second="", differences=("is missing",))
    second = sha256_file(dist / name)
    other = () if second == digest else ("other bytes than the tag lists",)
    return Comparison(name=name, first=digest, second=second, differences=other)


def _of_commit(claims: Sequence[Claimed], session: Session) -> tuple[Comparison, ...]:
    commit = claims[0].claim.commit
    cells = ", ".join(f"`{cell}`" for cell in dict.fromkeys(c.claim.cell for c in claims))
    with snapshot(session.root, commit, session.store) as laid:
        session.console.info(f"building {cells} of commit {commit[:12]} again")
        compared = reproduce(claims, laid, _means(laid, session), engine=session.engine_choice)
        return _explained(compared, session.root)


def _means(laid: Snapshot, session: Session) -> Means:
    """Return what builds a commit; today's lock may be stale, and has no part in it."""
    return session.means(session.engine(), lock=laid.lock).at(laid.pipeline, laid.lock)


def _wanted(word: str, root: Path) -> Iterator[Claimed]:
    file = Path(word)
    if file.is_file():
        yield Claimed(file=file, claim=read_claim(_statement(file, root)))
        return
    yield from _of_tag(word, root)


def _statement(file: Path, root: Path) -> Path:
    name = file.name + SUFFIX
    places = (file.parent, file.parent / DIRECTORY, root / DIST / DIRECTORY)
    for place in places:
        if (place / name).is_file():
            return place / name
    raise UsageError(
        f"there is no provenance of `{file.name}`",
        hint=f"put `{name}` beside it; `pipeline run --provenance` writes it to "
        f"`{DIST}/{DIRECTORY}`",
    )


def _of_tag(tag: str, root: Path) -> Iterator[Claimed]:
    commit = commit_of(root, f"refs/tags/{tag}") if is_repository(root) else ""
    if not commit:
        raise UsageError(
            f"`{tag}` is neither a file nor a tag of this repository",
            hint="name a file such as `dist/NAME.whl`, or a tag (`git fetch --tags` brings them)",
        )
    statements = sorted((root / DIST / DIRECTORY).rglob(f"*{SUFFIX}"))
    claims = [claim for each in statements if (claim := read_claim(each)).commit == commit]
    if not claims:
        raise UsageError(
            f"`{DIST}/{DIRECTORY}` has no provenance of files that `{tag}` released",
            hint="put the published files and their statements there, then run it again",
        )
    for claim in claims:
        yield Claimed(file=_released(root / DIST, claim), claim=claim)


def _released(dist: Path, claim: Claim) -> Path:
    file = dist / claim.name
    if not file.resolve().is_relative_to(dist.resolve()) or not file.is_file():
        raise UsageError(
            f"`{DIST}` has no `{claim.name}`, though there is provenance of it",
            hint="put the published file there, or name the files that you have",
        )
    return file
