"""A software bill of materials in CycloneDX 1.6 (ECMA-424), as JSON.

The serial number is made of the content (RFC 9562, version 5), and the time in it is that of the
sources: equal content has an equal bill.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMESPACE = uuid.UUID("5b1d3f3c-5f0a-5c39-9a55-0f5a2c7c8d11")
"""Ours, chosen once."""

TOOL = {"type": "application", "name": "hermetic-pipeline"}
"""Without its version: two versions of it that write the same bytes must be able to."""

Component = dict[str, object]
"""A component as the format has it; `text` wants ``bom-ref``."""


def component(url: str, name: str, version: str, *, sha256: str = "") -> Component:
    """Return a library that is known by a package URL (purl)."""
    found: Component = {
        "type": "library",
        "bom-ref": url,
        "name": name,
        "version": version,
        "purl": url,
    }
    return found | ({"hashes": hashes(sha256)} if sha256 else {})


def hashes(sha256: str) -> list[dict[str, str]]:
    """Return the hashes of a component, of which there is one."""
    return [{"alg": "SHA-256", "content": sha256}]


def text(main: Component, parts: Iterable[Component], *, epoch: int) -> str:
    """Return the bill of ``main``, which is made of all ``parts``.

    ``epoch`` is SOURCE_DATE_EPOCH in seconds.
    """
    found = {str(part["bom-ref"]): part for part in parts}
    ordered = sorted(found)
    moment = dt.datetime.fromtimestamp(epoch, tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    document: dict[str, object] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": moment,
            "component": main,
            "tools": {"components": [TOOL]},
        },
        "components": [found[reference] for reference in ordered],
        "dependencies": [
            {"ref": main["bom-ref"], "dependsOn": ordered},
            *({"ref": reference} for reference in ordered),
        ],
    }
    body = json.dumps(document, sort_keys=True, ensure_ascii=False)
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(NAMESPACE, body)}"
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
