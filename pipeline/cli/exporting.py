"""``pipeline export -e NAME``: environments at stable paths, and settings for editors."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from pipeline.cli.relinking import record, shown
from pipeline.cli.watching import declarations
from pipeline.environments.editors import settings, write
from pipeline.environments.export import export, sweep
from pipeline.environments.make import require
from pipeline.errors import UsageError
from pipeline.platforms import Workplace

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session
    from pipeline.environments.export import Exported


def export_environments(arguments: argparse.Namespace, session: Session) -> int:
    """Make the environments that are meant and link them; print paths, or an editor's settings."""
    began = time.time_ns()
    names = _meant(arguments, session)
    if arguments.settings and len(names) != 1:
        raise UsageError(
            "an editor's settings name one environment",
            hint="for instance `pipeline export -e dev --settings vscode`",
        )
    if arguments.write and not arguments.settings:
        raise UsageError("`--write` needs `--settings`, which says for which editor")
    session.use_lock(environments=names)
    ensure, root, store = session.environments.ensure, session.root, session.store.root
    done = [export(name, ensure(name), root, store) for name in names]
    done += sweep(root, store, names) if arguments.all else []
    if arguments.settings:
        print(_settings(arguments, session, names[0]), end="")
    elif arguments.json:
        print(json.dumps({"environments": [_row(one) for one in done]}, indent=2))
    else:
        maker, every = session.environments, bool(arguments.all)
        inputs = [*declarations(session), *maker.looked]
        record(session.words[1:], done, maker.made, root, every=every, inputs=inputs, began=began)
        print(shown(done))
    return 0


def _meant(arguments: argparse.Namespace, session: Session) -> list[str]:
    """Return the environments that are named, or all that are for this machine."""
    pipeline, here = session.pipeline, Workplace.here()
    for name in arguments.environment:
        require(name, pipeline)
    if not arguments.all:
        return list(dict.fromkeys(arguments.environment))
    fitting = [
        name for name, one in pipeline.environments.items() if here is None or here in one.platforms
    ]
    for name in sorted(pipeline.environments.keys() - set(fitting)):
        session.console.info(f"environment {name} is not for this machine")
    if not fitting:
        raise UsageError(
            "no environment is for this machine", hint="declare one below `environments:`"
        )
    return fitting


def _settings(arguments: argparse.Namespace, session: Session, name: str) -> str:
    text = settings(arguments.settings, name, session.environments.roots(name))
    if arguments.write:
        return f"{write(arguments.settings, text, session.root)}\n"
    return text


def _row(one: Exported) -> dict[str, str]:
    return {
        "name": one.name,
        "path": str(one.path),
        "target": str(one.target),
        "state": one.state,
    }
