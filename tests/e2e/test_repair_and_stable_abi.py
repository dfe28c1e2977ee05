"""Wheels held to their platform tag and to the stable ABI, from the example `abi3`."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.platforms import Target
from tests.e2e.conftest import Project, commit, copy_tracked, link_store, machine_settings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.extended,
]

HERE = Target.native()
OTHER = next(target for target in Target if target is not HERE)
WHEEL = f"wheel[{HERE.value}]"
SOURCE = "src/example_squeeze/_lz4.c"
TOO_NEW = """
unsigned arc4random(void);
unsigned chance(void);
unsigned chance(void) { return arc4random(); }
"""
BEYOND = """
PyObject **keep(PyObject *, PyObject *);
PyObject **keep(PyObject *f, PyObject *a)
{ return PyVectorcall_Call(f, a, NULL) ? _PyObject_GetDictPtr(f) : NULL; }
"""
MOVED = """\
{% extends "pipeline/wheel.Dockerfile.j2" %}
{% block steps %}
RUN --network=none {{ commands[0] | exec }}
RUN --network=none ["/bin/sh", "-c", "MOVE"]
{% for command in commands[1:] %}
RUN --network=none {{ command | exec }}
{% endfor %}
{% endblock %}
"""


@pytest.fixture(scope="module")
def built(tool: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the example, built and tested once for this machine, on Debian 12 alone."""
    base = tmp_path_factory.mktemp("squeeze")
    copy_tracked(tool / "examples" / "abi3", base / "abi3")
    commit(base / "abi3")
    project = Project(tool, base / "abi3", base / "store", machine_settings())
    project.run("run", f"test[{HERE.value},python]", "--dist", str(base / "dist")).expect(0)
    return project


@pytest.fixture
def squeeze(built: Project, tmp_path: Path) -> Project:
    """Return a copy of the example to change, with all that was made before at hand."""
    link_store(built.cache, tmp_path / "store", "blobs", "derived", "results")
    copy_tracked(built.root, tmp_path / "abi3")
    commit(tmp_path / "abi3")
    return Project(built.tool, tmp_path / "abi3", tmp_path / "store", {})


def declare(project: Project, field: str, value: str) -> None:
    """Write another value for a field of the wheel stage."""
    text = (project.root / "pipeline.yaml").read_text()
    changed, count = re.subn(rf"(?m)^    {field}: \S+$", f"    {field}: {value}", text)
    assert count == 1, text
    project.write("pipeline.yaml", changed)


def extend(project: Project, code: str, before: str = "") -> None:
    """Add to the extension's source."""
    project.write(SOURCE, before + (project.root / SOURCE).read_text() + code)


def failure(project: Project) -> str:
    """Build the wheel, which must fail, and return what is told of it."""
    return project.run("run", WHEEL, "--offline").expect(1).stderr


def wheel_of(project: Project, dist: Path, cell: str = WHEEL) -> zipfile.ZipFile:
    """Build a wheel and open it."""
    project.run("run", cell, "--dist", str(dist)).expect(0)
    (wheel,) = dist.glob("*.whl")
    return zipfile.ZipFile(wheel)


def test_the_library_that_a_wheel_needs_is_in_it_under_a_name_of_its_own(built: Project) -> None:
    # The example's own test has seen that it is this file that an import loads.
    (wheel,) = (built.root.parent / "dist").glob("*.whl")
    assert wheel.name.endswith(f".manylinux_2_17_{HERE.machine}.whl")
    with zipfile.ZipFile(wheel) as archive:
        (library,) = [n for n in archive.namelist() if n.startswith("example_squeeze.libs/")]
        name = library.rpartition("/")[2]
        assert name.startswith("liblz4-")
        assert name.encode() in archive.read("example_squeeze/_lz4.abi3.so")


def test_the_bill_names_the_package_of_the_library_and_the_compiler(built: Project) -> None:
    (wheel,) = (built.root.parent / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if "/sboms/" in name]
        library, compiler = json.loads(archive.read(name))["components"]
        (file,) = library["components"]
        assert hashlib.sha256(archive.read(file["name"])).hexdigest() in json.dumps(file["hashes"])
    assert (library["name"], compiler["name"]) == ("liblz4-1", "ziglang")


def test_the_same_bytes_come_of_a_second_build(built: Project, squeeze: Project) -> None:
    (wheel,) = (built.root.parent / "dist").glob("*.whl")
    again = squeeze.run("run", WHEEL, "--offline", "--rebuild", "--json").expect(0)
    assert again.digests[wheel.name] == hashlib.sha256(wheel.read_bytes()).hexdigest()


def test_an_excluded_library_stays_outside(squeeze: Project, tmp_path: Path) -> None:
    declare(squeeze, "abi3", "cp311\n    repair-exclude: [liblz4.so.*]")
    with wheel_of(squeeze, tmp_path / "dist") as archive:
        assert not [name for name in archive.namelist() if ".libs/" in name]
        assert b"liblz4.so.1\0" in archive.read("example_squeeze/_lz4.abi3.so")


@pytest.mark.parametrize("linked", ["2.17", "2.36"])
def test_a_symbol_that_is_too_new_is_refused_by_its_name(squeeze: Project, linked: str) -> None:
    # A linker that knows only glibc 2.17 lets it pass without a version.
    target = f"{HERE.triplet}.{linked}"
    declare(squeeze, "abi3", f'cp311\n    env: {{LDFLAGS: "-target {target}"}}')
    squeeze.run("lock").expect(0)  # the hooks see the stage's variables
    extend(squeeze, TOO_NEW)
    told = failure(squeeze)
    assert (
        "error: `example_squeeze/_lz4.abi3.so` needs `arc4random` of `libc.so.6` in version "
        "`GLIBC_2.36`, and `manylinux_2_17` allows no newer one than `GLIBC_2.1"
    ) in told
    assert "declare `repair: manylinux_2_36`" in told


@pytest.mark.parametrize(
    ("move", "place"),
    [("rm /usr/lib/*/liblz4.so*", "image"), ("mkdir /sysroot", "sysroot")],
)
def test_a_library_that_is_missing_is_told(squeeze: Project, move: str, place: str) -> None:
    squeeze.write("dockerfiles/wheel.Dockerfile.j2", MOVED.replace("MOVE", move))
    told = failure(squeeze)
    assert (
        "error: `liblz4.so.1`, which `example_squeeze/_lz4.abi3.so` needs, is not in the "
        f"{place}, so it cannot be put into the wheel"
    ) in told
    assert "name it in `repair-exclude`" in told


def test_a_wheel_for_another_machine_gets_that_machines_library(
    squeeze: Project, tmp_path: Path
) -> None:
    wheel = wheel_of(squeeze, tmp_path / "dist", f"wheel[{OTHER.value}]")
    assert wheel.filename is not None
    assert wheel.filename.endswith(f".manylinux_2_17_{OTHER.machine}.whl")
    with wheel as archive:
        (name,) = [n for n in archive.namelist() if n.startswith("example_squeeze.libs/liblz4-")]
        assert archive.read(name)[18] == {"x86_64": 62, "aarch64": 183}[OTHER.machine]


def test_what_is_not_in_the_stable_abi_is_refused_by_its_name(squeeze: Project) -> None:
    extend(squeeze, BEYOND, before="#undef Py_LIMITED_API\n")
    told = failure(squeeze)
    name = "`_lz4.abi3.so`"
    assert f"error: {name} uses `_PyObject_GetDictPtr`, which is not in the stable ABI" in told
    assert (
        f"error: {name} uses `PyVectorcall_Call`, which is in the stable ABI since Python 3.12, "
        "and the wheel is tagged `cp311`"
    ) in told


def test_a_wheel_with_another_tag_than_promised_is_refused(squeeze: Project) -> None:
    declare(squeeze, "abi3", "cp312")
    told = failure(squeeze)
    assert "is tagged `cp311-abi3`, and `abi3: cp312` promises `cp312-abi3`" in told
    assert '"py_limited_api": "cp312"' in told
