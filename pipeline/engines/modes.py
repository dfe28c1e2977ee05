"""``--chmod``: octal digits, or letters as in chmod(1): ``u+x,go-w``, ``a=rX``, ``g=u``.

A clause that names nobody means everybody, whatever the umask, as in BuildKit.
"""

from __future__ import annotations

import re
import stat

_WHO = {"u": 0o4700, "g": 0o2070, "o": 0o0007, "a": 0o7777}
_BITS = {"r": 0o444, "w": 0o222, "x": 0o111, "s": 0o6000, "t": 0o1000}
_SHIFT = {"u": 6, "g": 3, "o": 0}
_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)")
_ACTION = re.compile(r"([-+=])([ugo]|[rwxXst]*)")


def is_mode(word: str) -> bool:
    """Return whether a word says what modes shall be."""
    if word.isdigit():
        return re.fullmatch(r"0*[0-7]{1,4}", word) is not None
    return all(_CLAUSE.fullmatch(clause) for clause in word.split(","))


def changed(word: str, mode: int) -> int:
    """Return the permission bits that a word makes of a file's or directory's whole mode."""
    permissions = stat.S_IMODE(mode)
    if word.isdigit():
        return int(word, 8)
    for clause in word.split(","):
        match = _CLAUSE.fullmatch(clause)
        if match is None:
            raise ValueError(word)
        who, actions = match.groups()
        for sign, what in _ACTION.findall(actions):
            permissions = _act(permissions, who, sign, what, directory=stat.S_ISDIR(mode))
    return permissions


def _act(mode: int, who: str, sign: str, what: str, *, directory: bool) -> int:
    reach = 0
    for letter in who or "a":
        reach |= _WHO[letter]
    bits = _bits(mode, what, directory=directory) & reach
    if what in _SHIFT:
        reach &= 0o777
    if sign == "+":
        return mode | bits
    if sign == "-":
        return mode & ~bits
    return mode & ~reach | bits


def _bits(mode: int, what: str, *, directory: bool) -> int:
    """Return the bits for everybody that letters stand for, or that one of ``ugo`` has now."""
    if what in _SHIFT:
        return (mode >> _SHIFT[what] & 7) * 0o111
    bits = 0
    for letter in what:
        if letter == "X":
            bits |= 0o111 if directory or mode & 0o111 else 0
        else:
            bits |= _BITS[letter]
    return bits
