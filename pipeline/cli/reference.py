"""The reference page of the command line, made from the parsers: `docs/reference/commands.md`.

A test compares the page with what this makes; `write` brings it up to date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.cli.documents import DOCUMENTS, ERROR, NOTES
from pipeline.cli.main import EXIT_CODES, VERBS, load

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

PAGE = "commands.md"

VARIABLES = (
    ("PIPELINE_CACHE_DIR", "the cache; else `pipeline` below `XDG_CACHE_HOME` or `~/.cache`"),
    ("PIPELINE_ENGINE", "the engine, as `--engine`, which stands above it"),
    ("PIPELINE_BUILDER", "the builder of the engine `buildkit`, as `--builder`"),
    (
        "DOCKER_*, BUILDX_*",
        "Docker's own: which daemon, context and configuration (logins too) are used",
    ),
    ("PIPELINE_DEBIAN_MIRROR", "Debian mirrors, as `--debian-mirror`, which stands above it"),
    ("PIPELINE_REGISTRY_MIRROR", "registries to ask for images that name none"),
    ("PIPELINE_DOWNLOAD_CACHE", "a directory in place of `project.download-cache`"),
    ("PIPELINE_DEBIAN_KEYRING", "the keys that Debian's Release files are checked with"),
    ("PIPELINE_REQUIRE_SERVICES", "tests fail, in place of being skipped, without an engine"),
    ("PIPELINE_PYTHON", "the Python that `./pipelinew` sets itself up with"),
    ("SOURCE_DATE_EPOCH", "the moment of a release: its date and epoch; else the present day"),
    ("PIP_*", "pip's own settings, and its configuration files: where Python files come from"),
    (
        "TWINE_REPOSITORY, TWINE_REPOSITORY_URL, TWINE_USERNAME, TWINE_PASSWORD, TWINE_CERT",
        "twine's own settings, and `.pypirc`: where to publish to, and as whom",
    ),
    ("PIPELINE_INDEX_URL", "the Simple API of the index that is published to, as `index-url`"),
    ("NO_COLOR, FORCE_COLOR, TERM, COLUMNS", "how output looks"),
    ("CI", "no line is drawn over another"),
    ("GITHUB_ACTIONS", "groups, annotations and a step summary for GitHub"),
)

_INTRODUCTION = """
# Commands

`pipeline VERB`, or `./pipelinew VERB` in a clone. Results go to standard output, all else to
standard error. A flag stands above an environment variable, that above `pipeline.yaml`, and that
above the machine's own settings.

`STAGE` is a stage's name, a glob (`test*`), or cells by values of their axes
(`wheel[linux_arm64,cp311]`); what they need is run too.
"""

_JSON = """
With `--json` a verb prints one JSON document on standard output, also when it fails. Keys may be
added to it; those shown stay.
"""


def page() -> str:
    """Return the page's text."""
    parts = [_INTRODUCTION, *_verbs(), "## Exit codes", _exit_codes()]
    parts += ["## Environment variables", _variables()]
    parts += ["## Failures as JSON", _JSON, _code("json", ERROR)]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def write(directory: Path) -> None:
    """Write the page into ``directory``."""
    (directory / PAGE).write_text(page(), encoding="utf-8")


def _verbs() -> Iterator[str]:
    for verb in VERBS:
        yield f"## `pipeline {verb}`"
        yield from _verb(verb)
    yield "## Every verb"
    _, parser = load("run")
    yield _table(("flag", "meaning"), [_row(a) for a in _actions(parser) if _common(a)])


def _verb(verb: str) -> Iterator[str]:
    module, parser = load(verb)
    yield f"{VERBS[verb][0].upper()}{VERBS[verb][1:]}."
    own = [action for action in _actions(parser) if not _common(action)]
    if own:
        yield _table(("argument", "meaning"), [_row(action) for action in own])
    width = max(len(command) for command, _ in module.EXAMPLES)
    yield _code("console", "\n".join(f"{c:{width}}  # {what}" for c, what in module.EXAMPLES))
    if document := DOCUMENTS.get(verb):
        yield "With `--json`:"
        yield _code("json", document)
        yield NOTES.get(verb, "")


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return parser._actions  # noqa: SLF001 - argparse has no public way to list them


def _common(action: argparse.Action) -> bool:
    return action.dest in {"help", "directory", "json"}


def _row(action: argparse.Action) -> tuple[str, str]:
    flags = ", ".join(f"`{name}`" for name in action.option_strings)
    takes = "" if action.nargs == 0 else _takes(action)
    return f"{flags} {takes}".strip(), action.help or ""


def _takes(action: argparse.Action) -> str:
    if action.choices and not action.metavar:
        return " or ".join(f"`{choice}`" for choice in action.choices)
    word = str(action.metavar or action.dest.upper())
    shapes = {"*": f"[{word}...]", "+": f"{word}...", "?": f"[{word}]"}
    return f"`{shapes.get(str(action.nargs), word)}`"


def _exit_codes() -> str:
    return _table(("code", "meaning"), [(str(code), meaning) for code, meaning in EXIT_CODES])


def _variables() -> str:
    rows = [
        (", ".join(f"`{name}`" for name in names.split(", ")), meaning)
        for names, meaning in VARIABLES
    ]
    return _table(("variable", "meaning"), rows)


def _table(headers: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    lines = [f"| {' | '.join(line)} |" for line in (headers, *rows)]
    return "\n".join([lines[0], "|---" * len(headers) + "|", *lines[1:]])


def _code(language: str, text: str) -> str:
    return f"```{language}\n{text.strip()}\n```"
