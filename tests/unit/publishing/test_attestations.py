"""Attestations that lie beside a file go with it, to an index that takes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from twine.utils import DEFAULT_REPOSITORY

from pipeline.errors import ReleaseRefusedError
from pipeline.publishing import attestations
from pipeline.publishing.preflight import checked
from pipeline.publishing.uploads import package_of
from tests.unit.publishing.making import candidates, wheel

if TYPE_CHECKING:
    from pathlib import Path

ATTESTATION = {"version": 1, "envelope": {"statement": "...", "signature": "..."}}


def attested(directory: Path, text: str) -> Path:
    made = wheel(directory)
    made.with_name(made.name + attestations.SUFFIX).write_text(text)
    return made


def sent(file: Path, url: str) -> object:
    package = package_of(file)
    attestations.attach(package, file, url)
    return package.metadata_dictionary().get("attestations")


def test_an_attestation_goes_with_its_file(tmp_path: Path) -> None:
    file = attested(tmp_path, json.dumps(ATTESTATION))
    assert json.loads(str(sent(file, DEFAULT_REPOSITORY))) == [ATTESTATION]


def test_other_indexes_are_not_sent_any(tmp_path: Path) -> None:
    file = attested(tmp_path, json.dumps(ATTESTATION))
    assert sent(file, "https://index.example/legacy/") is None


def test_a_file_without_one_goes_alone(tmp_path: Path) -> None:
    assert sent(wheel(tmp_path), DEFAULT_REPOSITORY) is None


@pytest.mark.parametrize("text", ["", "no json"])
def test_what_is_no_attestation_is_refused_before_the_upload(tmp_path: Path, text: str) -> None:
    with pytest.raises(ReleaseRefusedError, match="is no attestation"):
        sent(attested(tmp_path, text), DEFAULT_REPOSITORY)


def test_a_release_is_laid_out_with_what_lies_beside_its_files(tmp_path: Path) -> None:
    file = attested(tmp_path, json.dumps(ATTESTATION))
    with checked(candidates(file)) as release:
        (laid,) = release.files
        assert json.loads(str(sent(laid.path, DEFAULT_REPOSITORY))) == [ATTESTATION]
