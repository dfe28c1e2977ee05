"""Sdists: read strictly, written one way, contents left alone."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import VerificationError
from pipeline.wheels.archive import Limits
from pipeline.wheels.normalise import normalise
from pipeline.wheels.tarread import read_sdist

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.wheels.conftest import MakeSdist

EPOCH = 1_700_000_001
TOP = "some_thing-1.0"
Made = tuple[tarfile.TarInfo, bytes]


def member(name: str, content: bytes = b"", **fields: int | str) -> Made:
    entry = tarfile.TarInfo(name)
    entry.mtime = 1_234_567_890
    for field, value in fields.items():
        if field == "type":
            entry.type = str(value).encode()
        else:
            setattr(entry, field, value)
    return entry, content


PKG_INFO = member(f"{TOP}/PKG-INFO", b"Metadata-Version: 2.1\nName: some-thing\nVersion: 1.0\n")
SETUP = member(f"{TOP}/setup.py", b"x\n")


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> Made:
    return member(name, linkname=target, type=kind.decode())


def members_of(path: Path) -> list[tarfile.TarInfo]:
    with tarfile.open(path) as archive:
        return archive.getmembers()


def test_packing_does_not_matter(make_sdist: MakeSdist, tmp_path: Path) -> None:
    one = make_sdist(PKG_INFO, SETUP)
    other = make_sdist(
        member(TOP, type="5", mode=0o700),
        member(f"{TOP}/setup.py", b"x\n", mode=0o600, uid=1000, uname="me", mtime=5),
        PKG_INFO,
    )
    results = [
        normalise(sdist, tmp_path / str(number), epoch=EPOCH).read_bytes()
        for number, sdist in enumerate((one, other))
    ]
    assert one.read_bytes() != other.read_bytes()
    assert results[0] == results[1]


def test_it_is_idempotent(make_sdist: MakeSdist, tmp_path: Path) -> None:
    once = normalise(make_sdist(SETUP, PKG_INFO), tmp_path, epoch=EPOCH)
    data = once.read_bytes()
    assert normalise(once, tmp_path, epoch=EPOCH).read_bytes() == data


def test_every_header_field_is_fixed(make_sdist: MakeSdist, tmp_path: Path) -> None:
    sdist = make_sdist(SETUP, PKG_INFO, member(f"{TOP}/go", b"#!\n", mode=0o4777))
    found = members_of(normalise(sdist, tmp_path, epoch=EPOCH))
    assert [entry.name for entry in found] == [f"{TOP}/PKG-INFO", f"{TOP}/go", f"{TOP}/setup.py"]
    assert [oct(entry.mode) for entry in found] == ["0o644", "0o755", "0o644"]
    assert {(e.mtime, e.uid, e.gid, e.uname, e.gname) for e in found} == {(EPOCH, 0, 0, "", "")}


def test_the_name_and_the_top_directory_are_normalised(
    make_sdist: MakeSdist, tmp_path: Path
) -> None:
    old = "Some.Thing-1.0"
    sdist = make_sdist(member(f"{old}/PKG-INFO"), member(f"{old}/a"), name=f"{old}.tar.gz")
    normal = normalise(sdist, tmp_path, epoch=EPOCH)
    assert normal.name == f"{TOP}.tar.gz"
    assert [entry.name for entry in members_of(normal)] == [f"{TOP}/PKG-INFO", f"{TOP}/a"]


def test_long_and_foreign_names_survive(make_sdist: MakeSdist, tmp_path: Path) -> None:
    names = [f"{TOP}/{'a' * 120}/{'b' * 90}", f"{TOP}/\u00e4.txt", f"{TOP}/{'c' * 87}"]
    sdist = make_sdist(PKG_INFO, *(member(name, name.encode()) for name in names))
    normal = normalise(sdist, tmp_path, epoch=EPOCH)
    with tarfile.open(normal) as archive:
        for name in names:
            stream = archive.extractfile(name)
            assert stream is not None
            assert stream.read() == name.encode()
    assert read_sdist(normal).members[-1].name == names[1]


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT])
def test_every_common_form_of_tar_is_read(tmp_path: Path, form: int) -> None:
    name = f"{TOP}/{'a' * 60}/{'b' * 60}"
    path = tmp_path / f"{TOP}.tar.gz"
    with tarfile.open(path, "w:gz", format=form) as archive:
        entry, content = member(name, b"deep")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    sdist = read_sdist(path)
    assert [(found.name, bytes(sdist.read(found))) for found in sdist.members] == [(name, b"deep")]


def test_links_inside_stay_links(make_sdist: MakeSdist, tmp_path: Path) -> None:
    sdist = make_sdist(PKG_INFO, SETUP, link(f"{TOP}/docs/setup.py", "../setup.py"))
    found = {entry.name: entry for entry in members_of(normalise(sdist, tmp_path, epoch=EPOCH))}
    assert found[f"{TOP}/docs/setup.py"].linkname == "../setup.py"


def test_a_hard_link_becomes_the_file_it_names(make_sdist: MakeSdist, tmp_path: Path) -> None:
    sdist = make_sdist(PKG_INFO, SETUP, link(f"{TOP}/twin", f"{TOP}/setup.py", tarfile.LNKTYPE))
    normal = normalise(sdist, tmp_path, epoch=EPOCH)
    with tarfile.open(normal) as archive:
        twin = archive.extractfile(f"{TOP}/twin")
        assert twin is not None
        assert archive.getmember(f"{TOP}/twin").isreg()
        assert twin.read() == SETUP[1]


@pytest.mark.parametrize(
    ("added", "words"),
    [
        ([link(f"{TOP}/a", "/etc/passwd")], "not plainly inside"),
        ([link(f"{TOP}/a", "../../etc/passwd")], "not plainly inside"),
        ([link(f"{TOP}/a", "b/../../..")], "not plainly inside"),
        ([link(f"{TOP}/a", ".."), link(f"{TOP}/b", "a/c")], "not plainly inside"),
        ([link(f"{TOP}/d/a", ".."), link(f"{TOP}/b", "d/a/../..")], "not plainly inside"),
        ([link(f"{TOP}/a", "b"), member(f"{TOP}/a/c")], "a file and a directory"),
        ([link(f"{TOP}/a", "b"), member(f"{TOP}/a", type="5")], "twice"),
        ([link(f"{TOP}/a", f"{TOP}/none", tarfile.LNKTYPE)], "hard link"),
        ([member(f"{TOP}/a"), member(f"{TOP}/a")], "twice"),
        ([member(f"{TOP}/../a")], r"`\.\.`"),
        ([member("/a")], "absolute"),
        ([member(f"{TOP}/a\\..\\..\\..\\b")], r"`\.\.`"),
        ([member(f"{TOP}/a\nb")], "control"),
        ([member(f"{TOP}/a", type="3")], "device"),
        ([member(f"{TOP}/a", type="6")], "device"),
        ([member(f"{TOP}/a", type="S")], "device"),
        ([member("elsewhere/a")], "at its top"),
        ([member(f"{TOP}/\udcff")], "hdrcharset"),
    ],
)
def test_what_could_unpack_elsewhere_or_twice_is_refused(
    make_sdist: MakeSdist, tmp_path: Path, added: list[Made], words: str
) -> None:
    with pytest.raises(VerificationError, match=words):
        normalise(make_sdist(PKG_INFO, *added), tmp_path / "out", epoch=EPOCH)
    assert not (tmp_path / "out").exists()


def test_without_pkg_info_it_is_no_sdist(make_sdist: MakeSdist, tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match=r"no `some_thing-1\.0/PKG-INFO`"):
        normalise(make_sdist(SETUP), tmp_path, epoch=EPOCH)
    with pytest.raises(VerificationError, match="empty"):
        normalise(make_sdist(), tmp_path, epoch=EPOCH)


def test_a_global_header_may_only_comment(tmp_path: Path, make_sdist: MakeSdist) -> None:
    def with_global(headers: dict[str, str]) -> Path:
        path = make_sdist()
        with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT, pax_headers=headers) as archive:
            entry, content = PKG_INFO
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        return path

    normalise(with_global({"comment": "0" * 40}), tmp_path, epoch=EPOCH)
    with pytest.raises(VerificationError, match="global pax header"):
        normalise(with_global({"path": "elsewhere"}), tmp_path, epoch=EPOCH)


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / f"{TOP}.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT, encoding="latin-1") as archive:
        archive.addfile(tarfile.TarInfo(f"{TOP}/\u00e4"))
    with pytest.raises(VerificationError, match="not UTF-8"):
        read_sdist(path)


def test_bytes_after_the_end_are_refused(make_sdist: MakeSdist, tmp_path: Path) -> None:
    path = make_sdist(PKG_INFO)
    whole = path.read_bytes()
    tar = gzip.decompress(whole)
    for changed in (whole + b"\0", whole + whole, gzip.compress(tar + b"x"), whole[:-1]):
        path.write_bytes(changed)
        with pytest.raises(VerificationError):
            normalise(path, tmp_path, epoch=EPOCH)
    path.write_bytes(gzip.compress(tar[: tar.rindex(b"Version") + 512]))
    with pytest.raises(VerificationError):
        normalise(path, tmp_path, epoch=EPOCH)


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_no_flipped_byte_of_a_tar_raises_anything_unexpected(
    make_sdist: MakeSdist, step: int
) -> None:
    path = make_sdist(PKG_INFO, member(f"{TOP}/\u00e4"), link(f"{TOP}/l", "\u00e4"))
    tar = gzip.decompress(path.read_bytes()).rstrip(b"\0") + bytes(1500)
    for place in range(0, len(tar) - 1400, step):
        flipped = tar[:place] + bytes([tar[place] ^ 0x55]) + tar[place + 1 :]
        path.write_bytes(gzip.compress(flipped, 0))
        try:
            read_sdist(path)
        except VerificationError:
            continue


def test_a_bomb_is_refused(make_sdist: MakeSdist) -> None:
    path = make_sdist(PKG_INFO)
    path.write_bytes(gzip.compress(bytes(20 << 20)))
    with pytest.raises(VerificationError, match="bomb"):
        read_sdist(path)
    with pytest.raises(VerificationError, match="unpacks to more"):
        read_sdist(path, Limits(unpacked=1000))
    with pytest.raises(VerificationError, match="over 1 members"):
        read_sdist(make_sdist(PKG_INFO, SETUP), Limits(members=1))
