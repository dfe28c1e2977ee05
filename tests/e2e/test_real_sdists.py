"""Sdists that others published, built for two platforms and used where no compiler is.

Their build systems differ: setuptools with and without Cython, a backend that lies in the sdist
itself, Meson and CMake. What a check finds out on arm64 has to be what it finds out on x86-64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import Project, commit, copy_tracked, link_store, machine_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.extended,
]

SDISTS = "tests/e2e/real_sdists"
PACKAGES = (
    "cysignals",
    "frozenlist",
    "lz4",
    "markupsafe",
    "msgpack",
    "pyyaml",
    "scoring-matrices",
)


@pytest.fixture(scope="module")
def sdists(
    tool: Path, fetched: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """Return the project that builds them, with all that its lock names at hand."""
    base = tmp_path_factory.mktemp("real")
    link_store(fetched(f"../{SDISTS}"), base / "store", "blobs")
    copy_tracked(tool / SDISTS, base / "sdists")
    commit(base / "sdists")
    return Project(tool, base / "sdists", base / "store", machine_settings())


def told(project: Project, cell: str, mark: str = "told: ") -> list[str]:
    """Return the marked lines of the latest log of a cell."""
    logs = (project.cache / "logs").glob(f"{cell}-*.log")
    text = max(logs, key=lambda path: path.stat().st_mtime).read_text(encoding="utf-8")
    return [line.removeprefix(mark) for line in text.splitlines() if line.startswith(mark)]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_published_sdist_gives_wheels_that_do_the_same_on_both_platforms(
    sdists: Project, package: str
) -> None:
    made = sdists.run("run", f"test[{package}]", "--offline", "--json").expect(0)
    tags = sorted(name.rpartition(".manylinux_2_17_")[2] for name in made.digests)
    assert tags == ["aarch64.whl", "x86_64.whl"]
    here = told(sdists, f"test-{package}-linux_x86_64")
    assert here
    assert told(sdists, f"test-{package}-linux_arm64") == here


def test_what_was_compiled_before_is_at_hand_and_gives_the_same_bytes(sdists: Project) -> None:
    plain = sdists.run("run", "wheel[lz4,linux_arm64]", "--offline", "--json").expect(0)
    first = sdists.run("run", "cached[linux_arm64]", "--offline", "--json").expect(0)
    ((hits, of),) = _counted(sdists)
    assert hits < of
    # Another variable is another key, so the step runs again.
    text = (sdists.root / "pipeline.yaml").read_text(encoding="utf-8")
    sdists.write("pipeline.yaml", f"{text}    env: {{AGAIN: one}}\n")
    again = sdists.run("run", "cached[linux_arm64]", "--offline", "--json").expect(0)
    assert _counted(sdists) == [(of, of)]
    assert plain.digests == first.digests == again.digests


def _counted(project: Project) -> list[tuple[int, int]]:
    """Return what the last build with the compiler cache says: objects found, and all of them."""
    lines = told(project, "cached-linux_arm64", "compiler cache: ")
    return [(int(line.split()[0]), int(line.split()[2])) for line in lines]
