from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import NetworkError
from pipeline.locking.credentials import pip_client
from pipeline.locking.index import JSON_TYPE, Index, Link, project_of, read_page
from pipeline.locking.pip_settings import PipSettings
from pipeline.locking.settings import Settings
from pipeline.network.faults import GoneError
from pipeline.network.transport import Client, Page
from pipeline.network.workers import gather
from tests.unit.locking.conftest import make_settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.locking.conftest import Site

HTML = """<!DOCTYPE html><html><head><base href="/files/"></head><body>
<a href="a-1.0-py3-none-any.whl#sha256=aa">a-1.0-py3-none-any.whl</a>
<a href="../other/a-1.0.tar.gz#sha256=bb" data-yanked="broken">a-1.0.tar.gz</a>
<a href="a-1.0%2Blocal-py3-none-any.whl">local</a>
<a href="https://mirror.example/readme.html">words</a><a>nothing</a>
</body></html>"""
JSON = json.dumps(
    {
        "meta": {"api-version": "1.1"},
        "files": [
            {
                "filename": "a-1.0-py3-none-any.whl",
                "url": "../../files/a-1.0-py3-none-any.whl",
                "hashes": {"sha256": "aa"},
                "size": 12,
            },
            {"filename": "a-1.0.tar.gz", "url": "http://h.example/a", "hashes": {}, "yanked": "no"},
        ],
    }
)


def page(text: str, kind: str) -> Page:
    """Return a project's page."""
    return Page(url="http://h.example/simple/a/", media_type=kind, data=text.encode())


@pytest.fixture
def index(client: Client, settings: Settings) -> Index:
    """Return the loopback index."""
    return Index(client, settings)


def test_html_pages_are_read_with_base_hashes_and_yanked_marks() -> None:
    assert list(read_page(page(HTML, "text/html"))) == [
        Link(
            name="a-1.0-py3-none-any.whl",
            url="http://h.example/files/a-1.0-py3-none-any.whl",
            sha256="aa",
        ),
        Link(
            name="a-1.0.tar.gz",
            url="http://h.example/other/a-1.0.tar.gz",
            sha256="bb",
            yanked=True,
            reason="broken",
        ),
        Link(
            name="a-1.0+local-py3-none-any.whl",
            url="http://h.example/files/a-1.0%2Blocal-py3-none-any.whl",
        ),
    ]


def test_json_pages_are_read_with_sizes() -> None:
    assert list(read_page(page(JSON, JSON_TYPE))) == [
        Link(
            name="a-1.0-py3-none-any.whl",
            url="http://h.example/files/a-1.0-py3-none-any.whl",
            sha256="aa",
            size=12,
        ),
        Link(name="a-1.0.tar.gz", url="http://h.example/a", yanked=True, reason="no"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"files": 1}',
        f'{{"files": {"[" * 100_000}',
        '{"files": [{}]}',
        '{"files": [{"filename": "a", "url": "b", "hashes": 1}]}',
    ],
)
def test_an_answer_that_is_no_index_page_is_a_network_error(text: str) -> None:
    with pytest.raises(NetworkError):
        list(read_page(page(text, JSON_TYPE)))


def test_another_media_type_points_to_the_settings() -> None:
    with pytest.raises(NetworkError) as caught:
        list(read_page(page("x", "application/zip")))
    assert "pip's settings" in caught.value.hint


def test_json_is_preferred_and_each_page_asked_for_once(site: Site, index: Index) -> None:
    site.put("/simple/a/", JSON.encode(), kind=JSON_TYPE)
    assert index.links("a") == index.links("a")
    ((_, headers),) = site.requests
    assert headers["Accept"].startswith(JSON_TYPE)


def test_a_project_no_index_has_has_no_links(index: Index) -> None:
    assert index.links("absent") == ()


def test_a_file_of_the_same_name_with_another_digest_is_passed_over(
    site: Site, index: Index
) -> None:
    site.put("/simple/a/", HTML.encode(), kind="text/html")
    name = "a-1.0-py3-none-any.whl"
    assert index.addresses(name, "aa") == (f"{site.address}/files/{name}",)
    assert index.addresses(name, "other") == ()


def test_a_size_comes_from_the_index_or_else_from_the_server(site: Site, index: Index) -> None:
    site.put("/simple/a/", JSON.encode(), kind=JSON_TYPE)
    assert index.size("a-1.0-py3-none-any.whl", "aa") == 12
    site.put("/simple/b/", b'<a href="/f/b-1.tar.gz#sha256=bb">b</a>', kind="text/html")
    site.put("/f/b-1.tar.gz", b"12345")
    assert index.size("b-1.tar.gz", "bb") == 5
    with pytest.raises(GoneError):
        index.size("b-2.tar.gz", "bb")


def test_find_links_may_be_a_directory_a_page_or_a_file(site: Site, tmp_path: Path) -> None:
    (tmp_path / "a-1.0.tar.gz").write_bytes(b"1234567")
    (tmp_path / "notes.txt").write_bytes(b"")
    site.put("/links.html", b'<a href="a-2.0.tar.gz">a</a>', kind="text/html")
    made = Settings(environ={"HOME": str(tmp_path)})
    places = (str(tmp_path), f"{site.address}/links.html", f"{site.address}/x/a-3.0.tar.gz")
    vars(made)["pip"] = PipSettings(no_index=True, find_links=(*places, str(tmp_path / "absent")))
    index = Index(pip_client(made), made)
    assert [link.name for link in index.links("a")] == [
        "a-1.0.tar.gz",
        "a-2.0.tar.gz",
        "a-3.0.tar.gz",
    ]
    assert index.size("a-1.0.tar.gz", "any") == 7


@pytest.mark.parametrize(
    ("file", "project"),
    [
        ("Foo_Bar-1.0-1-py3-none-any.whl", "foo-bar"),
        ("foo-bar-1.0.tar.gz", "foo-bar"),
        ("foo.bar-1.0.zip", "foo-bar"),
    ],
)
def test_a_file_s_name_tells_its_project(file: str, project: str) -> None:
    assert project_of(file) == project


def test_threads_that_want_one_page_ask_for_it_once(settings: Settings, site: Site) -> None:
    site.put("/simple/a/", JSON.encode(), kind=JSON_TYPE)
    index = Index(pip_client(settings), settings)
    found = gather([partial(index.links, "a")] * 16, jobs=16)
    assert site.paths() == ["/simple/a/"]
    assert {len(links) for links in found if isinstance(links, tuple)} == {2}


def test_an_index_that_is_a_directory_needs_no_network(tmp_path: Path) -> None:
    made = make_settings("http://127.0.0.1:9", tmp_path)
    vars(made)["pip"] = PipSettings(index=tmp_path.as_uri())
    Index(pip_client(made), made).reach()
    vars(made)["indexes"] = ("http://127.0.0.1:9/simple/",)
    with pytest.raises(NetworkError, match="connection failed"):
        Index(pip_client(made, sleep=lambda _: None), made).reach()
