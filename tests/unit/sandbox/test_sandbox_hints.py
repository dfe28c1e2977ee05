from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from pipeline.sandbox import hints

if TYPE_CHECKING:
    from pathlib import Path


def settings(root: Path, **values: str) -> Path:
    for name, value in values.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{value}\n")
    return root


def test_apparmor_is_named_where_it_forbids_user_namespaces(tmp_path: Path) -> None:
    root = settings(tmp_path, kernel__apparmor_restrict_unprivileged_userns="1")
    hint = hints.explain("write", "/proc/self/uid_map", errno.EPERM, root)
    assert "`kernel.apparmor_restrict_unprivileged_userns=1`" in hint


def test_debians_switch_is_named(tmp_path: Path) -> None:
    root = settings(tmp_path, kernel__unprivileged_userns_clone="0")
    hint = hints.explain("unshare", "", errno.EPERM, root)
    assert "sysctl -w kernel.unprivileged_userns_clone=1" in hint


@pytest.mark.parametrize("value", ["0", "17"])
def test_the_number_of_namespaces_is_named_when_it_is_used_up(tmp_path: Path, value: str) -> None:
    root = settings(tmp_path, user__max_user_namespaces=value)
    hint = hints.explain("unshare", "", errno.ENOSPC, root)
    assert f"`user.max_user_namespaces={value}`" in hint


def test_a_containers_filter_is_named_when_no_setting_forbids(tmp_path: Path) -> None:
    root = settings(tmp_path, user__max_user_namespaces="5000")
    hint = hints.explain("unshare", "", errno.EPERM, root)
    assert "seccomp=unconfined" in hint


def test_a_masked_proc_is_named(tmp_path: Path) -> None:
    assert "systempaths=unconfined" in hints.explain("mount proc", "/", errno.EPERM, tmp_path)


def test_a_file_system_that_holds_no_overlay_is_named(tmp_path: Path) -> None:
    assert "PIPELINE_CACHE_DIR" in hints.explain("mount overlay", "/", errno.EINVAL, tmp_path)


def test_an_old_kernel_is_named(tmp_path: Path) -> None:
    assert "Linux 5.12" in hints.explain("mount_setattr", "/usr", errno.ENOSYS, tmp_path)


def test_what_is_not_known_is_not_guessed(tmp_path: Path) -> None:
    assert hints.explain("open", "/layers/x", errno.ENOENT, tmp_path) == ""
