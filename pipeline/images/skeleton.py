"""What maintainer scripts would have made and a build needs, made without running one.

Merged-/usr links, the usual directories, users and groups, name service files, the alternatives a
toolchain is called by, and the bundle of certificates. Files of packages are never replaced. In an
image that starts from another one, what the lower layers have is taken into account.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.images.alternatives import alternatives
from pipeline.images.root import SHARED_MODE, Root

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MERGED = (b"bin", b"sbin", b"lib", b"lib32", b"lib64", b"libx32")
"""Top-level names that are links into /usr; Debian has built all else for that since 12."""
ALWAYS_MERGED = (b"bin", b"sbin", b"lib")

DIRECTORIES = (b"dev", b"etc", b"home", b"proc", b"root", b"run", b"sys", b"usr/local/bin", b"var")
SHARED_DIRECTORIES = (b"tmp", b"var/tmp")
KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "link"}

USERS = b"""\
root:*:0:0:root:/root:/bin/sh
nobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
GROUPS = b"""\
root:*:0:
nogroup:*:65534:
"""
HOSTS = b"""\
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
"""
SERVICES = b"""\
passwd: files
group: files
shadow: files
hosts: files dns
networks: files
protocols: files
services: files
"""
FILES: tuple[tuple[bytes, bytes, bytes], ...] = (
    (b"etc/passwd", b"usr/share/base-passwd/passwd.master", USERS),
    (b"etc/group", b"usr/share/base-passwd/group.master", GROUPS),
    (b"etc/hosts", b"", HOSTS),
    (b"etc/nsswitch.conf", b"usr/share/base-files/nsswitch.conf", SERVICES),
    (b"etc/resolv.conf", b"", b""),
)
"""Each file, what base packages ship as its first content, and what it holds without them."""

CERTIFICATES = b"usr/share/ca-certificates"
BUNDLE = b"etc/ssl/certs/ca-certificates.crt"
"""What OpenSSL reads as a whole (``/usr/lib/ssl/cert.pem``), so no hashed names are needed."""


def placed(path: bytes) -> bytes:
    """Return where a path of a package stands once / is merged into /usr."""
    first, slash, _ = path.partition(b"/")
    return b"usr/" + path if slash and first in MERGED else path


@dataclass(frozen=True, kw_only=True)
class Layers:
    """Unpacked layers, lowest first, as the one root they make; nothing is followed on the host."""

    directories: Sequence[Path]

    def kind(self, path: bytes) -> str:
        """Return ``file``, ``dir``, ``link`` or ``other``; empty where nothing stands."""
        found = self._host_path(path)
        if not found:
            return ""
        return KINDS.get(stat.S_IFMT(os.lstat(found).st_mode), "other")

    def read(self, path: bytes) -> bytes | None:
        """Return the bytes of a regular file, or None where there is none."""
        if self.kind(path) != "file":
            return None
        with open(self._host_path(path) or b"", "rb") as stream:
            return stream.read()

    def link(self, path: bytes) -> bytes | None:
        """Return the target of a symbolic link, or None where there is none."""
        found = self._host_path(path)
        return os.readlink(found) if found and os.path.islink(found) else None

    def names(self, path: bytes) -> list[bytes]:
        """Return the names in a directory, of all layers together, sorted."""
        names: set[bytes] = set()
        for directory in self.directories:
            below = _below(directory, path)
            if below:
                names.update(os.listdir(below) if stat.S_ISDIR(os.lstat(below).st_mode) else [])
        return sorted(names)

    def _host_path(self, path: bytes) -> bytes | None:
        for directory in reversed(self.directories):
            if found := _below(directory, path):
                return found
        return None


def _below(directory: Path, path: bytes) -> bytes | None:
    """Return the host's path of an entry whose parents are real directories, or None."""
    current = os.fsencode(directory)
    parts = path.split(b"/")
    for index, part in enumerate(parts, 1):
        current += b"/" + part
        try:
            mode = os.lstat(current).st_mode
        except OSError:
            return None
        if index < len(parts) and not stat.S_ISDIR(mode):
            return None
    return current


def finish(directory: Path, lower: Sequence[Path]) -> None:
    """Complete the layer in ``directory``, into which packages were unpacked, over ``lower``."""
    layers = Layers(directories=(*lower, directory))
    own = Layers(directories=(directory,))
    with Root(directory) as root:
        _merge(root, layers)
        _directories(root, layers)
        _files(root, layers)
        _alternatives(root, layers, own)
        _certificates(root, layers, own)


def _merge(root: Root, layers: Layers) -> None:
    for name in MERGED:
        wanted = name in ALWAYS_MERGED or layers.kind(b"usr/" + name)
        if wanted and not layers.kind(name):
            root.directory(b"usr/" + name)
            root.link(name, b"usr/" + name)


def _directories(root: Root, layers: Layers) -> None:
    for path in DIRECTORIES:
        if not layers.kind(path):
            root.directory(path)
    for path in SHARED_DIRECTORIES:
        if not layers.kind(path):
            root.directory(path, SHARED_MODE)


def _files(root: Root, layers: Layers) -> None:
    for path, master, otherwise in FILES:
        if not layers.kind(path):
            content = layers.read(master) if master else None
            root.file(path, [otherwise if content is None else content], program=False)


def _alternatives(root: Root, layers: Layers, own: Layers) -> None:
    for path, candidates in alternatives().items():
        targets = [b"/" + name for name in candidates if layers.kind(name)]
        present = layers.link(path)
        # A lower layer's link to a lesser candidate gives way; what a package ships does not.
        free = not layers.kind(path) or (present in targets[1:] and not own.kind(path))
        if targets and free:
            root.link(path, targets[0])


def _certificates(root: Root, layers: Layers, own: Layers) -> None:
    if not own.kind(CERTIFICATES):
        return
    found = [layers.read(path) for path in _below_all(layers, CERTIFICATES)]
    bundle = b"".join(_ended(text) for text in found if text)
    if bundle:
        root.file(BUNDLE, [bundle], program=False)


def _below_all(layers: Layers, path: bytes) -> list[bytes]:
    """Return all ``.crt`` files below a directory, sorted by path."""
    found: list[bytes] = []
    for name in layers.names(path):
        below = path + b"/" + name
        if layers.kind(below) == "dir":
            found += _below_all(layers, below)
        elif name.endswith(b".crt"):
            found.append(below)
    return found


def _ended(text: bytes) -> bytes:
    return text if text.endswith(b"\n") else text + b"\n"
