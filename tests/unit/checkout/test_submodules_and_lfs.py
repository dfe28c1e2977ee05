"""Content that a commit pins and other stores keep: submodules, and files of Git LFS."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from pipeline.checkout import git
from pipeline.checkout.differences import differences
from pipeline.checkout.inputs import Checkout
from pipeline.checkout.snapshot import changed_paths, lay_out
from pipeline.errors import ConfigError
from pipeline.store.stat import StatCache
from tests.unit.checkout.disks import ALLOWED, add_submodule
from tests.unit.conftest import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.checkout.inputs import SourceTree


def taken(root: Path, source: str = ".", *inputs: str) -> SourceTree:
    return Checkout(root, StatCache(root.parent / "stat.json")).source(source, inputs)


def files(root: Path, source: str = ".", *inputs: str) -> dict[str, bytes]:
    found = taken(root, source, *inputs)
    return {entry.path: found.place(entry.path).read_bytes() for entry in found.tree.entries}


def released(root: Path, directory: Path) -> dict[str, bytes]:
    return files(lay_out(root, git.head(root), directory, changed_paths(root)))


@pytest.fixture
def superproject(repository: Repository, tmp_path: Path) -> Repository:
    """Return a project whose submodule ``vendor`` has a submodule ``inner``."""
    for name, text in (("inner", "I = 1\n"), ("vendor", "V = 1\n")):
        made = Repository(tmp_path / name)
        made.root.mkdir()
        made.git("init", "--quiet")
        made.write(f"{name}.py", text)
        made.commit()
    add_submodule(Repository(tmp_path / "vendor"), tmp_path / "inner", "src/inner")
    repository.write("code.py", "X = 1\n")
    repository.commit()
    add_submodule(repository, tmp_path / "vendor", "src/vendor")
    repository.git(*ALLOWED, "submodule", "--quiet", "update", "--init", "--recursive")
    return repository


EVERYTHING = {
    "code.py": b"X = 1\n",
    "src/vendor/vendor.py": b"V = 1\n",
    "src/vendor/src/inner/inner.py": b"I = 1\n",
}


def code(found: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in found.items() if name.endswith(".py")}


def test_files_of_submodules_are_inputs_and_nested_ones_too(superproject: Repository) -> None:
    assert code(files(superproject.root)) == EVERYTHING
    assert code(files(superproject.root, "src/vendor/src")).keys() == {
        "src/vendor/src/inner/inner.py"
    }


def test_what_a_submodule_does_not_track_is_no_input(superproject: Repository) -> None:
    superproject.write("src/vendor/untracked.py")
    superproject.write("src/vendor/vendor.py", "V = 2\n")
    assert code(files(superproject.root)) == EVERYTHING | {"src/vendor/vendor.py": b"V = 2\n"}


def test_what_a_submodule_tracks_decides_whether_a_run_is_repeated(
    superproject: Repository,
) -> None:
    checkout = Checkout(superproject.root, StatCache(superproject.root.parent / "stat.json"))
    checkout.source(".", ())
    modules = superproject.root / ".git" / "modules" / "src" / "vendor"
    watched = {os.path.realpath(path) for path in checkout.watched}
    assert {str(modules / "index"), str(modules / "config")} <= watched


def test_a_submodule_that_is_not_checked_out_is_refused_where_it_would_be_an_input(
    superproject: Repository,
) -> None:
    superproject.git("submodule", "--quiet", "deinit", "--force", "--all")
    with pytest.raises(ConfigError, match="submodule `src/vendor` is not checked out"):
        taken(superproject.root)
    for inputs in (("src/vendor/*.py", "code.py"), ("**/*.py",), ("src/**",), ("src/v*/a", "*")):
        with pytest.raises(ConfigError, match="submodule `src/vendor` is not checked out"):
            taken(superproject.root, ".", *inputs)
    assert files(superproject.root, ".", "*.py") == {"code.py": b"X = 1\n"}


def test_a_nested_submodule_that_is_not_checked_out_is_named(superproject: Repository) -> None:
    vendor = Repository(superproject.root / "src" / "vendor")
    vendor.git("submodule", "--quiet", "deinit", "--force", "--all")
    with pytest.raises(ConfigError, match="submodule `src/vendor/src/inner` is not checked out"):
        taken(superproject.root)


def ahead(superproject: Repository) -> None:
    """Move the submodule on, where its settings hide that."""
    vendor = Repository(superproject.root / "src" / "vendor")
    vendor.write("vendor.py", "V = 3\n")
    vendor.commit()
    vendor.write("vendor.py", "V = 4\n")


@pytest.mark.parametrize(
    "settings",
    [("submodule.src/vendor.ignore", "all"), ("diff.ignoreSubmodules", "all")],
    ids=("submodule", "all"),
)
def test_a_release_has_the_pinned_commit_of_a_submodule(
    superproject: Repository, tmp_path: Path, settings: tuple[str, str]
) -> None:
    superproject.git("config", *settings)
    ahead(superproject)
    assert not git.status(superproject.root)
    assert code(released(superproject.root, tmp_path / "first")) == EVERYTHING
    clone = Repository(tmp_path / "clone")
    words = ("clone", "--quiet", "--recurse-submodules", str(superproject.root), str(clone.root))
    superproject.git(*ALLOWED, *words)
    assert code(released(clone.root, tmp_path / "second")) == EVERYTHING
    (found,) = differences(superproject.root, git.head(superproject.root))
    assert "`src/vendor` on disk differs from the commit: the submodule is at" in str(found)


def test_a_change_in_a_submodule_that_settings_hide_is_named(superproject: Repository) -> None:
    superproject.git("config", "submodule.src/vendor.ignore", "dirty")
    superproject.write("src/vendor/vendor.py", "V = 5\n")
    assert not git.status(superproject.root)
    (found,) = differences(superproject.root, git.head(superproject.root))
    assert str(found) == (
        "`src/vendor/vendor.py` on disk differs from the commit: its content was changed"
    )


def test_a_submodule_that_was_checked_out_once_is_taken_from_what_git_kept(
    superproject: Repository, tmp_path: Path
) -> None:
    superproject.git("submodule", "--quiet", "deinit", "--force", "--all")
    assert code(released(superproject.root, tmp_path / "copy")) == EVERYTHING


def test_a_release_without_a_submodule_is_refused_only_where_it_matters(
    superproject: Repository, tmp_path: Path
) -> None:
    clone = Repository(tmp_path / "clone")
    superproject.git("clone", "--quiet", str(superproject.root), str(clone.root))
    copy = lay_out(clone.root, git.head(clone.root), tmp_path / "copy")
    assert files(copy, ".", "*.py") == {"code.py": b"X = 1\n"}
    with pytest.raises(ConfigError, match="submodule `src/vendor` is not checked out"):
        taken(copy)


CONTENT = b"\x00\x01" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{SHA256}\nsize {len(CONTENT)}\n"


@pytest.fixture
def large(repository: Repository) -> Repository:
    """Return a project whose ``model.bin`` git has a pointer of, as on disk without Git LFS."""
    repository.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    repository.write("model.bin", POINTER)
    repository.write("about.txt", POINTER)
    repository.commit()
    return repository


def keep(repository: Repository, content: bytes = CONTENT, directory: str = ".git/lfs") -> None:
    """Put content where Git LFS keeps it."""
    place = repository.root / directory / "objects" / SHA256[:2] / SHA256[2:4] / SHA256
    place.parent.mkdir(parents=True)
    place.write_bytes(content)


def test_a_pointer_is_no_source(large: Repository) -> None:
    with pytest.raises(ConfigError, match=r"`model.bin` is a pointer of Git LFS") as found:
        taken(large.root)
    assert "git lfs pull" in found.value.hint
    assert files(large.root, ".", "about.txt") == {"about.txt": POINTER.encode()}


def test_content_that_git_lfs_has_put_there_is_a_source(large: Repository) -> None:
    large.git("config", "filter.lfs.clean", f"cat > /dev/null; printf '{POINTER}'")
    (large.root / "model.bin").write_bytes(CONTENT)
    large.git("add", "model.bin")
    assert not git.status(large.root)
    assert files(large.root)["model.bin"] == CONTENT
    assert not differences(large.root, git.head(large.root))


@pytest.mark.parametrize("storage", ["", "elsewhere"])
def test_a_release_has_the_content_that_the_commit_pins(
    large: Repository, tmp_path: Path, storage: str
) -> None:
    if storage:
        large.git("config", "lfs.storage", storage)
    keep(large, directory=f".git/{storage or 'lfs'}")
    assert released(large.root, tmp_path / "copy")["model.bin"] == CONTENT


@pytest.mark.parametrize("content", [None, b"damaged"])
def test_a_release_is_refused_where_content_is_not_here(
    large: Repository, tmp_path: Path, content: bytes | None
) -> None:
    (large.root / "model.bin").write_bytes(CONTENT)
    large.git("update-index", "--assume-unchanged", "model.bin")
    if content is not None:
        keep(large, content)
    copy = lay_out(large.root, git.head(large.root), tmp_path / "copy")
    with pytest.raises(ConfigError, match=r"`model.bin` is a pointer of Git LFS"):
        taken(copy)


def test_pointers_in_a_submodule_are_refused_too(large: Repository, tmp_path: Path) -> None:
    outer = Repository(tmp_path / "outer")
    outer.root.mkdir()
    outer.git("init", "--quiet")
    add_submodule(outer, large.root, "data")
    with pytest.raises(ConfigError, match=r"`data/model.bin` is a pointer of Git LFS"):
        taken(outer.root)
    keep(outer, directory=".git/modules/data/lfs")
    assert released(outer.root, tmp_path / "copy")["data/model.bin"] == CONTENT
