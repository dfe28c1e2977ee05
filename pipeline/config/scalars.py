"""What an unquoted word means to readers of YAML.

YAML 1.1 and 1.2 disagree about words such as ``no``, ``010`` and ``1:30``, and both turn ``1.10``
into 1.1. Where text is expected, a word that any of them would read as something else has to be
quoted; where a number is expected, only the plain decimal form is read.
"""

from __future__ import annotations

import re

_WORDS = {
    word: name
    for name, words in (
        ("nothing", ("", "~", "null", "Null", "NULL")),
        ("true", ("yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE")),
        ("false", ("no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE")),
        ("a special key", ("=", "<<")),
    )
    for word in words
}

# Patterns stay text until a word asks for them: compiling them costs more than reading a file.
_DATE = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}.*)?"
_NUMBER = (
    r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+"
    r"|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?"
    r"|\.[0-9_]+(?:[eE][-+]?[0-9]+)?"
    r"|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|\.(?:inf|Inf|INF|nan|NaN|NAN))"
)
_DECIMAL = r"[-+]?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?"


def meaning(word: str) -> str:
    """Return what some reader takes an unquoted word for, such as "a number"; empty for text."""
    if name := _WORDS.get(word):
        return name
    if word[0] not in "+-.0123456789":
        return ""
    if re.fullmatch(_DATE, word):
        return "a date"
    return "a number" if re.fullmatch(_NUMBER, word) else ""


def number(word: str) -> float | None:
    """Return the number that an unquoted word stands for to every reader alike, or None."""
    return float(word) if re.fullmatch(_DECIMAL, word) else None
