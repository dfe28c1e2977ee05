"""The step's file system, put together by pid 1 of the sandbox out of descriptors.

Everything of the host is opened first, by name: those names are trusted. Everything inside the new
root is reached by `openat2` with RESOLVE_IN_ROOT and then by descriptor: what lies there, symbolic
links above all, is not trusted. A string path below the root would be a way out (runc has had some
fourteen faults of that kind, bubblewrap CVE-2026-87766).
"""

from __future__ import annotations

import os

from pipeline.sandbox import syscalls
from pipeline.sandbox.syscalls import (
    ATTR_NODEV,
    ATTR_NOSUID,
    ATTR_RDONLY,
    MS_NODEV,
    MS_NOSUID,
    MS_RDONLY,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
    CallError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pipeline.sandbox.wire import BindWire, OverlayWire, TmpfsWire, Wire

_NO_DIRECTORY, _EXISTS, _NO_ENTRY = 20, 17, 2  # ENOTDIR, EEXIST, ENOENT


class Root:
    """The new root under construction.

    ``fd`` is open on its top, ``top`` is that place's name outside, ``staging`` a small directory
    in memory for what we bind from; ``made`` lists the mount points that had to be made, as paths
    inside.
    """

    def __init__(self, staging: str, base: Source, others: list[Source]) -> None:
        """Mount ``base`` as the root, with mount points for ``others`` in a layer below all.

        The staging directory hides the root's upper by its name, not by its descriptor.
        """
        syscalls.mount("tmpfs", staging, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=0755")
        self.staging = staging
        os.mkdir(f"{staging}/root")
        base.layers.append(_skeleton(f"{staging}/skeleton", others))
        covered = _open_host(f"{staging}/root")
        base.put(covered)
        os.close(covered)
        self.fd = _open_host(f"{staging}/root")
        self.top = os.readlink(at(self.fd))
        self.made: list[str] = []

    def open(self, path: str, flags: int, *, resolve: int = 0) -> int:
        """Open ``path`` inside; no link, ``..`` or mount leads out."""
        resolve |= RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
        return syscalls.open_path(self.fd, path, flags, resolve)

    def mount_point(self, path: str, *, directory: bool) -> int:
        """Return a descriptor on ``path`` inside, made with its parents where it is absent."""
        try:
            found = self.open(path, os.O_PATH)
        except CallError as error:
            if error.errno != _NO_ENTRY:
                raise
            found = self._make(path, directory=directory)
        if _is_directory(found) != directory:
            raise CallError("mount point", path, _NO_DIRECTORY if directory else 21)
        return found

    def _make(self, path: str, *, directory: bool) -> int:
        parent_path, name = os.path.split(path)
        parent = self.mount_point(parent_path, directory=True)
        try:
            # Neither call follows a link in the last place: a dangling one is EEXIST.
            if directory:
                os.mkdir(name, 0o755, dir_fd=parent)
            else:
                flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
                os.close(os.open(name, flags, 0o644, dir_fd=parent))
        except OSError as error:
            raise CallError("mount point", path, error.errno or _EXISTS) from error
        # The real place, links followed, so that the launching side can remove it afterwards.
        place = os.readlink(f"/proc/self/fd/{parent}").removeprefix(self.top)
        self.made.append(f"{place}/{name}")
        os.close(parent)
        return self.open(path, os.O_PATH)

    def directory(self, path: str) -> int:
        """Return a descriptor on a directory that must not be reached through any link.

        For `/proc` and `/dev`, on which programs and we ourselves rely.
        """
        os.close(self.mount_point(path, directory=True))
        return self.open(path, os.O_PATH, resolve=syscalls.RESOLVE_NO_SYMLINKS)


def _is_directory(descriptor: int) -> bool:
    return os.fstat(descriptor).st_mode & 0o170000 == 0o040000


def at(descriptor: int) -> str:
    """Return a path that mount(2) resolves to just what ``descriptor`` is open on."""
    return f"/proc/self/fd/{descriptor}"


def mount_onto(target: int, kind: str, flags: int, data: str = "", source: str = "") -> None:
    """Mount a file system onto a descriptor."""
    try:
        syscalls.mount(source or kind, at(target), kind, flags, data)
    except CallError as error:
        name = os.readlink(at(target))
        raise CallError(error.call, name, error.errno or 0) from error


class Source:
    """What one mount takes from the host, opened before the host is out of sight."""

    def __init__(self, mount: BindWire | OverlayWire | TmpfsWire) -> None:
        self.mount = mount
        self.tree = -1
        self.directory = True
        self.layers: list[int] = []
        if mount["kind"] == "bind":
            self.tree = syscalls.clone_tree(mount["source"])
            self.directory = _is_directory(self.tree)
        elif mount["kind"] == "overlay":
            paths = [mount["upper"], mount["work"], *reversed(mount["lower"])]
            self.layers = [_open_host(path) for path in paths]

    def put(self, target: int) -> None:
        """Mount it onto the descriptor ``target``."""
        if self.mount["kind"] == "bind":
            self._put_bind(target, self.mount)
        elif self.mount["kind"] == "overlay":
            flags = MS_NOSUID | MS_NODEV | (MS_RDONLY if self.mount["read_only"] else 0)
            mount_onto(target, "overlay", flags, self._layers_option())
        else:
            size = self.mount["size"]
            # A file of no bytes costs memory as well, so that their number is bounded too.
            option = f"mode=1777,size={size},nr_inodes={size // 1024 + 64}"
            mount_onto(target, "tmpfs", MS_NOSUID | MS_NODEV, option)

    def _put_bind(self, target: int, mount: BindWire) -> None:
        attributes = ATTR_NOSUID | ATTR_NODEV | (ATTR_RDONLY if mount["read_only"] else 0)
        syscalls.restrict(self.tree, attributes, mount["target"])
        syscalls.attach(self.tree, target, mount["target"])

    def _layers_option(self) -> str:
        # Descriptors instead of names: short, and no comma or colon in a name can be misread.
        upper, work, *lower = (at(layer) for layer in self.layers)
        # `volatile`: the upper is scratch, and ending must not wait for the disk (syncfs).
        return f"lowerdir={':'.join(lower)},upperdir={upper},workdir={work},userxattr,volatile"


def _open_host(path: str) -> int:
    try:
        return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise CallError("open", path, error.errno or 0) from error


def _skeleton(directory: str, others: list[Source]) -> int:
    """Make the lowest layer of the root: nothing but mount points.

    So none has to be made in the step's upper, from where it would have to be removed again, unless
    a layer above hides ours.
    """
    for path in ("/proc", "/dev", "/etc"):
        os.makedirs(directory + path)
    for name in ("hosts", "resolv.conf"):
        path = f"{directory}/etc/{name}"
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    for source in others:
        path = directory + source.mount["target"]
        os.makedirs(path if source.directory else os.path.dirname(path), exist_ok=True)
        if not source.directory and not os.path.lexists(path):
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    return _open_host(directory)


def gather(spec: Wire) -> tuple[Source, list[Source]]:
    """Open all that the root and the mounts take from the host; nothing changes yet."""
    return Source(spec["root"]), [Source(mount) for mount in spec["mounts"]]


def place(root: Root, source: Source) -> None:
    """Put one mount where it belongs inside."""
    path = source.mount["target"]
    target = root.mount_point(path, directory=source.directory)
    source.put(target)
    os.close(target)


def enter(root: Root) -> None:
    """Make the new root ours, and let go of the old one and all that is mounted in it."""
    os.fchdir(root.fd)
    # Both arguments may be the same: the old root ends up on top, from where it is detached
    # (pivot_root(2), "pivot_root(".", ".")").
    syscalls.pivot_root(".", ".")
    syscalls.detach(".")
    os.chdir("/")
