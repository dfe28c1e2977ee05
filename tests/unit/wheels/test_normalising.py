"""Normalising: same contents, same bytes; contents left alone; contradictions refused."""

from __future__ import annotations

import os
import tracemalloc
import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import StoreError, VerificationError
from pipeline.wheels.normalise import normalise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.wheels.conftest import MakeWheel

EPOCH = 1_700_000_001
INFO = "some_thing-1.0.dist-info"
FILES = {"pkg/__init__.py": "x = 1\n", "pkg/b.py": "y\n" * 50, "top.py": "", f"{INFO}/z": "z"}


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_packing_does_not_matter(make_wheel: MakeWheel, tmp_path: Path) -> None:
    plain = make_wheel(FILES)
    odd = make_wheel(FILES, reverse=True, modes=dict.fromkeys(FILES, 0o100664))
    results = [
        normalise(wheel, tmp_path / str(number), epoch=EPOCH).read_bytes()
        for number, wheel in enumerate((plain, odd))
    ]
    assert plain.read_bytes() != odd.read_bytes()
    assert results[0] == results[1]


def test_it_is_idempotent_even_in_place(make_wheel: MakeWheel, tmp_path: Path) -> None:
    once = normalise(make_wheel(FILES), tmp_path, epoch=EPOCH)
    data = once.read_bytes()
    assert normalise(once, once.parent, epoch=EPOCH) == once
    assert once.read_bytes() == data


def test_the_time_is_the_given_one(make_wheel: MakeWheel, tmp_path: Path) -> None:
    wheel = make_wheel(FILES)
    moved = normalise(wheel, tmp_path / "b", epoch=EPOCH + 2).read_bytes()
    assert normalise(wheel, tmp_path / "a", epoch=EPOCH).read_bytes() != moved


def test_members_are_sorted_with_the_metadata_and_record_last(
    make_wheel: MakeWheel, tmp_path: Path
) -> None:
    normal = normalise(make_wheel(FILES, reverse=True), tmp_path, epoch=EPOCH)
    assert list(contents(normal)) == [
        "pkg/__init__.py",
        "pkg/b.py",
        "top.py",
        f"{INFO}/METADATA",
        f"{INFO}/WHEEL",
        f"{INFO}/z",
        f"{INFO}/RECORD",
    ]


def test_contents_stay_but_for_record(make_wheel: MakeWheel, tmp_path: Path) -> None:
    wheel = make_wheel(FILES)
    before, after = contents(wheel), contents(normalise(wheel, tmp_path, epoch=EPOCH))
    before.pop(f"{INFO}/RECORD")
    record = after.pop(f"{INFO}/RECORD").decode().splitlines()
    assert before == after
    assert record == sorted(record)
    assert f"{INFO}/RECORD,," in record


def test_only_the_owners_executable_bit_is_kept(make_wheel: MakeWheel, tmp_path: Path) -> None:
    modes = {"pkg/b.py": 0o100700, "top.py": 0o100677, "pkg/__init__.py": 0o600}
    normal = normalise(make_wheel(FILES, modes=modes), tmp_path, epoch=EPOCH)
    with zipfile.ZipFile(normal) as archive:
        found = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert {name: oct(found[name]) for name in modes} == {
        "pkg/b.py": "0o100755",
        "top.py": "0o100644",
        "pkg/__init__.py": "0o100644",
    }


def test_tags_are_sorted_in_the_name_and_in_wheel(make_wheel: MakeWheel, tmp_path: Path) -> None:
    wheel = make_wheel(
        FILES, name="Some.Thing-1.0-py3.py2-none-any.whl", tags=("py3-none-any", "py2-none-any")
    )
    normal = normalise(wheel, tmp_path, epoch=EPOCH)
    assert normal.name == "some_thing-1.0-py2.py3-none-any.whl"
    text = contents(normal)[f"{INFO}/WHEEL"].decode()
    assert text.endswith("Root-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\n")


def test_a_compressed_tag_line_is_expanded(make_wheel: MakeWheel, tmp_path: Path) -> None:
    wheel = make_wheel(
        FILES, name="some_thing-1.0-py2.py3-none-any.whl", tags=("py2.py3-none-any",)
    )
    text = contents(normalise(wheel, tmp_path, epoch=EPOCH))[f"{INFO}/WHEEL"].decode()
    assert text.endswith("Tag: py2-none-any\nTag: py3-none-any\n")


def test_special_directories_are_named_after_the_file(
    make_wheel: MakeWheel, tmp_path: Path
) -> None:
    script = "some_thing-1.0.data/scripts/go"
    old = make_wheel(
        {script.replace("some_thing", "Some.Thing"): "#!python\n"},
        name="Some.Thing-1.0-py3-none-any.whl",
        stem="Some.Thing-1.0",
    )
    new = make_wheel({script: "#!python\n"})
    results = [normalise(wheel, tmp_path / "out", epoch=EPOCH) for wheel in (old, new)]
    assert results[0] == results[1]
    assert list(contents(results[0])) == [
        script,
        *(f"{INFO}/{name}" for name in ("METADATA", "WHEEL", "RECORD")),
    ]
    assert f"{script},sha256=" in contents(results[0])[f"{INFO}/RECORD"].decode()


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda make: make(FILES, tags=("py2-none-any",)), "`py3-none-any` but its WHEEL file"),
        (lambda make: make(FILES, tags=("nonsense",)), "malformed tag"),
        (lambda make: make(FILES, tags=()), "0 `Tag` lines"),
        (lambda make: make(FILES, purelib="maybe"), "Root-Is-Purelib `maybe`"),
        (lambda make: make(FILES, name="some_thing-1.0-1-py3-none-any.whl"), "`1 py3-none-any`"),
        (lambda make: make(FILES, name="some_thing-1.1-py3-none-any.whl"), "should be alone"),
        (lambda make: make(FILES, name="other-1.0-py3-none-any.whl"), "should be alone"),
        (lambda make: make(FILES, record=""), "is in the wheel but not in RECORD"),
        (lambda make: make(FILES, record="a,b\n"), "2 fields"),
        (lambda make: make({**FILES, f"{INFO}/RECORD.jws": "{}"}), r"RECORD\.jws"),
        (lambda make: make({**FILES, f"{INFO}/RECORD.p7s": "{}"}), r"RECORD\.p7s"),
        (lambda make: make({**FILES, "x.dist-info/METADATA": ""}), "should be alone"),
        (lambda make: make({**FILES, "x.data/a": ""}), r"some_thing-1\.0\.data` should be alone"),
        (lambda make: make({**FILES, "pkg/../a": ""}), r"`\.\.`"),
    ],
)
def test_a_wheel_that_contradicts_itself_is_refused(
    make_wheel: MakeWheel, tmp_path: Path, made: Callable[[MakeWheel], Path], words: str
) -> None:
    out = tmp_path / "out"
    with pytest.raises(VerificationError, match=words):
        normalise(made(make_wheel), out, epoch=EPOCH)
    assert not out.exists() or not list(out.iterdir())


def test_a_record_that_lies_about_a_file_is_refused(make_wheel: MakeWheel, tmp_path: Path) -> None:
    right = contents(make_wheel(FILES))[f"{INFO}/RECORD"].decode()
    wrong = make_wheel({**FILES, "pkg/b.py": "n\n" * 50}, record=right)
    with pytest.raises(VerificationError, match=r"`pkg/b\.py` has another sha256"):
        normalise(wrong, tmp_path / "out", epoch=EPOCH)
    assert not list((tmp_path / "out").iterdir())


def test_without_metadata_it_is_no_wheel(tmp_path: Path) -> None:
    wheel = tmp_path / "a-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a.py", "")
    with pytest.raises(VerificationError, match=r"no directory `a-1\.dist-info`"):
        normalise(wheel, tmp_path / "out", epoch=EPOCH)


def test_a_directory_that_cannot_be_written_is_an_expected_error(
    make_wheel: MakeWheel, tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")
    with pytest.raises(StoreError, match="cannot be written"):
        normalise(make_wheel(FILES), taken, epoch=EPOCH)


def test_the_result_is_readable_by_all_whatever_the_umask(
    make_wheel: MakeWheel, tmp_path: Path
) -> None:
    before = os.umask(0o077)
    try:
        normal = normalise(make_wheel(FILES), tmp_path, epoch=EPOCH)
    finally:
        os.umask(before)
    assert normal.stat().st_mode & 0o777 == 0o644


def test_only_one_member_is_held_at_a_time(make_wheel: MakeWheel, tmp_path: Path) -> None:
    size = 2 << 20
    wheel = make_wheel({f"pkg/{number}": os.urandom(size) for number in range(6)})
    tracemalloc.start()
    try:
        normalise(wheel, tmp_path, epoch=EPOCH)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * size
