"""Names in archives: what a plain path is, and why another one is refused."""

from __future__ import annotations

NAME_LIMIT = 4096
PART_LIMIT = 255
DEPTH_LIMIT = 128
SHOWN_LIMIT = 200
WHITEOUT = b".wh."
"""How names begin that delete files of lower layers (OCI image specification, layers)."""


def plain(raw: bytes, *, whiteouts: bool = False) -> bytes:
    """Return a path relative to the root without ``.``; empty for the root itself.

    ``whiteouts`` allows a last part that deletes a file of a lower layer.

    Raises ValueError, whose text completes a sentence that begins with the name, for everything
    that means another place, or not the same thing everywhere.
    """
    if raw.startswith(b"/"):
        raise ValueError("is an absolute path")
    path = raw.removeprefix(b"./").removesuffix(b"/")
    if path in {b"", b"."}:
        return b""
    parts = path.split(b"/")
    if b".." in parts:
        raise ValueError("leads out of the root by `..`")
    if b"" in parts or b"." in parts or not is_text(path):
        raise ValueError("is not a plain path")
    if len(path) > NAME_LIMIT or len(parts) > DEPTH_LIMIT or max(map(len, parts)) > PART_LIMIT:
        raise ValueError("is of absurd length or depth")
    if any(part.startswith(WHITEOUT) for part in (parts[:-1] if whiteouts else parts)):
        raise ValueError("has a name that deletes files of a lower image layer")
    return path


def climbs(path: bytes, target: bytes) -> bool:
    """Whether a symbolic link at the plain ``path`` names a place above the root by ``..``.

    An absolute target is read from the root of the image, as the kernel does inside it.
    """
    depth = 0 if target.startswith(b"/") else path.count(b"/")
    for part in target.split(b"/"):
        depth += {b"": 0, b".": 0, b"..": -1}.get(part, 1)
        if depth < 0:
            return True
    return False


def is_text(name: bytes) -> bool:
    """Whether a name is UTF-8 without control characters: what every archive format can hold."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return False
    return all(character >= " " and character != "\x7f" for character in text)


def shown(name: bytes) -> str:
    """Return a name to show to people: what is not text is escaped, what is long is cut."""
    text = name.decode(errors="backslashreplace")
    if len(text) > SHOWN_LIMIT:
        text = f"{text[:SHOWN_LIMIT]}…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
