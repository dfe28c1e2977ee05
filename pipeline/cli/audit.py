"""``pipeline audit``: what any wheel or sdist says of itself, and whether it is true."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.findings import findings_lines
from pipeline.cli.outcome import conclude
from pipeline.console import human_size, stdout_width
from pipeline.errors import UsageError, VerificationError
from pipeline.wheels.audit import audit
from pipeline.wheels.findings import finding

if TYPE_CHECKING:
    import argparse

    from pipeline.cli.session import Session
    from pipeline.cli.summary import Document

EXAMPLES = (
    ("pipeline audit dist/*", "all that was made"),
    ("pipeline audit some-1.0-py3-none-any.whl --json", "for scripts"),
)
KINDS = (".whl", ".tar.gz")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="a wheel or an sdist; no project needed"
    )
    parser.add_argument(
        "--allow-startup",
        action="append",
        default=[],
        metavar="NAME",
        help="a .pth or .start file that may be in a wheel's root",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="judge files as stages judge what they build, rather than as indexes do",
    )


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Audit each file; exit 4 when one of them must not be released."""
    allowed = frozenset(arguments.allow_startup)
    found = [_audited(file, allowed, built=arguments.strict) for file in arguments.files]
    if not arguments.json:
        for document in found:
            print("\n".join(_lines(document)))
    bad = [document for document in found if _is_bad(document)]
    failure = None
    if bad:
        failure = VerificationError(f"{len(bad)} of {len(found)} files must not be released")
    return conclude({"files": found}, failure, session.console, as_json=arguments.json)


def _audited(file: Path, allowed: frozenset[str], *, built: bool) -> Document:
    """Return all facts and findings of a file; UsageError for what is neither wheel nor sdist."""
    if file.is_dir():
        hint = f"name the files in it: `pipeline audit {file}/*.whl {file}/*.tar.gz`"
        raise UsageError(f"`{file}` is a directory", hint=hint)
    if not file.is_file():
        raise UsageError(f"cannot find the file `{file}`", hint="name wheels and sdists")
    if not file.name.endswith(KINDS):
        raise UsageError(
            f"`{file}` is neither a wheel nor an sdist, going by its name",
            hint="a wheel ends with `.whl`, an sdist with `.tar.gz`",
        )
    try:
        document = asdict(audit(file, allow_startup=allowed, built=built))
    except VerificationError as error:
        words = ": ".join((error.message, *error.detail))
        document = {"file_name": file.name, "findings": [asdict(finding("malformed", words))]}
    del document["file_name"]
    document.pop("description", None)
    return {"file": str(file), **document}


def _is_bad(document: Document) -> bool:
    return any(found["level"] == "error" for found in document["findings"])


def _lines(document: Document) -> list[str]:
    facts = [document["file"]]
    if "size" in document:
        facts.append(f"{human_size(document['size'])}, unpacked {human_size(document['unpacked'])}")
    if document.get("glibc"):
        facts.append(f"needs glibc {document['glibc']}")
    if not document["findings"]:
        facts.append("no findings")
    heading = "; ".join(facts)
    return findings_lines([(heading, document["findings"])], stdout_width()) or [heading]
