"""Layers on top of each other: by the OCI specification, and hostile ones refused."""

from __future__ import annotations

import gzip
import os
import stat
import tarfile
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import VerificationError
from pipeline.files import sha256_bytes
from pipeline.images.unpack import Packed, unpack
from pipeline.store.derived import hash_open_file
from pipeline.store.scan import scan
from pipeline.store.trees import Tree
from tests.unit.registry.making import (
    TIME,
    Blob,
    directory,
    file,
    hard,
    layer,
    link,
    opaque,
    other,
    tar,
    whiteout,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.registry.making import Member

SUFFIXES = {"gzip": ".gz", "zstd": ".zst"}


def packed(blob: Blob, path: Path) -> Packed:
    path.write_bytes(blob.data)
    return Packed(
        label=f"the layer `{path.name}`",
        path=path,
        size=len(blob.data),
        suffix=SUFFIXES.get(blob.media_type.rpartition("+")[2], ""),
        sha256=blob.sha256,
        diff_id=blob.diff_id,
    )


def unpacked(tmp_path: Path, *blobs: Blob) -> Path:
    """Unpack layers, lowest first, and return the directory."""
    root, scratch = tmp_path / "root", tmp_path / "scratch"
    root.mkdir()
    scratch.mkdir()
    layers = [packed(blob, tmp_path / str(number)) for number, blob in enumerate(blobs)]
    entries = unpack(layers, root, scratch)
    assert Tree.of(entries) == scan(root, hash_open_file), "what is told is what is there"
    return root


def flat(tmp_path: Path, *layers: list[Member]) -> dict[str, str]:
    """Return what layers make: texts, ``-> target`` for links, ``(empty)`` for directories."""
    root = unpacked(tmp_path, *(layer(members) for members in layers))
    found = {}
    for entry in scan(root, hash_open_file).entries:
        texts = {"link": f"-> {entry.target}", "dir": "(empty)"}
        found[entry.path] = texts.get(entry.kind) or (root / entry.path).read_text()
    return found


def test_a_whiteout_deletes_what_is_below_and_nothing_else(tmp_path: Path) -> None:
    lower = [file("d/a", b"1"), file("d/b", b"2"), file("d2/x/y", b"3"), link("l", "d")]
    upper = [whiteout("d/a"), whiteout("d2"), whiteout("l"), whiteout("absent"), file("c", b"4")]
    assert flat(tmp_path, lower, upper) == {"d/b": "2", "c": "4"}


def test_a_whiteout_spares_its_own_layer_wherever_it_stands(tmp_path: Path) -> None:
    lower = [file("d/a", b"old"), file("e/f", b"old")]
    upper = [file("d/a", b"new"), whiteout("d/a"), whiteout("e"), file("e/g", b"new")]
    assert flat(tmp_path, lower, upper) == {"d/a": "new", "e/g": "new"}


def test_an_opaque_directory_shows_its_own_layer_only(tmp_path: Path) -> None:
    lower = [file("d/a", b"1"), file("d/s/b", b"2"), file("e", b"3")]
    upper = [directory("d"), file("d/s/c", b"4"), opaque("d"), file("d/z", b"5")]
    assert flat(tmp_path, lower, upper) == {"d/s/c": "4", "d/z": "5", "e": "3"}


def test_deleted_once_is_back_when_a_higher_layer_brings_it(tmp_path: Path) -> None:
    layers = [file("a/b", b"1")], [whiteout("a")], [file("a/c", b"3")]
    assert flat(tmp_path, *map(list, layers)) == {"a/c": "3"}


def test_another_kind_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    lower = [file("a/b", b"1"), file("f", b"2"), link("l", "a"), directory("e")]
    upper = [file("a", b"now a file"), file("f/g", b"3"), file("e", b"4"), directory("l")]
    upper.insert(0, directory("f"))
    assert flat(tmp_path, lower, upper) == {
        "a": "now a file",
        "f/g": "3",
        "e": "4",
        "l": "(empty)",
    }


def test_a_path_leads_through_the_links_below_it(tmp_path: Path) -> None:
    lower = [file("usr/lib/a", b"1"), link("lib", "usr/lib"), link("usr/up", "/usr/../lib")]
    upper = [file("lib/b", b"2"), file("usr/up/c", b"3"), whiteout("lib/a")]
    assert flat(tmp_path, lower, upper) == {
        "usr/lib/b": "2",
        "usr/lib/c": "3",
        "lib": "-> usr/lib",
        "usr/up": "-> /usr/../lib",
    }


def test_a_link_to_the_outside_means_a_place_inside(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    lower = [link("way", str(outside)), link("etc", "/etc")]
    found = flat(tmp_path, lower, [file("way/in", b"1")])
    assert found[f"{outside}/in".lstrip("/")] == "1"
    assert not list(outside.iterdir())


def test_hard_links_are_one_file_also_over_layers(tmp_path: Path) -> None:
    lower = [file("a", b"one"), hard("b", "a"), file("c", b"two")]
    upper = [hard("d/e", "c"), file("a", b"other")]
    assert flat(tmp_path, lower, upper) == {"a": "other", "b": "one", "c": "two", "d/e": "two"}
    root = tmp_path / "root"
    assert (root / "c").stat().st_ino == (root / "d/e").stat().st_ino


def test_modes_are_plain_and_times_are_kept(tmp_path: Path) -> None:
    members = [
        directory("tmp", mode=0o1777),
        directory("private", mode=0o700),
        file("private/run", mode=0o4711),
        file("private/text", mode=0o400),
        link("l", "private"),
    ]
    root = unpacked(tmp_path, layer(members))
    modes = {p: stat.S_IMODE((root / p).stat().st_mode) for p in ("tmp", "private", "private/run")}
    assert modes == {"tmp": 0o1777, "private": 0o755, "private/run": 0o755}
    assert stat.S_IMODE((root / "private/text").stat().st_mode) == 0o644
    names = ("tmp", "private", "private/run", "l")
    assert {os.lstat(root / name).st_mtime for name in names} == {TIME}


def test_devices_are_left_out_and_hide_what_is_below(tmp_path: Path) -> None:
    lower = [file("dev/null", b"a file"), file("dev/x", b"1")]
    upper = [other("dev/null", tarfile.CHRTYPE), other("pipe", tarfile.FIFOTYPE)]
    assert flat(tmp_path, lower, upper) == {"dev/x": "1"}


def test_marks_of_old_storage_drivers_are_passed_over(tmp_path: Path) -> None:
    members = [file(".wh..wh.aufs"), directory("d"), file("d/.wh..wh.orph", b"x"), file("d/a")]
    assert flat(tmp_path, members) == {"d/a": ""}


@pytest.mark.parametrize("packing", ["", "gzip", "zstd"])
def test_every_packing_gives_the_same(packing: str, tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    root = unpacked(tmp_path, layer([file("large", data)], packing))
    assert (root / "large").read_bytes() == data


def test_a_layer_of_several_gzip_members_is_read_to_its_end(tmp_path: Path) -> None:
    plain = tar([file("a", b"1" * 5000), file("b", b"2" * 5000)])
    parts = [plain[start : start + 3000] for start in range(0, len(plain), 3000)]
    data = b"".join(gzip.compress(part) for part in parts)
    blob = Blob(data=data, media_type="application/x+gzip", diff_id=sha256_bytes(plain))
    root = unpacked(tmp_path, blob)
    assert (root / "b").read_bytes() == b"2" * 5000


def test_long_and_odd_names_come_through(tmp_path: Path) -> None:
    long = "/".join(["d" * 90] * 3 + ["ünïcode"])
    members = [file(long, b"1"), link("l", "x" * 200), file("size", b"0" * 4096)]
    for number, format_ in enumerate((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)):
        place = tmp_path / str(number)
        place.mkdir()
        root = unpacked(place, layer(tar(members, format=format_)))
        assert (root / long).read_bytes() == b"1"
        assert os.readlink(root / "l") == "x" * 200


def test_an_image_without_files_is_an_empty_directory(tmp_path: Path) -> None:
    assert flat(tmp_path) == {}


def sparse() -> bytes:
    info = tarfile.TarInfo("sparse")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    return tar([(info, b"")])


def resized() -> bytes:
    info = tarfile.TarInfo("a")
    info.pax_headers = {"size": "99999999999999999999"}
    return tar([(info, b"")])


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([file("../a")], "leads out of the root"),
        ([file("a/../../b")], "leads out of the root"),
        ([file("/etc/passwd")], "absolute path"),
        ([file("a//b")], "not a plain path"),
        ([file("a\nb")], "not a plain path"),
        ([file("a/.wh.b/c")], "deletes files"),
        ([file("x" * 256)], "absurd length"),
        ([link("a", "../x")], "link out of the root"),
        ([link("a/b", "../../x")], "link out of the root"),
        ([hard("a", "../x")], "leads out of the root"),
        ([hard("a", "absent")], "hard link to what is no file"),
        ([directory("d"), hard("a", "d")], "hard link to what is no file"),
        ([link("l", "/etc/passwd"), hard("a", "l/x")], "hard link to what is no file"),
        ([file("f"), file("f/g")], "no directory"),
        ([link("a", "b"), link("b", "a"), file("a/c")], "never end"),
        (sparse(), "sparse file"),
        (resized(), "broken size"),
        (b"x" * 1024, "broken number|wrong checksum"),
        (tar([file("a", b"1")])[:600], "cut short"),
    ],
)
def test_hostile_layers_are_refused(
    members: list[Member] | bytes, words: str, tmp_path: Path
) -> None:
    with pytest.raises(VerificationError, match=words):
        unpacked(tmp_path, layer(members))
    assert not list((tmp_path / "root").iterdir())


def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path: Path) -> None:
    bomb = layer([file(f"zeros{n}", bytes(8 << 20)) for n in range(12)], "zstd")
    with pytest.raises(VerificationError, match="absurdly large"):
        unpacked(tmp_path, bomb)


def test_a_layer_that_is_not_what_its_digests_say_is_refused(tmp_path: Path) -> None:
    good = layer([file("a", b"1")])
    wrong = Blob(data=good.data, media_type=good.media_type, diff_id="0" * 64)
    with pytest.raises(VerificationError, match="the tar in the layer `0` has sha256"):
        unpacked(tmp_path, wrong)
