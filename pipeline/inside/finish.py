"""Finish a backend's wheel: put prebuilt files into it, and give it the name of a variant.

Run as ``finish.py [flags] BUILT OUT`` in the source: the one wheel in BUILT is written to OUT. What
a backend wrote is held against its RECORD on the way, so that a new RECORD hides nothing. The wheel
is not compressed: the host writes it anew, as small as it can be.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import io
import sys
import zipfile
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from pipeline.inside.finish_files import check_machine, matches, placed
from pipeline.inside.finish_texts import (
    Change,
    edited_metadata,
    edited_wheel_info,
    finished_name,
)
from pipeline.inside.shared import RefusedError, one_wheel, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

EDITED = {"METADATA": edited_metadata, "WHEEL": edited_wheel_info}
"""What is changed in the ``.dist-info`` directory, and by what."""


def main(arguments: Sequence[str]) -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--platform", required=True, help="tag of a wheel with prebuilt files")
    parser.add_argument("--resource", action="append", default=[], help="prebuilt file")
    parser.add_argument("--other", action="append", default=[], help="one of another target")
    parser.add_argument("--suffix", default="", help="what comes after the name, as `cuda13`")
    parser.add_argument("--local", default="", help="what comes after the version, as `cu130`")
    parser.add_argument("--require", action="append", default=[], help="further requirement")
    parser.add_argument("built", type=Path)
    parser.add_argument("out", type=Path)
    words = parser.parse_args(arguments)
    change = Change(
        platform=words.platform if words.resource else "",
        suffix=words.suffix,
        local=words.local,
        requires=tuple(words.require),
    )
    made = finish(one_wheel(words.built), words.out, change, words.resource, words.other)
    sys.stdout.write(f"finished {made.name}\n")


def finish(
    wheel: Path, out: Path, change: Change, resources: Sequence[str], others: Sequence[str]
) -> Path:
    """Write the finished form of a wheel to the directory ``out`` and return its path.

    ``resources`` go into it, ``others`` are those of other targets. RefusedError says what is
    wrong with a resource or with the wheel.
    """
    file_name, stem = finished_name(wheel.name, change)
    payload = placed(resources, stem)
    for source in payload.values():
        check_machine(source, change.platform)
    with zipfile.ZipFile(wheel) as archive:
        members = _members(archive)
        info = _top(members, ".dist-info")
        digests = _record(archive, members, f"{info}/RECORD")
        renamed = {info: f"{stem}.dist-info", _top(members, ".data"): f"{stem}.data"}
        kept = _kept(digests, info, payload, _named((*resources, *others)))
        out.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(out / file_name, "x") as target:
            writer = _Writer(target)
            for place, source in payload.items():
                writer.add(place, source)
            for name in kept:
                top, slash, rest = name.partition("/")
                place = f"{renamed.get(top, top)}{slash}{rest}"
                edit = EDITED.get(rest) if top == info else None
                found = writer.copy(
                    archive, members[name], place, partial(edit, change) if edit else None
                )
                if found != digests[name]:
                    raise RefusedError(f"`{name}` of the backend is not what its RECORD says")
            writer.record(f"{stem}.dist-info/RECORD")
    return out / file_name


def _named(resources: Iterable[str]) -> set[tuple[str, str]]:
    """Return base name and digest of every file that `resources` names for any target."""
    patterns = (resource.partition(" as ")[0] for resource in resources)
    files = {source for pattern in patterns for source in matches(pattern)}
    return {(file.name, _encoded(hashlib.sha256(file.read_bytes()))) for file in files}


def _kept(
    digests: Mapping[str, str], info: str, payload: Mapping[str, Path], named: set[tuple[str, str]]
) -> list[str]:
    """Return the members that stay, the metadata last.

    A prebuilt file is where `resources` puts it and nowhere else: what the backend packed under the
    same name with the same bytes is left out.
    """
    kept = []
    for name in sorted(digests, key=lambda name: (name.startswith(f"{info}/"), name)):
        if (PurePosixPath(name).name, digests[name]) in named:
            continue
        if name in payload:
            raise RefusedError(
                f"`{payload[name]}` of `resources` goes to `{name}`, where the backend put another "
                "file",
                hint=f"name another place: `{payload[name]} as PLACE`",
            )
        kept.append(name)
    return kept


class _Writer:
    """Writes the members of a wheel and notes each one's row of RECORD."""

    def __init__(self, target: zipfile.ZipFile) -> None:
        self._target = target
        self._rows: list[tuple[str, str, str]] = []

    def copy(
        self,
        archive: zipfile.ZipFile,
        member: zipfile.ZipInfo,
        name: str,
        edit: Callable[[bytes], bytes] | None,
    ) -> str:
        """Write a member of another wheel as ``name``; return the digest that it had there."""
        with archive.open(member) as stream:
            if edit is None:
                return self._write(name, stream, member.file_size, member.external_attr >> 16)
            data = stream.read()
        edited = edit(data)
        self._write(name, io.BytesIO(edited), len(edited), 0o644)
        return _encoded(hashlib.sha256(data))

    def add(self, name: str, source: Path) -> None:
        """Write a file of the source, executable if it is there."""
        status = source.stat()
        with source.open("rb") as stream:
            self._write(name, stream, status.st_size, status.st_mode)

    def record(self, name: str) -> None:
        """Write RECORD, which lists itself without digest and size."""
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([*sorted(self._rows), (name, "", "")])
        data = text.getvalue().encode()
        self._write(name, io.BytesIO(data), len(data), 0o644)

    def _write(self, name: str, stream: IO[bytes], size: int, mode: int) -> str:
        """Write a member and return its digest as RECORD has it."""
        info = zipfile.ZipInfo(name)
        info.external_attr = (0o100755 if mode & 0o100 else 0o100644) << 16
        info.file_size = size
        digest = hashlib.sha256()
        with self._target.open(info, "w") as target:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
                target.write(chunk)
        self._rows.append((name, f"sha256={_encoded(digest)}", str(size)))
        return _encoded(digest)


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    files = [member for member in archive.infolist() if not member.is_dir()]
    members = {member.filename: member for member in files}
    if len(members) != len(files):
        raise RefusedError("a name stands twice in the wheel of the backend")
    return members


def _top(members: Iterable[str], suffix: str) -> str:
    """Return the name of the ``.dist-info`` or ``.data`` directory, the suffix if there is none."""
    tops = {name.partition("/")[0] for name in members if "/" in name}
    found = sorted(top for top in tops if top.endswith(suffix))
    if len(found) > 1:
        raise RefusedError(f"the wheel of the backend has {len(found)} `{suffix}` directories")
    return found[0] if found else suffix


def _record(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], path: str
) -> dict[str, str]:
    """Return the sha256 that RECORD gives of each member, and take RECORD out of ``members``."""
    if path not in members:
        raise RefusedError(f"the wheel of the backend has no `{path}`")
    text = archive.read(members.pop(path)).decode()
    rows = {row[0]: row[1] for row in csv.reader(io.StringIO(text, newline="")) if len(row) == 3}
    rows.pop(path, None)
    if rows.keys() != members.keys():
        name = min(rows.keys() ^ members.keys())
        raise RefusedError(f"`{name}` is not both in the wheel of the backend and in its RECORD")
    return {name: digest.removeprefix("sha256=") for name, digest in rows.items()}


def _encoded(digest: hashlib._Hash) -> str:
    return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    sys.exit(run(main))
