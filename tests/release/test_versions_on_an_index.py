from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from pipeline.config.stages import PublishStage
from pipeline.locking.settings import Settings
from pipeline.stages.on_index import released

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = ("a_thing-1.0.tar.gz", "a_thing-1.1-py3-none-any.whl", "a_thing-2.0rc1-1-py3-none-any.whl")


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = self.path == "/simple/a-thing/"
        body = "".join(f'<a href="/{name}">{name}</a>' for name in FILES).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("version", "taken"),
    [("1.0", True), ("1.0.0", True), ("1.1", True), ("2.0rc1", True), ("2.0", False)],
)
def test_a_version_of_which_the_index_has_any_file_is_found(
    address: str, tmp_path: Path, version: str, *, taken: bool
) -> None:
    environ = {
        "TWINE_REPOSITORY_URL": f"{address}/legacy/",
        "PIPELINE_INDEX_URL": f"{address}/simple/",
        "HOME": str(tmp_path),
    }
    settings = Settings.gather(environ)
    found = tuple(released(("a-thing", "another"), version, PublishStage(name="p"), settings))
    assert len(found) == taken
    assert all("has files of `a-thing`" in one.what for one in found)
    assert all("write a version that the index does not have" in one.hint for one in found)
