"""A comparison names every difference by member and, where it can be known, by cause."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import VerificationError
from pipeline.wheels.causes import cause_of
from pipeline.wheels.compare import compare
from pipeline.wheels.normalise import normalise

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.wheels.conftest import MakeSdist, MakeWheel

FILES = {"pkg/a.py": "a = 1\nb = 2\n", "pkg/b.py": "c\n" * 30}
ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
NOTE = struct.pack("<LLL", 4, 20, 3) + b"GNU\0"


def told(left: Path, right: Path) -> list[str]:
    return [str(difference) for difference in compare(left, right)]


def repacked(wheel: Path, directory: Path, level: int = 9, second: int = 10) -> Path:
    """Write the members of a wheel again, otherwise."""
    path = directory / wheel.name
    directory.mkdir()
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, (2024, 5, 6, 7, 8, second))
            entry.external_attr = 0o100644 << 16
            new.writestr(entry, old.read(name), zipfile.ZIP_DEFLATED, level)
    return path


def test_the_same_bytes_have_no_differences(make_wheel: MakeWheel) -> None:
    assert compare(make_wheel(FILES), make_wheel(FILES)) == ()


def test_members_that_came_and_went_are_named(make_wheel: MakeWheel) -> None:
    found = told(make_wheel(FILES), make_wheel({"pkg/a.py": FILES["pkg/a.py"], "new.py": ""}))
    assert found[:2] == ["`pkg/b.py`: removed", "`new.py`: added"]


def test_a_changed_line_is_shown(make_wheel: MakeWheel) -> None:
    found = told(make_wheel(FILES), make_wheel({**FILES, "pkg/a.py": "a = 1\nb = 3\n"}))
    assert "`pkg/a.py`: content (line 2: `b = 2` against `b = 3`)" in found


def test_another_order_is_told_once(make_wheel: MakeWheel) -> None:
    found = compare(make_wheel(FILES), make_wheel(FILES, reverse=True))
    assert ("", "order") in {(difference.member, difference.what) for difference in found}
    assert not [difference for difference in found if difference.what == "content"]


def test_a_mode_is_told_as_ls_would(make_wheel: MakeWheel) -> None:
    found = told(make_wheel(FILES), make_wheel(FILES, modes={"pkg/a.py": 0o100755}))
    assert found == ["`pkg/a.py`: mode (`-rw-r--r--` against `-rwxr-xr-x`)"]


def test_times_that_all_moved_are_told_once(make_wheel: MakeWheel, tmp_path: Path) -> None:
    wheel = make_wheel(FILES)
    found = told(repacked(wheel, tmp_path / "a"), repacked(wheel, tmp_path / "b", second=12))
    assert found == [
        "`pkg/a.py`: time (`2024-05-06 07:08:10` against `2024-05-06 07:08:12`, and 4 more)"
    ]


def test_another_compressor_is_told(make_wheel: MakeWheel, tmp_path: Path) -> None:
    wheel = make_wheel({"pkg/a.py": "".join(f"x{i * i % 97} = {i}\n" for i in range(900))})
    found = told(repacked(wheel, tmp_path / "a", 1), repacked(wheel, tmp_path / "b", 9))
    assert found == ["`pkg/a.py`: compression (the same content, packed otherwise)"]


def test_another_name_is_told(make_wheel: MakeWheel, tmp_path: Path) -> None:
    wheel = make_wheel(FILES)
    other = tmp_path / "some_thing-1.1-py3-none-any.whl"
    other.write_bytes(wheel.read_bytes())
    assert told(wheel, other) == [f"name (`{wheel.name}` against `{other.name}`)"]


def sdist_of(make: MakeSdist, time: int, content: bytes = b"x", target: str = "a") -> Path:
    top = "some_thing-1.0"
    link = tarfile.TarInfo(f"{top}/l")
    link.type, link.linkname = tarfile.SYMTYPE, target
    files = [(tarfile.TarInfo(f"{top}/PKG-INFO"), b""), (tarfile.TarInfo(f"{top}/a"), content)]
    for entry, _ in files:
        entry.mtime = time
    return make(*files, (link, b""))


def test_sdists_are_compared_by_member(make_sdist: MakeSdist, tmp_path: Path) -> None:
    left, right = sdist_of(make_sdist, 1), sdist_of(make_sdist, 2, b"y", "PKG-INFO")
    found = told(left, right)
    assert "`some_thing-1.0/a`: content (line 1: `x` against `y`)" in found
    assert "`some_thing-1.0/l`: content (`a` against `PKG-INFO`)" in found
    assert "`some_thing-1.0/PKG-INFO`: time (`1` against `2`, and 1 more)" in found
    normal = normalise(left, tmp_path, epoch=5)
    assert normalise(sdist_of(make_sdist, 9), tmp_path / "b", epoch=5).read_bytes() == (
        normal.read_bytes()
    )


def test_gzip_alone_is_told(make_sdist: MakeSdist) -> None:
    left, right = sdist_of(make_sdist, 1), sdist_of(make_sdist, 1)
    tar = gzip.decompress(left.read_bytes())
    left.write_bytes(gzip.compress(tar, 1, mtime=0))
    stream = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, stream, mtime=7) as packer:
        packer.write(tar)
    right.write_bytes(stream.getvalue())
    assert any("time in the gzip header: `0` against `7`" in line for line in told(left, right))


def test_only_files_of_one_kind_are_compared(make_wheel: MakeWheel, make_sdist: MakeSdist) -> None:
    with pytest.raises(VerificationError, match="not of one kind"):
        compare(make_wheel(FILES), sdist_of(make_sdist, 1))


@pytest.mark.parametrize(
    ("name", "left", "right", "words"),
    [
        ("a.gz", gzip.compress(b"x", mtime=1), gzip.compress(b"x", mtime=2), "gzip header"),
        ("a.pyc", b"abcd" + bytes(12) + b"x", b"abcd" + b"\1" * 12 + b"x", "bytecode header"),
        ("a.pyc", b"abcd" + bytes(12), b"abce" + bytes(12), "another interpreter"),
        ("a.pyc", b"abcd" + bytes(12) + b"x", b"abcd" + bytes(12) + b"y", "bytecode; from offset"),
        ("a.so", ELF + NOTE + b"a" * 20, ELF + NOTE + b"b" * 20, "only the ELF build id"),
        (
            "a.so",
            ELF + NOTE + b"a" * 20 + b"\0/tmp/x/pkg/a.c\0",
            ELF + NOTE + b"b" * 20 + b"\0/tmp/yy/pkg/a.c\0",
            "a path of the build, `/tmp/x/pkg/a.c` against `/tmp/yy/pkg/a.c`",
        ),
        ("a.so", ELF + b"\0Nov 20 2026 08:26:11\0", ELF + b"\0Nov 20 2026 09:00:11\0", "a time of"),
        ("a.so", ELF + b"\1\2", ELF + b"\1\3\4", "from offset 65 (0x41) of 66 and 67 bytes"),
        ("a", b"a\r\nb\r\n", b"a\nb\n", "line ends"),
        ("a", b"a\nb\n", b"b\na\n", "another order, from line 1"),
        ("a", b"built 2026-11-20\n", b"built 2026-11-21\n", "a time of the build"),
        ("a", b"dir = '/a/b/c'\n", b"dir = '/d/b/c'\n", "a path of the build"),
        ("a", b"a\n", b"a\nb\n", "line 2: `` against `b`"),
        ("a", b"\0a", b"\0ab", "from offset 2 (0x2) of 2 and 3 bytes"),
        ("a", b"x\x1b[31m\n", b"x\x1b[32m\n", r"\x1b[31m"),
    ],
)
def test_causes_are_named_where_they_can_be_known(
    name: str, left: bytes, right: bytes, words: str
) -> None:
    assert words in cause_of(name, left, right)
    assert "\n" not in cause_of(name, left, right)
    assert "\x1b" not in cause_of(name, left, right)
