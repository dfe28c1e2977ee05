from __future__ import annotations

import base64
import gzip
import hashlib
import io
import shutil
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.release.description import faults
from pipeline.release.rehearsal import Verdict, rehearse

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {
    "Metadata-Version": "2.4",
    "Name": "thing",
    "Version": "1.0",
    "Summary": "A thing",
    "Requires-Python": ">=3.11",
    "License-Expression": "Apache-2.0",
    "Description-Content-Type": "text/markdown; charset=UTF-8; variant=GFM",
}


def metadata(description: str = "# Thing\n\nIt *rolls*.\n", **fields: str) -> str:
    """Return core metadata: good ones with ``fields`` changed, an empty value removing one."""
    merged = {**GOOD, **{name.replace("_", "-"): value for name, value in fields.items()}}
    head = "".join(f"{name}: {value}\n" for name, value in merged.items() if value)
    return f"{head}\n{description}"


def wheel(
    directory: Path, text: str | None = None, *, tag: str = "py3-none-any", version: str = "1.0"
) -> Path:
    """Write a wheel of the project `thing` that nothing is wrong with but what is asked for."""
    info = f"thing-{version}.dist-info"
    pure = str(tag.endswith("-any")).lower()
    files = {
        "thing/__init__.py": f"'''{tag}'''\n",
        f"{info}/METADATA": metadata() if text is None else text,
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: {pure}\nTag: {tag}\n",
    }
    rows = [f"{name},sha256={_digest(data)},{len(data.encode())}" for name, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    path = directory / f"thing-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data)
    return path


def _digest(data: str) -> str:
    digest = hashlib.sha256(data.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def sdist(directory: Path, *, version: str = "1.0", stem: str = "thing") -> Path:
    """Write an sdist of the project `thing`."""
    path = directory / f"{stem}-{version}.tar.gz"
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in {
            "PKG-INFO": metadata(Version=version),
            "pyproject.toml": f"# {stem}\n",
        }.items():
            member = tarfile.TarInfo(f"{stem}-{version}/{name}")
            member.size = len(text.encode())
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(text.encode()))
    path.write_bytes(gzip.compress(raw.getvalue(), mtime=0))
    return path


def judge(*paths: Path, size_limit: int = 100_000_000) -> tuple[Verdict, ...]:
    """Rehearse files under their own names."""
    return rehearse({path.name: path for path in paths}, size_limit=size_limit)


def test_good_files_are_accepted_without_a_remark_and_described(tmp_path: Path) -> None:
    paths = (wheel(tmp_path), sdist(tmp_path))
    one, two = judge(*paths)
    assert (one.accepted, one.remarks) == (True, ())
    assert (two.accepted, two.remarks) == (True, ())
    assert (one.file, one.name, one.version, one.tags) == (
        paths[0].name,
        "thing",
        "1.0",
        ("py3-none-any",),
    )
    assert one.size == paths[0].stat().st_size
    assert one.sha256 == hashlib.sha256(paths[0].read_bytes()).hexdigest()
    assert two.tags == ()


def test_bytes_may_lie_under_another_name_than_the_file_s(tmp_path: Path) -> None:
    path = wheel(tmp_path)
    blob = tmp_path / "blobs" / "ab" / "cdef"
    blob.parent.mkdir(parents=True)
    shutil.copy(path, blob)
    assert rehearse({path.name: blob}) == judge(path)


REFUSED = {
    "a local version": ({"version": "1.0+cu128"}, {"Version": "1.0+cu128"}, "local version"),
    "a platform tag of one machine": ({"tag": "py3-none-linux_x86_64"}, {}, "not portable"),
    "a long summary": ({}, {"Summary": "x" * 513}, "512 characters"),
    "a requirement by address": (
        {},
        {"Requires_Dist": "other @ https://mirror.example/other-1.whl"},
        "requires `other` from an address",
    ),
    "a license that is no SPDX expression": (
        {},
        {"License_Expression": "My own"},
        "license",
    ),
    "metadata without a version": ({}, {"Metadata_Version": ""}, "metadata-version"),
    "metadata of the future": ({}, {"Metadata_Version": "9.9"}, "9.9"),
    "metadata before its standard": ({}, {"Metadata_Version": "2.6"}, "version 2.6"),
    "another version inside": ({}, {"Version": "1.1"}, "1.1"),
    "an unknown description type": ({}, {"Description_Content_Type": "text/html"}, "text/html"),
    "broken reStructuredText": ({}, {"Description_Content_Type": "text/x-rst"}, "render"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_an_index_forbids_is_refused_with_the_reason(tmp_path: Path, case: str) -> None:
    shape, fields, words = REFUSED[case]
    text = metadata("Title\n==\n\n`broken\n", **fields)
    [verdict] = judge(wheel(tmp_path, text, **shape))
    assert not verdict.accepted
    assert any(words in remark for remark in verdict.remarks), verdict.remarks


def test_each_portable_platform_is_accepted(tmp_path: Path) -> None:
    for platform in ("manylinux_2_17_x86_64", "manylinux2014_aarch64", "musllinux_1_2_aarch64"):
        [verdict] = judge(wheel(tmp_path, tag=f"py3-none-{platform}"))
        assert not any("not portable" in remark for remark in verdict.remarks), platform


def test_a_file_over_the_size_limit_is_refused(tmp_path: Path) -> None:
    path = wheel(tmp_path)
    size = path.stat().st_size
    assert judge(path, size_limit=size)[0].accepted
    assert not judge(path, size_limit=size - 1)[0].accepted


def test_what_is_no_archive_is_refused_and_still_hashed(tmp_path: Path) -> None:
    path = tmp_path / "thing-1.0-py3-none-any.whl"
    path.write_bytes(b"rubbish")
    [verdict] = judge(path)
    assert not verdict.accepted
    assert verdict.remarks
    assert verdict.sha256 == hashlib.sha256(b"rubbish").hexdigest()


def test_a_record_that_lies_is_refused(tmp_path: Path) -> None:
    path = wheel(tmp_path)
    path.write_bytes(path.read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("thing/added.py", "")
    [verdict] = judge(path)
    assert not verdict.accepted
    assert any("thing/added.py" in remark for remark in verdict.remarks)


def test_what_an_index_lets_pass_is_only_remarked(tmp_path: Path) -> None:
    text = metadata("", Requires_Python="", Description_Content_Type="")
    [verdict] = judge(wheel(tmp_path, text))
    assert verdict.accepted
    assert len(verdict.remarks) == 2


def test_files_of_one_project_must_be_of_one_version(tmp_path: Path) -> None:
    verdicts = judge(wheel(tmp_path), sdist(tmp_path, version="1.1"))
    assert [verdict.accepted for verdict in verdicts] == [False, False]
    assert "different versions: `1.0`, `1.1`" in verdicts[0].remarks[0]


def test_a_release_has_one_sdist(tmp_path: Path) -> None:
    verdicts = judge(sdist(tmp_path), sdist(tmp_path, stem="Thing"))
    assert all("one sdist only" in verdict.remarks[0] for verdict in verdicts)


def test_the_same_bytes_under_two_names_are_refused(tmp_path: Path) -> None:
    path = wheel(tmp_path)
    verdicts = rehearse({path.name: path, "thing-1.0-py2-none-any.whl": path})
    assert all(any("same bytes as" in remark for remark in verdict.remarks) for verdict in verdicts)
    assert not any(verdict.accepted for verdict in verdicts)


@pytest.mark.parametrize(
    ("description", "content_type"),
    [
        ("Title\n=====\n\nText.\n", "text/x-rst"),
        ("Title\n=====\n\nText.\n", ""),
        ("<>``.. broken::", "text/plain"),
        ("# T\n", "text/markdown"),
        ("# T\n", 'TEXT/Markdown; variant="CommonMark"'),
        ("  \n", "text/x-rst"),
    ],
)
def test_a_description_that_renders_has_no_faults(description: str, content_type: str) -> None:
    assert faults(description, content_type) == ()


def test_a_description_that_breaks_tells_the_line(tmp_path: Path) -> None:
    del tmp_path
    [fault] = faults("Fine.\n\n.. nonsense:: x\n", "")
    assert "since no type is declared" in fault
    assert "nonsense" in fault
