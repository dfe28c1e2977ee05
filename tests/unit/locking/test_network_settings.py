from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import NetworkError, UsageError
from pipeline.locking import apt, pip_settings
from pipeline.locking.settings import MIRROR_VARIABLE, Settings

if TYPE_CHECKING:
    from pathlib import Path

ONE_LINE = """
# deb http://commented.example/debian bookworm main
deb http://first.example/debian/ bookworm main contrib  # words
deb [arch=amd64 signed-by=/a b] https://second.example/debian bookworm main
deb-src http://source.example/debian bookworm main
deb http://security.example bookworm-security main
deb http://other.example bookworm contrib
deb cdrom:[disc]/ bookworm main
deb mirror+file:/etc/apt/list bookworm main
deb nonsense
"""
DEB822 = """
Types: deb
# a comment inside
URIs: http://third.example/debian
  http://fourth.example/debian/
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """Return a machine's apt directory with both formats."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(ONE_LINE)
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822)
    (tmp_path / "sources.list.d" / "old.list.save").write_text("deb http://x.example bookworm main")
    (tmp_path / "sources.list.d" / "broken.list").write_bytes(b"\xff\xfe deb")
    return tmp_path


def test_apt_sources_of_both_formats_count_for_the_suite_asked_only(etc: Path) -> None:
    assert apt.mirrors("bookworm", etc) == (
        "http://first.example/debian",
        "https://second.example/debian",
        "http://third.example/debian",
        "http://fourth.example/debian",
    )
    assert apt.mirrors("trixie", etc) == ()


def test_a_mirror_of_debian_serves_the_suites_that_apt_does_not_list(etc: Path) -> None:
    settings = Settings(environ={}, suites=("trixie",), apt_directory=etc)
    assert settings.mirrors() == apt.mirrors("bookworm", etc)


def test_a_machine_without_apt_has_no_mirrors(tmp_path: Path) -> None:
    assert apt.mirrors("bookworm", tmp_path / "absent") == ()


def test_the_first_mirror_setting_that_is_set_counts(etc: Path) -> None:
    declared = ("http://declared.example/debian/",)

    def of(flag: str, variable: str, mirrors: tuple[str, ...]) -> str:
        made = Settings(
            environ={MIRROR_VARIABLE: variable},
            mirror_flag=flag,
            declared_mirrors=mirrors,
            suites=("bookworm",),
            apt_directory=etc,
        )
        return made.mirrors()[0]

    assert of("http://flag.example/", "http://var.example", declared) == "http://flag.example"
    assert of("", "http://var.example", declared) == "http://var.example"
    assert of("", "", declared) == "http://declared.example/debian"
    assert of("", "", ()) == "http://first.example/debian"


def test_a_variable_may_hold_several_mirrors() -> None:
    made = Settings(environ={MIRROR_VARIABLE: "http://a.example, http://b.example"})
    assert made.mirrors() == ("http://a.example", "http://b.example")


def test_no_mirror_is_a_network_error_that_says_what_to_set(tmp_path: Path) -> None:
    made = Settings(environ={}, suites=("bookworm",), apt_directory=tmp_path)
    with pytest.raises(NetworkError, match="`bookworm`") as caught:
        made.mirrors()
    assert MIRROR_VARIABLE in caught.value.hint


def test_a_mirror_that_is_no_web_address_is_refused() -> None:
    with pytest.raises(UsageError):
        Settings(environ={}, mirror_flag="/srv/debian").mirrors()


def test_pip_s_output_is_understood_in_pip_s_order_of_precedence() -> None:
    found = pip_settings.parse(
        "install.index-url='http://install.example/simple'\n"
        ":env:.find-links='/opt/a b'\n"
        "global.index-url='http://global.example/simple'\n"
        "global.extra-index-url='\\nhttp://x.example/s\\nhttp://y.example/s'\n"
        ":env:.cert='/etc/ca.pem'\n"
        ":env:.default-timeout='180'\n"
        "freeze.timeout='10'\n"
        "global.no-index='true'\n"
        "something else\n"
    )
    assert found.index == "http://install.example/simple"
    assert found.extra_indexes == ("http://x.example/s", "http://y.example/s")
    assert found.find_links == ("/opt/a", "b")
    assert (found.cert, found.timeout, found.no_index) == ("/etc/ca.pem", 180.0, True)


def test_pip_itself_is_asked(tmp_path: Path) -> None:
    environ = {
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "PIP_EXTRA_INDEX_URL": "http://x.example/s",
        "HOME": str(tmp_path),
    }
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = http://main.example/simple\n")
    found = pip_settings.read(environ)
    assert found.index == "http://main.example/simple"
    assert found.extra_indexes == ("http://x.example/s",)


def test_no_module_of_the_project_runs_when_pip_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pip", "types", "json", "re"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    pip_settings.read({"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull})
    assert not (tmp_path / "ran").exists()


def test_uv_is_set_to_the_same_indexes_as_pip() -> None:
    found = pip_settings.PipSettings(
        index="http://main.example/simple",
        extra_indexes=("http://x.example/s", "http://y.example/s"),
        find_links=("/opt/a",),
        cert="/etc/ca.pem",
        proxy="http://proxy.example:3128",
    ).uv_environment()
    assert found["UV_DEFAULT_INDEX"] == "http://main.example/simple"
    assert found["UV_INDEX"] == "http://x.example/s http://y.example/s"
    assert found["UV_FIND_LINKS"] == "/opt/a"
    assert found["SSL_CERT_FILE"] == "/etc/ca.pem"
    assert found["HTTPS_PROXY"] == "http://proxy.example:3128"
    assert "UV_NO_INDEX" not in found


def test_without_settings_uv_keeps_its_own_default_index() -> None:
    assert set(pip_settings.PipSettings().uv_environment()) == {"UV_HTTP_TIMEOUT"}
