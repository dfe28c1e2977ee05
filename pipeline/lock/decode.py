"""The text of a lock into its types, strictly: a lock comes from a checkout one need not trust.

Names become paths in the store and addresses on a mirror, so each is held against a pattern. Every
function raises ValueError or TypeError for what is not a lock.
"""

from __future__ import annotations

import json
import re

from pipeline.lock.types import (
    DebianPackage,
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

FORMAT = 1

SHA256 = re.compile(r"[0-9a-f]{64}")
POOL_PATH = re.compile(
    r"pool/(?:[A-Za-z0-9][A-Za-z0-9.+~_%-]*/)*[A-Za-z0-9][A-Za-z0-9.+~_%-]*\.deb"
)
MEDIA_TYPE = re.compile(r"application/vnd\.[a-z0-9.+-]{1,100}")
SOURCE = re.compile(
    r"registry [A-Za-z0-9\[][A-Za-z0-9._:\[\]-]*(?:/[a-z0-9._-]+)*"
    r"|archive (?!/)(?!(?:.*/)?\.\.(?:/|$)).{1,4096}"
)
INTERPRETER = re.compile(r"(?:/[A-Za-z0-9_+-][A-Za-z0-9._+-]*)+/python3\.[0-9]{1,3}")
PYTHON_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*(?:\.whl|\.tar\.gz|\.zip)")


def decode(data: bytes) -> Lock:
    """Return the lock that ``data`` is the text of."""
    return _lock(json.loads(data, object_pairs_hook=_unique))


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"`{twice}` stands twice")
    return found


def _lock(document: object) -> Lock:
    top = _dict(document, "format", "epoch", "images", "stages", "environments", "sources")
    if top["format"] != FORMAT:
        raise ValueError(f"it has format {top['format']}, and this `pipeline` reads {FORMAT}")
    return Lock(
        epoch=_natural(top["epoch"]),
        images={name: _image(value) for name, value in _dict(top["images"]).items()},
        stages={
            name: LockedStage(sets={key: _set(value) for key, value in _dict(sets).items()})
            for name, sets in _dict(top["stages"]).items()
        },
        environments={name: _set(value) for name, value in _dict(top["environments"]).items()},
        sources={name: _file(row) for name, row in _dict(top["sources"]).items()},
    )


def _image(value: object) -> LockedImage:
    fields = _dict(value, "declared", "platforms")
    platforms = _dict(fields["platforms"])
    return LockedImage(
        declared=_declared(fields["declared"]),
        platforms={
            Target.of_platform(name).platform: _platform(value) for name, value in platforms.items()
        },
    )


def _platform(value: object) -> LockedPlatform:
    present = {"interpreter", "base"} & _dict(value).keys()
    fields = _dict(value, "digest", "python", "glibc", "packages", "wheels", *present)
    digest = _text(fields["digest"])
    return LockedPlatform(
        digest=_matching(SHA256, digest) if digest else "",
        packages=tuple(_package(row) for row in _list(fields["packages"])),
        wheels=tuple(_file(row) for row in _list(fields["wheels"])),
        python=_text(fields["python"]),
        glibc=_text(fields["glibc"]),
        interpreter=_matching(INTERPRETER, fields["interpreter"])
        if "interpreter" in fields
        else "",
        base=_base(fields["base"]) if "base" in fields else None,
    )


def _interpreter(value: object) -> str:
    return "" if value is None else _matching(INTERPRETER, value)


def _base(value: object) -> LockedBase:
    fields = _dict(value, "source", "manifest", "config", "layers")
    source = _matching(SOURCE, fields["source"])

    def blob(row: object, *, layer: bool = False) -> ImageBlob:
        sha256, size, media_type, *rest = _list(row)
        if len(rest) != layer:
            raise ValueError(f"`{_shown(row)}` is not of the form expected there")
        return ImageBlob(
            source=source,
            sha256=_matching(SHA256, sha256),
            size=_natural(size),
            media_type=_matching(MEDIA_TYPE, media_type),
            diff_id=_matching(SHA256, rest[0]) if rest else "",
        )

    return LockedBase(
        source=source,
        manifest=blob(fields["manifest"]),
        config=blob(fields["config"]),
        layers=tuple(blob(row, layer=True) for row in _list(fields["layers"])),
    )


def _package(row: object) -> DebianPackage:
    name, version, architecture, path, sha256, size = _list(row)
    return DebianPackage(
        name=_text(name),
        version=_text(version),
        architecture=_text(architecture),
        path=_matching(POOL_PATH, path),
        sha256=_matching(SHA256, sha256),
        size=_natural(size),
    )


def _file(row: object) -> PythonFile:
    name, sha256, size = _list(row)
    return PythonFile(
        name=_matching(PYTHON_FILE, name), sha256=_matching(SHA256, sha256), size=_natural(size)
    )


def _set(value: object) -> RequirementSet:
    fields = _dict(value, "declared", "requirements")
    rows = _list(fields["requirements"])
    return RequirementSet(
        declared=_declared(fields["declared"]), requirements=tuple(_requirement(r) for r in rows)
    )


def _requirement(row: object) -> LockedRequirement:
    name, version, marker, files = _list(row)
    return LockedRequirement(
        name=_text(name),
        version=_text(version),
        marker=_text(marker),
        files=tuple(_file(file) for file in _list(files)),
    )


def _declared(value: object) -> Declared:
    return {word: [_text(text) for text in _list(texts)] for word, texts in _dict(value).items()}


def _dict(value: object, *keys: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"an object is expected instead of `{_shown(value)}`")
    if keys and value.keys() != set(keys):
        odd = sorted(value.keys() ^ set(keys))
        raise ValueError(f"`{odd[0]}` is {'unknown' if odd[0] in value else 'missing'}")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"a list is expected instead of `{_shown(value)}`")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is expected instead of `{_shown(value)}`")
    if not value.isascii():
        value.encode()  # a lone surrogate, which JSON can spell, is a ValueError here
    return value


def _matching(pattern: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"`{_shown(value)}` is not of the form expected there")
    return value


def _natural(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"a whole number is expected instead of `{_shown(value)}`")
    return value


def _shown(value: object) -> str:
    return json.dumps(value)[:60]
