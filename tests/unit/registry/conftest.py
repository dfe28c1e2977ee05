"""Registries on loopback whose every answer a test chooses."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from pipeline.store.store import Store
from tests.unit.registry.making import Blob, Made, index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Site:
    """What a server has: answers for each path, given one after the other; the last one stays."""

    host: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def script(self, path: str, *answers: Answer) -> None:
        self.answers[path] = list(answers)

    def put(self, repository: str, tag: str, *images: Made) -> str:
        """Serve an image, or an index of several, and return its reference."""
        base = f"/v2/{repository}"
        top = images[0].manifest if len(images) == 1 else index(*images)
        for one in images:
            self.script(f"{base}/manifests/sha256:{one.manifest.sha256}", blob(one.manifest))
            for each in one.blobs:
                self.script(f"{base}/blobs/sha256:{each.sha256}", blob(each))
        self.script(f"{base}/manifests/{tag}", blob(top))
        return f"{self.host}/{repository}:{tag}"

    def before(self, path: str, *answers: Answer) -> None:
        """Give these answers first, then the one that is there."""
        self.answers[path] = [*answers, *self.answers[path]]

    def requests(self, path: str) -> list[Asked]:
        """Return the requests for a path, in order."""
        return [one for one in self.asked if one.path.partition("?")[0] == path]


def reply(data: bytes, status: int = 200, **headers: str) -> Answer:
    """Answer with bytes; headers have ``_`` for ``-``."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    return answer


def blob(one: Blob) -> Answer:
    """Answer with a blob, or the part of it that is asked for."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        start = int(request.headers.get("Range", "bytes=0-")[6:].partition("-")[0])
        end = len(one.data)
        part = {"Content_Range": f"bytes {start}-{end - 1}/{end}"} if start else {}
        status = 206 if start else 200
        reply(one.data[start:], status, Content_Type=one.media_type, **part)(request)

    return answer


def cut(one: Blob, after: int) -> Answer:
    """Promise a blob, send its beginning, and cut the connection."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(one.data)))
        request.end_headers()
        request.wfile.write(one.data[:after])
        request.wfile.flush()
        request.close_connection = True

    return answer


def knowing(authorization: str, then: Answer, challenge: str) -> Answer:
    """Ask who it is, unless the request says so in these words."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.headers.get("Authorization") == authorization:
            then(request)
        else:
            reply(b"{}", 401, WWW_Authenticate=challenge)(request)

    return answer


@pytest.fixture
def site() -> Iterator[Site]:
    """Run a registry."""
    yield from serve()


@pytest.fixture
def elsewhere() -> Iterator[Site]:
    """Run another server, to be sent to."""
    yield from serve()


def serve() -> Iterator[Site]:
    found = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length", "0"))
            asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(size))
            found.asked.append(asked)
            waiting = found.answers.get(self.path.partition("?")[0])
            if waiting is None:
                reply(b"{}", 404)(self)
            else:
                (waiting.pop(0) if len(waiting) > 1 else waiting[0])(self)

        do_POST = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.host = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Open an empty store."""
    with Store.open(tmp_path / "store") as opened:
        yield opened
