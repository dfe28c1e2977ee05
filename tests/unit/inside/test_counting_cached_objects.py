"""Which compilers ccache is put before, and how much of what they made it had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.inside.cached import compilers, counted

if TYPE_CHECKING:
    from pathlib import Path

LOG = """\
# src/a.c
cache_miss
direct_cache_miss
preprocessed_cache_miss
# src/b.c
direct_cache_hit
# src/c.c
direct_cache_miss
preprocessed_cache_hit
# src/c.o
called_for_link
"""


def test_objects_are_counted_and_links_are_not() -> None:
    assert counted(LOG) == (2, 3)
    assert counted("") == (0, 0)


def test_compilers_are_known_by_their_names(tmp_path: Path) -> None:
    known = {"cc", "gcc-12", "x86_64-linux-gnu-g++-12", "clang", "aarch64-linux-gnu-gcc"}
    for name in (*known, "gcc-ar-12", "ccache", "cpp", "clang-format", "c++filt", "gcov"):
        (tmp_path / name).touch()
    assert compilers([str(tmp_path), str(tmp_path / "absent")]) == known
