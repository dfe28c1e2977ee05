"""The packages that something in a wheel can be from, by their own files and words."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from pipeline.evidence.packages import debian_url, python_url
from pipeline.evidence.parts import parts
from pipeline.lock.types import DebianPackage, Lock, LockedImage, LockedPlatform, PythonFile
from pipeline.plan.recipe import ImageInput, Recipe
from pipeline.store.store import Store
from tests.unit.images.conftest import ar, entry, link, packed, tarball

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLATFORM = "linux/amd64"
PLACE = "usr/lib/x86_64-linux-gnu/liblz4.so.1.9.4"
BYTES = b"\x7fELF and so on"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        yield opened


def package(store: Store, tmp_path: Path, name: str, version: str, *, sums: str) -> DebianPackage:
    """Store a package with one library and a link to it."""
    control = tarball([entry("./control", b"Package: x\n"), entry("./md5sums", sums.encode())])
    data = tarball([entry(f"./{PLACE}", BYTES), link("./usr/lib/liblz4.so.1", PLACE)])
    members = [
        ("debian-binary", b"2.0\n"),
        ("control.tar.xz", packed(control, ".xz")),
        ("data.tar.xz", packed(data, ".xz")),
    ]
    path = tmp_path / f"{name}.deb"
    path.write_bytes(ar(members))
    digest = store.add_blob_file(path)
    return DebianPackage(
        name=name, version=version, architecture="amd64", path=path.name, sha256=digest, size=1
    )


def plain(name: str, version: str) -> DebianPackage:
    return DebianPackage(
        name=name, version=version, architecture="amd64", path=name, sha256="e" * 64, size=1
    )


def image(
    *packages: DebianPackage, start: str = "debian bookworm", zig: bool = False
) -> LockedImage:
    wheel = PythonFile(name="ziglang-0.17.0-py3-none-any.whl", sha256="f" * 64, size=1)
    locked = LockedPlatform(digest="a" * 64, packages=packages, wheels=(wheel,) if zig else ())
    return LockedImage(declared={"from": [start]}, platforms={PLATFORM: locked})


def recipe(*images: ImageInput) -> Recipe:
    return Recipe(
        dockerfile="FROM x\n",
        inputs={part.image: part for part in images},
        platform=PLATFORM,
        network="none",
        epoch=1,
        seconds=1,
    )


def used(name: str, *, runs: bool = True) -> ImageInput:
    return ImageInput(image=name, platform=PLATFORM, digest="a" * 64, runs=runs)


def test_a_library_is_found_in_the_package_below(store: Store, tmp_path: Path) -> None:
    sums = f"{'0' * 32}  {PLACE}\n"
    lz4 = package(store, tmp_path, "liblz4-1", "1.9.4-1", sums=sums)
    images = {"python": image(lz4), "compiler": image(start="image python")}
    lock = Lock(epoch=1, images=images)
    found = parts(recipe(used("compiler")), lock, store, frozenset({"liblz4.so.1.9.4"}))
    ((digest, component),) = found.libraries["liblz4.so.1.9.4"]
    assert digest == hashlib.sha256(BYTES).hexdigest()
    assert component["purl"] == "pkg:deb/debian/liblz4-1@1.9.4-1?arch=amd64&distro=bookworm"
    assert component["hashes"] == [{"alg": "SHA-256", "content": lz4.sha256}]
    assert parts(recipe(used("compiler")), lock, store).libraries.keys() == {"liblz4.so.1.9.4"}


def test_libraries_are_those_of_the_sysroot(store: Store, tmp_path: Path) -> None:
    lz4 = package(store, tmp_path, "liblz4-1", "1", sums=f"{'0' * 32}  {PLACE}\n")
    lock = Lock(epoch=1, images={"here": image(lz4), "there": image()})
    found = parts(recipe(used("here"), used("there", runs=False)), lock, store)
    assert not found.libraries


def test_nothing_is_read_where_no_library_is_looked_for(store: Store) -> None:
    lock = Lock(epoch=1, images={"python": image(plain("absent", "1"))})
    assert not parts(recipe(used("python")), lock, store, frozenset()).libraries


GCC = ("libgcc-12-dev", "12.2.0-14+deb12u1")
CROSS = ("libgcc-12-dev-arm64-cross", "12.2.0-14cross1")


@pytest.mark.parametrize(
    ("sysroots", "mark", "names"),
    [
        ((), "GCC: (Debian 12.2.0-14+deb12u1) ", {"libgcc-12-dev", "libc6-dev"}),
        (("there",), "GCC: (Debian 12.2.0-14) ", {CROSS[0], "libc6-dev-arm64-cross"}),
    ],
)
def test_what_gcc_links_in_is_known_by_its_version(
    store: Store, sysroots: tuple[str, ...], mark: str, names: set[str]
) -> None:
    libc = [("libc6-dev", "2.36-9"), ("libc6-dev-arm64-cross", "2.36-8cross1")]
    packages = [plain(*each) for each in (GCC, CROSS, *libc, ("libc6", "2.36-9"))]
    lock = Lock(epoch=1, images={"compiler": image(*packages), "there": image()})
    images = [used("compiler"), *(used(name, runs=False) for name in sysroots)]
    found = parts(recipe(*images), lock, store, frozenset()).runtimes
    assert {(words, component["name"]) for words, component in found} == {
        (mark, name) for name in names
    }


def test_zig_is_known_by_its_linker(store: Store) -> None:
    lock = Lock(epoch=1, images={"compiler": image(zig=True)})
    ((mark, component),) = parts(recipe(used("compiler")), lock, store, frozenset()).runtimes
    assert (mark, component["purl"]) == ("Linker: LLD ", "pkg:pypi/ziglang@0.17.0")


def test_package_urls_are_as_their_specification_has_them() -> None:
    package = plain("libstdc++6", "1:12.2.0-14+deb12u1")
    assert debian_url(package, "") == (
        "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bdeb12u1?arch=amd64"
    )
    assert python_url("Some_Thing-1.0-py3-none-any.whl") == (
        "pkg:pypi/some-thing@1.0?file_name=Some_Thing-1.0-py3-none-any.whl"
    )
