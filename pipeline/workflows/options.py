"""What a person chooses about a project's workflows, and how the files remember it.

The first line of a written file holds the call that wrote it. So `pipeline ci check` needs no
flags, and a file without that line is somebody else's.
"""

from __future__ import annotations

import argparse
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

MARKER = re.compile(r"# Written by `pipeline ci init(?P<flags>[^`]*)`")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The flags of ``pipeline ci init``; what is not said here follows from ``pipeline.yaml``.

    ``secret`` names a GitHub secret that holds the index's token; without one the index trusts
    the workflow itself. ``private`` is for repositories that cannot be read without a token.
    ``runners`` pairs a target with the label of the machines that build for it. ``update`` is how
    many days old a package has to be to be taken by the workflow that keeps the lock fresh; 0 for
    no such workflow.
    """

    branch: str = "main"
    engine: Literal["auto", "docker"] = "auto"
    environment: str = "release"
    launcher: str = "./pipelinew"
    private: bool = False
    runners: tuple[tuple[str, str], ...] = ()
    secret: str = ""
    stages: tuple[str, ...] = ()
    update: int = 0

    @property
    def flags(self) -> tuple[str, ...]:
        """The words of the command line that choose this, in one order."""
        usual = Options()
        words: list[str] = []
        for name in ("branch", "engine", "environment", "launcher", "secret"):
            if (value := getattr(self, name)) != getattr(usual, name):
                words += [f"--{name}", value]
        words += ["--private"] if self.private else []
        for target, label in self.runners:
            words += ["--runner", f"{target}={label}"]
        for stage in self.stages:
            words += ["--stage", stage]
        words += ["--update", str(self.update)] if self.update else []
        return tuple(words)

    @property
    def marker(self) -> str:
        """The first line of every file that is written with these options."""
        call = " ".join(("pipeline ci init", *map(shlex.quote, self.flags)))
        return f"# Written by `{call}`; `pipeline ci check` says when it is behind."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    usual = Options()
    parser.add_argument(
        "--branch", type=_branch, default=usual.branch, help="init: branch that is built (main)"
    )
    parser.add_argument(
        "--engine",
        choices=("auto", "docker"),
        default=usual.engine,
        help="init: `docker` leaves the runners' user namespaces restricted",
    )
    parser.add_argument(
        "--environment",
        type=_word,
        default=usual.environment,
        help="init: GitHub environment that publishing is protected by (release)",
    )
    parser.add_argument(
        "--launcher",
        type=_path,
        default=usual.launcher,
        metavar="FILE",
        help="init: what starts pipeline in a clone (./pipelinew)",
    )
    parser.add_argument(
        "--private", action="store_true", help="init: the repository cannot be read by everyone"
    )
    parser.add_argument(
        "--runner",
        type=_runner,
        action="append",
        default=[],
        metavar="TARGET=LABEL",
        help="init, matrix: label of the machines that build for a target; may be repeated",
    )
    parser.add_argument(
        "--secret",
        type=_secret,
        default=usual.secret,
        metavar="NAME",
        help="init: secret with the index's token (default: trusted publishing, without one)",
    )
    parser.add_argument(
        "--stage",
        type=_stage,
        action="append",
        default=[],
        metavar="STAGE",
        help="init: ci.yml builds only this, and what publishing needs; may be repeated",
    )
    parser.add_argument(
        "--update",
        type=_days,
        default=usual.update,
        metavar="DAYS",
        help="init: write update.yml, which opens a pull request each week with a lock in which "
        "no Python package is younger than this",
    )


def options(arguments: argparse.Namespace) -> Options:
    """Return what the flags choose."""
    return Options(
        branch=arguments.branch,
        engine=arguments.engine,
        environment=arguments.environment,
        launcher=arguments.launcher,
        private=arguments.private,
        runners=tuple(sorted(dict(arguments.runner).items())),
        secret=arguments.secret,
        stages=tuple(arguments.stage),
        update=arguments.update,
    )


def remembered(text: str) -> Options | None:
    """Return the options a file was written with; None where it is not ours."""
    found = MARKER.match(text)
    if found is None:
        return None
    parser = _Parser(add_help=False, allow_abbrev=False)
    add_options(parser)
    try:
        return options(parser.parse_args(shlex.split(found["flags"])))
    except ValueError:
        return None


class _Parser(argparse.ArgumentParser):
    """A parser that leaves judging to its caller."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _checked(pattern: str, what: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise argparse.ArgumentTypeError(f"`{text}` is no {what}")
        return text

    return check


_word = _checked(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", "name of an environment")
_branch = _checked(r"[A-Za-z0-9_][A-Za-z0-9_./-]*", "name of a branch")
_path = _checked(
    r"(\./)?[A-Za-z0-9_][A-Za-z0-9_-]*([./][A-Za-z0-9_-]+)*", "path of a file of the repository"
)
_secret = _checked(r"([A-Za-z_][A-Za-z0-9_]*)?", "name of a secret")
_stage = _checked(r"[A-Za-z0-9_*?\[\],./-]+", "stage, glob or cell")
_pair = _checked(r"linux_(x86_64|arm64)=[A-Za-z0-9_][A-Za-z0-9_.-]*", "`TARGET=LABEL`")


def _days(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text):
        raise argparse.ArgumentTypeError(f"must be a number of days, not `{text}`")
    return int(text)


def _runner(text: str) -> tuple[str, str]:
    target, _, label = _pair(text).partition("=")
    return target, label
