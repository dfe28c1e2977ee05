"""Locked packages as package URLs (purl) and as components of a bill.

<https://github.com/package-url/purl-spec>: the types `deb` and `pypi`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from pipeline.images.assemble import parent_name
from pipeline.wheels.cyclonedx import component

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.lock.types import DebianPackage, Lock, LockedPlatform, PythonFile
    from pipeline.wheels.cyclonedx import Component


def stack(image: str, platform: str, lock: Lock) -> Iterator[LockedPlatform]:
    """Yield a locked image and those it starts from, the topmost first."""
    while image:
        yield lock.images[image].platforms[platform]
        image = parent_name(image, lock)


def suite(image: str, lock: Lock) -> str:
    """Return the Debian suite that an image's packages are of; empty where it has none."""
    while parent := parent_name(image, lock):
        image = parent
    (start,) = lock.images[image].declared["from"]
    word, _, value = start.partition(" ")
    return value if word == "debian" else ""


def debian_url(package: DebianPackage, of_suite: str) -> str:
    """Return the package URL of a Debian package."""
    version = quote(package.version, safe=":")
    distro = f"&distro={quote(of_suite)}" if of_suite else ""
    return f"pkg:deb/debian/{quote(package.name)}@{version}?arch={package.architecture}{distro}"


def python_url(file_name: str) -> str:
    """Return the package URL of a file of an index."""
    name, version = identity(file_name)
    return f"pkg:pypi/{name}@{quote(version)}?file_name={quote(file_name)}"


def debian_component(package: DebianPackage, of_suite: str) -> Component:
    """Return a Debian package as a component."""
    url = debian_url(package, of_suite)
    return component(url, package.name, package.version, sha256=package.sha256)


def python_component(file: PythonFile) -> Component:
    """Return a wheel as a component."""
    name, version = identity(file.name)
    return component(python_url(file.name), name, version, sha256=file.sha256)


def identity(file_name: str) -> tuple[str, str]:
    """Return the normal name and the version that the name of a wheel or sdist gives."""
    if file_name.endswith(".whl"):
        name, version, _, _ = parse_wheel_filename(file_name)
    else:
        name, version = parse_sdist_filename(file_name)
    return name, str(version)
