"""The news fragments of the coming release: which there are, and what is wrong with them.

Towncrier drops a file whose name it cannot read without a word, and makes an empty line of an
empty one. Both are found here before a release lacks a note. What it takes for a note though an
editor or a merge left it behind (``7.fix.md~`` beside ``7.fix.md``) is left out, and told.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from pipeline.files import walk_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.release.settings import Settings


LEFT_BESIDE = ("#*#", ".#*", "._*", ".~lock.*", ".nfs*", ".goutputstream-*", ".ds_store")
LEFT_BEHIND = (
    *("*~", "*.bak", "*.backup", "*.old", "*.orig", "*.rej", "*.save", "*.tmp", "*.temp"),
    *("*.sw?", "*.kate-swp", "*___jb_tmp___", "*___jb_old___", "thumbs.db", "desktop.ini"),
    *(f"*_{side}_[0-9]*" for side in ("backup", "base", "local", "remote")),
)
"""Names, in lower case, of what is no note.

Backups, locks and swap files of Emacs (``#x#``, ``.#x``, ``x~``), Vim (``.x.swp``), nano
(``x.save``), Kate, JetBrains, GNOME and LibreOffice; what patch(1) (``.orig``, ``.rej``) and
git-mergetool(1) (``x_BACKUP_7.md``) leave; what file managers and NFS put into directories. Those
that go by their ending do not count where that ending is a kind.
"""


@dataclass(frozen=True, kw_only=True)
class Fragment:
    """One fragment. ``path`` is relative to the root; ``issue`` is empty for an orphan.

    ``section`` is the section's name. ``stem`` is what stands before the kind, ``tail`` what
    stands after it: in ``+lock.fix.md`` they are ``+lock`` and ``.md``.
    """

    path: str
    section: str
    stem: str
    issue: str
    kind: str
    tail: str

    @property
    def is_placeholder(self) -> bool:
        """Whether it has no number yet."""
        return not self.issue


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with one fragment: where, what, and what to do."""

    path: str
    what: str
    hint: str


def read_fragment(path: str, section: str, settings: Settings) -> Fragment | None:
    """Return what a file's name says, as towncrier reads it; None when it names no kind.

    The last part that is a kind counts (``fix-1.2.feature.md``); what stands before it is the
    issue, without leading zeros where it is a number.
    """
    parts = path.rpartition("/")[2].split(".")
    for position in range(len(parts) - 1, 0, -1):
        if parts[position] in settings.words:
            stem = ".".join(parts[:position])
            issue = stem.strip()
            if settings.orphan and issue.startswith(settings.orphan):
                issue = ""
            return Fragment(
                path=path,
                section=section,
                stem=stem,
                issue=str(int(issue)) if issue.isdecimal() else issue,
                kind=parts[position],
                tail="".join(f".{part}" for part in parts[position + 1 :]),
            )
    return None


def list_fragments(root: Path, settings: Settings) -> tuple[Fragment, ...]:
    """Return the fragments that are notes, sorted by path."""
    return tuple(found for _, found in _candidates(root, settings) if found)


def is_leftover(name: str, settings: Settings) -> bool:
    """Tell whether a file in the directory of fragments was left by an editor or a merge."""
    lower = name.lower()
    ends_in_kind = name.rpartition(".")[2] in settings.words
    patterns = LEFT_BESIDE if ends_in_kind else (*LEFT_BESIDE, *LEFT_BEHIND)
    return any(fnmatch(lower, pattern) for pattern in patterns)


def leftovers(root: Path, settings: Settings) -> tuple[str, ...]:
    """Return what is left out of the notes though towncrier takes it for a fragment."""
    found = (
        path
        for path, known in _files(root, settings)
        if known and is_leftover(path.rpartition("/")[2], settings)
    )
    return tuple(path for path in found if read_fragment(path, "", settings))


def leftover_remarks(root: Path, settings: Settings) -> tuple[str, ...]:
    """Return a sentence for each of them."""
    return tuple(
        f"`{path}` is what an editor or a merge left behind, so it is no note"
        for path in leftovers(root, settings)
    )


def _candidates(root: Path, settings: Settings) -> Iterator[tuple[str, Fragment | None]]:
    """Yield every file that is not to be ignored, and the fragment it is, if it is one."""
    sections = {path.strip("/"): name for name, path in settings.sections.items()}
    for path, known in _files(root, settings):
        folder, _, name = path.removeprefix(f"{settings.directory}/").rpartition("/")
        if not is_leftover(name, settings):
            yield path, read_fragment(path, sections[folder], settings) if known else None


def _files(root: Path, settings: Settings) -> Iterator[tuple[str, bool]]:
    """Yield every file that towncrier does not ignore, and whether it looks where that lies."""
    directory = root / settings.directory
    if not settings.directory or not directory.is_dir():
        return
    sections = {path.strip("/") for path in settings.sections.values()}
    for below in walk_files(directory):
        folder, _, name = below.rpartition("/")
        if not any(fnmatch(name.lower(), pattern) for pattern in settings.ignored):
            yield f"{settings.directory}/{below}", folder in sections


def faults(root: Path, settings: Settings) -> tuple[Fault, ...]:
    """Return what is wrong with the fragments: unknown kinds, no text, bad or doubled names."""
    found: list[Fault] = []
    seen: dict[tuple[str, str, str, str], str] = {}
    for path, fragment in _candidates(root, settings):
        if fragment is None:
            found.append(_unreadable(path, settings))
            continue
        found += _faults_of(root, fragment, settings)
        place = (fragment.section, fragment.issue, fragment.kind, _counter(fragment))
        if fragment.issue and place in seen:
            what = f"it and `{seen[place]}` are the same note to towncrier"
            found.append(Fault(path=path, what=what, hint="give one a number after its kind"))
        seen.setdefault(place, path)
    return tuple(found)


def _counter(fragment: Fragment) -> str:
    """Return the number after the kind, by which towncrier tells notes of one issue apart."""
    after = fragment.tail.split(".")[1:2]
    return str(int(after[0])) if after and after[0].isdecimal() else "0"


def _faults_of(root: Path, fragment: Fragment, settings: Settings) -> Iterator[Fault]:
    try:
        text = (root / fragment.path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        yield Fault(path=fragment.path, what=f"it cannot be read: {error}", hint="write UTF-8 text")
        return
    needed = settings.kind(fragment.kind).shown or fragment.is_placeholder
    if needed and not text.strip():
        hint = "write what a user will notice, or remove the file"
        yield Fault(path=fragment.path, what="it is empty, so the notes would lack it", hint=hint)
    pattern = settings.issue_pattern
    if pattern and fragment.issue and not re.fullmatch(pattern, fragment.issue):
        what = f"towncrier's `issue_pattern` (`{pattern}`) does not allow `{fragment.issue}`"
        yield Fault(path=fragment.path, what=what, hint="rename it")


def _unreadable(path: str, settings: Settings) -> Fault:
    name = path.rpartition("/")[2]
    words = ", ".join(f"`{word}`" for word in settings.words)
    near = [
        close
        for part in name.split(".")[1:]
        for close in difflib.get_close_matches(part, settings.words, n=1)
    ]
    what = f"its name has no kind of note, so towncrier overlooks it (kinds: {words})"
    if folder := path.removeprefix(f"{settings.directory}/").rpartition("/")[0]:
        what = f"towncrier reads no fragments in `{folder}`, or its name has no kind ({words})"
    hint = f"did you mean `{near[0]}`?" if near else "rename it, or add it to towncrier's `ignore`"
    return Fault(path=path, what=what, hint=hint)
