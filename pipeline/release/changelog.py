"""The notes of the coming release, rendered by towncrier without writing into the repository.

Towncrier runs as a program of the tool's own environment: it has no stable library interface,
and a template of the project's own is better kept out of this process. To learn what it would
write and remove, it is let loose on a copy of the few files it reads.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, StageFailedError
from pipeline.files import walk_files
from pipeline.process import printable, run
from pipeline.release import sections
from pipeline.release.fragments import is_leftover, leftovers, list_fragments
from pipeline.release.settings import FILES, read_settings, require_directory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.process import Completed
    from pipeline.release.settings import Settings

TIMEOUT_SECONDS = 120.0

HEADINGS = {".md": "# Changelog\n\n", ".rst": "Changelog\n=========\n\n"}
"""What a changelog begins with that is written for the first time, by its file's ending."""


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """What towncrier makes of the fragments.

    ``notes`` is the new section. ``written`` are whole files and ``removed`` paths, all relative
    to the root.
    """

    notes: str
    written: Mapping[str, bytes]
    removed: tuple[str, ...]


def draft(root: Path, *, version: str, date: str, changes: str = "") -> str:
    """Return the section of the changelog that a release of ``version`` on ``date`` would add.

    Where no fragment is left, it is the one that the release has added already: whoever publishes
    a tag sees its notes. ``date`` is ISO 8601 (``2026-11-20``). ``changes`` is the directory of
    fragments by ``pipeline.yaml``; ConfigError when towncrier's own settings name another one, or
    when it has none. StageFailedError carries towncrier's words. Nothing is written, in the
    repository or elsewhere.
    """
    settings = read_settings(root)
    require_directory(settings, changes)
    if not list_fragments(root, settings) and (notes := _released(root, settings, version)):
        return notes
    with tempfile.TemporaryDirectory(prefix="pipeline-notes-") as scratch:
        place = root
        if leftovers(root, settings):
            place = Path(scratch)
            _copy(root, settings, place, settings.news)
        command = draft_command(place, settings, version=version, date=date)
        return _towncrier(command, place).stdout.strip("\n") + "\n"


def _released(root: Path, settings: Settings, version: str) -> str:
    """Return the section that the changelog has for a version, empty where it has none."""
    text = read_news(root, settings.news) if settings.single_file else ""
    if settings.start not in text:
        return ""
    section = sections.read(text, settings, where=settings.news).section(version)
    return section.text.strip("\n") + "\n" if section else ""


def render(root: Path, settings: Settings, scratch: Path, *, version: str, date: str) -> Rendered:
    """Return what cutting ``version`` would write and remove; ``scratch`` is an empty directory.

    ConfigError when the changelog has no place for the notes, or has this version already.
    """
    news = news_file(root, settings, version=version, date=date)
    _require_start(news, settings, read_news(root, news))
    _copy(root, settings, scratch, news)
    before = _contents(scratch)
    command = (*draft_command(scratch, settings, version=version, date=date), "--yes")
    _towncrier(tuple(word for word in command if word != "--draft"), scratch)
    after = _contents(scratch)
    old = before.get(news, b"")
    notes = _section(_text(after[news]), _text(old), settings)
    if _ends_in_crlf(old):  # towncrier reads any line ends and writes its own
        after[news] = _text(after[news]).replace("\n", "\r\n").encode()
    return Rendered(
        notes=notes,
        written={path: data for path, data in after.items() if before.get(path) != data},
        removed=tuple(path for path in before if path not in after),
    )


def news_file(root: Path, settings: Settings, *, version: str, date: str) -> str:
    """Return the file that the notes go to, relative to the root; ConfigError if it is a link."""
    news = settings.news
    if not settings.single_file:
        news = news.format(name=settings.name, version=version, project_date=date)
    if (root / news).is_symlink() or (root / news).is_dir():
        raise ConfigError(
            f"`{news}` is no regular file, so the notes cannot be written to it",
            where=settings.file,
            hint="name the file itself as `filename` in towncrier's settings",
        )
    return news


def draft_command(root: Path, settings: Settings, *, version: str, date: str) -> tuple[str, ...]:
    """Return the command that drafts the notes, for this interpreter's environment.

    ``-P`` keeps modules that lie in the repository from being taken for towncrier's, ``-B`` keeps
    bytecode out of it. Without a project's name towncrier would import the package to ask it, and
    so run code of the repository; the package's own name serves instead.
    """
    name = () if settings.name or not settings.package else ("--name", settings.package)
    return (
        *(sys.executable, "-P", "-B", "-m", "towncrier", "build", "--draft"),
        *("--dir", str(root), "--version", version, "--date", date),
        *name,
    )


def _towncrier(command: tuple[str, ...], root: Path) -> Completed:
    completed = run(command, env=_environment(), cwd=root, timeout=TIMEOUT_SECONDS)
    if completed.status:
        raise StageFailedError(
            "towncrier could not draft the changelog",
            hint=f"repeat it with `{printable(command)}`",
            detail=tuple(completed.stderr.strip().splitlines()[-40:]),
        )
    return completed


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "TZ": "UTC"}


def read_news(root: Path, news: str) -> str:
    """Return the text of the changelog, empty where there is none; ConfigError if unreadable."""
    try:
        return (root / news).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the changelog cannot be read: {error}", where=news) from error


def _require_start(news: str, settings: Settings, text: str) -> None:
    """Refuse a changelog in which towncrier would put the notes above everything."""
    if settings.single_file and text.strip() and settings.start not in text:
        raise ConfigError(
            "the changelog lacks the line that new notes go below",
            where=news,
            hint=f"add the line `{settings.start.strip()}` where they belong",
        )


def _copy(root: Path, settings: Settings, scratch: Path, news: str) -> None:
    """Copy what towncrier is to read: what an editor left among the fragments it would take.

    The copy is a repository, so that no other one is touched. Towncrier stages the changelog in
    whatever repository its directory lies in, which may be somebody's home directory.
    """
    if shutil.which("git"):
        run(("git", "init", "--quiet", str(scratch)), env=_environment())
    wanted = [name for name in (*FILES, settings.template, news) if name]
    if (root / settings.directory).is_dir():
        found = walk_files(root / settings.directory)
        notes = (name for name in found if not is_leftover(name.rpartition("/")[2], settings))
        wanted += [f"{settings.directory}/{name}" for name in notes]
    for name in wanted:
        if (root / name).is_file():
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, scratch / name)
    if settings.single_file and not (scratch / news).is_file():
        heading = HEADINGS.get(Path(news).suffix.lower(), "")
        (scratch / news).parent.mkdir(parents=True, exist_ok=True)
        (scratch / news).write_text(heading + settings.start, encoding="utf-8")


def _contents(scratch: Path) -> dict[str, bytes]:
    names = (name for name in walk_files(scratch) if not name.startswith(".git/"))
    return {name: (scratch / name).read_bytes() for name in names}


def _text(data: bytes) -> str:
    return data.decode().replace("\r\n", "\n")


def _ends_in_crlf(data: bytes) -> bool:
    return b"\r\n" in data and data.count(b"\r\n") == data.count(b"\n")


def _section(after: str, before: str, settings: Settings) -> str:
    """Return what is new in the changelog."""
    old = before
    if settings.single_file:
        after = after.partition(settings.start)[2]
        old = before.partition(settings.start)[2].lstrip()
    return (after[: -len(old)] if old else after).strip("\n") + "\n"
