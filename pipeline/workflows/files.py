"""The workflow files of a project: their text, and how what lies there differs from it.

The text is made from the options and from what ``pipeline.yaml`` declares: the form of tags, stages
that publish, stages that draft notes. What is built, and where, is not in it: that is planned when
the workflow runs.
"""

from __future__ import annotations

import difflib
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.config.stages import ChangelogStage, PublishStage
from pipeline.errors import ConfigError, UsageError
from pipeline.workflows.matrix import RUNNERS
from pipeline.workflows.options import remembered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.config.model import Pipeline
    from pipeline.workflows.options import Options

DIRECTORY = ".github/workflows"
NAMES = ("ci.yml", "release.yml", "update.yml")
TEMPLATES = Path(__file__).resolve().parent.parent / "templates" / "workflows"

PINS = {
    "checkout": ("actions/checkout", "3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "download": ("actions/download-artifact", "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "upload": ("actions/upload-artifact", "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"),
}
"""The only actions used. A tag can be moved to another commit; a commit cannot."""

ATTEST = "attest"
"""The environment that signs files: where a project declares it, the publishing job does."""

_PIN = re.compile(r"(?P<action>[\w./-]+)@[0-9a-f]{40}(?P<rest>.* # )v[\w.+-]+")


class Drift(NamedTuple):
    """How a file differs from what would be written; ``diff`` has no ends of line."""

    file: str
    reason: str
    diff: tuple[str, ...] = ()


def texts(pipeline: Pipeline, options: Options) -> Mapping[str, str]:
    """Return the text of each workflow, by its path in the repository.

    A project without a publishing stage has none that releases. Raises UsageError where the
    launcher is missing, ConfigError for a tag that GitHub cannot be told.
    """
    if not (pipeline.root / options.launcher).is_file():
        raise UsageError(
            f"there is no `{options.launcher}`, which the workflow would start",
            hint="name the program that starts pipeline in a clone with `--launcher FILE`",
        )
    publish = [s.name for s in pipeline.stages.values() if isinstance(s, PublishStage)]
    values = _values(pipeline, options)
    planned = {"ci": [*publish, *options.stages] if options.stages else []}
    if publish:
        planned["release"] = publish
    if options.update:
        planned["update"] = []
    return {
        f"{DIRECTORY}/{name}.yml": _render(
            name, values | {"publishes": bool(publish), "stages": _shell(stages)}
        )
        for name, stages in planned.items()
    }


def drifts(pipeline: Pipeline) -> tuple[Drift, ...]:
    """Return how the files of a project are behind ``pipeline.yaml`` or the tool.

    The commit an action is pinned to does not count, so that others may move it on.
    """
    found = {name: _read(pipeline.root / DIRECTORY / name) for name in NAMES}
    ours = {name: options for name, text in found.items() if (options := remembered(text or ""))}
    if not ours:
        return (Drift(file=f"{DIRECTORY}/ci.yml", reason="was not written by `pipeline ci init`"),)
    wanted = texts(pipeline, next(iter(ours.values())))
    return tuple(
        drift
        for file, text in wanted.items()
        if (drift := _drift(file, found[Path(file).name], text))
    )


def _drift(file: str, found: str | None, wanted: str) -> Drift | None:
    if found is None:
        return Drift(file=file, reason="is missing")
    if remembered(found) is None:
        return Drift(file=file, reason="was not written by `pipeline ci init`")
    wanted = _with_pins_of(found, wanted)
    if found == wanted:
        return None
    lines = difflib.unified_diff(
        found.splitlines(), wanted.splitlines(), f"{file} (there)", f"{file} (wanted)", lineterm=""
    )
    return Drift(file=file, reason="is not as it would be written", diff=tuple(lines))


def _with_pins_of(found: str, wanted: str) -> str:
    pins = {match["action"] + match["rest"]: match[0] for match in _PIN.finditer(found)}
    return _PIN.sub(lambda match: pins.get(match["action"] + match["rest"], match[0]), wanted)


def is_ours(file: Path) -> bool:
    """Whether a file may be written over: it is not there, or `pipeline ci init` wrote it."""
    text = _read(file)
    return text is None or remembered(text) is not None


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"`{file}` cannot be read: {error.strerror}") from error


def _values(pipeline: Pipeline, options: Options) -> dict[str, object]:
    runners = [word for pair in options.runners for word in ("--runner", "=".join(pair))]
    return {
        "pins": {name: f"{action}@{commit}" for name, (action, commit, _) in PINS.items()},
        "versions": {name: version for name, (_, _, version) in PINS.items()},
        "marker": options.marker,
        "branches": f'["{options.branch}"]',
        "tags": f'["{_tags(pipeline)}"]',
        "tool": options.launcher,
        "runner": dict(options.runners).get("linux_x86_64", RUNNERS["linux_x86_64"]),
        "runners": _shell(runners),
        "outputs": ", ".join(f'{t}: "${{{{ steps.build.outputs.{t} }}}}"' for t in RUNNERS),
        "sandbox": "docker" not in {options.engine, pipeline.engine},
        "flags": "--engine docker " if options.engine == "docker" else "",
        "fragments": any(isinstance(s, ChangelogStage) for s in pipeline.stages.values()),
        "depth": "",
        "environment": options.environment,
        "private": options.private,
        "secret": options.secret,
        "update": options.update,
        "attest": ATTEST if ATTEST in pipeline.environments and not options.secret else "",
    }


def _tags(pipeline: Pipeline) -> str:
    """Return the pattern of the project's tags: a version starts with a digit (PEP 440)."""
    before, _, after = pipeline.project.tag.partition("{version}")
    if not re.fullmatch(r"[A-Za-z0-9._/@=-]*", before + after):
        raise ConfigError(
            f"the tag `{pipeline.project.tag}` cannot be a pattern of GitHub's",
            where=pipeline.where("project", "tag"),
            hint="use letters, digits, `.`, `_`, `-`, `/`, `@` and `=` beside `{version}`",
        )
    return f"{before}[0-9]*{after}"


def _shell(words: Iterable[str]) -> str:
    """Return words for a shell, each with a blank behind it."""
    return "".join(f"{shlex.quote(word)} " for word in words)


def _render(name: str, values: Mapping[str, object]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - see render

    environment = Environment(  # noqa: S701 - YAML is no HTML
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(f"{name}.yml.j2").render(values)
