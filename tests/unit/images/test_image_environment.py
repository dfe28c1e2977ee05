from __future__ import annotations

import base64
import csv
import hashlib
import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import VerificationError
from pipeline.images import wheelinstall
from pipeline.images.environment import unpack_system, unpack_wheels
from tests.unit.images.conftest import snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.images.conftest import Wheels

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
FILES = {
    "thing/__init__.py": "def main():\n    print('main of thing')\n",
    "thing/data.txt": "data",
    "thing-1.0.data/scripts/runs": "#!python\nimport sys, thing; print(sys.prefix)\n",
    "thing-1.0.data/data/share/thing/x": "shared",
    "thing-1.0.data/headers/thing.h": "int thing;",
    "thing-1.0.data/platlib/thing_extra.py": "",
}
POINTS = "[console_scripts]\nthing = thing:main\n"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    root = tmp_path / "env"
    root.mkdir()
    return root


def unpack(wheels: Wheels, prefix: Path, **options: str | bool) -> Path:
    made = [
        wheels.make(FILES, entry_points=POINTS),
        wheels.make({"other.py": "", "__pycache__/other.pyc": "x"}, name="other"),
    ]
    unpack_wheels(made, prefix, python=PYTHON, **options)  # type: ignore[arg-type]
    return prefix


def test_its_python_and_its_scripts_run(wheels: Wheels, prefix: Path) -> None:
    interpreter = os.path.realpath(sys.executable)
    unpack(wheels, prefix, prefix_inside=str(prefix), interpreter=interpreter)
    said = {
        name: subprocess.run(
            [prefix / "bin" / name], check=True, capture_output=True, text=True
        ).stdout.strip()
        for name in ("thing", "runs")
    }
    assert said == {"thing": "main of thing", "runs": str(prefix)}
    code = "import other, sys; print(sys.prefix != sys.base_prefix)"
    for name in ("python", "python3", f"python{PYTHON}"):
        result = subprocess.run(
            [prefix / "bin" / name, "-I", "-c", code], check=True, capture_output=True, text=True
        )
        assert result.stdout == "True\n"


def test_everything_goes_where_its_scheme_says(wheels: Wheels, prefix: Path) -> None:
    unpack(wheels, prefix)
    packages = prefix / f"lib/python{PYTHON}/site-packages"
    assert (packages / "thing/data.txt").read_text() == "data"
    assert (packages / "thing_extra.py").exists()
    assert (prefix / "share/thing/x").read_text() == "shared"
    assert (prefix / f"include/site/python{PYTHON}/thing/thing.h").exists()
    assert (packages / "thing-1.0.dist-info/INSTALLER").read_text() == "pipeline\n"
    assert (prefix / "bin/runs").read_text().startswith("#!/env/bin/python\n")
    assert str((prefix / "bin/python").readlink()) == f"/usr/bin/python{PYTHON}"
    assert "home = /usr/bin\n" in (prefix / "pyvenv.cfg").read_text()


def test_bytecode_of_a_wheel_is_left_out(wheels: Wheels, prefix: Path) -> None:
    unpack(wheels, prefix)
    assert not list(prefix.rglob("*.pyc"))
    record = prefix / f"lib/python{PYTHON}/site-packages/other-1.0.dist-info/RECORD"
    assert ".pyc" not in record.read_text()


def test_record_names_every_installed_file_with_its_hash(wheels: Wheels, prefix: Path) -> None:
    unpack(wheels, prefix)
    packages = prefix / f"lib/python{PYTHON}/site-packages"
    text = (packages / "thing-1.0.dist-info/RECORD").read_text()
    rows = list(csv.reader(text.splitlines()))
    paths = {row[0] for row in rows}
    assert paths >= {"thing/__init__.py", "../../../bin/thing", "../../../share/thing/x"}
    for path, digest, size in rows:
        data = (packages / path).read_bytes()
        if digest:
            assert hashlib.sha256(data).hexdigest() == decoded(digest)
            assert len(data) == int(size)
        else:
            assert path == "thing-1.0.dist-info/RECORD"


def decoded(digest: str) -> str:
    name, _, value = digest.partition("=")
    assert name == "sha256"
    return base64.urlsafe_b64decode(value + "==").hex()


def test_the_same_wheels_give_the_same_bytes_anywhere(wheels: Wheels, tmp_path: Path) -> None:
    first, second = tmp_path / "here", tmp_path / "deep" / "there"
    first.mkdir()
    second.mkdir(parents=True)
    unpack(wheels, first)
    before = os.umask(0o077)
    try:
        unpack(wheels, second)
    finally:
        os.umask(before)
    assert snapshot(first) == snapshot(second)


def test_scripts_can_be_left_out(wheels: Wheels, prefix: Path) -> None:
    unpack(wheels, prefix, scripts=False)
    assert {path.name for path in (prefix / "bin").iterdir()} == {
        "python",
        "python3",
        f"python{PYTHON}",
    }
    record = prefix / f"lib/python{PYTHON}/site-packages/thing-1.0.dist-info/RECORD"
    assert "bin/" not in record.read_text()


def test_a_layer_puts_packages_where_debians_python_finds_them(
    wheels: Wheels, tmp_path: Path
) -> None:
    root = tmp_path / "layer"
    root.mkdir()
    unpack_system([wheels.make(FILES, entry_points=POINTS)], root, python="3.11")
    assert (root / "usr/local/lib/python3.11/dist-packages/thing/__init__.py").exists()
    assert (root / "usr/local/bin/thing").read_text().startswith("#!/usr/bin/python3.11\n")
    assert (root / "usr/local/share/thing/x").exists()


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("../evil.py", r"`\.\.`"),
        ("thing/../../evil.py", r"`\.\.`"),
        ("/etc/evil.py", "absolute"),
        ("thing//evil.py", "not a plain path"),
        ("thing\\evil.py", "not a plain path"),
        ("thing/a\nb.py", "not a plain path"),
        ("thing-1.0.data/scripts/../../../evil", r"`\.\.`"),
        ("thing-1.0.data/elsewhere/x", "malformed"),
        ("thing/__init__.py/x", "no name for a file|directory"),
    ],
)
def test_a_hostile_member_is_refused(wheels: Wheels, prefix: Path, member: str, words: str) -> None:
    name, path = wheels.make(FILES, extra=[(zipfile.ZipInfo(member), b"evil")])
    with pytest.raises(VerificationError, match=words):
        unpack_wheels([(name, path)], prefix, python=PYTHON)
    assert not list(prefix.parent.rglob("evil*"))


def test_a_link_in_a_wheel_is_refused(wheels: Wheels, prefix: Path) -> None:
    header = zipfile.ZipInfo("thing/link")
    header.external_attr = 0o120777 << 16
    made = wheels.make(FILES, extra=[(header, b"/etc/passwd")])
    with pytest.raises(VerificationError, match=r"thing/link.*link or device"):
        unpack_wheels([made], prefix, python=PYTHON)


def test_a_member_that_stands_twice_is_refused(wheels: Wheels, prefix: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        made = wheels.make(FILES, extra=[(zipfile.ZipInfo("thing/data.txt"), b"other")])
    with pytest.raises(VerificationError, match=r"thing/data\.txt.*twice"):
        unpack_wheels([made], prefix, python=PYTHON)


def test_an_entry_point_cannot_write_elsewhere(wheels: Wheels, prefix: Path) -> None:
    made = wheels.make(FILES, entry_points="[console_scripts]\n../../evil = thing:main\n")
    with pytest.raises(VerificationError, match="evil"):
        unpack_wheels([made], prefix, python=PYTHON)
    assert not list(prefix.parent.rglob("evil*"))


def test_an_entry_point_does_not_replace_the_interpreter(wheels: Wheels, prefix: Path) -> None:
    made = wheels.make(FILES, entry_points="[console_scripts]\npython = thing:main\n")
    with pytest.raises(VerificationError, match="python"):
        unpack_wheels([made], prefix, python=PYTHON)


def test_two_wheels_with_one_file_of_the_same_bytes_share_it(wheels: Wheels, prefix: Path) -> None:
    unpack_wheels(
        [wheels.make({"same.py": "x"}, name=name) for name in ("one", "two")], prefix, python=PYTHON
    )
    assert [path.read_text() for path in prefix.rglob("same.py")] == ["x"]


def test_two_wheels_with_one_file_are_refused(wheels: Wheels, prefix: Path) -> None:
    made = [wheels.make({"same.py": name}, name=name) for name in ("one", "two")]
    with pytest.raises(VerificationError, match=r"same\.py.*another wheel"):
        unpack_wheels(made, prefix, python=PYTHON)


@pytest.mark.parametrize(
    "points",
    ["[console_scripts]\nx = not an entry\n", "[console_scripts\n", "[console_scripts]\nx"],
)
def test_malformed_entry_points_are_refused(wheels: Wheels, prefix: Path, points: str) -> None:
    made = wheels.make(FILES, entry_points=points)
    with pytest.raises(VerificationError, match="malformed"):
        unpack_wheels([made], prefix, python=PYTHON)


def test_a_wheel_of_absurd_size_is_refused(
    wheels: Wheels, prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheelinstall, "RATIO_FREE", 1000)
    monkeypatch.setattr(wheelinstall, "RATIO_LIMIT", 10)
    made = wheels.make({"zeros.py": "\0" * 100_000})
    with pytest.raises(VerificationError, match="absurd"):
        unpack_wheels([made], prefix, python=PYTHON)


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_a_damaged_wheel_is_refused(wheels: Wheels, prefix: Path, damage: str) -> None:
    name, path = wheels.make({"big.py": "x = 1\n" * 1000})
    data = bytearray(path.read_bytes())
    match damage:
        case "truncate":
            data = data[:-30]
        case "flip":
            data[60] ^= 0xFF
        case _:
            data = bytearray()
    path.write_bytes(data)
    with pytest.raises(VerificationError, match=r"thing-1\.0-py3"):
        unpack_wheels([(name, path)], prefix, python=PYTHON)


def test_a_wheel_that_is_not_there_says_so(wheels: Wheels, prefix: Path) -> None:
    name, path = wheels.make(FILES)
    path.unlink()
    with pytest.raises(VerificationError, match="not in the store"):
        unpack_wheels([(name, path)], prefix, python=PYTHON)
