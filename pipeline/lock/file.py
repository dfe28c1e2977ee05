"""The lock: every image, package, wheel and sdist by name, version and sha256.

``pipeline.lock`` is JSON, one artifact a line, sorted, so that a diff reads as a list of what
moved. It names no host: Debian files by their path in the pool, Python files by their name;
only images of a registry by the reference that was declared, which may hold one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.errors import LockError
from pipeline.lock.decode import FORMAT, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from typing import TypeVar

    from pipeline.lock.types import (
        Declared,
        ImageBlob,
        Lock,
        LockedBase,
        LockedImage,
        LockedPlatform,
        LockedRequirement,
        LockedStage,
        PythonFile,
        RequirementSet,
    )
    from pipeline.platforms import Target

    T = TypeVar("T")

FILE = "pipeline.lock"
SIZE_LIMIT = 64 << 20
CONFLICT = b"<<<<<<< "
"""How git begins a conflict, never how a line of ours begins."""


def python_tag(version: str) -> str:
    """Return the tag of an interpreter's version: ``cp311`` for ``3.11``, ``none`` for none."""
    return f"cp{version.replace('.', '')}" if version else "none"


def base_key(source: str, python: str, target: Target) -> str:
    """Return the key of `LockedStage.sets`: ``cp311-linux_x86_64``, after ``SOURCE:`` if given.

    ``source`` is the directory where the stage has an axis of sources, else empty; ``python`` a
    tag as `python_tag` gives it.
    """
    base = f"{python}-{target.value}"
    return f"{source}:{base}" if source else base


def dump(lock: Lock) -> str:
    """Return the lock's text: one artifact a line, names sorted, the same bytes for one value."""
    document = {
        "format": json.dumps(FORMAT),
        "epoch": json.dumps(lock.epoch),
        "images": _object(lock.images, _image_text, 1),
        "stages": _object(lock.stages, _stage_text, 1),
        "environments": _object(lock.environments, _set_text, 1),
        "sources": _object(lock.sources, lambda file, _: json.dumps(_file_row(file)), 1),
    }
    return _fields(document, 0) + "\n"


def load(path: Path) -> Lock:
    """Read a lock; LockError when it is missing, malformed or of another format."""
    try:
        with path.open("rb") as stream:
            data = stream.read(SIZE_LIMIT + 1)
    except FileNotFoundError as error:
        raise LockError(
            f"`{path.name}` is missing, so nothing is pinned", hint="run `pipeline lock`"
        ) from error
    except OSError as error:
        raise LockError(
            f"`{path.name}` cannot be read: {error.strerror}", where=str(path)
        ) from error
    if len(data) > SIZE_LIMIT:
        raise _malformed(path, f"it is larger than {SIZE_LIMIT >> 20} MiB")
    try:
        return decode(data)
    except RecursionError as error:
        raise _malformed(path, "it is nested too deep") from error
    except (ValueError, TypeError) as error:
        if is_in_conflict(data):
            raise _in_conflict(path) from error
        raise _malformed(path, str(error)) from error


def is_in_conflict(data: bytes) -> bool:
    """Whether a text holds what git writes where the sides of a merge differ."""
    return data.startswith(CONFLICT) or b"\n" + CONFLICT in data


def _malformed(path: Path, why: str) -> LockError:
    return LockError(
        f"`{path.name}` is malformed, so nothing is pinned: {why}",
        where=str(path),
        hint=f"restore it (`git checkout -- {path.name}`), or lock all anew: `pipeline lock "
        "--upgrade`",
    )


def _in_conflict(path: Path) -> LockError:
    return LockError(
        f"`{path.name}` holds a merge conflict, so nothing is pinned",
        where=str(path),
        hint="resolve what is declared by hand, then run `pipeline lock --resolve-conflict`",
    )


# Writing. Each function returns the text of one value; the first line needs no indentation.


def _object(values: Mapping[str, T], text: Callable[[T, int], str], depth: int) -> str:
    return _fields({name: text(values[name], depth + 1) for name in sorted(values)}, depth)


def _fields(texts: Mapping[str, str], depth: int) -> str:
    return _lines((f"{json.dumps(name)}: {text}" for name, text in texts.items()), "{}", depth)


def _rows(rows: Iterable[object], depth: int) -> str:
    return _lines((json.dumps(row, ensure_ascii=False) for row in rows), "[]", depth)


def _lines(lines: Iterable[str], brackets: str, depth: int) -> str:
    inner = " " * (depth + 1)
    body = ",\n".join(f"{inner}{line}" for line in lines)
    return f"{brackets[0]}\n{body}\n{' ' * depth}{brackets[1]}" if body else brackets


def _image_text(image: LockedImage, depth: int) -> str:
    fields = {
        "declared": _declared_text(image.declared, depth + 1),
        "platforms": _object(image.platforms, _platform_text, depth + 1),
    }
    return _fields(fields, depth)


def _platform_text(platform: LockedPlatform, depth: int) -> str:
    packages = (
        [p.name, p.version, p.architecture, p.path, p.sha256, p.size] for p in platform.packages
    )
    fields = {
        "digest": json.dumps(platform.digest),
        "python": json.dumps(platform.python),
        "glibc": json.dumps(platform.glibc),
        "packages": _rows(packages, depth + 1),
        "wheels": _rows(map(_file_row, platform.wheels), depth + 1),
    }
    # Written where there is something to say: other images keep the lines they have.
    if platform.interpreter:
        fields["interpreter"] = json.dumps(platform.interpreter)
    if platform.base:
        fields["base"] = _base_text(platform.base, depth + 1)
    return _fields(fields, depth)


def _base_text(base: LockedBase, depth: int) -> str:
    fields = {
        "source": json.dumps(base.source, ensure_ascii=False),
        "manifest": json.dumps(_blob_row(base.manifest)),
        "config": json.dumps(_blob_row(base.config)),
        "layers": _rows(([*_blob_row(b), b.diff_id] for b in base.layers), depth + 1),
    }
    return _fields(fields, depth)


def _blob_row(blob: ImageBlob) -> list[object]:
    return [blob.sha256, blob.size, blob.media_type]


def _stage_text(stage: LockedStage, depth: int) -> str:
    return _object(stage.sets, _set_text, depth)


def _set_text(locked: RequirementSet, depth: int) -> str:
    requirements = (_requirement_text(r, depth + 2) for r in locked.requirements)
    fields = {
        "declared": _declared_text(locked.declared, depth + 1),
        "requirements": _lines(requirements, "[]", depth + 1),
    }
    return _fields(fields, depth)


def _requirement_text(requirement: LockedRequirement, depth: int) -> str:
    files = [_file_row(file) for file in requirement.files]
    head = json.dumps([requirement.name, requirement.version, requirement.marker])[:-1]
    # One wheel stays on the line of its distribution; a choice of wheels is listed below it.
    return f"{head}, {json.dumps(files) if len(files) == 1 else _rows(files, depth)}]"


def _declared_text(declared: Declared, depth: int) -> str:
    texts = {word: json.dumps(declared[word], ensure_ascii=False) for word in sorted(declared)}
    return _fields(texts, depth)


def _file_row(file: PythonFile) -> list[object]:
    return [file.name, file.sha256, file.size]
