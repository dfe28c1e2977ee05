"""The value of ``RUN --mount``: comma-separated ``key=value`` pairs, as BuildKit reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pipeline.dockerfile.instructions import Mount
from pipeline.dockerfile.lexing import fault, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.dockerfile.instructions import MountType
    from pipeline.errors import ConfigError

_NAMES = {
    "src": "source",
    "dst": "target",
    "destination": "target",
    "ro": "readonly",
    "rw": "readwrite",
}
_BARE = frozenset(("readonly", "readwrite", "required"))
_KEYS: Mapping[str, frozenset[str]] = {
    "bind": frozenset(("type", "target", "from", "source", "readonly", "readwrite")),
    "cache": frozenset(
        ("type", "target", "id", "sharing", "mode", "uid", "gid", "readonly", "readwrite")
    ),
    "tmpfs": frozenset(("type", "target", "size")),
    "secret": frozenset(
        ("type", "target", "id", "source", "required", "mode", "uid", "gid", "env")
    ),
    "ssh": frozenset(("type", "target", "id", "required", "mode", "uid", "gid")),
}
"""What each type takes, by the long names."""


def parse_mount(number: int, value: str) -> Mount:
    """Return the mount that ``value`` describes; ConfigError for what is not supported."""
    pairs = _pairs(number, value)
    kind = pairs.get("type", "bind").lower()
    if kind not in _KEYS:
        raise fault(
            number,
            f"`--mount=type={kind}` is not supported",
            f"use one of {', '.join(f'`{name}`' for name in _KEYS)}",
        )
    for key in pairs:
        if key not in _KEYS[kind]:
            raise fault(
                number,
                f"a mount of type `{kind}` has no `{key}`",
                nearest(key, _KEYS[kind]),
            )
    _check(number, kind, pairs)
    return Mount(
        type=cast("MountType", kind),
        target=pairs.get("target", ""),
        origin=pairs.get("from", ""),
        source=pairs.get("source", "") if kind == "bind" else "",
        read_only=_read_only(number, kind, pairs),
        size=pairs.get("size", ""),
        id=pairs.get("id", "") or (pairs.get("source", "") if kind == "secret" else ""),
        mode=pairs.get("mode", ""),
        required=_flag(number, "required", pairs),
        variable=pairs.get("env", ""),
        owner=next((f"{k}={pairs[k]}" for k in ("uid", "gid") if pairs.get(k, "0") != "0"), ""),
        shared=kind == "cache" and pairs.get("sharing") == "shared",
    )


def _pairs(number: int, value: str) -> dict[str, str]:
    fields = value.split(",")
    if '"' in value:
        import csv  # noqa: PLC0415 - quoted fields are rare

        fields = next(csv.reader([value]), [])
    pairs: dict[str, str] = {}
    for each in fields:
        key, equals, text = each.partition("=")
        key = _NAMES.get(key.lower(), key.lower())
        if not equals and key not in _BARE:
            raise fault(number, f"`{each}` in `--mount` has to be `key=value`")
        if key in pairs:
            raise fault(number, f"`{key}` stands twice in `--mount`")
        pairs[key] = text if equals else "true"
    return pairs


def _check(number: int, kind: str, pairs: Mapping[str, str]) -> None:
    if "$" in pairs.get("from", ""):
        raise _no_variables(number, "from=")
    if kind not in ("secret", "ssh") and not pairs.get("target"):
        raise fault(number, f"a mount of type `{kind}` needs a `target`")
    if kind == "secret" and not (pairs.get("id") or pairs.get("source") or pairs.get("target")):
        raise fault(number, "a secret needs an `id`")
    if pairs.get("sharing", "locked") not in ("shared", "private", "locked"):
        raise fault(
            number, f"`sharing={pairs['sharing']}` is not one of `shared`, `private`, `locked`"
        )


def _no_variables(number: int, what: str) -> ConfigError:
    return fault(
        number,
        f"`{what}` may not hold a variable",
        "name a stage of its own: `FROM $VARIABLE AS name`",
    )


def _read_only(number: int, kind: str, pairs: Mapping[str, str]) -> bool:
    if "readonly" in pairs:
        return _flag(number, "readonly", pairs)
    if "readwrite" in pairs:
        return not _flag(number, "readwrite", pairs)
    return kind in ("bind", "secret")


def _flag(number: int, key: str, pairs: Mapping[str, str]) -> bool:
    word = pairs.get(key, "false")
    if word.lower() in ("1", "t", "true"):
        return True
    if word.lower() in ("0", "f", "false"):
        return False
    raise fault(number, f"`{key}={word}` has to be `true` or `false`")
