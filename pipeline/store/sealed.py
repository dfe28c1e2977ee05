"""Small files that carry the sum of their own text, so that a flipped byte shows."""

from __future__ import annotations

from pipeline.files import sha256_bytes


def seal(line: bytes) -> bytes:
    """Return one line of text (without its end) followed by a line with its sha256."""
    return line + b"\n" + sha256_bytes(line).encode() + b"\n"


def unseal(data: bytes) -> bytes | None:
    """Return the line that was sealed, None when the text is not whole."""
    line = data.partition(b"\n")[0]
    return line if seal(line) == data else None
