"""What an index would say of files: of the archives, and of the form that is sent with each.

`pipeline.release.rehearsal` judges archives. The form is made by twine from the metadata, and the
public indexes look into it once more.
"""

from __future__ import annotations

import configparser
import email.utils
import re
import tarfile
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement
from trove_classifiers import classifiers, deprecated_classifiers

from pipeline.errors import ReleaseRefusedError
from pipeline.publishing.uploads import package_of
from pipeline.release.index_rules import SIZE_LIMIT
from pipeline.release.rehearsal import Verdict, rehearse
from pipeline.wheels.metadata import has_license_files, parse_requirement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from packaging.metadata import RawMetadata

PUBLIC = frozenset({"pypi", "testpypi"})
"""The repositories that twine knows by itself; the owner of any other makes its rules."""

PRIVATE = "Private ::"
URL_LABEL_LIMIT = 32
ENTRY_POINTS = ".dist-info/entry_points.txt"
SCRIPTS = ("console_scripts", "gui_scripts")
COMMAND = re.compile(r"[\w.-]+")
ADDRESS = re.compile(
    r'[^\s<>@,"]+@[^\s<>@,"]+\.(?!(?:arpa|invalid|local|localhost|onion|test)$)[^\s<>@,."]+'
)
"""What an address of mail looks like to an index, which takes none below a domain that IANA keeps
for private or special use."""


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
    yield from _url_faults(metadata)
    for mail, addresses in _addresses(metadata):
        if len(addresses) == 1 and not ADDRESS.fullmatch(addresses[0]):  # of more PyPI reads none
            yield f"`{mail}` is no mail address"
    for requirement in (*metadata.get("provides_dist", ()), *metadata.get("obsoletes_dist", ())):
        if not _is_plain_requirement(requirement):
            yield f"`{requirement}`, which it provides or obsoletes, is no requirement by name"
    if metadata.get("license") and metadata.get("license_expression"):
        yield "it has both `License` and `License-Expression`, of which PEP 639 allows the second"
    yield from _licence_faults(metadata, path)
    yield from _script_faults(path)


def _script_faults(path: Path) -> Iterator[str]:
    """Yield what is wrong with a wheel's entry points, whose commands become names of files."""
    if not path.name.endswith(".whl"):
        return
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if name.endswith(ENTRY_POINTS)]
        data = wheel.read(names[0]) if names else b""
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its docs have it
    try:
        parser.read_string(data.decode())
    except (UnicodeDecodeError, configparser.Error) as error:
        yield f"its `entry_points.txt` cannot be read: {str(error).splitlines()[0]}"
        return
    for section in SCRIPTS:
        for name in parser.options(section) if parser.has_section(section) else ():
            if not COMMAND.fullmatch(name):
                yield f"its command `{name}` has other than letters, digits, `_`, `.` and `-`"


def _url_faults(metadata: RawMetadata) -> Iterator[str]:
    for field, url in (
        ("Home-page", metadata.get("home_page", "")),
        ("Download-URL", metadata.get("download_url", "")),
    ):
        if url and not _is_web(url):
            yield f"its `{field}` is no `https://` or `http://` address"
    for label, url in metadata.get("project_urls", {}).items():
        if not label:
            yield f"the project URL `{url}` has no label"
        if len(label) > URL_LABEL_LIMIT:
            yield f"the label `{label}` of a URL is longer than {URL_LABEL_LIMIT} characters"
        if not _is_web(url):
            yield f"the project URL `{label}` is no `https://` or `http://` address"


def _doubts(metadata: RawMetadata) -> Iterator[str]:
    """Yield what a person should look at.

    These are classifiers that PyPI would refuse, had it still the list that we have: it may have
    a newer one, so that nothing is refused for that here. And lists of addresses that are none.
    """
    for mail, addresses in _addresses(metadata):
        if len(addresses) != 1 and not all(ADDRESS.fullmatch(one) for one in addresses):
            yield f"`{mail}` is no list of mail addresses; a name with a comma has to be quoted"
    for classifier in metadata.get("classifiers", ()):
        if classifier in deprecated_classifiers:
            instead = " or ".join(f"`{one}`" for one in deprecated_classifiers[classifier])
            words = f", in favour of {instead}" if instead else ""
            yield f"its classifier `{classifier}` is deprecated{words}: PyPI may refuse it"
        elif classifier not in classifiers and not classifier.startswith(PRIVATE):
            yield f"its classifier `{classifier}` is not known: PyPI refuses those it does not know"


def _licence_faults(metadata: RawMetadata, path: Path) -> Iterator[str]:
    if not has_license_files(metadata.get("metadata_version", "")):
        return
    names = _names(path)
    for name in metadata.get("license_files", ()):
        if not any(member.endswith(f"/{name}") for member in names):
            yield f"its metadata names the licence file `{name}`, which is not in it (PEP 639)"


def _addresses(metadata: RawMetadata) -> Iterator[tuple[str, list[str]]]:
    """Yield each field of addresses and what is in it; commas in a name are quoted (RFC 5322)."""
    for mail in (metadata.get("author_email", ""), metadata.get("maintainer_email", "")):
        if mail:
            yield mail, [address for _, address in email.utils.getaddresses([mail])]


def _is_plain_requirement(text: str) -> bool:
    try:
        return parse_requirement(text).url is None
    except InvalidRequirement:
        return False


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
