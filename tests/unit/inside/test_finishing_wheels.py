"""A backend's wheel gets the target's prebuilt files, and the name of its variant."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.inside.finish import finish
from pipeline.inside.finish_texts import Change, edited_metadata, edited_wheel_info, finished_name
from pipeline.inside.shared import RefusedError
from pipeline.stages.inside import scripts
from pipeline.wheels.audit import audit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

INFO = "some_thing-1.0.dist-info"
PURE = "some_thing-1.0-py3-none-any.whl"
METADATA = "Metadata-Version: 2.4\nName: Some.Thing\nVersion: 1.0\n\nWords.\n"
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
X86_64 = Change(platform="linux_x86_64")


def backend_wheel(
    directory: Path, files: Mapping[str, str | bytes] | None = None, *, record: str = ""
) -> Path:
    """Write what a backend might leave; its RECORD is right unless one is given."""
    contents = {f"{INFO}/METADATA": METADATA, f"{INFO}/WHEEL": WHEEL, **(files or {})}
    rows = [f"{name},sha256={digest(data)},{len(data)}\n" for name, data in contents.items()]
    contents[f"{INFO}/RECORD"] = record or "".join([*rows, f"{INFO}/RECORD,,\n"])
    directory.mkdir(exist_ok=True)
    with zipfile.ZipFile(directory / PURE, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return directory / PURE


def digest(data: str | bytes) -> str:
    content = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a source with a program for each machine, which is the working directory."""
    root = tmp_path / "source"
    for name, number in (("x86_64", 62), ("aarch64", 183)):
        program = root / "bin" / f"tool.{name}"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(11) + bytes((number, 0)) + bytes(44))
        program.chmod(0o755)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def finished(source: Path) -> Callable[..., Path]:
    """Return a function that finishes a wheel with some resources."""

    def make(
        *resources: str,
        others: tuple[str, ...] = (),
        files: Mapping[str, str | bytes] | None = None,
        change: Change = X86_64,
        record: str = "",
    ) -> Path:
        wheel = backend_wheel(source.parent / "built", files, record=record)
        return finish(wheel, source.parent / "out", change, resources, others)

    return make


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_a_wheel_with_prebuilt_files_is_one_for_its_platform(
    finished: Callable[..., Path],
) -> None:
    wheel = finished("bin/tool.x86_64 as pkg/tool", files={"pkg/__init__.py": ""})
    assert wheel.name == "some_thing-1.0-py3-none-linux_x86_64.whl"
    found = audit(wheel)
    assert (found.findings, found.tags) == ((), ("py3-none-linux_x86_64",))
    with zipfile.ZipFile(wheel) as archive:
        assert archive.getinfo("pkg/tool").external_attr >> 16 == 0o100755
        assert b"Root-Is-Purelib: false\n" in archive.read(f"{INFO}/WHEEL")
        assert archive.read(f"{INFO}/METADATA").decode() == METADATA


@pytest.mark.parametrize(
    ("resource", "place"),
    [
        ("bin/tool.x86_64", "bin/tool.x86_64"),
        ("src/pkg/data.txt", "pkg/data.txt"),
        ("bin/*.x86_64 as pkg/", "pkg/tool.x86_64"),
        ("bin/tool.x86_64 as .data/scripts/tool", "some_thing-1.0.data/scripts/tool"),
    ],
)
def test_a_file_goes_where_it_is_or_where_it_is_told(
    source: Path, finished: Callable[..., Path], resource: str, place: str
) -> None:
    (source / "src" / "pkg").mkdir(parents=True)
    (source / "src" / "pkg" / "data.txt").touch()
    assert names(finished(resource)) == {place}


def test_what_the_backend_packed_of_other_targets_is_taken_out(
    source: Path, finished: Callable[..., Path]
) -> None:
    packed = {f"pkg/{file.name}": file.read_bytes() for file in (source / "bin").iterdir()}
    wheel = finished(
        "bin/tool.x86_64 as pkg/tool",
        others=("bin/tool.aarch64 as pkg/tool", "bin/absent.*"),
        files={**packed, "pkg/other/tool": b"own"},
    )
    assert names(wheel) == {"pkg/tool", "pkg/other/tool"}


def test_a_target_without_files_of_its_own_keeps_its_tag(
    source: Path, finished: Callable[..., Path]
) -> None:
    packed = {"pkg/tool.aarch64": (source / "bin" / "tool.aarch64").read_bytes(), "pkg/a.py": ""}
    wheel = finished(others=("bin/tool.aarch64",), files=packed, change=Change())
    assert (wheel.name, names(wheel)) == (PURE, {"pkg/a.py"})
    assert audit(wheel).findings == ()


@pytest.mark.parametrize(
    ("resources", "sentence"),
    [
        (("bin/absent",), "`bin/absent` of `resources` is not in the source"),
        (("bin/*.absent",), "is not in the source"),
        (("bin",), "`bin` of `resources` is a directory"),
        (("/etc/passwd",), "`/etc/passwd` of `resources` leaves the source"),
        (("bin/../../x",), "leaves the source"),
        (("link",), "`link` of `resources` is a link that leaves the source"),
        (("bin/tool.aarch64",), "is compiled for aarch64, but `resources` puts it into the wheel"),
        (
            ("bin/tool.x86_64 as pkg/tool", "bin/* as pkg/tool"),
            "`bin/tool.x86_64` and `bin/tool.aarch64` of `resources` both go to `pkg/tool`",
        ),
        (("bin/tool.x86_64 as pkg/a.py",), "goes to `pkg/a.py`, where the backend put another"),
        (("bin/tool.x86_64 as ../a",), "`../a` is no place"),
        (("bin/tool.x86_64 as /a",), "`/a` is no place"),
        (("bin/tool.x86_64 as .",), "`.` is no place"),
        (("bin/tool.x86_64 as x-1.dist-info/a",), "is no place"),
        (("bin/tool.x86_64 as .data/bin/a",), "`.data/bin/a` is no place"),
    ],
)
def test_a_file_that_cannot_go_in_is_refused_in_a_sentence(
    source: Path, finished: Callable[..., Path], resources: tuple[str, ...], sentence: str
) -> None:
    (source / "link").symlink_to(sys.executable)
    with pytest.raises(RefusedError) as refused:
        finished(*resources, files={"pkg/a.py": ""})
    assert sentence in refused.value.sentences[0]


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (f"{INFO}/WHEEL,sha256=x,1\n", "is not both in the wheel"),
        (
            f"{INFO}/METADATA,sha256=x,1\n{INFO}/WHEEL,sha256=x,1\n",
            "is not what its RECORD says",
        ),
    ],
)
def test_a_record_that_lies_is_not_written_anew(
    finished: Callable[..., Path], record: str, sentence: str
) -> None:
    with pytest.raises(RefusedError, match=sentence):
        finished("bin/tool.x86_64", record=record)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (Change(suffix="cuda13"), "some_thing_cuda13-1.0-py3-none-any.whl"),
        (Change(local="cu130"), "some_thing-1.0+cu130-py3-none-any.whl"),
    ],
)
def test_a_variant_is_named_everywhere(
    finished: Callable[..., Path], change: Change, name: str
) -> None:
    wheel = finished(change=change, files={"a.py": "", "some_thing-1.0.data/data/x": "y"})
    assert wheel.name == name
    assert audit(wheel).findings == ()
    stem = name.partition("-py3")[0]
    assert names(wheel) == {"a.py", f"{stem}.data/data/x"}


def test_file_names_keep_what_is_not_changed() -> None:
    change = Change(platform="linux_x86_64", local="cu130")
    given = "a-1.0+x-2-cp311-abi3-manylinux_2_17_x86_64.whl"
    made = "a-1.0+x.cu130-2-cp311-abi3-manylinux_2_17_x86_64.whl"
    assert finished_name(given, change) == (made, "a-1.0+x.cu130")
    with pytest.raises(RefusedError, match="is not the file name of a wheel"):
        finished_name("a-1.0.whl", change)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_requirements_come_after_those_that_are_there_and_not_twice(end: str) -> None:
    def text(*lines: str) -> bytes:
        return end.join(("Name: a", "Version: 1", *lines, "", "Name: of the body\x0b", "")).encode()

    before = text("Requires-Dist: numpy (>=1.26)", "Requires-Dist: x; extra == 'y'", "Author: \x0c")
    change = Change(requires=("numpy>=1.26", "b_c>=2", "b-c >=2"))
    assert edited_metadata(change, before) == text(
        "Requires-Dist: numpy (>=1.26)",
        "Requires-Dist: x; extra == 'y'",
        "Requires-Dist: b-c >=2",
        "Author: \x0c",
    )
    assert edited_metadata(Change(requires=("z",)), text()) == text("Requires-Dist: z")


def test_an_extra_of_the_project_means_the_variant() -> None:
    lines = "Name: Some.Thing\nVersion: 1\nRequires-Dist: some-thing[x]; extra == 'all'\n"
    edited = edited_metadata(Change(suffix="cuda13"), lines.encode()).decode()
    assert edited == (
        "Name: Some.Thing-cuda13\nVersion: 1\nRequires-Dist: Some.Thing-cuda13[x]; extra == 'all'\n"
    )


def test_a_wheel_of_two_tags_is_retagged_in_both() -> None:
    text = b"Wheel-Version: 1.0\r\nRoot-Is-Purelib: true\r\nTag: py2-none-any\r\nTag: py3-none-any"
    assert edited_wheel_info(X86_64, text) == (
        b"Wheel-Version: 1.0\r\nRoot-Is-Purelib: false\r\n"
        b"Tag: py2-none-linux_x86_64\r\nTag: py3-none-linux_x86_64"
    )
    assert edited_wheel_info(Change(), text) == text


def test_the_program_runs_on_what_is_shipped_and_says_what_is_wrong(
    source: Path, tmp_path: Path
) -> None:
    for name, text in scripts("finish").files:
        file = tmp_path / "inside" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    backend_wheel(tmp_path / "built")
    command = [sys.executable, "-S", str(tmp_path / "inside" / "finish.py")]
    command += ["--platform=linux_x86_64", str(tmp_path / "built"), str(tmp_path / "out")]

    def run(*flags: str) -> subprocess.CompletedProcess[str]:
        words = [*command[:3], *flags, *command[3:]]
        return subprocess.run(words, cwd=source, capture_output=True, text=True, check=False)

    refused = run("--resource=bin/absent")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(
        "error: `bin/absent` of `resources` is not in the source\nhint"
    )
    assert run("--resource=bin/tool.x86_64").returncode == 0
    assert (tmp_path / "out" / "some_thing-1.0-py3-none-linux_x86_64.whl").is_file()
