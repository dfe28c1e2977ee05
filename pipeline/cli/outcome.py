"""Printing a run's report. Shared by real runs and by those answered from a record."""

from __future__ import annotations

import os
import sys

from pipeline.cli.findings import findings_lines
from pipeline.console import human_seconds, human_size, stdout_width, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pipeline.cli.summary import Document
    from pipeline.console import Console
    from pipeline.errors import PipelineError

    Audited = tuple[str, list[dict[str, str]]]


def show(document: Document, console: Console, *, as_json: bool) -> None:
    """Print what came of a run: the document on stdout, or results there and words on stderr."""
    if console.github:
        from pipeline.cli.summary import markdown  # noqa: PLC0415 - only where it is read

        console.summary(markdown(document))
    if as_json:
        show_json(document)
        return
    for cell in document["cells"]:
        console.outcome(cell["cell"], cell["status"], cell["seconds"])
        for remark in cell["remarks"]:
            console.warning(f"{cell['cell']}: {remark}")
    audited = _findings(document)
    if console.github:
        _annotate(audited, console)
    sections = [cell["text"].strip("\n") for cell in document["cells"] if cell.get("text")]
    if audited:
        sections.append("\n".join(findings_lines(audited, stdout_width())))
    files = _files(document)
    placed = any(output["placed"] for output in _outputs(document))
    if files and (placed or not _failed(document)):
        sections.append("\n".join(table(("file", "size", "sha256"), files, "lr", yields=2)))
    if sections:
        sys.stdout.write("\n\n".join(sections) + "\n")
        sys.stdout.flush()  # so that it stands before the last words also where both are one file
    if _failed(document) and files and not (placed or document["draft"]):
        console.info("no file was placed, as a cell failed; `--keep-going` places what was made")
    console.info(_conclusion(document))


def _failed(document: Document) -> int:
    """Return how many cells failed."""
    return sum(cell["status"] == "failed" for cell in document["cells"])


def _conclusion(document: Document) -> str:
    took = human_seconds(document["seconds"])
    if failed := _failed(document):
        count = len(document["cells"])
        return f"failed after {took}" + (f" ({failed} of {count} cells)" if count > 1 else "")
    return f"done in {took}" + (", as a draft: nothing was changed" if document["draft"] else "")


def show_json(document: Document) -> None:
    """Print the one document that a verb with ``--json`` leaves on standard output."""
    import json  # noqa: PLC0415 - a quarter of a run with nothing to do

    sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")


def conclude(
    document: Document, failure: PipelineError | None, console: Console, *, as_json: bool
) -> int:
    """End a verb that found something out: its document, where asked for, and what is wrong.

    Return the exit code. The failure stands in the document itself, so that there is one only.
    """
    if as_json:
        show_json(document | {"error": failure.document()} if failure else document)
    if failure is None:
        return 0
    console.error(failure)
    return failure.exit_code


def _outputs(document: Document) -> list[Document]:
    """Return the files that were made, each once."""
    outputs = {o["path"]: o for cell in document["cells"] for o in cell["outputs"]}
    return list(outputs.values())


def _files(document: Document) -> list[tuple[str, str, str]]:
    return [
        (_shown(o["path"]) if o["placed"] else o["name"], human_size(o["size"]), o["sha256"])
        for o in _outputs(document)
    ]


def _findings(document: Document) -> list[Audited]:
    """Return the files that an audit remarked something of, each once, with its findings."""
    return [(o["name"], o["findings"]) for o in _outputs(document) if o["findings"]]


def _annotate(audited: list[Audited], console: Console) -> None:
    """Say findings as warnings, which GitHub shows beside the job."""
    for name, findings in audited:
        for found in findings:
            console.warning(f"{name}: {found['rule']}: {found['message']}")


def _shown(path: str) -> str:
    """Return a path as short as it can be told from here."""
    return min(path, os.path.relpath(path), key=len)
