from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.config.load import load
from pipeline.errors import ConfigError, NetworkError
from pipeline.registry.logins import Login, Logins
from pipeline.registry.reference import Reference

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "a" * 64


@pytest.mark.parametrize(
    ("text", "host", "repository", "tag", "digest"),
    [
        ("python:3.12", "", "python", "3.12", ""),
        ("library/python:3", "", "library/python", "3", ""),
        ("registry.example/a/b:1", "registry.example", "a/b", "1", ""),
        ("localhost/a:1", "localhost", "a", "1", ""),
        ("127.0.0.1:5000/a/b__c:T-1.x", "127.0.0.1:5000", "a/b__c", "T-1.x", ""),
        ("[::1]:5000/a:1", "[::1]:5000", "a", "1", ""),
        (f"a@sha256:{DIGEST}", "", "a", "", DIGEST),
        (f"r.example/a:1@sha256:{DIGEST}", "r.example", "a", "1", DIGEST),
    ],
)
def test_a_reference_is_taken_apart_as_docker_does(
    text: str, host: str, repository: str, tag: str, digest: str, tmp_path: Path
) -> None:
    found = Reference.parse(text)
    assert (found.host, found.repository, found.tag, found.digest) == (
        host,
        repository,
        tag,
        digest,
    )
    assert str(found) == text
    assert declared(tmp_path, text) == text


def declared(root: Path, text: str) -> str | None:
    """Return a reference as it comes out of an image's declaration."""
    (root / "images").mkdir()
    (root / "pipeline.yaml").write_text("version: 1\nstages: {}\n")
    (root / "images" / "it.yaml").write_text(f"from: {{registry: {json.dumps(text)}}}\n")
    return load(root).images["it"].origin.registry


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Upper:1",
        "a//b:1",
        "a..b:1",
        "-a:1",
        "a:",
        "a:.1",
        "a:1:2",
        "https://registry.example/a:1",
        "user:secret@registry.example/a:1",
        "registry.example/../a:1",
        f"a@sha256:{DIGEST[1:]}",
        f"a@md5:{DIGEST}",
        "a" * 256 + ":1",
        "a b:1",
        "registry.example:99999999/a:1",
    ],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no reference to an image"):
        Reference.parse(text)


def test_a_reference_must_say_which_image_it_means() -> None:
    with pytest.raises(ConfigError, match="neither a tag nor a digest"):
        Reference.parse("registry.example/python")


def logins(directory: Path, **config: object) -> Logins:
    (directory / "config.json").write_text(json.dumps(config))
    return Logins({"DOCKER_CONFIG": str(directory), "PATH": f"{directory}:/usr/bin:/bin"})


def helper(directory: Path, name: str, script: str) -> None:
    program = directory / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_without_docker_we_are_nobody(tmp_path: Path) -> None:
    assert Logins({}).of("r.example") == Login()
    assert Logins({"HOME": str(tmp_path)}).of("r.example") == Login()


def test_a_login_belongs_to_its_host_and_port(tmp_path: Path) -> None:
    known = logins(tmp_path, auths={"r.example:5000": {"username": "ada", "password": "p"}})
    assert known.of("r.example:5000").user == "ada"
    assert known.of("r.example") == Login()
    assert known.of("r.example.evil.example") == Login()


def test_the_helper_of_a_host_stands_before_the_one_for_all(tmp_path: Path) -> None:
    helper(tmp_path, "one", 'echo \'{"Username": "one", "Secret": "s"}\'')
    helper(tmp_path, "all", 'echo \'{"Username": "<token>", "Secret": "t"}\'')
    known = logins(tmp_path, credHelpers={"r.example": "one"}, credsStore="all")
    assert known.of("r.example") == Login(user="one", password="s")  # noqa: S106
    assert known.of("other.example") == Login(identity="t")


def test_a_helper_that_knows_nothing_leaves_us_nobody(tmp_path: Path) -> None:
    helper(tmp_path, "none", "echo credentials not found; exit 1")
    assert logins(tmp_path, credsStore="none").of("r.example") == Login()


def test_a_helper_that_is_broken_is_named(tmp_path: Path) -> None:
    helper(tmp_path, "odd", "echo s3cret")
    with pytest.raises(NetworkError, match="docker-credential-odd") as caught:
        logins(tmp_path, credsStore="odd").of("r.example")
    assert "s3cret" not in str(caught.value)
    with pytest.raises(NetworkError, match="docker-credential-absent"):
        logins(tmp_path, credsStore="absent").of("r.example")


def test_a_helper_can_only_be_a_program(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be a program"):
        logins(tmp_path, credsStore="../evil").of("r.example")


def test_a_broken_configuration_of_docker_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        Logins({"DOCKER_CONFIG": str(tmp_path)}).of("r.example")


def test_a_login_is_never_shown() -> None:
    assert "s3cret" not in repr(Login(user="ada", password="s3cret", identity="s3cret"))  # noqa: S106
