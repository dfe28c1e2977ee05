from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import VerificationError
from pipeline.images import extract
from tests.unit.images.conftest import directory, entry, hard_link, link, packed, tarball

if TYPE_CHECKING:
    from tests.unit.images.conftest import Debs, Item

GOOD = entry("./usr/bin/tool", b"tool")


@pytest.mark.parametrize(
    ("items", "member", "words"),
    [
        ([entry("../evil")], "../evil", r"`\.\.`"),
        ([entry("./usr/../../evil")], "./usr/../../evil", r"`\.\.`"),
        ([entry("/etc/evil")], "/etc/evil", "absolute"),
        ([entry("./usr//evil")], "./usr//evil", "not a plain path"),
        ([entry("./usr/./evil")], "./usr/./evil", "not a plain path"),
        ([entry("./a\nb")], "./a\\nb", "not a plain path"),
        ([entry("a/" * 200 + "b")], "a/a/a", "absurd"),
        ([entry("./" + "n" * 300)], "./nnn", "absurd"),
        ([entry("./usr/.wh.bin")], "./usr/.wh.bin", "deletes"),
        ([entry("./usr/.wh..wh..opq/x")], "opq", "deletes"),
        ([entry("./dev/sda", type=tarfile.BLKTYPE)], "./dev/sda", "block device"),
        ([entry("./dev/tty", type=tarfile.CHRTYPE)], "./dev/tty", "character device"),
        ([entry("./run/pipe", type=tarfile.FIFOTYPE)], "./run/pipe", "named pipe"),
        ([entry("./hole", b"x", type=b"S")], "./hole", "sparse"),
        ([entry("./odd", type=b"M")], "./odd", "unknown kind"),
        ([entry("./usr/", b"data", type=tarfile.DIRTYPE)], "./usr", "with content"),
        ([link("./usr/out", "../../etc/passwd")], "usr/out", "out of the root"),
        ([link("./usr/out", "/../etc/passwd")], "usr/out", "out of the root"),
        ([link("./usr/out", "")], "usr/out", "sane target"),
        ([hard_link("./usr/out", "../etc/passwd")], "usr/out", r"`\.\.`"),
        ([hard_link("./usr/out", "/etc/passwd")], "usr/out", "absolute"),
        ([hard_link("./usr/out", "./etc/passwd")], "usr/out", "hard link to what is no file"),
        (
            [link("./usr/l", "bin/tool"), hard_link("./usr/out", "./usr/l")],
            "usr/out",
            "hard link to what is no file",
        ),
        ([GOOD, GOOD], "usr/bin/tool", "twice"),
        ([GOOD, link("./usr/bin/tool", "x")], "usr/bin/tool", "twice"),
        ([directory("./usr/"), directory("./usr")], "usr", "twice"),
        (
            [entry("./bin/tool", b"1"), entry("./usr/bin/tool", b"2")],
            "usr/bin/tool",
            "two different",
        ),
        ([link("./usr/lib", "/etc"), entry("./usr/lib/evil")], "usr/lib", "two different"),
        ([link("./x", "y"), entry("./x/evil")], "x", "two different"),
    ],
)
def test_a_hostile_member_is_refused_by_name(
    debs: Debs, items: list[Item], member: str, words: str
) -> None:
    with pytest.raises(VerificationError, match=words) as caught:
        debs.unpack(debs.make(items))
    assert member in caught.value.message


def test_a_name_that_is_not_utf8_is_refused(debs: Debs) -> None:
    data = tarball([entry("./name-XX")]).replace(b"name-XX", b"name-\xff\xfe")
    broken = bytearray(data)
    header = bytes(broken[:148]) + b" " * 8 + bytes(broken[156:512])
    broken[148:156] = b"%06o\0 " % sum(header)
    with pytest.raises(VerificationError, match="not a plain path"):
        debs.unpack(debs.raw(packed(bytes(broken), ".xz")))


def test_a_pax_header_is_refused_because_deb5_knows_none(debs: Debs) -> None:
    items = [entry("./usr/share/" + "n" * 150 + "é")]
    with pytest.raises(VerificationError, match="pax header"):
        debs.unpack(debs.make(items, format_=tarfile.PAX_FORMAT))


def test_a_wrong_checksum_is_refused(debs: Debs) -> None:
    data = bytearray(tarball([GOOD]))
    data[0] ^= 1
    with pytest.raises(VerificationError, match="checksum"):
        debs.unpack(debs.raw(packed(bytes(data), ".xz")))


def test_a_member_longer_than_the_archive_is_refused(debs: Debs) -> None:
    info, _ = GOOD
    data = info.tobuf(tarfile.GNU_FORMAT) + b"too"
    with pytest.raises(VerificationError, match="cut short"):
        debs.unpack(debs.raw(packed(data, ".xz")))


def test_data_after_the_end_of_the_tarball_is_refused(debs: Debs) -> None:
    with pytest.raises(VerificationError, match="after the end of its tarball"):
        debs.unpack(debs.raw(packed(tarball([GOOD]) + tarball([GOOD]), ".xz")))


def test_a_size_beyond_octal_is_read_and_refused_before_it_is_written(debs: Debs) -> None:
    info = tarfile.TarInfo("./huge")
    info.size = 1 << 40
    with pytest.raises(VerificationError, match="absurdly large"):
        debs.unpack(debs.raw(packed(info.tobuf(tarfile.GNU_FORMAT), ".xz")))
    assert not (debs.root / "out/huge").exists()


def test_a_bomb_is_refused_by_its_ratio(debs: Debs) -> None:
    items = [entry(f"./zeros{n}", bytes(8 << 20)) for n in range(9)]
    with pytest.raises(VerificationError, match="absurdly large"):
        debs.unpack(debs.make(items))


def test_a_package_of_absurdly_many_files_is_refused(
    debs: Debs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "MEMBER_LIMIT", 10)
    with pytest.raises(VerificationError, match="absurdly large"):
        debs.unpack(debs.make([entry(f"./f{n}") for n in range(11)]))


def test_nothing_is_written_through_a_link_to_the_host(debs: Debs) -> None:
    outside = debs.root / "outside"
    outside.mkdir()
    items = [link("./usr/share/x", str(outside)), entry("./usr/share/x/evil", b"evil")]
    with pytest.raises(VerificationError):
        debs.unpack(debs.make(items))
    assert list(outside.iterdir()) == []


def test_a_long_name_of_absurd_length_is_refused(debs: Debs) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("n" * 100_000))
    with pytest.raises(VerificationError, match="name of 100001 bytes"):
        debs.unpack(debs.raw(packed(stream.getvalue(), ".xz")))
