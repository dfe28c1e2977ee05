"""Images of real packages: resolved, fetched, assembled, and made to work."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import pytest

from pipeline.config.model import Image, ImageFrom, Pipeline
from pipeline.engines.protocol import BuildRequest
from pipeline.engines.sandbox import SandboxEngine
from pipeline.images.assemble import assemble
from pipeline.images.bytecode import host_compiles, with_bytecode
from pipeline.locking.resolve import resolve
from pipeline.locking.settings import Settings
from pipeline.platforms import Target
from pipeline.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.engines.protocol import ImageContext
    from pipeline.lock.types import Lock
    from pipeline.locking.hooks import HookStep

pytestmark = [pytest.mark.network, pytest.mark.slow]

SUITE = "bookworm"
PYTHON = "3.11"
PACKAGES = ("ca-certificates", "coreutils", "dash", "g++", "gcc", "grep", "python3-dev")
MACHINES = {Target.LINUX_X86_64: 62, Target.LINUX_ARM64: 183}
"""The numbers of the architectures in ELF headers (elf(5), EM_X86_64 and EM_AARCH64)."""

EXTENSION = r"""
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "deep", "", -1, methods};
PyMODINIT_FUNC PyInit_deep(void) { return PyModule_Create(&module); }
"""
STEP = """\
FROM image AS build
WORKDIR /work
COPY <<EOF deep.c
{extension}
EOF
COPY <<EOF main.cc
#include <iostream>
int main() {{ std::cout << "C++"; }}
EOF
RUN cc -shared -fPIC -I/usr/include/python3.11 deep.c -o deep.so
RUN mkdir /out && python3 -c 'import deep; print(deep.answer(), end="")' > /out/c
RUN c++ main.cc -o main && ./main > /out/c++
RUN python3 -c 'import ssl; print(len(ssl.create_default_context().get_ca_certs()) > 50)' > /out/ssl
RUN python3 -v -c 'import json' 2>&1 | grep -c 'code object from.*json.*pyc' > /out/used || true
FROM scratch
COPY --from=build /out /
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("images") / "store") as opened:
        yield opened


@pytest.fixture(scope="module")
def lock(store: Store) -> Lock:
    image = Image(
        name="image",
        origin=ImageFrom(debian=SUITE),
        platforms=tuple(MACHINES),
        packages=PACKAGES,
    )
    pipeline = Pipeline(root=store.root, version=1, stages={}, images={"image": image})

    def run_step(step: HookStep, lock: Lock) -> bytes:
        raise AssertionError(step, lock)

    settings = Settings.gather(os.environ, suites=[SUITE])
    found = resolve(pipeline, None, settings, store=store, run_step=run_step, epoch=0)
    return found.whole()


def context(lock: Lock, store: Store, target: Target) -> ImageContext:
    return assemble("image", lock, target.platform, store)


@pytest.mark.parametrize("target", MACHINES)
def test_programs_are_of_the_architecture(lock: Lock, store: Store, target: Target) -> None:
    (layer,) = context(lock, store, target).layers
    for name in ("python3.11", "gcc-12", "dash"):
        head = (layer / "usr/bin" / name).resolve().read_bytes()[:20]
        assert struct.unpack_from("<H", head, 18)[0] == MACHINES[target]


def test_every_link_of_the_image_stays_in_it(lock: Lock, store: Store) -> None:
    (layer,) = context(lock, store, Target.LINUX_ARM64).layers
    for name in ("bin", "lib", "sbin"):
        assert str((layer / name).readlink()) == f"usr/{name}"
    assert str((layer / "usr/bin/cc").readlink()) == "/usr/bin/gcc"


def test_another_store_and_umask_give_the_locked_digest(
    lock: Lock, store: Store, tmp_path: Path
) -> None:
    """`assemble` itself compares with the digest that the first store's image was locked with."""
    platform = Target.LINUX_X86_64.platform
    before = os.umask(0o077)
    try:
        with Store.open(tmp_path / "other") as other:
            for package in lock.images["image"].platforms[platform].packages:
                other.add_blob_file(store.blob_path(package.sha256))
            assert assemble("image", lock, platform, other).digest
    finally:
        os.umask(before)


@pytest.mark.sandbox
def test_its_compilers_and_its_python_work(lock: Lock, store: Store) -> None:
    native = Target.native()
    image = with_bytecode(context(lock, store, native), PYTHON, store)
    request = BuildRequest(
        dockerfile=STEP.format(extension=EXTENSION),
        contexts={"image": image},
        platform=native.platform,
    )
    made = SandboxEngine(store).build(request, lambda _: None).output
    files = {e.path: store.read_blob(e.digest).decode().strip() for e in made.entries}
    assert (files["c"], files["c++"], files["ssl"]) == ("42", "C++", "True")
    assert (files["used"] != "0") is host_compiles(PYTHON)
