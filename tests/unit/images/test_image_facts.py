"""What an image of others has: found by looking, its links followed inside of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.images.facts import Facts, facts, resolve

if TYPE_CHECKING:
    from pathlib import Path

TRIPLET = "x86_64-linux-gnu"
LIBC = b"\x7fELF..GNU C Library (Debian GLIBC 2.36-9+deb12u9) stable release version 2.36.\n..."


def program(root: Path, path: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"\x7fELF")
    file.chmod(0o755)


def found(root: Path, path: str = "") -> Facts:
    return facts(root, path=path, triplet=TRIPLET)


def test_an_empty_image_has_nothing(tmp_path: Path) -> None:
    assert found(tmp_path) == Facts()


def test_the_python_of_the_images_own_path_is_taken(tmp_path: Path) -> None:
    program(tmp_path, "usr/bin/python3.11")
    program(tmp_path, "usr/local/bin/python3.12")
    assert found(tmp_path).interpreter == "/usr/local/bin/python3.12"
    assert found(tmp_path, "/usr/bin:/usr/local/bin").python == "3.11"
    assert found(tmp_path, "/opt/bin:/usr/bin").interpreter == "/usr/bin/python3.11"


def test_what_python3_means_is_taken_before_what_is_newest(tmp_path: Path) -> None:
    for version in ("3.9", "3.11", "3.14"):
        program(tmp_path, f"usr/bin/python{version}")
    assert found(tmp_path).python == "3.14"
    (tmp_path / "usr/bin/python3").symlink_to("python3.11")
    assert found(tmp_path).python == "3.11"


def test_the_interpreter_is_where_its_program_really_is(tmp_path: Path) -> None:
    program(tmp_path, "opt/python/bin/python3.13")
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/python3").symlink_to("/opt/python/bin/python3.13")
    (tmp_path / "usr/bin/python3.13").symlink_to("/opt/python/bin/python3.13")
    (tmp_path / "bin").symlink_to("/usr/bin")
    assert found(tmp_path, "/bin/").interpreter == "/opt/python/bin/python3.13"
    program(tmp_path, "opt/odd")
    (tmp_path / "usr/bin/python3.14").symlink_to("/opt/odd")
    (tmp_path / "usr/bin/python3").unlink()
    assert found(tmp_path, "/usr/bin").interpreter == "/usr/bin/python3.14"


def test_a_python_that_is_no_program_does_not_count(tmp_path: Path) -> None:
    program(tmp_path, "usr/bin/python3.11")
    (tmp_path / "usr/bin/python3.11").chmod(0o644)
    (tmp_path / "usr/bin/python3.12-config").write_text("")
    assert found(tmp_path) == Facts()


@pytest.mark.parametrize(
    "place", [f"lib/{TRIPLET}", f"usr/lib/{TRIPLET}", "lib64", "usr/lib64", "lib"]
)
def test_the_c_library_says_its_version(place: str, tmp_path: Path) -> None:
    directory = tmp_path / place
    directory.mkdir(parents=True)
    (directory / "libc-2.36.so").write_bytes(LIBC)
    (directory / "libc.so.6").symlink_to("libc-2.36.so")
    assert found(tmp_path).glibc == "2.36"


def test_musl_is_no_glibc(tmp_path: Path) -> None:
    program(tmp_path, "lib/ld-musl-x86_64.so.1")
    program(tmp_path, "usr/bin/python3.12")
    assert found(tmp_path) == Facts(python="3.12", interpreter="/usr/bin/python3.12")


def test_no_link_leads_out_of_the_image(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    root = tmp_path / "root"
    root.mkdir()
    (root / "a").symlink_to("../outside")
    (root / "b").symlink_to(tmp_path / "outside")
    (root / "c").symlink_to("c")
    assert [resolve(root, name) for name in ("/a", "/b", "/c", "/../outside")] == [None] * 4
