"""The bill that a wheel gets of what is in it from elsewhere."""

from __future__ import annotations

import hashlib
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.wheels.audit import audit
from pipeline.wheels.bill import Parts, grafted
from pipeline.wheels.cyclonedx import component
from pipeline.wheels.normalise import normalise

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.wheels.conftest import MakeElf, MakeWheel

EPOCH = 1_700_000_000
TAG = "cp311-cp311-linux_x86_64"
NAME = f"some_thing-1.0-{TAG}.whl"
BILL = "some_thing-1.0.dist-info/sboms/pipeline.cdx.json"
MODULE = "some_thing/_x.cpython-311-x86_64-linux-gnu.so"
ORIGINAL = hashlib.sha256(b"the library as it was").hexdigest()
GRAFT = f"some_thing.libs/liblz4-{ORIGINAL[:8]}.so.1.9.4"
LZ4 = component("pkg:deb/debian/liblz4-1@1.9.4-1", "liblz4-1", "1.9.4-1", sha256="d" * 64)
GCC = component("pkg:deb/debian/libgcc-12-dev@12.2.0-14", "libgcc-12-dev", "12.2.0-14")
MARK = "GCC: (Debian 12.2.0-14) "
PARTS = Parts(libraries={"liblz4.so.1.9.4": [(ORIGINAL, LZ4)]}, runtimes=[(MARK, GCC)])


@pytest.fixture
def wheel(make_wheel: MakeWheel, make_elf: MakeElf) -> Path:
    files: dict[str, bytes | str] = {
        MODULE: make_elf(text=f"{MARK}12.2.0".encode()),
        GRAFT: make_elf(text=b"patched"),
        "some_thing-1.0.dist-info/top_level.txt": "some_thing\n",
    }
    return make_wheel(files, name=NAME, tags=(TAG,), purelib="false")


def bill_of(file: Path) -> dict[str, Any]:
    with zipfile.ZipFile(file) as archive:
        found: dict[str, Any] = json.loads(archive.read(BILL))
        return found


def test_the_bill_names_what_was_put_in_and_what_was_linked(wheel: Path, tmp_path: Path) -> None:
    bill = bill_of(normalise(wheel, tmp_path, epoch=EPOCH, parts=PARTS))
    gcc, lz4 = bill["components"]
    assert lz4["purl"] == LZ4["purl"]
    with zipfile.ZipFile(wheel) as archive:
        digest = hashlib.sha256(archive.read(GRAFT)).hexdigest()
    hashes = [{"alg": "SHA-256", "content": digest}]
    assert lz4["components"] == [{"type": "file", "name": GRAFT, "hashes": hashes}]
    assert [part["properties"][0]["value"] for part in (lz4, gcc)] == [
        "vendored",
        "linked statically",
    ]
    main = bill["metadata"]["component"]
    assert main["purl"] == "pkg:pypi/some-thing@1.0"
    assert bill["dependencies"][0] == {
        "ref": main["bom-ref"],
        "dependsOn": [GCC["bom-ref"], LZ4["bom-ref"]],
    }
    assert bill["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"


def test_a_wheel_with_a_bill_is_whole(wheel: Path, tmp_path: Path) -> None:
    normal = normalise(wheel, tmp_path, epoch=EPOCH, parts=PARTS)
    assert not [found for found in audit(normal).errors if "RECORD" in found.message]
    with zipfile.ZipFile(normal) as archive:
        names = archive.namelist()
    assert names.index(BILL) == names.index("some_thing-1.0.dist-info/top_level.txt") - 1
    assert normalise(normal, tmp_path / "again", epoch=EPOCH).read_bytes() == normal.read_bytes()


def test_a_second_bill_takes_the_place_of_the_first(wheel: Path, tmp_path: Path) -> None:
    once = normalise(wheel, tmp_path / "one", epoch=EPOCH, parts=PARTS)
    again = normalise(once, tmp_path / "two", epoch=EPOCH, parts=PARTS)
    assert again.read_bytes() == once.read_bytes()
    without = normalise(once, tmp_path / "three", epoch=EPOCH, parts=Parts())
    assert {part["name"] for part in bill_of(without)["components"]} == {"liblz4.so.1.9.4"}


@pytest.mark.parametrize("digest", ["0" * 64, ""])
def test_a_library_of_no_known_package_is_named_by_its_file(
    wheel: Path, tmp_path: Path, digest: str
) -> None:
    known = {"liblz4.so.1.9.4": [(digest, LZ4)]} if digest else {}
    bill = bill_of(normalise(wheel, tmp_path, epoch=EPOCH, parts=Parts(libraries=known)))
    (library,) = bill["components"]
    assert library["name"] == "liblz4.so.1.9.4"
    assert "purl" not in library


def test_a_wheel_with_nothing_from_elsewhere_has_no_bill(
    make_wheel: MakeWheel, make_elf: MakeElf, tmp_path: Path
) -> None:
    files: dict[str, bytes | str] = {MODULE: make_elf(), "notes.txt": MARK}
    wheel = make_wheel(files, name=NAME, tags=(TAG,), purelib="false")
    normal = normalise(wheel, tmp_path / "a", epoch=EPOCH, parts=PARTS)
    plain = normalise(wheel, tmp_path / "b", epoch=EPOCH)
    assert normal.read_bytes() == plain.read_bytes()


def test_the_names_of_libraries_are_those_that_they_had(wheel: Path) -> None:
    assert grafted(wheel) == {"liblz4.so.1.9.4"}


def test_parts_travel_as_text(wheel: Path, tmp_path: Path) -> None:
    here = normalise(wheel, tmp_path / "a", epoch=EPOCH, parts=PARTS)
    there = normalise(wheel, tmp_path / "b", epoch=EPOCH, parts=Parts.load(PARTS.dump()))
    assert here.read_bytes() == there.read_bytes()
