"""The command line: picks the verb, and turns every failure into words and an exit code.

What every call imports does without `typing`, which would be a third of a call with nothing to do.
"""

from __future__ import annotations

import os
import sys

from pipeline.cli import noop
from pipeline.console import Console
from pipeline.errors import PipelineError, UsageError
from pipeline.start import open_standard_streams, version

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any, NoReturn, Protocol, TextIO

    from pipeline.cli.parser import Parser
    from pipeline.cli.session import Session

    class VerbModule(Protocol):
        """What a module of a verb has: examples for its help, its arguments and its work."""

        EXAMPLES: tuple[tuple[str, str], ...]

        def add_arguments(self, parser: argparse.ArgumentParser) -> None:
            """Declare the verb's flags."""

        def run(self, arguments: argparse.Namespace, session: Session) -> int:
            """Do it; return the exit code."""


INTERRUPTED = 130
BUG = 70


VERBS = {
    "run": "run stages: build, test, draft a release",
    "plan": "show what a run would do",
    "list": "list stages, cells, images and environments",
    "render": "write the Dockerfiles and their contexts",
    "lock": "resolve every package into pipeline.lock (network)",
    "export": "put environments where IDEs find them, or an image into one file",
    "fetch": "download what the lock names into the cache (network)",
    "dev": "work in a stage's image, with the checkout's packages editable",
    "exec": "run a command in a locked environment",
    "verify": "build a stage again from scratch and compare the bytes",
    "audit": "check any wheel or sdist, and show what is wrong with it",
    "changes": "write, check, preview, renumber and merge news fragments",
    "release": "say which version comes next; take back a half-made release",
    "cache": "look after the cache and the download cache; make bundles",
    "ci": "write, check and simulate workflows of GitHub Actions",
    "doctor": "say what works on this machine, and what to do about the rest",
    "schema": "print the JSON Schema of pipeline.yaml or of an image",
}
"""What each verb is for. Its module in this package has its name."""

EVERYWHERE = {"-C": True, "--directory": True, "--json": False}
"""Flags that every verb has and that may stand before it too, and whether a value follows them."""

ATTACHED = ("-C", "--directory=")
"""How those of them begin whose value is a part of the same word."""

EXIT_CODES = (
    (0, "done"),
    (1, "a stage failed, or the cache cannot be used"),
    (2, "wrong usage or configuration"),
    (3, "the lock is stale or missing"),
    (4, "verification failed: a digest or a file differs"),
    (5, "the network is needed, but off or unreachable"),
    (6, "no engine works on this machine"),
    (7, "a release or an upload was refused"),
    (BUG, "a bug in pipeline"),
    (INTERRUPTED, "interrupted"),
)


def console() -> NoReturn:
    """Entry point of the installed command."""
    open_standard_streams()
    sys.exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (without the program's name); return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    out = Console.for_stderr(os.environ)
    try:
        words = verb_first(words)
        code = _answer(words, out)
    except PipelineError as error:
        code = _refuse(error, words, out)
    except KeyboardInterrupt:
        out.info("interrupted")
        _say_in_json({"message": "interrupted", "exit_code": INTERRUPTED}, words)
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the one place that sees everything
        if isinstance(error, OSError) and _cannot_print():
            code = PipelineError.exit_code
        else:
            code = _bug(words, out)
    return _flushed(code, out)


def verb_first(words: list[str]) -> list[str]:
    """Return a command line whose flags of every verb stand behind it: ``run -C x``.

    So all that reads the words, records of earlier runs included, sees one order of them.
    """
    if not words or not (words[0] in EVERYWHERE or words[0].startswith(ATTACHED)):
        return words
    end = 0
    while end < len(words) and words[end].startswith("-"):
        flag = words[end]
        if EVERYWHERE.get(flag) and end + 1 == len(words):
            raise UsageError(f"`{flag}` needs a directory", hint=f"`pipeline {flag} DIR VERB`")
        if flag in EVERYWHERE:
            end += 1 + EVERYWHERE[flag]
        elif flag.startswith(ATTACHED):
            end += 1
        else:
            break
    if end == len(words):
        raise UsageError(f"no verb follows `{' '.join(words)}`", hint="see `pipeline --help`")
    return [words[end], *words[:end], *words[end + 1 :]]


def _flushed(code: int, out: Console) -> int:
    """Write out what is printed, here and not at exit, where no failure could be told any more.

    Nothing is said of a reader that has gone, such as ``head``, and nothing could be said of
    standard error.
    """
    if error := _failure_of(sys.stdout):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = code or PipelineError.exit_code
        if not isinstance(error, BrokenPipeError):
            out.error(PipelineError(f"standard output cannot be written: {error.strerror}"))
    if _failure_of(sys.stderr):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    return code


def _cannot_print() -> bool:
    """Whether it was standard output that failed, which the error itself does not say.

    A text that was too long to be buffered is dropped with its error, so one more is written.
    """
    try:
        sys.stdout.write("\n")
    except OSError:
        return True
    return _failure_of(sys.stdout) is not None


def _failure_of(stream: TextIO) -> OSError | None:
    """Return why a stream cannot be written: what is buffered stays so until it is."""
    try:
        stream.flush()
    except OSError as error:
        return error
    return None


def _answer(words: list[str], out: Console) -> int:
    """Show the report of a run that has nothing to do, or do what the words say."""
    if words[:1] == ["run"] and (report := noop.recorded(words)):
        from pipeline.cli.outcome import show  # noqa: PLC0415

        show(report, out, as_json="--json" in words)
        return 0
    if words[:1] == ["exec"]:
        from pipeline.cli.entering import enter_recorded  # noqa: PLC0415

        enter_recorded(words, os.environ)
    if words[:1] == ["export"]:
        from pipeline.cli.relinking import exported_again, shown  # noqa: PLC0415

        if done := exported_again(words[1:], os.environ):
            print(shown(done))
            return 0
    return _dispatch(words, out)


def _dispatch(words: list[str], out: Console) -> int:
    if words[:1] == ["help"] and len(words) > 1:
        words = [words[1], "--help"]
    if not words:
        out.say_plain(_overview().rstrip("\n"))
        return UsageError.exit_code
    if words[0] in {"-h", "--help", "help"}:
        sys.stdout.write(_overview())
        return 0
    if words[0] in {"-V", "--version"}:
        sys.stdout.write(f"pipeline {version()}\n")
        return 0
    module, parser = load(_known(words[0]))
    from pathlib import Path  # noqa: PLC0415 - nothing heavy before it is known what is wanted

    from pipeline.cli.session import Session  # noqa: PLC0415

    try:
        arguments = parser.parse_all(words[1:])
    except SystemExit:  # argparse printed the help
        return 0
    _heed_one_interrupt()
    with Session(arguments, out, dict(os.environ), Path.cwd(), words) as session:
        return module.run(arguments, session)


def _heed_one_interrupt() -> None:
    """Let the first Ctrl-C end the run; further ones must not cut short what cleans up after it."""
    import signal  # noqa: PLC0415 - a run with nothing to do does without

    def interrupt(number: int, frame: object) -> NoReturn:
        del frame
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler and _is_main_thread():
        signal.signal(signal.SIGINT, interrupt)


def _is_main_thread() -> bool:
    import threading  # noqa: PLC0415 - as above

    return threading.current_thread() is threading.main_thread()


def load(verb: str) -> tuple[VerbModule, Parser]:
    """Import a verb's module, and no other one; return it with its parser."""
    import importlib  # noqa: PLC0415 - as in `_dispatch`

    from pipeline.cli.parser import make_parser  # noqa: PLC0415

    module: VerbModule = importlib.import_module(f"pipeline.cli.{verb}")
    parser = make_parser(verb, VERBS[verb], module.EXAMPLES)
    module.add_arguments(parser)
    return module, parser


def _known(word: str) -> str:
    if word in VERBS:
        return word
    if word.startswith("-"):
        raise UsageError(
            f"`{word}` stands where a verb is expected",
            hint=f"flags of a verb stand behind it: `pipeline VERB {word}`",
        )
    import difflib  # noqa: PLC0415 - only for a refusal

    near = difflib.get_close_matches(word, VERBS, n=1)
    hint = f"did you mean `pipeline {near[0]}`?" if near else "see `pipeline --help`"
    raise UsageError(f"unknown verb `{word}`", hint=hint)


def _overview() -> str:
    width = max(len(verb) for verb in VERBS)
    rows = "\n".join(f"  {verb:{width}}  {summary}" for verb, summary in VERBS.items())
    codes = "\n".join(f"  {code:>{width}}  {meaning}" for code, meaning in EXIT_CODES)
    return (
        "usage: pipeline VERB ... | --version | --help\n\n"
        "A hermetic build and release pipeline for Python packages.\n\n"
        f"verbs:\n{rows}\n\n"
        "`pipeline VERB --help` lists a verb's flags, with examples. Results go to\n"
        "standard output, all else to standard error.\n\n"
        f"exit codes:\n{codes}\n"
    )


def _refuse(error: PipelineError, words: list[str], out: Console) -> int:
    """Print an expected failure; with ``--json`` as a document too."""
    out.error(error)
    _say_in_json(error.document(), words)
    return error.exit_code


def _say_in_json(error: dict[str, Any], words: list[str]) -> None:
    """Print the document that ``--json`` promises, as far as it can be written."""
    if "--json" in own_words(words):
        from contextlib import suppress  # noqa: PLC0415 - only for a failure

        from pipeline.cli.outcome import show_json  # noqa: PLC0415

        with suppress(OSError):
            show_json({"error": error})


def own_words(words: list[str]) -> list[str]:
    """Return the words before a command that is handed on, whose flags are its own."""
    if "--" in words:
        words = words[: words.index("--")]
    if words[:1] != ["exec"]:
        return words
    end = 1
    while end < len(words) and words[end].startswith("-"):
        end += 2 if words[end] in {"-e", "--environment", "-C", "--directory"} else 1
    return words[:end]


def _bug(words: list[str], out: Console) -> int:
    from pipeline.cli.crash import report  # noqa: PLC0415 - only for a bug

    out.say_plain(report(words, os.environ).rstrip("\n"))
    _say_in_json({"message": "this is a bug in pipeline", "exit_code": BUG}, words)
    return BUG
