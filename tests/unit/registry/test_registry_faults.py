"""A registry that fails, lies, asks who we are or sends us elsewhere."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import LockError, NetworkError, VerificationError
from pipeline.network.download import Goal, download
from pipeline.network.transport import ATTEMPTS, Client
from pipeline.registry.client import Hosts, Registry
from pipeline.registry.logins import Login, Logins
from pipeline.registry.pin import pin
from pipeline.registry.reference import Reference
from pipeline.registry.tokens import authorization, challenges
from tests.unit.registry.conftest import blob, cut, knowing, reply
from tests.unit.registry.making import DOCKER, Blob, file, image, index, layer

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.lock.types import ImageBlob, LockedBase
    from pipeline.store.store import Store
    from tests.unit.registry.conftest import Site

AMD64 = "linux/amd64"
ONE = image(layer([file("a", os.urandom(100_000))], ""))
BLOB = ONE.layers[0]
BLOB_PATH = f"/v2/it/blobs/sha256:{BLOB.sha256}"
MANIFEST_PATH = "/v2/it/manifests/1"


@dataclass
class Puller:
    """Pulls as `pipeline` does, with the logins a test gives, and notes how long it would wait."""

    home: Path
    store: Store
    waits: list[float] = field(default_factory=list)
    mirrors: tuple[str, ...] = ()

    def login(self, **config: object) -> None:
        directory = self.home / ".docker"
        directory.mkdir(exist_ok=True)
        (directory / "config.json").write_text(json.dumps(config))

    def registry(self) -> Registry:
        environ = {"HOME": str(self.home), "PATH": f"{self.home}:{os.environ['PATH']}"}
        return Registry(Hosts(mirrors=self.mirrors), Logins(environ), sleep=self.waits.append)

    def pin(self, reference: str, platform: str = AMD64) -> LockedBase:
        documents = self.registry().documents(Reference.parse(reference))
        return pin(documents, platform)[0]

    def fetch(self, one: ImageBlob, registry: Registry | None = None) -> bytes:
        registry = registry or self.registry()
        goal = Goal(name="layer", sha256=one.sha256, size=one.size)
        download(registry, registry.addresses(one), goal, self.store, lambda _: None)
        return self.store.read_blob(one.sha256)


@pytest.fixture
def puller(tmp_path: Path, store: Store) -> Puller:
    return Puller(home=tmp_path, store=store)


def basic(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_an_image_is_pinned_and_each_blob_comes(site: Site, puller: Puller) -> None:
    base = puller.pin(site.put("it", "1", ONE))
    assert base.manifest.sha256 == ONE.manifest.sha256
    assert [one.diff_id for one in base.layers] == [BLOB.diff_id]
    assert [puller.fetch(one) for one in base.blobs] == [
        one.data for one in (ONE.manifest, ONE.config, BLOB)
    ]


def test_a_blob_with_other_bytes_is_refused(site: Site, puller: Puller, store: Store) -> None:
    base = puller.pin(site.put("it", "1", ONE))
    site.script(BLOB_PATH, reply(b"x" * len(BLOB.data)))
    with pytest.raises(VerificationError, match="has sha256"):
        puller.fetch(base.layers[0])
    assert not store.has_blob(BLOB.sha256)


def test_a_blob_that_is_cut_short_is_resumed(site: Site, puller: Puller) -> None:
    base = puller.pin(site.put("it", "1", ONE))
    site.before(BLOB_PATH, cut(BLOB, 5000))
    assert puller.fetch(base.layers[0]) == BLOB.data
    ranges = [one.headers.get("Range") for one in site.requests(BLOB_PATH)]
    assert ranges == [None, "bytes=5000-"]


def test_too_many_requests_are_waited_for_as_long_as_asked(site: Site, puller: Puller) -> None:
    reference = site.put("it", "1", ONE)
    site.before(MANIFEST_PATH, reply(b"", 429, Retry_After="7"))
    puller.pin(reference)
    assert puller.waits == [7.0]


def test_a_registry_that_fails_is_asked_again_and_then_named(site: Site, puller: Puller) -> None:
    reference = site.put("it", "1", ONE)
    site.before(MANIFEST_PATH, reply(b"", 500), reply(b"", 503))
    puller.pin(reference)
    assert len(puller.waits) == 2
    site.script(MANIFEST_PATH, reply(b"", 502))
    with pytest.raises(NetworkError, match=f"status 502 \\({ATTEMPTS} attempts\\)"):
        puller.pin(reference)


def test_a_token_is_asked_for_once_and_used_for_all(site: Site, puller: Puller) -> None:
    reference = site.put("it", "1", ONE)
    challenge = f'Bearer realm="http://{site.host}/token",service="s",scope="repository:it:pull"'
    for path in [path for path in site.answers if path.startswith("/v2/")]:
        site.script(path, knowing("Bearer t0ken", site.answers[path][0], challenge))
    site.script("/token", reply(b'{"token": "t0ken"}'))
    registry = puller.registry()
    base, _ = pin(registry.documents(Reference.parse(reference)), AMD64)
    for one in base.blobs:
        puller.fetch(one, registry)
    (asked,) = site.requests("/token")
    assert asked.path == "/token?service=s&scope=repository%3Ait%3Apull"
    assert "Authorization" not in asked.headers


def test_a_login_of_dockers_configuration_gets_the_token(site: Site, puller: Puller) -> None:
    reference = site.put("it", "1", ONE)
    puller.login(auths={site.host: {"auth": basic("ada:s3cret")}})
    challenge = f'Bearer realm="http://{site.host}/token",service="s"'
    site.before(MANIFEST_PATH, reply(b"", 401, WWW_Authenticate=challenge))
    site.script("/token", reply(b'{"access_token": "t"}'))
    puller.pin(reference)
    (asked,) = site.requests("/token")
    assert asked.headers["Authorization"] == f"Basic {basic('ada:s3cret')}"
    assert "scope=repository%3Ait%3Apull" in asked.path


def test_a_registry_that_asks_for_a_password_gets_it(site: Site, puller: Puller) -> None:
    reference = site.put("it", "1", ONE)
    puller.login(auths={f"https://{site.host}/v1/": {"username": "ada", "password": "s3cret"}})
    words = f"Basic {basic('ada:s3cret')}"
    for path in list(site.answers):
        site.script(path, knowing(words, site.answers[path][0], 'Basic realm="r"'))
    assert puller.pin(reference).layers


def test_a_credential_helper_is_asked_for_the_host(site: Site, puller: Puller) -> None:
    reference = site.put("it", "1", ONE)
    helper = puller.home / "docker-credential-test"
    helper.write_text(
        f'#!/bin/sh\n[ "$1 $(cat)" = "get {site.host}" ] || exit 1\n'
        'echo \'{"Username": "ada", "Secret": "s3cret"}\'\n'
    )
    helper.chmod(0o755)
    puller.login(credsStore="test")
    words = f"Basic {basic('ada:s3cret')}"
    site.script(MANIFEST_PATH, knowing(words, blob(ONE.manifest), 'Basic realm="r"'))
    assert puller.pin(reference).layers


def test_an_identity_token_is_exchanged_and_not_sent_as_a_password(
    site: Site, puller: Puller
) -> None:
    reference = site.put("it", "1", ONE)
    puller.login(auths={site.host: {"identitytoken": "r3fresh"}})
    challenge = f'Bearer realm="http://{site.host}/token",service="s"'
    site.script(MANIFEST_PATH, knowing("Bearer t", blob(ONE.manifest), challenge))
    site.script("/token", reply(b'{"access_token": "t"}'))
    assert puller.pin(reference).layers
    (asked,) = site.requests("/token")
    assert asked.method == "POST"
    assert b"grant_type=refresh_token" in asked.body
    assert b"refresh_token=r3fresh" in asked.body
    assert "Authorization" not in asked.headers


def test_who_is_refused_is_told_how_to_log_in_and_no_secret(site: Site, puller: Puller) -> None:
    reference = site.put("it", "1", ONE)
    puller.login(auths={site.host: {"auth": basic("ada:s3cret")}})
    site.script(MANIFEST_PATH, reply(b"", 401, WWW_Authenticate='Basic realm="r"'))
    with pytest.raises(NetworkError, match="status 401") as caught:
        puller.pin(reference)
    assert "docker login" in caught.value.hint
    assert "s3cret" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__!r}"


def test_another_host_is_told_nothing_of_us(site: Site, elsewhere: Site, puller: Puller) -> None:
    base = puller.pin(site.put("it", "1", ONE))
    puller.login(auths={site.host: {"auth": basic("ada:s3cret")}})
    away = reply(b"", 307, Location=f"http://{elsewhere.host}/there")
    words = f"Basic {basic('ada:s3cret')}"
    site.script(BLOB_PATH, knowing(words, away, 'Basic realm="r"'))
    elsewhere.script("/there", blob(BLOB))
    assert puller.fetch(base.layers[0]) == BLOB.data
    (asked,) = elsewhere.asked
    assert "Authorization" not in asked.headers


def test_another_host_that_asks_who_we_are_gets_no_answer(
    site: Site, elsewhere: Site, puller: Puller
) -> None:
    base = puller.pin(site.put("it", "1", ONE))
    puller.login(auths={site.host: {"auth": basic("ada:s3cret")}})
    site.script(BLOB_PATH, reply(b"", 307, Location=f"http://{elsewhere.host}/there"))
    challenge = f'Bearer realm="http://{elsewhere.host}/token"'
    elsewhere.script("/there", reply(b"", 401, WWW_Authenticate=challenge))
    with pytest.raises(NetworkError, match="status 401"):
        puller.fetch(base.layers[0])
    assert not elsewhere.requests("/token")
    assert all("Authorization" not in one.headers for one in elsewhere.asked)


def test_a_place_on_the_same_host_is_told_who_we_are(site: Site, puller: Puller) -> None:
    base = puller.pin(site.put("it", "1", ONE))
    puller.login(auths={site.host: {"auth": basic("ada:s3cret")}})
    words = f"Basic {basic('ada:s3cret')}"
    away = reply(b"", 307, Location="/there")
    site.script(BLOB_PATH, knowing(words, away, 'Basic realm="r"'))
    site.script("/there", knowing(words, blob(BLOB), 'Basic realm="r"'))
    assert puller.fetch(base.layers[0]) == BLOB.data


def test_an_index_gives_the_image_of_the_platform(site: Site, puller: Puller) -> None:
    two = [
        image(layer([file("a", name.encode())]), architecture=name) for name in ("amd64", "arm64")
    ]
    reference = site.put("it", "1", *two)
    assert puller.pin(reference).manifest.sha256 == two[0].manifest.sha256
    assert puller.pin(reference, "linux/arm64").manifest.sha256 == two[1].manifest.sha256
    with pytest.raises(LockError, match="not for linux/riscv64") as caught:
        puller.pin(reference, "linux/riscv64")
    assert "linux/amd64, linux/arm64" in caught.value.hint


def test_an_index_that_names_other_bytes_than_it_gives_is_refused(
    site: Site, puller: Puller
) -> None:
    first, second = (image(layer([file("a", name)])) for name in (b"1", b"2"))
    site.put("it", "1", first)
    site.script(MANIFEST_PATH, blob(index(first)))
    site.script(f"/v2/it/manifests/sha256:{first.manifest.sha256}", blob(second.manifest))
    with pytest.raises(VerificationError, match="was asked for"):
        puller.pin(f"{site.host}/it:1")


def test_a_digest_in_the_reference_is_held_against_what_comes(site: Site, puller: Puller) -> None:
    other = image(layer([file("b", b"b")]))
    site.put("it", "1", ONE)
    site.script(f"/v2/it/manifests/sha256:{ONE.manifest.sha256}", blob(other.manifest))
    with pytest.raises(VerificationError, match="has sha256"):
        puller.pin(f"{site.host}/it:1@sha256:{ONE.manifest.sha256}")


def test_the_next_mirror_is_asked_when_one_does_not_have_it(
    site: Site, elsewhere: Site, puller: Puller
) -> None:
    elsewhere.put("it", "1", ONE)
    puller.mirrors = (f"http://{site.host}", f"http://{elsewhere.host}")
    base = puller.pin("it:1")
    assert base.source == "registry it"
    assert puller.fetch(base.layers[0]) == BLOB.data


def test_without_host_and_mirrors_nothing_is_guessed(puller: Puller) -> None:
    with pytest.raises(NetworkError, match="names no registry") as caught:
        puller.pin("library/python:3")
    assert "PIPELINE_REGISTRY_MIRROR" in caught.value.hint


@pytest.mark.parametrize(
    ("host", "mirrors", "begins"),
    [
        ("registry.example", (), "https://registry.example/v2/it"),
        ("registry.example:443", (), "https://registry.example:443/v2/it"),
        ("127.0.0.1:5000", (), "http://127.0.0.1:5000/v2/it"),
        ("localhost", (), "http://localhost/v2/it"),
        ("[::1]:5000", (), "http://[::1]:5000/v2/it"),
        ("plain.example", ("http://plain.example",), "http://plain.example/v2/it"),
        ("127.0.0.1.example", (), "https://127.0.0.1.example/v2/it"),
        ("", ("https://mirror.example/proxy/",), "https://mirror.example/v2/proxy/it"),
    ],
)
def test_plain_http_is_for_this_machine_and_declared_hosts(
    host: str, mirrors: tuple[str, ...], begins: str
) -> None:
    assert Hosts(mirrors=mirrors).addresses(host, "it") == (begins,)


def manifest(**changes: object) -> Blob:
    document = {**json.loads(ONE.manifest.data), **changes}
    return Blob(data=json.dumps(document).encode(), media_type=ONE.manifest.media_type)


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (Blob(data=b"<html>", media_type=""), "no JSON"),
        (Blob(data=b"[]", media_type=""), "no object"),
        (manifest(schemaVersion=1), "version other than 2"),
        (manifest(manifests=[]), "both a manifest and an index"),
        (manifest(layers=None), "lacks a list"),
        (manifest(config={"digest": "md5:1", "size": 1, "mediaType": "a"}), "no sha256"),
        (manifest(layers=[{**BLOB.descriptor, "size": -1}]), "sound size"),
        (manifest(layers=[{**BLOB.descriptor, "size": 1 << 40}]), "absurdly large"),
        (
            manifest(layers=[{**BLOB.descriptor, "mediaType": f"{DOCKER}.plugin"}]),
            "unknown type",
        ),
        (manifest(layers=[]), "another number of layers"),
    ],
)
def test_what_is_no_image_is_refused_by_name(
    odd: Blob, words: str, site: Site, puller: Puller
) -> None:
    reference = site.put("it", "1", ONE)
    site.script(MANIFEST_PATH, blob(odd))
    with pytest.raises(VerificationError, match=words) as caught:
        puller.pin(reference)
    assert reference in str(caught.value)


def test_an_endless_manifest_is_not_read_to_its_end(site: Site, puller: Puller) -> None:
    reference = site.put("it", "1", ONE)
    site.script(MANIFEST_PATH, reply(b" " * (5 << 20)))
    with pytest.raises(NetworkError, match="larger than 4 MiB"):
        puller.pin(reference)


def test_a_server_of_tokens_may_not_be_plain_where_the_registry_is_not() -> None:
    asked = challenges(['Bearer realm="http://token.example/x",service="s"'])
    with pytest.raises(NetworkError, match="not an `https://` one"):
        authorization(asked, Login(), Client(), scope="s", secure=True)
