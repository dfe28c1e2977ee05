"""A Debian archive: its signed Release file, and the package lists that it vouches for.

Trust starts at the machine's keyring: `gpgv` checks the inline signature of ``InRelease``, whose
digests check each ``Packages.xz``, whose digests go into the lock. An expired Release file, which
a mirror stuck in the past would serve, is refused.
"""

from __future__ import annotations

import lzma
import re
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import process
from pipeline.config.problems import nearest
from pipeline.errors import ConfigError, NetworkError, VerificationError
from pipeline.files import sha256_bytes
from pipeline.locking.apt import DEBIAN_SUITES
from pipeline.locking.debian_version import Version
from pipeline.network.faults import GoneError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.locking.settings import Settings
    from pipeline.network.transport import Client

COMPONENT = "main"
LIST_LIMIT = 1 << 30
"""Bytes that a package list may unpack to; the largest of today have 60 MiB."""

LISTED = re.compile(r'href="([a-z][a-z0-9.-]*)/"')
"""A directory in the page by which a web server shows what is in one."""

PROVIDES = re.compile(r"\nProvides:(.*(?:\n[ \t].*)*)")
"""The field of a stanza with its continuation lines: other fields need not be parsed for it."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """What a verified Release file says: sha256 and size of each list, by path below the suite."""

    suite: str
    digests: Mapping[str, tuple[str, int]]


@dataclass(frozen=True, kw_only=True)
class Stanza:
    """A package as a list describes it; ``fields`` have lower-case names."""

    fields: Mapping[str, str]

    @property
    def name(self) -> str:
        """The package's name."""
        return self.fields["package"]

    @property
    def version(self) -> str:
        """Its version."""
        return self.fields["version"]


class PackageList:
    """The packages of one suite for one architecture; each is parsed only when it is asked for."""

    def __init__(self, text: str) -> None:
        self._texts: dict[str, list[str]] = {}
        self._providers: dict[str, set[str]] = {}
        for stanza in text.split("\n\n"):
            if not stanza.startswith("Package: "):
                continue
            name = stanza[9 : stanza.find("\n")].strip()
            self._texts.setdefault(name, []).append(stanza)
            if "\nProvides:" in stanza and (provides := PROVIDES.search(stanza)):
                self._note_provider(name, provides[1])

    def _note_provider(self, name: str, provides: str) -> None:
        for provided in provides.split(","):
            self._providers.setdefault(provided.partition("(")[0].strip(), set()).add(name)

    def get(self, name: str) -> Stanza | None:
        """Return a package in its newest version, None when the list has none of that name."""
        stanzas = [parse_stanza(text) for text in self._texts.get(name, ())]
        return max(stanzas, key=lambda stanza: Version(stanza.version), default=None)

    def providers(self, name: str) -> list[str]:
        """Return the names of the packages that provide ``name``, sorted."""
        return sorted(self._providers.get(name, ()))

    def names(self) -> Iterator[str]:
        """Yield the names of all packages."""
        yield from self._texts


def parse_stanza(text: str) -> Stanza:
    """Return the fields of one paragraph; continuation lines are joined by spaces."""
    fields: dict[str, str] = {}
    name = ""
    for line in text.split("\n"):
        if line[:1] in {" ", "\t"}:
            fields[name] += f" {line.strip()}"
        elif line:
            name, _, value = line.partition(":")
            name = name.lower()
            fields[name] = value.strip()
    return Stanza(fields=fields)


class Archive:
    """A Debian archive on the first of its mirrors that answers.

    ``now`` is the time that expiry is judged by.
    """

    def __init__(self, client: Client, settings: Settings, *, now: datetime) -> None:
        self._client = client
        self._settings = settings
        self._now = now
        self._releases: dict[str, tuple[str, Release]] = {}
        self._lists: dict[tuple[str, str], PackageList] = {}

    def packages(self, suite: str, architecture: str) -> PackageList:
        """Return a verified package list; NetworkError, VerificationError."""
        key = (suite, architecture)
        if key not in self._lists:
            self._lists[key] = PackageList(self._list_text(suite, architecture))
        return self._lists[key]

    def _list_text(self, suite: str, architecture: str) -> str:
        mirror, release = self._release(suite)
        path = f"{COMPONENT}/binary-{architecture}/Packages.xz"
        if path not in release.digests:
            raise VerificationError(
                f"suite `{suite}` has no packages for `{architecture}`",
                hint="remove that target from the `platforms` of the image",
            )
        digest, size = release.digests[path]
        # By its digest, so that a mirror in the middle of an update serves the right generation.
        folder = f"{mirror}/dists/{suite}/{COMPONENT}/binary-{architecture}"
        try:
            data = self._client.get(f"{folder}/by-hash/SHA256/{digest}").data
        except NetworkError:
            data = self._client.get(f"{folder}/Packages.xz").data
        if len(data) != size or sha256_bytes(data) != digest:
            raise VerificationError(
                f"`{path}` of suite `{suite}` is not what its signed Release file says",
                hint="the mirror may be in the middle of an update: try again, or another mirror",
            )
        return _unpacked(data, path)

    def _release(self, suite: str) -> tuple[str, Release]:
        if suite not in self._releases:
            self._releases[suite] = self._first_release(suite)
        return self._releases[suite]

    def _first_release(self, suite: str) -> tuple[str, Release]:
        if self._settings.offline:
            raise NetworkError(
                f"the packages of suite `{suite}` cannot be listed: the network is off",
                hint="images keep what they have until they are declared otherwise; to change one, "
                "run `pipeline lock` with the network",
            )
        faults: list[NetworkError] = []
        mirrors = self._settings.mirrors(suite)
        for mirror in mirrors:
            try:
                page = self._client.get(f"{mirror}/dists/{suite}/InRelease")
            except NetworkError as error:
                faults.append(error)
                continue
            text = verified(page.data, self._settings.keyring, self._settings.environ)
            return mirror, read_release(text, suite, self._now)
        absent = all(isinstance(fault, GoneError) for fault in faults)
        if absent and suite not in DEBIAN_SUITES:
            raise ConfigError(
                f"no mirror has a suite `{suite}`: {', '.join(f'`{one}`' for one in mirrors)}",
                hint=nearest(suite, self._suites(mirrors[0]))
                or "the name is that of a directory below `dists` of the mirror",
            )
        raise min(faults, key=lambda fault: isinstance(fault, GoneError))

    def _suites(self, mirror: str) -> set[str]:
        """Return the suites that a mirror lists, where it does, beside those of Debian."""
        try:
            page = self._client.get(f"{mirror}/dists/", accept="text/html").data
        except NetworkError:
            page = b""
        return {*DEBIAN_SUITES, *LISTED.findall(page.decode(errors="replace"))}


def _unpacked(data: bytes, path: str) -> str:
    try:
        text = lzma.LZMADecompressor(memlimit=1 << 30).decompress(data, LIST_LIMIT)
    except lzma.LZMAError as error:
        raise VerificationError(f"`{path}` cannot be unpacked: {error}") from error
    if len(text) == LIST_LIMIT:
        raise VerificationError(f"`{path}` unpacks to more than {LIST_LIMIT >> 20} MiB")
    return text.decode(errors="replace")


def verified(inrelease: bytes, keyring: Path, environ: Mapping[str, str]) -> str:
    """Return the signed text of an ``InRelease`` file; VerificationError when no key vouches."""
    gpgv = shutil.which("gpgv", path=environ.get("PATH"))
    if gpgv is None:
        raise VerificationError(
            "the archive's signature cannot be checked: there is no `gpgv`",
            hint="install the package `gpgv` (or GnuPG)",
        )
    if not keyring.is_file():
        raise VerificationError(
            f"the archive's signature cannot be checked: `{keyring}` is missing",
            hint="install `debian-archive-keyring`, or name a keyring in `PIPELINE_DEBIAN_KEYRING`",
        )
    with tempfile.TemporaryDirectory(prefix="pipeline-lock-") as name:
        signed, plain = Path(name) / "InRelease", Path(name) / "Release"
        signed.write_bytes(inrelease)
        command = [gpgv, "--homedir", name, "--keyring", str(keyring.absolute())]
        command += ["--output", str(plain), str(signed)]
        completed = process.run(command, env={"PATH": environ.get("PATH", ""), "LC_ALL": "C"})
        if completed.status or not plain.is_file():
            raise VerificationError(
                f"the archive's Release file is not signed by a key in `{keyring}`",
                hint="check the mirror; for a newer suite, update `debian-archive-keyring`",
                detail=tuple(completed.stderr.splitlines()[-10:]),
            )
        return plain.read_text(errors="replace")


def read_release(text: str, suite: str, now: datetime) -> Release:
    """Return what a signed Release text says of ``suite``.

    Raises VerificationError when it is of another suite, or no longer valid at ``now``.
    """
    fields = _release_fields(text)
    names = {fields.get("suite", [""])[0], fields.get("codename", [""])[0]}
    if suite not in names:
        raise VerificationError(
            f"the mirror answers for suite `{suite}` with a Release file of "
            f"{' / '.join(f'`{name}`' for name in sorted(names) if name)}",
            hint="check the mirror",
        )
    _check_expiry(fields.get("valid-until", [""])[0], suite, now)
    rows = [line.split() for line in fields.get("sha256", [])[1:]]
    digests = {row[2]: (row[0], int(row[1])) for row in rows if len(row) == 3}
    return Release(suite=suite, digests=digests)


def _release_fields(text: str) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith(" "):
            fields.setdefault(name, []).append(line.strip())
        else:
            name, _, value = line.partition(":")
            name = name.lower()
            fields[name] = [value.strip()]
    return fields


def _check_expiry(valid_until: str, suite: str, now: datetime) -> None:
    if not valid_until:
        return
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  only some archives expire

    try:
        limit = parsedate_to_datetime(valid_until.replace("UTC", "GMT"))
    except ValueError as error:
        raise VerificationError(
            f"the Release file of suite `{suite}` has a malformed `Valid-Until`: {valid_until}"
        ) from error
    limit = limit if limit.tzinfo else limit.replace(tzinfo=UTC)
    if now > limit:
        raise VerificationError(
            f"the Release file of suite `{suite}` expired at {valid_until}: the mirror is out of "
            "date",
            hint="use another mirror, or check this machine's clock",
        )
