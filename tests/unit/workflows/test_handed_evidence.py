"""What jobs say about their files travels with them, held to the same digests."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.errors import VerificationError
from pipeline.workflows.collect import collect
from pipeline.workflows.files import texts
from pipeline.workflows.matrix import manifest
from pipeline.workflows.options import Options
from tests.unit.workflows.projects import ATTESTS, project

if TYPE_CHECKING:
    from pathlib import Path

SAID = "provenance/a.whl.provenance.json"


def row(name: str, data: bytes) -> dict[str, Any]:
    return {"name": name, "sha256": sha256(data).hexdigest(), "size": len(data)}


def needs(**jobs: bytes) -> dict[str, Any]:
    """Return what machines hand over that made the same wheel, each with its own words about it."""
    outputs = {}
    for target, said in jobs.items():
        output = row("a.whl", b"wheel") | {"placed": True}
        cell = {"cell": "wheel", "outputs": [output], "provenance": [row(SAID, said)]}
        outputs[target] = json.dumps(manifest({"cells": [cell]}))
    return {"build": {"result": "success", "outputs": outputs}}


def lay(root: Path, **artifacts: bytes) -> Path:
    for artifact, said in artifacts.items():
        place = root / f"dist-{artifact}"
        (place / "provenance").mkdir(parents=True)
        (place / "a.whl").write_bytes(b"wheel")
        (place / SAID).write_bytes(said)
    return root


def test_what_two_machines_say_of_one_file_is_no_contradiction(tmp_path: Path) -> None:
    found = collect(needs(x=b"by x", y=b"by y"), lay(tmp_path, x=b"by x", y=b"by y"))
    assert [made.name for made in found.files] == ["a.whl"]
    assert found.paths[SAID].read_bytes() == b"by x"


def test_a_statement_that_no_job_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="is not a file that a job said it built"):
        collect(needs(x=b"by x"), lay(tmp_path, x=b"by somebody else"))


def test_an_attestation_may_lie_beside_a_file_that_was_built(tmp_path: Path) -> None:
    place = lay(tmp_path, x=b"by x") / "dist-x"
    (place / "a.whl.publish.attestation").write_text("{}")
    assert "a.whl.publish.attestation" in collect(needs(x=b"by x"), tmp_path).paths
    (place / "b.whl.publish.attestation").write_text("{}")
    with pytest.raises(VerificationError, match="is not a file that a job said it built"):
        collect(needs(x=b"by x"), tmp_path)


def publishing(root: Path, options: Options, head: str = ATTESTS) -> str:
    """Return the publishing job of a project's workflow, as text."""
    text = texts(project(root, head=head), options)[".github/workflows/release.yml"]
    return text[text.index("  publish:\n") : text.index("  release:\n")]


def test_a_project_that_declares_what_signs_has_its_files_signed(tmp_path: Path) -> None:
    job = publishing(tmp_path, Options())
    collected, signed, published = (
        job.index(words) for words in ("ci collect", "pypi_attestations sign", "ci publish dist")
    )
    assert collected < signed < published


def test_nothing_is_signed_where_there_is_no_identity(tmp_path: Path) -> None:
    assert "sign" not in publishing(tmp_path / "a", Options(secret="TOKEN"))  # noqa: S106 - a name
    assert "sign" not in publishing(tmp_path / "b", Options(), head="")
