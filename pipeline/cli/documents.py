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
         "placed": true, "sha256": "a00ea489...", "size": 972,
         "findings": [{"level": "warning", "rule": "bytecode-inside", "message": "..."}]}
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
      "needs": ["sdist"], "tags": [], "internal": false, "target": "linux_x86_64",
      "platform": "linux/amd64", "strategy": "native", "reason": "this machine's platform",
      "image": "python", "network": "none", "state": "to build", "key": "30fbc76d...",
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

AUDIT = """
{
  "files": [
    {
      "file": "dist/greeting-1.0-py3-none-any.whl", "name": "greeting", "version": "1.0",
      "kind": "wheel", "tags": ["py3-none-any"], "size": 972, "unpacked": 1180,
      "sha256": "a00ea489...", "glibc": "", "metadata_version": "2.4", "requires_python": ">=3.11",
      "requires_dist": [], "summary": "", "description_content_type": "",
      "findings": [{"level": "warning", "rule": "bytecode-inside", "message": "..."}]
    }
  ]
}
"""

CI = """
{
  "event": "push of tag v1.2.3",
  "workflows": [
    {
      "file": ".github/workflows/release.yml", "name": "Release", "idle": "",
      "jobs": [
        {
          "id": "publish", "needs": ["build"], "permissions": {"id-token": "write"},
          "environment": "release", "calls": "", "skipped": "",
          "cells": [
            {"name": "Publish", "runs_on": "ubuntu-24.04", "matrix": {},
             "steps": [{"uses": "", "run": "...", "env": {"NEEDS": "..."}, "skipped": ""}],
             "produces": [], "consumes": ["dist-linux_x86_64"]}
          ]
        }
      ],
      "problems": []
    }
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
{"environments": [{"name": "dev", "path": ".pipeline/venvs/dev",
                   "target": "/var/cache/pipeline/derived/environment/d1a8f954...",
                   "state": "as it was"}]}
""",
    "verify": VERIFY,
    "audit": AUDIT,
    "changes": """
{"fragment": "changes/12.fix.md"}
""",
    "release": """
{"version": "1.3.0", "current": "1.2.0", "last": "1.2.0",
 "reasons": ["`changes/12.feature.md` adds something"]}
""",
    "cache": """
{"root": "/var/cache/pipeline",
 "items": [{"kind": "blob", "key": "00b2b9d1...", "size": 1550216, "used": 1795165219.1,
            "label": ""}]}
""",
    "ci": CI,
    "dev": '{"file": ".devcontainer/devcontainer.json", "written": true}',
    "doctor": """
{"checks": [{"what": "sandbox", "state": "works", "found": "steps are isolated", "hint": ""}]}
""",
}
"""Examples by verb; texts, so that the page shows them as they stand here."""

NOTES = {
    "run": """
The `path` of a file that was not placed (in a draft, or after a failure without `--keep-going`) is
in the cache. A stage on the host adds `result` to its cell: the notes, the verdicts on each file,
or the release. A cell that failed has its `error`, as under [Failures as JSON](#failures-as-json);
that of a step adds `log`, the file with all that it printed. The first one is under `error` too.
""",
    "plan": """
The steps run on `platform`, which is not that of `target` where `strategy` is `cross`. An
`internal` cell belongs to no stage: wheels need it, and `run` builds it with them.
""",
    "lock": 'With `--check`: `{"fresh": true}`.',
    "export": """
The `state` may also be `made` or `moved`. This is for environments; for an image it is `{"image",
"platform", "digest", "path", "sha256", "size"}`.
""",
    "changes": """
This is `new`; `check` gives `{"since", "reason", "fragments", "changed"}`, `preview` gives
`{"version", "notes"}`, `renumber` the `{"renamed": [{"old", "new"}]}`, and `sync` gives
`{"versions", "removed"}`.
""",
    "release": 'This is `propose`; `abort` gives `{"version", "tag", "commit"}`.',
    "cache": """
This is `list`; `verify` gives `{"damages": [{"kind", "key", "path", "what"}]}`, and `prune` the
removed `{"items": [...]}`. With `--downloads` they give `{"root", "files"}`,
`{"damages": [{"name", "what"}], "absent"}` and `{"removed"}`; `add` and `upgrade` give `{"added"}`,
`remove` `{"removed"}`, `export` `{"path", "sha256", "size", "files"}`, `import` `{"files"}`.
""",
    "dev": """
This is `--init`; `--load` gives `{"image", "loaded"}`. A shell or a command prints what it prints.
""",
    "ci": """
This is `simulate`; `init` gives `{"files": [...], "written": [...]}`, and `check`
`{"drifts": [{"file", "reason", "diff"}]}`.
""",
}

ERROR = """
{
  "error": {
    "message": "unknown stage `whel`", "where": "", "hint": "did you mean `wheel`?",
    "detail": [], "exit_code": 2
  }
}
"""
