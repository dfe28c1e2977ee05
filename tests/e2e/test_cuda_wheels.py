"""The example `cuda`: kernels built by locked wheels of NVIDIA's, without a GPU or a driver.

The example's own tests run in its stage `test`, on an image without a compiler: what machine code
is in the extension, where it finds its runtime library, and the path without a GPU.
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.platforms import Target
from tests.e2e.conftest import Project, commit, copy_tracked, link_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MACHINES = {Target.LINUX_X86_64: 62, Target.LINUX_ARM64: 183}
"""``e_machine`` of ELF files, which stands in their bytes 18 and 19."""

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.extended,
]


@pytest.fixture(scope="module")
def cuda(
    tool: Path, fetched: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """Return the example, whose wheel for this machine was built and passed its tests."""
    base = tmp_path_factory.mktemp("cuda")
    link_store(fetched("cuda"), base / "store", "blobs")
    copy_tracked(tool / "examples" / "cuda", base / "cuda")
    commit(base / "cuda")
    project = Project(tool, base / "cuda", base / "store")
    project.run("run", f"test[{Target.native().value}]", "--offline").expect(0)
    return project


def wheel(project: Project, target: Target) -> zipfile.ZipFile:
    """Return the example's wheel for a target."""
    (path,) = (project.root / "dist").glob(f"*_{target.machine}.whl")
    return zipfile.ZipFile(path)


def extension(project: Project, target: Target) -> bytes:
    """Return its extension module, the only shared library that may be in it."""
    with wheel(project, target) as archive:
        (name,) = (name for name in archive.namelist() if ".so" in name)
        assert name == "example_histogram/_histogram.abi3.so"
        return archive.read(name)


def test_the_runtime_library_is_required_and_not_bundled(cuda: Project) -> None:
    assert b"libcudart.so.13" in extension(cuda, Target.native())
    with wheel(cuda, Target.native()) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        assert b"\nRequires-Dist: nvidia-cuda-runtime" in archive.read(metadata)


def test_a_second_build_gives_the_same_bytes(cuda: Project) -> None:
    done = cuda.run("verify", f"wheel[{Target.native().value}]", "--offline", "--json").expect(0)
    assert {file["same"] for file in done.document["files"]} == {True}


def test_no_name_of_a_temporary_file_is_left_in_it(cuda: Project) -> None:
    """Nvcc names them by its process id; in a sandbox that is the same each time, elsewhere not."""
    made = extension(cuda, Target.native())
    assert b"histogram.cu.o" in made, "the symbol that would hold the name is there"
    assert b"tmpxft" not in made


@pytest.mark.skipif(
    Target.native() is not Target.LINUX_X86_64, reason="Debian's compiler for arm64"
)
def test_the_wheel_for_arm64_is_cross_compiled(cuda: Project) -> None:
    cell = f"wheel[{Target.LINUX_ARM64.value}]"
    assert "target=/sysroot" in cuda.run("render", cell).expect(0).stdout
    cuda.run("run", cell, "--offline").expect(0)
    for target, machine in MACHINES.items():
        assert extension(cuda, target)[18:20] == machine.to_bytes(2, "little")
