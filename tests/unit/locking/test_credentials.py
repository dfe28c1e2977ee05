from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import NetworkError
from pipeline.locking.credentials import pip_client
from pipeline.locking.pip_settings import PipSettings
from pipeline.locking.settings import Settings
from pipeline.network.addresses import shown

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.network.transport import Client
    from tests.unit.locking.conftest import Answers, Site

EXPECTED = "Basic " + b64encode(b"me:s3cret").decode()


def client_of(index: str, home: Path) -> Client:
    """Return a client for one index."""
    made = Settings(environ={"HOME": str(home)})
    vars(made)["pip"] = PipSettings(index=index, timeout=10.0)
    return pip_client(made, sleep=lambda _: None)


def test_credentials_of_an_index_are_sent_to_its_host_only(
    site: Site, answers: Answers, tmp_path: Path
) -> None:
    host = site.address.removeprefix("http://")
    client = client_of(f"http://me:s3cret@{host}/simple/", tmp_path)
    other = site.address.replace("127.0.0.1", "localhost")
    site.script("/a", answers.status(302, Location=f"{other}/b"))
    site.put("/b", b"x")
    client.get(f"{site.address}/a")
    assert [headers.get("Authorization") for _, headers in site.requests] == [EXPECTED, None]


def test_credentials_come_from_netrc(site: Site, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password s3cret\n")
    site.put("/a", b"x")
    client_of(site.address, tmp_path).get(f"{site.address}/a")
    assert site.requests[0][1]["Authorization"] == EXPECTED


def test_a_broken_netrc_is_no_credentials(site: Site, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine\n")
    site.put("/a", b"x")
    client_of(site.address, tmp_path).get(f"{site.address}/a")
    assert "Authorization" not in site.requests[0][1]


def test_no_message_shows_a_password(site: Site, tmp_path: Path) -> None:
    host = site.address.removeprefix("http://")
    address = f"http://me:s3cret@{host}/simple/"
    with pytest.raises(NetworkError) as caught:
        client_of(address, tmp_path).get(f"{address}absent/?token=s3cret")
    assert "s3cret" not in str(caught.value)
    assert "/simple/absent/" in str(caught.value)


def test_settings_do_not_show_addresses_when_printed() -> None:
    pip = PipSettings(
        index="https://me:s3cret@mirror.example/simple",
        extra_indexes=("https://me:s3cret@mirror.example/x",),
        proxy="http://me:s3cret@proxy.example",
    )
    made = Settings(
        environ={"PIP_INDEX_URL": "https://me:s3cret@mirror.example"},
        mirror_flag="http://me:s3cret@m",
    )
    assert "s3cret" not in f"{pip!r} {made!r}"


def test_what_is_shown_of_an_address_has_no_secret_in_it() -> None:
    assert shown("https://u:p@mirror.example:8/a/b?k=v#f") == "https://mirror.example:8/a/b"
