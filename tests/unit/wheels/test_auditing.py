"""An audit tells what a wheel says of itself, and every rule finds what it is named for."""

from __future__ import annotations

import struct
import tarfile
from typing import TYPE_CHECKING

import pytest

from pipeline.files import sha256_file
from pipeline.release import index_rules
from pipeline.wheels import contents
from pipeline.wheels.audit import audit
from pipeline.wheels.findings import RULES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.wheels.conftest import MakeSdist, MakeWheel

INFO = "some_thing-1.0.dist-info"
LINUX = "some_thing-1.0-cp311-cp311-linux_x86_64.whl"
TAG = ("cp311-cp311-linux_x86_64",)
SO = "pkg/a.cpython-311-x86_64-linux-gnu.so"


def elf(machine: int = 62, text: bytes = b"") -> bytes:
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine) + bytes(44) + text


def rules(path: Path) -> set[str]:
    return {found.rule for found in audit(path).findings}


def test_the_facts_are_those_of_the_metadata(make_wheel: MakeWheel) -> None:
    metadata = (
        "Metadata-Version: 2.1\nName: Some.Thing\nVersion: 1.0\nSummary: A thing\n"
        "Requires-Python: >=3.9\nRequires-Dist: a>1\nRequires-Dist: b; extra == 'x'\n"
        "Provides-Extra: x\nDescription-Content-Type: text/markdown\n\n# Words\n"
    )
    path = make_wheel({"a.py": "", f"{INFO}/METADATA": metadata})
    found = audit(path)
    assert found.findings == ()
    assert (found.name, found.version, found.kind) == ("Some.Thing", "1.0", "wheel")
    assert (found.requires_python, found.requires_dist) == (">=3.9", ("a>1", "b; extra == 'x'"))
    assert (found.summary, found.description_content_type) == ("A thing", "text/markdown")
    assert found.description == "# Words\n"
    assert found.tags == ("py3-none-any",)
    assert (found.size, found.sha256) == (path.stat().st_size, sha256_file(path))


def linux(make: MakeWheel, files: dict[str, bytes | str], purelib: str = "false") -> Path:
    return make(files, name=LINUX, tags=TAG, purelib=purelib)


@pytest.mark.parametrize(
    ("rule", "made"),
    [
        ("absolute-build-path", lambda make: make({"a.txt": "built in /src/build/a.c\n"})),
        ("absolute-build-path", lambda make: linux(make, {SO: elf(62, b"\0/env/lib/x.h\0")})),
        ("bytecode-inside", lambda make: make({"pkg/__pycache__/a.cpython-311.pyc": b"x"})),
        ("elf-architecture", lambda make: linux(make, {SO: elf(183)})),
        ("elf-in-pure", lambda make: make({"pkg/a.so": elf()})),
        ("file-name", lambda make: make({}, name="Some.Thing-1.0-py3-none-any.whl")),
        ("metadata-invalid", lambda make: make({f"{INFO}/METADATA": "Name: x\n"})),
        ("metadata-invalid", lambda make: make({f"{INFO}/METADATA": b"\xff\0\n\n\xff"})),
        (
            "metadata-mismatch",
            lambda make: make(
                {f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: some-thing\nVersion: 1.1\n"}
            ),
        ),
        ("platform-without-elf", lambda make: linux(make, {"a.py": ""})),
        ("privileged-mode", lambda make: make({"a": ""}, modes={"a": 0o104755})),
        ("purelib-mismatch", lambda make: linux(make, {SO: elf()}, "true")),
        ("purelib-mismatch", lambda make: make({"a.py": ""}, purelib="false")),
        ("record-mismatch", lambda make: make({"a.py": ""}, record="")),
        ("record-mismatch", lambda make: make({"a.py": ""}, record='"')),
        ("record-mismatch", lambda make: make({}, record=f"{INFO}/WHEEL,sha256=x,1\n")),
        (
            "soabi-mismatch",
            lambda make: linux(make, {"pkg/a.cpython-313-x86_64-linux-gnu.so": elf()}),
        ),
        ("tag-mismatch", lambda make: make({}, tags=("py2-none-any",))),
        ("tag-mismatch", lambda make: make({}, purelib="maybe")),
        ("unexpected-pth", lambda make: make({"evil.pth": "import os\n"})),
        ("unexpected-pth", lambda make: make({"evil.start": "os\n"})),
        ("unexpected-pth", lambda make: make({"some_thing-1.0.data/purelib/e.pth": "x"})),
        ("world-writable", lambda make: make({"a": ""}, modes={"a": 0o100666})),
    ],
)
def test_each_rule_finds_what_it_is_named_for(
    make_wheel: MakeWheel, rule: str, made: Callable[[MakeWheel], Path]
) -> None:
    assert rule in rules(made(make_wheel))


@pytest.mark.parametrize(
    "made",
    [
        lambda make: make({"a.py": "", "pkg/data.pth": "not at the root"}),
        lambda make: make({"a.txt": "see https://forge.example/x/src/a.c or /usr/src/linux\n"}),
        lambda make: make({"a.txt": "#!/usr/bin/env/python\n"}),
        lambda make: linux(make, {SO: elf(62, b"\0/usr/lib/x.h\0")}),
        lambda make: linux(make, {"some_thing-1.0.data/scripts/go": elf()}, "true"),
        lambda make: make(
            {SO.replace("311", "312"): elf()},
            name="some_thing-1.0-cp311.cp312-abi3.cp312-manylinux_2_17_x86_64.whl",
            tags=tuple(
                f"{python}-{abi}-manylinux_2_17_x86_64"
                for python in ("cp311", "cp312")
                for abi in ("abi3", "cp312")
            ),
            purelib="false",
        ),
    ],
)
def test_a_sound_wheel_has_no_findings(
    make_wheel: MakeWheel, made: Callable[[MakeWheel], Path]
) -> None:
    assert audit(made(make_wheel)).findings == ()


def test_a_start_up_file_may_be_allowed_by_name(make_wheel: MakeWheel) -> None:
    path = make_wheel({"good.pth": "x\n"})
    assert audit(path, allow_startup=frozenset({"good.pth"})).findings == ()


def test_a_path_over_the_edge_of_two_pieces_is_found(make_wheel: MakeWheel) -> None:
    for shift in range(1, 12):
        text = b"\n" * ((1 << 20) - shift) + b" /src/a.c"
        assert "absolute-build-path" in rules(make_wheel({"a.txt": text}))


def test_errors_are_told_from_warnings(make_wheel: MakeWheel) -> None:
    found = audit(make_wheel({"evil.pth": "x", "pkg/a.pyc": "x"}))
    assert [error.rule for error in found.errors] == ["unexpected-pth"]
    assert [finding.rule for finding in found.findings] == ["unexpected-pth", "bytecode-inside"]


def test_an_sdist_is_audited_too(make_sdist: MakeSdist) -> None:
    top = "some_thing-1.0"
    metadata = b"Metadata-Version: 2.1\nName: some-thing\nVersion: 2.0\n"
    bytecode = tarfile.TarInfo(f"{top}/a.pyc")
    bytecode.mode = 0o666
    found = audit(make_sdist((tarfile.TarInfo(f"{top}/PKG-INFO"), metadata), (bytecode, b"x")))
    assert (found.name, found.version, found.kind, found.tags) == ("some-thing", "1.0", "sdist", ())
    assert [finding.rule for finding in found.findings] == [
        "metadata-mismatch",
        "bytecode-inside",
        "no-pyproject",
        "world-writable",
    ]


def test_every_rule_has_a_name_and_a_meaning() -> None:
    assert list(RULES) == sorted(RULES)
    assert all(meaning for _, meaning in RULES.values())


def test_what_people_wrote_may_name_the_paths_of_a_build(make_wheel: MakeWheel) -> None:
    assert "absolute-build-path" not in rules(make_wheel({"a.py": "ROOT = '/src/build'\n"}))


def test_an_index_has_no_say_on_start_up_files_and_its_own_limit_of_size(
    make_wheel: MakeWheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "SIZE_LIMIT", 10)
    metadata = "Metadata-Version: 2.1\nName: some-thing\nVersion: 1.0\n\nWords.\n"
    found = audit(make_wheel({"run.pth": "x", f"{INFO}/METADATA": metadata}))
    assert {finding.rule for finding in found.findings} == {"size-limit", "unexpected-pth"}
    assert not list(index_rules.faults(found, size_limit=found.size))
    assert not [text for text in index_rules.remarks(found) if "bytes" in text]
    (reason,) = index_rules.faults(found, size_limit=found.size - 1)
    assert "more than the" in reason
