from __future__ import annotations

import hashlib
import itertools
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.tags import sys_tags

from pipeline.errors import ConfigError, LockError, NetworkError
from pipeline.lock.types import LockedRequirement, PythonFile, RequirementSet
from pipeline.locking import uv
from pipeline.locking.python import oldest_python, supported
from pipeline.locking.requirements import requirements_text
from pipeline.locking.select import (
    best_wheel,
    host_files,
    image_tags,
    linux_environment,
    linux_platforms,
    select,
)
from pipeline.locking.uv import Request
from pipeline.platforms import Target

if TYPE_CHECKING:
    from pipeline.locking.settings import Settings

REQUEST = Request(requirements=("a",), python="3.11", label="stage `s`", where="pipeline.yaml:3:1")
LOCKED = """
lock-version = "1.0"
[[packages]]
name = "a"
version = "1.0"
marker = "sys_platform == 'linux'"
wheels = [
  { url = "http://h.example/x/a-1.0-cp311-cp311-linux_x86_64.whl", hashes = { sha256 = "bb" } },
  { url = "http://h.example/x/a-1.0-py3-none-any.whl", size = 3, hashes = { sha256 = "aa" } },
]
"""


def test_no_thread_is_the_first_to_look_for_uv() -> None:
    """It fills `sysconfig`, which other threads would see half filled."""
    script = (
        "import sysconfig\n"
        "from pipeline.locking.python import Resolver\n"
        "from pipeline.locking.uv import program\n"
        "assert not sysconfig._CONFIG_VARS\n"
        "Resolver(None, None, ())\n"
        "assert sysconfig._CONFIG_VARS and program.cache_info().currsize == 1\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def wheel(name: str) -> PythonFile:
    """Return a row with a digest made of the name."""
    return PythonFile(name=name, sha256=hashlib.sha256(name.encode()).hexdigest(), size=1)


def locked(*requirements: tuple[str, str, list[str]]) -> RequirementSet:
    """Return a set of (name, marker, wheels)."""
    rows = tuple(
        LockedRequirement(name=n, version="1", marker=m, files=tuple(map(wheel, files)))
        for n, m, files in requirements
    )
    return RequirementSet(declared={}, requirements=rows)


def test_the_best_wheel_is_the_most_specific_then_the_latest_build() -> None:
    ranks = image_tags("3.11", "2.36", "x86_64")

    def best(*names: str) -> str | None:
        chosen = best_wheel(map(wheel, names), ranks)
        return chosen.name if chosen else None

    pure, old = "a-1-py3-none-any.whl", "a-1-cp39-abi3-manylinux1_x86_64.whl"
    right = "a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    newer = "a-1-cp311-cp311-manylinux_2_28_x86_64.whl"
    assert best(pure, old, right) == right
    assert best(right, newer) == newer
    assert best(pure, old) == old
    assert (
        best("a-1-2-py3-none-any.whl", pure, "a-1-10-py3-none-any.whl") == "a-1-10-py3-none-any.whl"
    )
    assert (
        best("a-1-cp311-cp311-manylinux_2_39_x86_64.whl", "a-1-cp312-cp312-linux_x86_64.whl")
        is None
    )
    assert best("a-1.tar.gz", "a-1-cp311-cp311-musllinux_1_2_x86_64.whl") is None


def test_platform_tags_go_down_to_the_oldest_glibc() -> None:
    platforms = list(linux_platforms("2.36", "aarch64"))
    assert platforms[:2] == ["linux_aarch64", "manylinux_2_36_aarch64"]
    assert platforms[-2:] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]


def test_our_tags_of_this_machine_are_those_of_packaging() -> None:
    libc, version = platform.libc_ver()
    if libc != "glibc" or sys.implementation.name != "cpython":
        pytest.skip("this Python is not a CPython on glibc")
    ours = image_tags(f"3.{sys.version_info.minor}", version, platform.machine())
    assert list(ours) == list(dict.fromkeys(sys_tags()))


def test_markers_and_tags_choose_the_files_of_a_machine() -> None:
    found = select(
        locked(
            ("a", "", ["a-1-cp311-cp311-linux_x86_64.whl", "a-1-cp311-cp311-linux_aarch64.whl"]),
            ("b", "sys_platform == 'darwin'", ["b-1-py3-none-any.whl"]),
            ("c", "python_version >= '3.11'", ["c-1-py3-none-any.whl"]),
        ),
        tuple(image_tags("3.11", "2.36", "aarch64")),
        linux_environment("3.11", "aarch64"),
    )
    assert [file.name for file in found] == [
        "a-1-cp311-cp311-linux_aarch64.whl",
        "c-1-py3-none-any.whl",
    ]


def test_a_machine_no_wheel_fits_is_told_so() -> None:
    with pytest.raises(LockError, match="`a` 1"):
        host_files(locked(("a", "", ["a-1-cp27-cp27m-win32.whl"])))


def test_a_pure_set_fits_this_interpreter() -> None:
    (file,) = host_files(locked(("a", "", ["a-1-py3-none-any.whl"])))
    assert file.name == "a-1-py3-none-any.whl"


@pytest.mark.parametrize(
    ("tags", "kept"),
    [
        ("py3-none-any", True),
        ("py2.py3-none-any", True),
        ("py2-none-any", False),
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", True),
        ("cp310-cp310-manylinux_2_17_x86_64", False),
        ("cp314-cp314-manylinux_2_28_aarch64", True),
        ("cp314-cp314t-manylinux_2_28_aarch64", False),
        ("cp38-abi3-macosx_11_0_arm64", True),
        ("cp311-cp311-macosx_10_9_universal2", True),
        ("cp311-cp311-macosx_10_9_x86_64", False),
        ("cp311-cp311-win_amd64", False),
        ("cp311-cp311-musllinux_1_2_x86_64", False),
        ("cp311-cp311-manylinux_2_17_i686", False),
        ("pp310-pypy310_pp73-manylinux_2_17_x86_64", False),
        ("py3-none-manylinux_2_17_x86_64", True),
    ],
)
def test_wheels_for_people_are_those_a_supported_machine_could_choose(
    tags: str, *, kept: bool
) -> None:
    assert supported(f"a-1-{tags}.whl", 11) is kept


@pytest.mark.parametrize(
    ("wanted", "oldest"),
    [
        ("", "3.11"),
        (">=3.9", "3.11"),
        (">=3.12.4", "3.12"),
        (">3.11,!=3.11.*", "3.12"),
        ("~=3.13", "3.13"),
    ],
)
def test_the_oldest_python_is_what_requires_python_admits(wanted: str, oldest: str) -> None:
    assert oldest_python(wanted, "pyproject.toml") == oldest


@pytest.mark.parametrize("wanted", ["<3.9", "nonsense", f">={'9' * 5000}"])
def test_a_requires_python_we_cannot_serve_is_refused(wanted: str) -> None:
    with pytest.raises(ConfigError):
        oldest_python(wanted, "pyproject.toml")


def test_uv_is_asked_for_the_image_s_interpreter_platform_and_glibc(settings: Settings) -> None:
    request = Request(
        requirements=("a",),
        python="3.13",
        target=Target.LINUX_ARM64,
        glibc="2.41",
        moving=frozenset({"b", "a"}),
    )
    words = uv.command(request, Path("/x"), settings)
    assert words[words.index("--python-platform") + 1] == "aarch64-manylinux_2_40"
    assert words[words.index("--python-version") + 1] == "3.13"
    assert [b for a, b in itertools.pairwise(words) if a == "--upgrade-package"] == [
        "a",
        "b",
    ]
    assert "--no-build" in words
    assert "--universal" not in words
    assert "--universal" in uv.command(REQUEST, Path("/x"), settings)


def test_uv_sees_neither_its_own_settings_nor_secrets(settings: Settings) -> None:
    environ = {"UV_INDEX": "http://x.example", "TOKEN": "s", "HOME": "/h", "NETRC": "/n"}
    vars(settings)["environ"] = environ
    found = uv.environment(settings)
    assert found["HOME"] == "/h"
    assert found["NETRC"] == "/n"
    assert "UV_INDEX" not in found
    assert "TOKEN" not in found


@pytest.mark.parametrize(
    "requirement",
    ["--extra-index-url https://h.example", "a\n--no-build-isolation", "-r other.txt", "a => 1"],
)
def test_what_is_no_requirement_never_gets_to_uv(settings: Settings, requirement: str) -> None:
    request = Request(requirements=("b", requirement), python="3.11", label="stage `test`")
    with pytest.raises(LockError, match="stage `test` asks for something that is no requirement"):
        uv.resolve(request, settings)


def test_an_address_is_refused_before_anything_is_fetched(settings: Settings) -> None:
    request = Request(requirements=("a @ git+https://user:word@h.example/a",), python="3.11")
    with pytest.raises(LockError, match="asks for `a` at an address") as caught:
        uv.resolve(request, settings)
    assert "word" not in str(caught.value)


def test_uv_s_lock_is_read_with_names_sizes_and_markers() -> None:
    (package,) = uv.parse(LOCKED, REQUEST)
    assert package == uv.Package(
        name="a",
        version="1.0",
        marker="sys_platform == 'linux'",
        wheels=(
            uv.File(name="a-1.0-cp311-cp311-linux_x86_64.whl", sha256="bb"),
            uv.File(name="a-1.0-py3-none-any.whl", sha256="aa", size=3),
        ),
    )


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('sdist = { url = "http://h/a-1.tar.gz", hashes = { sha256 = "a" } }', "no wheel"),
        ('directory = { path = "." }', "no wheel"),
        ('wheels = [{ url = "http://h/a-1-py3-none-any.whl", hashes = {} }]', "no sha256"),
    ],
)
def test_what_cannot_be_pinned_to_a_wheel_is_refused_where_it_is_declared(
    row: str, words: str
) -> None:
    text = f'[[packages]]\nname = "a"\nversion = "1"\n{row}\n'
    with pytest.raises(LockError, match=words) as caught:
        uv.parse(text, REQUEST)
    assert caught.value.where == "pipeline.yaml:3:1"


def test_uv_s_explanation_is_shown_without_passwords() -> None:
    said = "warning: noise\n  x No solution found:\n  at http://u:s3cret@h.example/simple we\n"
    error = uv._failure(REQUEST, said)
    assert isinstance(error, LockError)
    assert error.detail == ("No solution found:", "at http://h.example/simple we")
    assert isinstance(uv._failure(REQUEST, "error: Failed to fetch: `http://x`"), NetworkError)


def test_requirements_text_is_pinned_hashed_sorted_and_names_no_index() -> None:
    text = requirements_text(
        locked(
            ("b", "", ["b-1-py3-none-any.whl"]),
            ("a", "os_name == 'nt'", ["a-1-py3-none-any.whl", "a-1-py2-none-any.whl"]),
        )
    )
    header, *lines = text.splitlines()
    assert "pipeline lock" in header
    assert lines[0] == "a==1 ; os_name == 'nt' \\"
    assert lines[1].endswith(" \\")
    assert lines[1] < lines[2]
    assert lines[3] == "b==1 \\"
    assert "http" not in text


def test_pip_accepts_the_requirements_text(tmp_path: Path) -> None:
    text = requirements_text(locked(("a", "python_version < '3'", ["a-1-py3-none-any.whl"])))
    (tmp_path / "r.txt").write_text(text)
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--no-index",
        "--dry-run",
    ]
    done = subprocess.run(
        [*command, "-r", str(tmp_path / "r.txt")], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_file_that_the_index_names_and_does_not_have_is_told_apart() -> None:
    file = "http://h.example/files/a-1.2-py3-none-any.whl"
    said = f"""\
error: Failed to fetch: `{file}`
  cause: HTTP status client error (404 Not Found) for url ({file})
"""
    error = uv._failure(REQUEST, said)
    assert isinstance(error, NetworkError)
    assert "names a file that it does not have" in error.message
    assert any("a-1.2-py3-none-any.whl" in line for line in error.detail)


def test_where_only_sdists_are_the_way_out_is_named() -> None:
    error = uv._failure(REQUEST, "Because all versions of a have no usable wheels, nothing fits.")
    assert error.hint == uv.ONLY_WHEELS
