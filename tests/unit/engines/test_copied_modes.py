"""`--chmod` means what chmod(1) says; what BuildKit makes of each word was tried out."""

from __future__ import annotations

import stat

import pytest

from pipeline.engines.modes import changed, is_mode

FILE, SPECIAL, DIRECTORY = stat.S_IFREG | 0o654, stat.S_IFREG | 0o6711, stat.S_IFDIR | 0o755


@pytest.mark.parametrize(
    ("word", "file", "special", "directory"),
    [
        ("+x", 0o755, 0o6711, 0o755),
        ("+w", 0o676, 0o6733, 0o777),
        ("=", 0, 0, 0),
        ("u=", 0o054, 0o2011, 0o055),
        ("g=u", 0o664, 0o6771, 0o775),
        ("u+s", 0o4654, 0o6711, 0o4755),
        ("+t", 0o1654, 0o7711, 0o1755),
        ("o+t", 0o654, 0o6711, 0o755),
        ("a-x", 0o644, 0o6600, 0o644),
        ("+X", 0o755, 0o6711, 0o755),
        ("u+x-r", 0o354, 0o6311, 0o355),
        ("u=rw,go=r", 0o644, 0o644, 0o644),
        ("a=,u+r", 0o400, 0o400, 0o400),
        ("u-s,g-s", 0o654, 0o711, 0o755),
        ("77", 0o077, 0o077, 0o077),
        ("04755", 0o4755, 0o4755, 0o4755),
    ],
)
def test_a_word_changes_modes(word: str, file: int, special: int, directory: int) -> None:
    assert is_mode(word)
    assert [changed(word, mode) for mode in (FILE, SPECIAL, DIRECTORY)] == [
        file,
        special,
        directory,
    ]


@pytest.mark.parametrize("word", ["X", "rw", "u", "u+q", "999", "8", "77777", "-1", "u+x,", ","])
def test_what_is_no_mode_is_told(word: str) -> None:
    assert not is_mode(word)
