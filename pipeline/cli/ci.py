"""``pipeline ci``: workflows of GitHub Actions, and what their jobs hand each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli import handing
from pipeline.cli.outcome import conclude
from pipeline.cli.simulating import simulate
from pipeline.dev import devcontainer
from pipeline.dev.place import Repository
from pipeline.errors import UsageError, VerificationError
from pipeline.files import atomic_write
from pipeline.workflows import files
from pipeline.workflows.options import add_options, options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pipeline.cli.session import Session
    from pipeline.workflows.files import Drift

EXAMPLES = (
    ("pipeline ci init", "write ci.yml and release.yml"),
    ("pipeline ci init --update 7", "and update.yml, which moves the lock"),
    ("pipeline ci check", "exit 4 when they are behind"),
    ("pipeline ci simulate --event tag:v1.2.3", "what pushing that tag would start"),
)
ACTIONS = ("init", "check", "simulate", "matrix", "manifest", "collect", "publish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions: three for people, four for the workflows themselves."""
    parser.add_argument(
        "action",
        choices=ACTIONS,
        metavar="ACTION",
        help="`init`, `check` or `simulate`. In a workflow: `matrix` (of the plan on standard "
        "input), `manifest TARGET` (of the run on standard input), `collect DIR` and "
        "`publish DIR` (files of other jobs, whose context `needs` is on standard input)",
    )
    parser.add_argument(
        "operand",
        nargs="?",
        metavar="WORD",
        help="manifest: the target; collect, publish: where artifacts were downloaded to "
        "(default: artifacts)",
    )
    parser.add_argument("--force", action="store_true", help="init: write over foreign files")
    parser.add_argument(
        "--event",
        default="push",
        metavar="EVENT",
        help="simulate: `tag:v1.2.3`, `push:main` (the default), `pull_request`, ...",
    )
    parser.add_argument(
        "--dist", type=Path, metavar="DIR", default=Path("dist"), help="collect: where files go"
    )
    parser.add_argument("--draft", action="store_true", help="publish: only rehearse it")
    parser.add_argument(
        "--plan", type=Path, metavar="FILE", help="publish: only what this release.plan.json says"
    )
    parser.add_argument(
        "--untagged", action="store_true", help="publish: what no tag of the version lists"
    )
    parser.set_defaults(output=None)
    add_options(parser)


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Do the action; `check` exits 4 on drift, `simulate` 2 where a workflow would fail."""
    actions = {
        "init": _init,
        "check": _check,
        "simulate": simulate,
        "matrix": handing.make_matrix,
        "manifest": handing.make_manifest,
        "collect": handing.collect_files,
        "publish": handing.publish,
    }
    return actions[arguments.action](arguments, session)


def _init(arguments: argparse.Namespace, session: Session) -> int:
    wanted = files.texts(session.pipeline, options(arguments))
    foreign = [file for file in wanted if not files.is_ours(session.root / file)]
    if foreign and not arguments.force:
        raise UsageError(
            f"`{foreign[0]}` is there and was not written by `pipeline ci init`, so it is kept",
            hint="move it away, or write over it with `--force`",
        )
    written = [name for name, text in wanted.items() if _write(session.root / name, text)]
    if arguments.json:
        print(json.dumps({"files": list(wanted), "written": written}, indent=2))
    else:
        print("\n".join(f"wrote {n}" if n in written else f"{n} is as it was" for n in wanted))
    return 0


def _write(file: Path, text: str) -> bool:
    """Write a file unless it has this text; whether it was written."""
    if file.is_file() and file.read_bytes() == text.encode():
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(file, text.encode())
    return True


def _check(arguments: argparse.Namespace, session: Session) -> int:
    drifts = (*files.drifts(session.pipeline), *_of_dev_container(session))
    failure = None
    if drifts:
        verb = "dev --init" if drifts[0].file == devcontainer.FILE else "ci init"
        failure = VerificationError(
            f"`{drifts[0].file}` {drifts[0].reason}",
            hint=f"run `pipeline {verb}`, and look at what `git diff` says",
            detail=_details(drifts),
        )
    elif not arguments.json:
        print(f"{files.DIRECTORY} is as it would be written")
    document = {"drifts": [drift._asdict() for drift in drifts]}
    return conclude(document, failure, session.console, as_json=arguments.json)


def _of_dev_container(session: Session) -> tuple[Drift, ...]:
    """Return how our file for dev containers is behind; the lock is read only where it is there."""
    if devcontainer.read(session.root)[1] is None:
        return ()
    return devcontainer.drifts(
        Repository(pipeline=session.pipeline, lock=session.lock, checkout=session.checkout)
    )


def _details(drifts: Sequence[Drift]) -> tuple[str, ...]:
    others = [f"{drift.file} {drift.reason}" for drift in drifts[1:]]
    return (*others, *(line for drift in drifts for line in drift.diff))
