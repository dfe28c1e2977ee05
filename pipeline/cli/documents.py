"""The JSON documents of the verbs, as examples: for the reference page, and compared by tests."""

from __future__ import annotations

RUN = """
{
  "version": "1.0", "tag": "v1.0", "draft": false, "engine": "sandbox", "seconds": 4.2,
  "cells": [
    {
      "stage": "wheel", "cell": "wheel[cp311]", "key": "30fbc76d...",
      "status": "built", "cached": false, "seconds": 0.3, "network": "none",
      "outputs": [
        {"name": "greeting-1.0-py3-none-any.whl", "path": "dist/greeting-1.0-py3-none-any.whl",
         "placed": true, "sha256": "a00ea489...", "size": 972}
      ],
      "remarks": [], "text": ""
    }
  ]
}
"""

PLAN = """
{
  "cells": [
    {
      "stage": "wheel", "cell": "wheel[cp311]", "kind": "wheel", "axes": {"python": "cp311"},
      "needs": ["sdist"], "tags": [], "platform": "linux/amd64", "image": "python",
      "network": "none", "state": "to build", "key": "30fbc76d...",
      "components": {"dockerfile": "d505939f...", "input src": "unpacked:3588b186..."}
    }
  ]
}
"""

LIST = """
{
  "stages": [
    {"name": "wheel", "kind": "wheel", "image": "python", "needs": ["sdist"],
     "cells": ["wheel[cp311]"], "tags": []}
  ],
  "images": {"python": ["linux_x86_64"]},
  "environments": ["dev"]
}
"""

VERIFY = """
{
  "files": [
    {"name": "greeting-1.0-py3-none-any.whl", "same": false, "first": "7cadc891...",
     "second": "a00ea489...", "differences": ["greeting/__init__.py: ..."]}
  ]
}
"""

DOCUMENTS = {
    "run": RUN,
    "plan": PLAN,
    "list": LIST,
    "render": '{"wheel": "the Dockerfile, or with --output the command that builds it"}',
    "lock": '{"written": ["pipeline.lock"], "epoch": 1795164992}',
    "fetch": '{"fetched": 3, "present": 202, "bytes": 811423}',
    "export": """
{"image": "python", "platform": "linux/amd64", "digest": "b2f9f9bf...", "path": "python.oci.tar",
 "sha256": "58b0576f...", "size": 59259904}
""",
    "verify": VERIFY,
    "cache": """
{"root": "/var/cache/pipeline",
 "items": [{"kind": "blob", "key": "00b2b9d1...", "size": 1550216, "used": 1795165219.1,
            "label": ""}]}
""",
    "doctor": """
{"checks": [{"what": "sandbox", "state": "works", "found": "steps are isolated", "hint": ""}]}
""",
}
"""Examples by verb; texts, so that the page shows them as they stand here."""

NOTES = {
    "run": """
The `path` of a file that was not placed (in a draft, or after a failure) is in the cache. A stage
on the host adds `result` to its cell: the notes, the verdicts on each file, or the release.
""",
    "lock": 'With `--check`: `{"fresh": true}`.',
    "cache": """
This is `list`; `verify` gives `{"damages": [{"kind", "key", "path", "what"}]}`, and `prune` the
removed `{"items": [...]}`.
""",
}

ERROR = """
{
  "error": {
    "message": "there is no stage `whel`", "where": "", "hint": "did you mean `wheel`?",
    "detail": [], "exit_code": 2
  }
}
"""
