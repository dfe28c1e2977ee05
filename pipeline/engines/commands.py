"""RUN: the words that are executed and the variables they see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.dockerfile.lexing import heredoc_word
from pipeline.engines.union import Leaf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.dockerfile.instructions import Run
    from pipeline.engines.union import Union

SCRIPTS = "/run/pipes"
"""Where an inline document that begins with ``#!`` is executed (BuildKit: ``/dev/pipes``)."""

EPOCH = "SOURCE_DATE_EPOCH"


def words(run: Run, shell: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is executed. Heredocs are the shell's, but for a lone one: it is the script."""
    if not isinstance(run.command, str):
        return run.command
    if not run.documents:
        return (*shell, run.command)
    if lone := script(run):
        name, text = lone
        return (*shell, f"{SCRIPTS}/{name}" if text.startswith("#!") else text)
    documents = "".join(f"\n{each.text}{each.name}" for each in run.documents)
    return (*shell, run.command + documents)


def script(run: Run) -> tuple[str, str] | None:
    """Return name and text of the inline document that is the whole command, if one is."""
    if isinstance(run.command, str) and run.documents and heredoc_word(run.command):
        return run.documents[0].name, run.documents[0].content
    return None


def variables(env: Mapping[str, str], view: Union) -> tuple[tuple[str, str], ...]:
    """Return a step's whole environment: the stage's, and HOME as runc sets it."""
    return tuple(({"HOME": home(view)} | dict(env)).items())


def home(view: Union) -> str:
    """Return root's home directory from ``/etc/passwd``, ``/`` where it does not say."""
    node = view.find("/etc/passwd").node
    if isinstance(node, Leaf) and node.is_file:
        with open(node.host, encoding="utf-8", errors="replace") as stream:
            for line in stream:
                fields = line.rstrip("\n").split(":")
                if len(fields) >= 6 and fields[2] == "0":
                    return fields[5] or "/"
    return "/"
