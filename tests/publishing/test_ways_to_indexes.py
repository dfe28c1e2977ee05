from __future__ import annotations

import contextlib
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import NetworkError
from pipeline.locking.pip_settings import PipSettings
from pipeline.publishing.places import find
from pipeline.publishing.preflight import checked
from pipeline.publishing.uploads import Uploader
from tests.publishing.conftest import Desk, Plain, publish_to
from tests.publishing.serving import FaultyIndex, serve
from tests.unit.publishing.making import candidates, wheel

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Make a certificate of 127.0.0.1 that nobody trusts, with its key in the same file."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    key, made = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-nodes", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", str(key), "-out", str(made)),
    ]
    subprocess.run(command, check=True, capture_output=True)
    made.write_bytes(key.read_bytes() + made.read_bytes())
    return made


def test_a_project_of_another_host_is_not_ours(desk: Desk, tmp_path: Path) -> None:
    """An index may send who asks for what it lacks to a public one, where others use the name."""
    desk.index.strangers = True
    assert desk.publish([wheel(tmp_path)]).sent == ("thing-1.0-py3-none-any.whl",)


def test_this_machine_itself_is_not_looked_for_at_a_proxy(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    desk.publish([wheel(tmp_path)])


def test_the_proxy_of_pips_settings_is_asked_for_everything_else(
    desk: Desk, tmp_path: Path
) -> None:
    class Proxied(Plain):
        pip = PipSettings(proxy=desk.index.address)

    elsewhere = {
        "TWINE_REPOSITORY_URL": "http://index.example/legacy/",
        "PIPELINE_INDEX_URL": "http://index.example/simple/",
    }
    settings = Proxied(environ=desk.environ | elsewhere)
    publish_to("pypi", settings, desk.journals, [wheel(tmp_path)])
    assert "POST http://index.example/legacy/" in desk.index.requests
    assert "GET http://index.example/simple/thing/" in desk.index.requests


def test_a_certificate_that_nobody_trusts_is_refused_unless_it_is_named(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    file = wheel(tmp_path)
    with serve(FaultyIndex(tmp_path / "index"), certificate) as index:
        desk = Desk(index, tmp_path / "journals")
        with pytest.raises(NetworkError, match=r"certificate of .* cannot be verified"):
            desk.publish([file])
        place = find("pypi", "", Plain(environ=desk.environ))
        with (
            contextlib.closing(Uploader(place.twine, timeout=30.0)) as uploader,
            checked(candidates(file)) as release,
            pytest.raises(NetworkError, match=r"certificate of .* cannot be verified"),
        ):
            uploader.upload(release.files[0])
        trusting = Plain(environ=desk.environ | {"TWINE_CERT": str(certificate)})
        publish_to("pypi", trusting, desk.journals, [file])
        assert index.taken == [file.name]
