"""What an index would say of files: of the archives, and of the form that is sent with each.

`pipeline.release.rehearsal` judges archives. The form is made by twine from the metadata, and the
public indexes look into it once more.
"""

from __future__ import annotations

import re
import tarfile
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from packaging.version import Version
from trove_classifiers import classifiers, deprecated_classifiers

from pipeline.errors import ReleaseRefusedError
from pipeline.publishing.uploads import package_of
from pipeline.release.index_rules import SIZE_LIMIT
from pipeline.release.rehearsal import Verdict, rehearse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from packaging.metadata import RawMetadata

PUBLIC = frozenset({"pypi", "testpypi"})
"""The repositories that twine knows by itself; the owner of any other makes its rules."""

PRIVATE = "Private ::"
URL_LABEL_LIMIT = 32
LICENSE_FILES_SINCE = Version("2.4")
ADDRESS = re.compile(r"(.*<)?[^\s<>@,]+@[^\s<>@,]+\.[^\s<>@,]+>?")
"""What an address of mail looks like, with or without a name before it."""


def judged(
    files: Mapping[str, Path], *, public: bool, size_limit: int = SIZE_LIMIT
) -> tuple[Verdict, ...]:
    """Return a verdict for each file, by the rules of the public indexes or by those of any.

    ``files`` gives the place of each, which must bear the file's own name. ``size_limit`` in bytes.
    """
    verdicts = rehearse(files, size_limit=size_limit, public=public)
    return tuple(
        _with_form(verdict, files[verdict.file], public=public) if verdict.accepted else verdict
        for verdict in verdicts
    )


def _with_form(verdict: Verdict, path: Path, *, public: bool) -> Verdict:
    try:
        package = package_of(path)
    except ReleaseRefusedError as error:
        return replace(verdict, accepted=False, remarks=(error.message, *verdict.remarks))
    found = tuple(_faults(package.metadata, path))
    told = (*found, *_doubts(package.metadata), *verdict.remarks)
    return replace(verdict, accepted=not (found and public), remarks=told)


def _faults(metadata: RawMetadata, path: Path) -> Iterator[str]:
    """Yield what public indexes refuse though the metadata's standard allows it."""
    for classifier in metadata.get("classifiers", ()):
        if classifier.startswith(PRIVATE):
            yield f"its classifier `{classifier}` keeps it off public indexes"
    for label, url in metadata.get("project_urls", {}).items():
        if len(label) > URL_LABEL_LIMIT:
            yield f"the label `{label}` of a URL is longer than {URL_LABEL_LIMIT} characters"
        if not _is_web(url):
            yield f"the project URL `{label}` is no `https://` or `http://` address"
    for mail in (metadata.get("author_email", ""), metadata.get("maintainer_email", "")):
        if mail and not all(ADDRESS.fullmatch(one.strip()) for one in mail.split(",")):
            yield f"`{mail}` is no list of mail addresses"
    yield from _licence_faults(metadata, path)


def _doubts(metadata: RawMetadata) -> Iterator[str]:
    """Yield classifiers that PyPI would refuse, had it still the list that we have.

    It may have a newer one, so that nothing is refused for that here.
    """
    for classifier in metadata.get("classifiers", ()):
        if classifier in deprecated_classifiers:
            instead = " or ".join(f"`{one}`" for one in deprecated_classifiers[classifier])
            words = f", in favour of {instead}" if instead else ""
            yield f"its classifier `{classifier}` is deprecated{words}: PyPI may refuse it"
        elif classifier not in classifiers and not classifier.startswith(PRIVATE):
            yield f"its classifier `{classifier}` is not known: PyPI refuses those it does not know"


def _licence_faults(metadata: RawMetadata, path: Path) -> Iterator[str]:
    if Version(metadata.get("metadata_version", "1.0")) < LICENSE_FILES_SINCE:
        return
    names = _names(path)
    for name in metadata.get("license_files", ()):
        if not any(member.endswith(f"/{name}") for member in names):
            yield f"its metadata names the licence file `{name}`, which is not in it (PEP 639)"


def _is_web(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _names(path: Path) -> list[str]:
    """Return where licence files may stand: in a wheel below ``licenses``, in an sdist anywhere."""
    if path.name.endswith(".whl"):
        with zipfile.ZipFile(path) as wheel:
            return [name for name in wheel.namelist() if ".dist-info/licenses/" in name]
    with tarfile.open(path) as sdist:
        return sdist.getnames()
