"""The command line: picks the verb, and turns every failure into words and an exit code."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Protocol

from pipeline.cli import noop
from pipeline.console import Console
from pipeline.errors import PipelineError, UsageError
from pipeline.start import version

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pipeline.cli.session import Session

INTERRUPTED = 130
BUG = 70


class Verb(NamedTuple):
    """A row of the table of verbs."""

    name: str
    module: str
    summary: str


VERBS = (
    Verb("run", "run", "run stages: build, test, draft a release"),
    Verb("plan", "plan", "show what a run would do"),
    Verb("list", "list", "list stages, cells, images and environments"),
    Verb("render", "render", "write the Dockerfiles and their contexts"),
    Verb("lock", "lock", "resolve every package into pipeline.lock (network)"),
    Verb("fetch", "fetch", "download what the lock names into the cache (network)"),
    Verb("exec", "exec", "run a command in a locked environment"),
    Verb("verify", "verify", "build a stage again from scratch and compare the bytes"),
    Verb("cache", "cache", "list, verify or prune the cache"),
    Verb("doctor", "doctor", "say what works on this machine, and what to do about the rest"),
    Verb("schema", "schema", "print the JSON Schema of pipeline.yaml or of an image"),
)


class VerbModule(Protocol):
    """What a module of a verb has: its arguments and its work."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the verb's flags."""

    def run(self, arguments: argparse.Namespace, session: Session) -> int:
        """Do it; return the exit code."""


def console() -> NoReturn:
    """Entry point of the installed command."""
    sys.exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name); return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    out = Console.for_stderr(os.environ)
    try:
        if words[:1] == ["run"] and (report := noop.recorded(words)):
            from pipeline.cli.outcome import show  # noqa: PLC0415

            show(report, out, as_json="--json" in words)
            return 0
        return _dispatch(words, out)
    except PipelineError as error:
        return _refuse(error, words, out)
    except KeyboardInterrupt:
        out.info("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except Exception:  # noqa: BLE001 - the one place that sees everything
        return _bug(words)


def _dispatch(words: list[str], out: Console) -> int:
    if not words or words[0] in {"-h", "--help", "help"}:
        sys.stdout.write(_overview())
        return 0 if words else 2
    if words[0] in {"-V", "--version"}:
        sys.stdout.write(f"pipeline {version()}\n")
        return 0
    verb = _verb(words[0])
    import importlib  # noqa: PLC0415 - only the verb's own module is wanted
    from pathlib import Path  # noqa: PLC0415

    from pipeline.cli.parser import make_parser  # noqa: PLC0415
    from pipeline.cli.session import Session  # noqa: PLC0415

    module: VerbModule = importlib.import_module(f"pipeline.cli.{verb.module}")
    parser = make_parser(verb.name, verb.summary)
    module.add_arguments(parser)
    arguments = parser.parse_args(words[1:])
    with Session(arguments, out, dict(os.environ), Path.cwd()) as session:
        return module.run(arguments, session)


def _verb(word: str) -> Verb:
    import difflib  # noqa: PLC0415 - only for a refusal

    for verb in VERBS:
        if verb.name == word:
            return verb
    near = difflib.get_close_matches(word, [verb.name for verb in VERBS], n=1)
    hint = f"did you mean `pipeline {near[0]}`?" if near else "see `pipeline --help`"
    raise UsageError(f"there is no verb `{word}`", hint=hint)


def _overview() -> str:
    width = max(len(verb.name) for verb in VERBS)
    rows = "\n".join(f"  {verb.name:{width}}  {verb.summary}" for verb in VERBS)
    return (
        "usage: pipeline VERB ... | --version | --help\n\n"
        "A hermetic build and release pipeline for Python packages.\n\n"
        f"verbs:\n{rows}\n\n"
        "`pipeline VERB --help` lists a verb's flags. Results go to standard output, all else to\n"
        "standard error. Exit codes: 0 done, 1 a stage failed, 2 usage or configuration, 3 lock\n"
        "stale or missing, 4 verification mismatch, 5 network, 6 engine unavailable, 7 release\n"
        "refused, 70 a bug, 130 interrupted.\n"
    )


def _refuse(error: PipelineError, words: list[str], out: Console) -> int:
    """Print an expected failure; with ``--json`` as a document too."""
    out.error(error)
    if "--json" in words:
        import json  # noqa: PLC0415 - only where it is asked for

        document = {
            "message": error.message,
            "where": error.where,
            "hint": error.hint,
            "detail": list(error.detail),
            "exit_code": error.exit_code,
        }
        sys.stdout.write(json.dumps({"error": document}, indent=2) + "\n")
    return error.exit_code


def _bug(words: list[str]) -> int:
    import shlex  # noqa: PLC0415 - only for a bug
    import traceback  # noqa: PLC0415 - only for a bug

    traceback.print_exc()
    sys.stderr.write(
        "error: this is a bug in pipeline\n"
        "hint: report it with the lines above and the following\n"
        f"  command: pipeline {shlex.join(words)}\n"
        f"  version: {version()}, Python {sys.version.split()[0]}, {os.uname().release}\n"
    )
    return BUG
