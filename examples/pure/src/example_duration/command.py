"""The command ``duration``: writes each duration it is given in its shortest form."""

from __future__ import annotations

import sys

from example_duration.durations import parse, render


def main() -> int:
    """Run the command; the exit status is 2 when a word is no duration."""
    for word in sys.argv[1:]:
        try:
            sys.stdout.write(f"{render(parse(word))}\n")
        except ValueError as error:
            sys.stderr.write(f"duration: {error}\n")
            return 2
    return 0
