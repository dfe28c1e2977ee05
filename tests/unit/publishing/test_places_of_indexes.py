from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import NetworkError, ReleaseRefusedError
from pipeline.locking.settings import Settings
from pipeline.publishing.places import RemoteIndex, find

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "tok-CANARY-1b2c"  # noqa: S105  a canary
PYPIRC = f"""\
[distutils]
index-servers =
    ours
[ours]
repository = https://upload.example/legacy/
username = __token__
password = {SECRET}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    (tmp_path / ".pypirc").write_text(PYPIRC)
    return tmp_path


def settings(home: Path, **variables: str) -> Settings:
    return Settings(environ={"HOME": str(home), **variables})


def test_a_repository_of_pypirc_is_found_with_the_stages_simple_api(home: Path) -> None:
    place = find("ours", "https://simple.example/ours/", settings(home))
    assert (place.name, place.upload) == ("ours", "https://upload.example/legacy/")
    assert place.simple == "https://simple.example/ours/"
    assert place.twine.password == SECRET
    assert SECRET not in repr(place)


def test_the_variables_stand_above_the_file(home: Path) -> None:
    place = find(
        "ours",
        "https://simple.example/ours/",
        settings(
            home,
            TWINE_REPOSITORY_URL=f"https://ada:{SECRET}@other.example/up/",
            PIPELINE_INDEX_URL="https://other.example/simple/",
        ),
    )
    assert (place.name, place.address) == ("https://other.example/up/",) * 2
    assert place.simple == "https://other.example/simple/"


def test_another_repository_by_variable_does_not_take_the_stages_simple_api(home: Path) -> None:
    with pytest.raises(ReleaseRefusedError, match="not known where `ours` lists"):
        find("pypi", "https://simple.example/", settings(home, TWINE_REPOSITORY="ours"))


def test_the_index_for_tests_has_its_simple_api_beside_it(home: Path) -> None:
    (home / ".pypirc").unlink()
    place = find("testpypi", "", settings(home))
    assert place.simple == place.upload.replace("/legacy/", "/simple/") != place.upload


def test_an_index_of_which_only_the_upload_is_known_is_refused(home: Path) -> None:
    with pytest.raises(ReleaseRefusedError, match="where `ours` lists its files") as caught:
        find("ours", "", settings(home))
    assert "PIPELINE_INDEX_URL" in caught.value.hint
    assert caught.value.exit_code == 7


def test_a_repository_nobody_knows_is_refused_with_what_to_write(home: Path) -> None:
    with pytest.raises(ReleaseRefusedError, match="no repository `theirs`") as caught:
        find("theirs", "", settings(home))
    assert "[theirs]" in caught.value.hint


@pytest.mark.parametrize(
    "address", [f"ftp://ada:{SECRET}@x.example/", f"//ada:{SECRET}@x", f"http://ada:{SECRET}@["]
)
def test_a_bad_address_is_refused_without_telling_its_password(home: Path, address: str) -> None:
    with pytest.raises(ReleaseRefusedError) as caught:
        find("ours", "", settings(home, TWINE_REPOSITORY_URL=address))
    error = caught.value
    assert SECRET not in f"{error} {error.hint} {error.detail} {error.__cause__!r}"


def test_a_broken_pypirc_is_refused_without_telling_what_stands_in_it(home: Path) -> None:
    (home / ".pypirc").write_text(f"password = {SECRET}\n")
    with pytest.raises(ReleaseRefusedError) as caught:
        find("ours", "", settings(home))
    assert SECRET not in f"{caught.value} {caught.value.__cause__!r}"


def test_an_address_that_is_not_encrypted_is_remarked(home: Path) -> None:
    def remarks(url: str) -> int:
        simple = "https://simple.example/"
        given = settings(home, TWINE_REPOSITORY_URL=url, PIPELINE_INDEX_URL=simple)
        return len(find("x", "", given).remarks)

    assert remarks("http://index.example/") == 1
    assert remarks("https://index.example/") == 0
    assert remarks("http://127.0.0.1:3141/") == 0


@pytest.mark.parametrize("password", ["", "tok\n", "tok€"])
def test_a_token_that_is_none_is_told_with_what_to_set(home: Path, password: str) -> None:
    given = settings(
        home,
        TWINE_REPOSITORY_URL="http://127.0.0.1:9/",
        PIPELINE_INDEX_URL="http://127.0.0.1:9/simple/",
        **({"TWINE_USERNAME": "ada", "TWINE_PASSWORD": password} if password else {}),
    )
    with pytest.raises(ReleaseRefusedError, match="no good token or password") as caught:
        RemoteIndex(find("x", "", given), given)
    assert "TWINE_PASSWORD" in caught.value.hint
    assert caught.value.exit_code == 7


def test_offline_nothing_is_uploaded(home: Path) -> None:
    with pytest.raises(NetworkError, match="the network is off"):
        find("ours", "https://simple.example/", Settings(environ={"HOME": str(home)}, offline=True))
