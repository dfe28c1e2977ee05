from __future__ import annotations

import hashlib
import lzma
import os
import shutil
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError, NetworkError, VerificationError
from pipeline.locking.debian_archive import Archive, read_release, verified
from pipeline.locking.settings import KEYRING_VARIABLE, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.network.transport import Client
    from tests.unit.locking.conftest import Site

NOW = datetime(2026, 7, 1, tzinfo=UTC)
LIST = b"Package: bash\nVersion: 5.2\n\nPackage: zsh\nVersion: 5.9\n"
PACKED = lzma.compress(LIST)
PATH = "main/binary-amd64/Packages.xz"


def release(**changes: str) -> str:
    """Return the text of a Release file."""
    digest = hashlib.sha256(PACKED).hexdigest()
    fields = {"Suite": "oldstable", "Codename": "bookworm", **changes}
    head = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
    return f"{head}MD5Sum:\n x 1 {PATH}\nSHA256:\n {digest} {len(PACKED)} {PATH}\n"


def test_a_release_gives_the_digests_of_its_lists() -> None:
    found = read_release(release(), "bookworm", NOW)
    assert found.digests == {PATH: (hashlib.sha256(PACKED).hexdigest(), len(PACKED))}
    assert read_release(release(), "oldstable", NOW).suite == "oldstable"


def test_a_release_of_another_suite_is_refused() -> None:
    with pytest.raises(VerificationError, match="`bookworm` / `oldstable`"):
        read_release(release(), "trixie", NOW)


@pytest.mark.parametrize(
    ("until", "holds"),
    [("Tue, 30 Jun 2026 00:00:00 UTC", False), ("Thu, 02 Jul 2026 00:00:00 UTC", True)],
)
def test_a_release_that_has_expired_is_refused(until: str, *, holds: bool) -> None:
    text = release(Valid_Until=until)
    if holds:
        read_release(text, "bookworm", NOW)
    else:
        with pytest.raises(VerificationError, match="expired"):
            read_release(text, "bookworm", NOW)


def test_a_malformed_expiry_is_refused() -> None:
    with pytest.raises(VerificationError, match="malformed"):
        read_release(release(Valid_Until="soon"), "bookworm", NOW)


class Signer:
    """A key of the test's own, and a keyring that holds it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.keyring = home / "keyring.gpg"
        self._gpg("--quick-gen-key", "test <test@mirror.example>", "ed25519", "sign", "never")
        self.keyring.write_bytes(self._gpg("--export"))

    def _gpg(self, *words: str, data: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", str(self._home), "--batch", "--passphrase", "", *words]
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout

    def sign(self, text: str) -> bytes:
        """Return the text with an inline signature."""
        return self._gpg("--clearsign", data=text.encode())

    def close(self) -> None:
        """End gpg's agent."""
        subprocess.run(["gpgconf", "--homedir", str(self._home), "--kill", "all"], check=False)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    """Make a key."""
    if not (shutil.which("gpg") and shutil.which("gpgv")):
        pytest.skip("there is no gpg to sign a Release file with")
    home = tmp_path_factory.mktemp("gpg")
    home.chmod(0o700)
    made = Signer(home)
    yield made
    made.close()


@pytest.fixture
def archive(client: Client, settings: Settings, signer: Signer) -> Archive:
    """Return the archive on the loopback server, trusted by the test's keyring."""
    environ = {"PATH": os.environ["PATH"], KEYRING_VARIABLE: str(signer.keyring)}
    made = Settings(environ=environ, declared_mirrors=settings.declared_mirrors)
    return Archive(client, made, now=NOW)


def publish(site: Site, signed: bytes, packed: bytes = PACKED) -> None:
    """Put a suite on the mirror."""
    site.put("/debian/dists/bookworm/InRelease", signed)
    site.put(f"/debian/dists/bookworm/{PATH}", packed)


def test_a_signed_list_is_read(site: Site, archive: Archive, signer: Signer) -> None:
    publish(site, signer.sign(release()))
    packages = archive.packages("bookworm", "amd64")
    assert list(packages.names()) == ["bash", "zsh"]
    assert archive.packages("bookworm", "amd64") is packages


def test_a_changed_release_is_refused(site: Site, archive: Archive, signer: Signer) -> None:
    publish(site, signer.sign(release()).replace(b"Codename: bookworm", b"Codename: bookwyrm"))
    with pytest.raises(VerificationError, match="not signed"):
        archive.packages("bookworm", "amd64")


def test_an_unsigned_release_is_refused(site: Site, archive: Archive) -> None:
    publish(site, release().encode())
    with pytest.raises(VerificationError, match="not signed"):
        archive.packages("bookworm", "amd64")


def test_text_around_the_signed_part_does_not_count(
    site: Site, archive: Archive, signer: Signer
) -> None:
    evil = release().replace(hashlib.sha256(PACKED).hexdigest(), "e" * 64)
    publish(site, evil.encode() + b"\n" + signer.sign(release()))
    try:
        packages = archive.packages("bookworm", "amd64")
    except VerificationError:
        return
    assert list(packages.names()) == ["bash", "zsh"]


def test_a_list_with_other_bytes_is_refused(site: Site, archive: Archive, signer: Signer) -> None:
    publish(site, signer.sign(release()), lzma.compress(LIST + b"\n"))
    with pytest.raises(VerificationError, match="signed Release"):
        archive.packages("bookworm", "amd64")


def test_an_architecture_the_suite_lacks_is_refused(
    site: Site, archive: Archive, signer: Signer
) -> None:
    publish(site, signer.sign(release()))
    with pytest.raises(VerificationError, match="`riscv64`"):
        archive.packages("bookworm", "riscv64")


@pytest.mark.parametrize(
    ("suite", "listing", "hint"),
    [
        ("bookwrom", "", "did you mean `bookworm`?"),
        ("nobel", '<a href="../">..</a><a href="noble/">noble/</a>', "did you mean `noble`?"),
    ],
)
def test_an_unknown_suite_is_refused_with_the_nearest_that_is_known(
    site: Site, archive: Archive, suite: str, listing: str, hint: str
) -> None:
    if listing:
        site.put("/debian/dists/", listing.encode(), kind="text/html")
    with pytest.raises(ConfigError, match=f"no mirror has a suite `{suite}`") as refused:
        archive.packages(suite, "amd64")
    assert refused.value.hint == hint


def test_a_mirror_without_the_suite_is_a_network_error(archive: Archive) -> None:
    with pytest.raises(NetworkError, match="InRelease"):
        archive.packages("bookworm", "amd64")


def test_a_missing_keyring_says_what_to_install(tmp_path: Path, signer: Signer) -> None:
    with pytest.raises(VerificationError) as caught:
        verified(signer.sign("x"), tmp_path / "absent.gpg", {"PATH": os.environ["PATH"]})
    assert "debian-archive-keyring" in caught.value.hint


def test_without_gpgv_nothing_is_trusted(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="no `gpgv`"):
        verified(b"x", tmp_path, {"PATH": str(tmp_path)})
