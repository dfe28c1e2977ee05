"""Images of archives, pushed to a real registry and pulled from it again."""

from __future__ import annotations

import base64
import json
import urllib.error
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import NetworkError, ReleaseRefusedError, VerificationError
from pipeline.registry.client import Hosts, Registry
from pipeline.registry.logins import Logins
from pipeline.registry.parcel import open_parcel
from pipeline.registry.pin import pin
from pipeline.registry.push import push
from pipeline.registry.reference import Reference
from tests.registry.conftest import serve
from tests.unit.images.bundling import archive, bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.registry.parcel import Parcel
    from tests.registry.conftest import Server

pytestmark = pytest.mark.registry

ARM64 = "linux/arm64"
USER = "somebody:$2b$04$j8KIy3NV11dCzSugvpMSU.e7raTlkBuGuAbZ.Zzc2zTMuPJJu1SzG"
"""The password `secret`, as htpasswd(1) writes it."""


def parcel(place: Path, content: bytes = b"one", platform: str = "linux/amd64") -> Parcel:
    made = bundle(place, content, platform)
    return open_parcel(archive(made, place / "image.oci.tar"))


def client(home: Path) -> Registry:
    return Registry(Hosts(), Logins({"HOME": str(home)}), sleep=lambda _: None)


def pushed(registry: Server, name: str) -> Reference:
    return Reference.parse(f"{registry.host}/{name}")


def test_what_was_pushed_is_pulled_with_the_same_digest(registry: Server, tmp_path: Path) -> None:
    sent, reference = parcel(tmp_path / "a"), pushed(registry, "team/one:1.0")
    assert push([sent], reference, client(tmp_path))
    base, _ = pin(client(tmp_path).documents(reference), "linux/amd64")
    assert base.manifest.sha256 == sent.digest
    assert {layer.sha256 for layer in base.layers} < set(sent.blobs)


def test_pushing_again_does_nothing(registry: Server, tmp_path: Path) -> None:
    sent, reference = parcel(tmp_path / "a"), pushed(registry, "again:1.0")
    assert push([sent], reference, client(tmp_path))
    assert not push([sent], reference, client(tmp_path))


def test_a_tag_is_never_moved_to_another_image(registry: Server, tmp_path: Path) -> None:
    first, reference = parcel(tmp_path / "a"), pushed(registry, "moved:1.0")
    push([first], reference, client(tmp_path))
    second = parcel(tmp_path / "b", b"two")
    with pytest.raises(ReleaseRefusedError, match=f"stands for `sha256:{first.digest}`"):
        push([second], reference, client(tmp_path))
    base, _ = pin(client(tmp_path).documents(reference), "linux/amd64")
    assert base.manifest.sha256 == first.digest


def test_images_of_several_platforms_have_one_tag(registry: Server, tmp_path: Path) -> None:
    parcels = [parcel(tmp_path / "a"), parcel(tmp_path / "b", platform=ARM64)]
    reference = pushed(registry, "both:1.0")
    assert push(parcels, reference, client(tmp_path))
    for sent in parcels:
        base, _ = pin(client(tmp_path).documents(reference), sent.platform)
        assert base.manifest.sha256 == sent.digest
    assert not push(parcels[::-1], reference, client(tmp_path)), "the order does not count"


def test_a_blob_that_is_there_is_not_sent_again(registry: Server, tmp_path: Path) -> None:
    sent = parcel(tmp_path / "a")
    push([sent], pushed(registry, "shared:1.0"), client(tmp_path))
    sent.archive.unlink()
    empty = archive(bundle(tmp_path / "b"), sent.archive)
    assert set(open_parcel(empty).blobs) != set(sent.blobs)  # nothing of it can be read any more
    assert push([sent], pushed(registry, "shared:2.0"), client(tmp_path))


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Server]:
    """Run a registry that asks who we are."""
    place = tmp_path / "guarded"
    place.mkdir()
    (place / "users").write_text(USER + "\n")
    auth = f"auth: {{htpasswd: {{realm: tests, path: {place / 'users'}}}}}"
    with serve(place, auth) as server:
        yield server


def test_a_registry_that_asks_is_told_docker_s_login(guarded: Server, tmp_path: Path) -> None:
    secret = base64.b64encode(b"somebody:secret").decode()
    (tmp_path / ".docker").mkdir()
    config = {"auths": {guarded.host: {"auth": secret}}}
    (tmp_path / ".docker" / "config.json").write_text(json.dumps(config))
    assert push([parcel(tmp_path / "a")], pushed(guarded, "a:1"), client(tmp_path))


def test_without_a_login_it_says_how_to_get_one(guarded: Server, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"a:1` cannot be pushed: .* status 401") as refused:
        push([parcel(tmp_path / "a")], pushed(guarded, "a:1"), client(tmp_path))
    assert "docker login" in refused.value.hint


def test_an_archive_whose_layer_rotted_is_not_taken(registry: Server, tmp_path: Path) -> None:
    sent = parcel(tmp_path / "a")
    data = sent.archive.read_bytes()
    at = data.index(b"one")
    sent.archive.write_bytes(data[:at] + b"two" + data[at + 3 :])
    with pytest.raises(NetworkError, match=r"rotten:1` cannot be pushed: .* status 400"):
        push([sent], pushed(registry, "rotten:1"), client(tmp_path))
    with pytest.raises(urllib.error.HTTPError, match="404") as missing:
        registry.send("/v2/rotten/manifests/1", b"", "", "HEAD")
    missing.value.close()


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.oci.tar").write_text("words")
    with pytest.raises(VerificationError, match="is no archive of one image"):
        open_parcel(tmp_path / "words.oci.tar")
