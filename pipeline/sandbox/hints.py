"""Why the kernel would not let a sandbox be made, and what a person can do about it.

The kernel's answer is the same EPERM for many reasons; the settings tell them apart. Used for
errors while launching and by `probe`, so that both say the same.
"""

from __future__ import annotations

import errno
from pathlib import Path

_APPARMOR = "kernel.apparmor_restrict_unprivileged_userns"
_DEBIAN = "kernel.unprivileged_userns_clone"
_NUMBER = "user.max_user_namespaces"
_UNCONFINED = "`--security-opt systempaths=unconfined`"


def setting(name: str, root: Path = Path("/proc/sys")) -> str:
    """Return a sysctl's value, empty where the kernel has none of that name."""
    try:
        return (root / name.replace(".", "/")).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def explain(call: str, path: str, number: int, root: Path = Path("/proc/sys")) -> str:
    """Return what to do about a setup call that failed with errno ``number``; empty if unknown."""
    if call == "unshare" or path.endswith(("uid_map", "gid_map", "setgroups")):
        return _namespaces(number, root)
    if (call, number) == ("mount proc", errno.EPERM) or path.startswith("/proc/sys/"):
        return (
            "inside a container the outer `/proc` is masked, so that no fresh one may be mounted: "
            f"start the container with {_UNCONFINED}, or use Docker as the engine"
        )
    if call == "mount overlay":
        return (
            "an overlay needs Linux 5.11 and a file system that can hold it (ext4, xfs, btrfs, "
            "tmpfs; not an overlay itself, as `/` is inside a container): point "
            "`PIPELINE_CACHE_DIR` to one"
        )
    if number == errno.ENOSYS:
        return f"`{call}` is not known here: Linux 5.12 or newer is needed, without a filter on it"
    return ""


def _namespaces(number: int, root: Path) -> str:
    if setting(_APPARMOR, root) == "1":
        return (
            f"AppArmor forbids unprivileged user namespaces (`{_APPARMOR}=1`): allow them with "
            f"`sudo sysctl -w {_APPARMOR}=0`, or give this Python an AppArmor profile with "
            "`userns,`, or use Docker"
        )
    if setting(_DEBIAN, root) == "0":
        return (
            f"unprivileged user namespaces are off (`{_DEBIAN}=0`): allow them with "
            f"`sudo sysctl -w {_DEBIAN}=1`, or use Docker"
        )
    if setting(_NUMBER, root) == "0" or number == errno.ENOSPC:
        return (
            f"no more user namespaces are allowed (`{_NUMBER}={setting(_NUMBER, root)}`): raise it "
            f"with `sudo sysctl -w {_NUMBER}=10000`, or use Docker"
        )
    if number == errno.EPERM:
        return (
            "user namespaces are filtered, as Docker does by default: start the container with "
            f"`--security-opt seccomp=unconfined` and {_UNCONFINED}, or use Docker as the engine"
        )
    if number in {errno.EINVAL, errno.ENOSYS}:
        return "the kernel was built without user namespaces (CONFIG_USER_NS): use Docker"
    return ""
