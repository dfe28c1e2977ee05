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


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
NAMESPACE = (
    "import sys, types, os;has_mfs = sys.version_info > (3, 5);"
    "p = os.path.join(sys._getframe(1).f_locals['sitedir'], *('corp', 'cloud'));"
    "importlib = has_mfs and __import__('importlib.util');"
    "has_mfs and __import__('importlib.machinery');"
    "m = has_mfs and sys.modules.setdefault('corp.cloud', importlib.util.module_from_spec("
    "importlib.machinery.PathFinder.find_spec('corp.cloud', [os.path.dirname(p)])));"
    "m = m or sys.modules.setdefault('corp.cloud', types.ModuleType('corp.cloud'));"
    "mp = (m or []) and m.__dict__.setdefault('__path__',[]);(p not in mp) and mp.append(p);"
    "m and setattr(sys.modules['corp'], 'cloud', m)\n"
)


def wrong_digest() -> str:
    files = ("METADATA", "WHEEL")
    rows = "".join(f"{INFO}/{file},sha256=AAAA,1\n" for file in files)
    return f"{rows}{INFO}/RECORD,,\n"


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
        ("elf-bundled", lambda make: make({"pkg/libx.so": elf()})),
        ("elf-in-pure", lambda make: make({"pkg/a.abi3.so": elf()})),
        ("file-name", lambda make: make({}, name="Some.Thing-1.0-py3-none-any.whl")),
        ("metadata-invalid", lambda make: make({f"{INFO}/METADATA": "Name: x\n"})),
        ("metadata-invalid", lambda make: make({f"{INFO}/METADATA": b"\xff\0\n\n\xff"})),
        ("lfs-pointer", lambda make: make({"pkg/data.bin": LFS})),
        ("link-inside", lambda make: make({"a": "b"}, modes={"a": 0o120777})),
        ("known-pth", lambda make: make({"x-nspkg.pth": NAMESPACE})),
        ("record-digest", lambda make: make({}, record=wrong_digest())),
        ("signature-inside", lambda make: make({f"{INFO}/RECORD.jws": "x"})),
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


HEAD = "Metadata-Version: {}\nName: some-thing\nVersion: 1.0\n"
FORMER = {
    "setuptools 56 to 76": HEAD.format("2.1") + "License-File: LICENSE\n",
    "pip and uv of 2024": HEAD.format("2.3") + "License-File: LICENSE\n",
    "hatchling before 2.4": HEAD.format("2.3") + "License-Expression: MIT\n",
    "wheel before 0.31": HEAD.format("2.0") + "License: UNKNOWN\n",
    "setuptools before 39": HEAD.format("2.1") + "Description-Content-Type: UNKNOWN\n",
    "a summary of two lines": HEAD.format("2.1") + "Summary: One.\n        Two.\n",
    "a field of nobody": HEAD.format("2.1") + "Private-Field: x\n",
    "an extra that is no name": HEAD.format("2.1") + "Provides-Extra: _dev_\n",
    "import names": HEAD.format("2.5") + "Import-Name: some\nImport-Namespace: corp\n",
    "a later minor version": HEAD.format("2.9"),
}


@pytest.mark.parametrize("writer", FORMER)
def test_metadata_that_indexes_have_served_for_years_is_no_error(
    make_wheel: MakeWheel, writer: str
) -> None:
    assert not audit(make_wheel({f"{INFO}/METADATA": FORMER[writer]}), built=True).errors


@pytest.mark.parametrize("writer", ["setuptools 56 to 76", "pip and uv of 2024", "import names"])
def test_metadata_that_twine_makes_good_has_no_finding(make_wheel: MakeWheel, writer: str) -> None:
    assert not audit(make_wheel({f"{INFO}/METADATA": FORMER[writer], "pkg/a.py": ""})).findings


@pytest.mark.parametrize("writer", ["wheel before 0.31", "hatchling before 2.4"])
def test_what_no_index_takes_any_more_is_refused_where_it_would_be_sent(
    make_wheel: MakeWheel, writer: str
) -> None:
    found = audit(make_wheel({f"{INFO}/METADATA": FORMER[writer], "pkg/a.py": ""}))
    assert {finding.rule for finding in found.findings} == {"metadata-refused"}
    assert list(index_rules.faults(found, size_limit=found.size))


@pytest.mark.parametrize(
    "field",
    [
        f"Requires-Dist: a; {'(' * 5000}python_version>'3'{')' * 5000}",
        f"Requires-Dist: a>={'9' * 5000}",
        f"Requires-Python: >={'9' * 5000}",
        f"Description-Content-Type: text/plain; {'(' * 5000}{')' * 5000}",
        f"License-Expression: {'(' * 5000}MIT{')' * 5000}",
        f"Author-email: {'(' * 5000}{')' * 5000}",
        "Content-Type: message/rfc822\n\n" * 3000,
        f"Metadata-Version: {'9' * 5000}.1",
    ],
)
def test_metadata_made_to_exhaust_a_parser_is_a_finding(make_wheel: MakeWheel, field: str) -> None:
    text = f"{HEAD.format('2.4')}{field}\n"
    found = audit(make_wheel({f"{INFO}/METADATA": text}))
    assert {f.rule for f in found.findings} & {"metadata-invalid", "metadata-refused"}
    assert max(len(f.message) for f in found.findings) < 1000
    assert list(index_rules.faults(found, size_limit=found.size))


def test_tags_that_multiply_without_end_are_a_finding(make_wheel: MakeWheel) -> None:
    many = ".".join(f"py{number}" for number in range(1000))
    assert "tag-mismatch" in rules(make_wheel({}, tags=(f"{many}-{many}-{many}",)))


@pytest.mark.parametrize(
    "names",
    [
        *(["pkg/aux.py"], ["con"], ["pkg/COM1.tar.gz"], ["nul/a"], ["pkg/a."], ["pkg /a"]),
        *(["pkg/a:b"], ["pkg/a?"], ["pkg/<a>"], ['pkg/"a"'], ["pkg/a|b*"], ["pkg\\a"]),
        *(["pkg/a\u202eb"], ["pkg/a.py", "pkg/A.py"], ["pkg/\u00e9", "pkg/e\u0301"]),
        ["/".join(["directory"] * 27)],
    ],
)
def test_a_name_that_windows_cannot_unpack_is_a_warning(
    make_wheel: MakeWheel, make_sdist: MakeSdist, names: list[str]
) -> None:
    wheel = audit(make_wheel(dict.fromkeys(names, "x")))
    assert [(f.level, f.rule) for f in wheel.findings] == [("warning", "windows-name")]
    top = "some_thing-1.0"
    text = FORMER["import names"].encode()
    files = {"PKG-INFO": text, "pyproject.toml": b"", **dict.fromkeys(names, b"x")}
    sdist = audit(make_sdist(*((tarfile.TarInfo(f"{top}/{n}"), t) for n, t in files.items())))
    assert [(f.level, f.rule) for f in sdist.findings] == [("warning", "windows-name")]


def test_a_wheel_that_installs_nothing_is_told_unless_it_requires_others(
    make_wheel: MakeWheel,
) -> None:
    head = HEAD.format("2.1")
    (found,) = audit(make_wheel({f"{INFO}/METADATA": head})).findings
    assert (found.level, found.rule) == ("warning", "installs-nothing")
    requires = f"{head}Requires-Dist: other\n"
    assert not audit(make_wheel({f"{INFO}/METADATA": requires})).findings


def test_names_that_only_look_like_devices_are_good(make_wheel: MakeWheel) -> None:
    names = ("pkg/console.py", "pkg/auxiliary.py", "pkg/com10.py", "pkg/.hidden", "pkg/a b.py")
    assert not audit(make_wheel(dict.fromkeys(names, "x"))).findings


def test_a_pointer_of_git_lfs_is_found_in_an_sdist_too(make_sdist: MakeSdist) -> None:
    top = "some_thing-1.0"
    files = {"PKG-INFO": FORMER["import names"], "pyproject.toml": "", "a.bin": LFS}
    made = [(tarfile.TarInfo(f"{top}/{name}"), text.encode()) for name, text in files.items()]
    assert [f.rule for f in audit(make_sdist(*made)).findings] == ["lfs-pointer"]


def test_a_text_about_git_lfs_is_no_pointer(make_wheel: MakeWheel) -> None:
    assert not audit(make_wheel({"a.txt": f"See:\n{LFS}", "b": LFS + "x" * 1024})).findings


def test_what_indexes_serve_is_an_error_only_where_we_built_it(make_wheel: MakeWheel) -> None:
    for made in (make_wheel({"evil.pth": "import os\n"}), make_wheel({}, tags=("py2-none-any",))):
        assert not audit(made).errors
        assert audit(made, built=True).errors


def test_what_is_counted_has_the_level_of_what_is_told(make_wheel: MakeWheel) -> None:
    found = audit(make_wheel({f"{number}.pth": "x" for number in range(12)}), built=True)
    assert [f.message for f in found.errors][-1] == "and 2 more"


def test_code_beside_what_setuptools_writes_is_not_known(make_wheel: MakeWheel) -> None:
    for text in (f"{NAMESPACE}import evil\n", NAMESPACE.replace("'corp'", "print()"), "", "a"):
        assert rules(make_wheel({"x-nspkg.pth": text})) == {"unexpected-pth"}


def test_programs_for_elsewhere_are_data_of_a_wheel_for_any_platform(make_wheel: MakeWheel) -> None:
    found = audit(make_wheel({"pkg/linux/manager": elf(62), "pkg/arm/manager": elf(183)}))
    assert {(f.level, f.rule) for f in found.findings} == {
        ("warning", "elf-bundled"),
        ("warning", "purelib-mismatch"),
    }


def test_a_wheel_for_android_has_the_processors_of_its_tag(make_wheel: MakeWheel) -> None:
    tag = "cp313-cp313-android_24_arm64_v8a"
    files = {"pkg/a.abi3.so": elf(183)}
    made = make_wheel(files, name=f"some_thing-1.0-{tag}.whl", tags=(tag,), purelib="false")
    assert audit(made).findings == ()


def test_a_start_up_file_may_be_allowed_by_name(make_wheel: MakeWheel) -> None:
    path = make_wheel({"good.pth": "x\n"})
    assert audit(path, allow_startup=frozenset({"good.pth"})).findings == ()


def test_a_path_over_the_edge_of_two_pieces_is_found(make_wheel: MakeWheel) -> None:
    for shift in range(1, 12):
        text = b"\n" * ((1 << 20) - shift) + b" /src/a.c"
        assert "absolute-build-path" in rules(make_wheel({"a.txt": text}))


def test_errors_are_told_from_warnings(make_wheel: MakeWheel) -> None:
    found = audit(make_wheel({"evil.pth": "x", "pkg/a.pyc": "x"}), built=True)
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
    assert all(rule.finds for rule in RULES.values())


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
