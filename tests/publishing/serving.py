"""An index over HTTP on loopback that keeps the real rules, and breaks when a test says so.

What it takes is decided by the index of the rehearsal; beyond that it checks the form that twine
sends. Uploads go to ``/legacy/``, the Simple API is ``/simple/``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import ssl
import struct
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from pipeline.errors import ReleaseRefusedError
from pipeline.publishing.index import TakenError
from pipeline.publishing.rehearsal import RehearsalIndex
from pipeline.release.index_rules import METADATA_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JSON = "application/vnd.pypi.simple.v1+json"
USER, TOKEN = "__token__", "tok-CANARY-7f3a9c51d0"


@dataclass
class FaultyIndex:
    """What the server works with; tests fill ``faults``, one for each upload to come.

    A fault is a status (``"500"``, ``"429:0"`` with Retry-After), or ``cut`` (the connection ends
    in the middle of the body), ``deaf`` (no answer ever), ``lie`` (it says 200 and keeps nothing),
    ``bend`` (it keeps other bytes), ``mute`` (it keeps the file and cuts the answer), ``echo``
    (401, telling back what it was told), ``redirect``. ``hidden`` is how often a page is answered
    without what was taken lately. ``resent`` are files that came though they were there, ``busy``
    is how many uploads are on their way. With ``strangers`` who asks for an unknown project is sent
    to another host, which has one of that name.
    """

    directory: Path
    faults: list[str] = field(default_factory=list)
    html: bool = False
    hidden: int = 0
    slowness: float = 0.0
    strangers: bool = False
    requests: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    resent: list[str] = field(default_factory=list)
    busy: int = 0
    address: str = ""

    def __post_init__(self) -> None:
        self.rules = RehearsalIndex(self.directory)
        self.counting = threading.Lock()

    @property
    def upload(self) -> str:
        return f"{self.address}/legacy/"

    @property
    def simple(self) -> str:
        return f"{self.address}/simple/"

    @property
    def files(self) -> dict[str, bytes]:
        """What is at the index."""
        return {path.name: path.read_bytes() for path in self.directory.iterdir()}


class Served(Protocol):
    """An index that runs: where files go, and where its pages are."""

    @property
    def upload(self) -> str: ...

    @property
    def simple(self) -> str: ...


def access(index: Served, user: str = USER, token: str = TOKEN) -> dict[str, str]:
    """Return the variables that let a run publish to an index."""
    return {
        "TWINE_REPOSITORY_URL": index.upload,
        "TWINE_USERNAME": user,
        "TWINE_PASSWORD": token,
        "PIPELINE_INDEX_URL": index.simple,
    }


@contextmanager
def serve(index: FaultyIndex, certificate: Path | None = None) -> Iterator[FaultyIndex]:
    """Run the index until the body ends; ``certificate`` (with its key) makes it speak TLS."""

    class Handler(_Handler):
        state = index

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    index.address = f"http://127.0.0.1:{server.server_address[1]}"
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        index.address = index.address.replace("http:", "https:")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: FaultyIndex
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the other side was killed, which tests do

    def do_GET(self) -> None:
        self.state.requests.append(f"GET {self.path}")
        room, _, name = urlsplit(self.path).path.strip("/").partition("/")
        if room == "files" and name in self.state.files:
            self._answer(200, self.state.files[name], "application/octet-stream")
        elif room == "simple":
            self._page(name)
        elif room == "stranger":
            theirs = {
                "filename": "thing-1.0-py3-none-any.whl",
                "url": "x",
                "hashes": {"sha256": "0"},
            }
            self._answer(200, json.dumps({"files": [theirs]}).encode(), JSON)
        else:
            self._answer(404, b"", "text/plain")

    def _page(self, project: str) -> None:
        links = self.state.rules.files(project)
        if links and self.state.hidden > 0:
            self.state.hidden -= 1
            links = links[:-1]
        if not links and self.state.strangers:
            other = self.state.address.replace("127.0.0.1", "localhost")
            self._answer(302, b"", "text/plain", Location=f"{other}/stranger/{project}/")
        elif not links:
            self._answer(404, b"", "text/plain")
        elif self.state.html:
            rows = "".join(f'<a href="../../files/{k.name}">{k.name}</a>' for k in links)
            self._answer(200, rows.encode(), "text/html")
        else:
            files = [
                {"filename": k.name, "url": f"/files/{k.name}", "hashes": {"sha256": k.sha256}}
                for k in links
            ]
            page = {"meta": {"api-version": "1.0"}, "name": project, "files": files}
            self._answer(200, json.dumps(page).encode(), JSON)

    def do_POST(self) -> None:
        self.state.requests.append(f"POST {self.path}")
        with self.state.counting:
            self.state.busy += 1
        try:
            self._upload()
        finally:
            with self.state.counting:
                self.state.busy -= 1

    def _upload(self) -> None:
        fault = self.state.faults.pop(0) if self.state.faults else ""
        if fault == "cut":
            self.rfile.read(min(700, int(self.headers["Content-Length"])))
            self._hang_up()
            return
        data = self._body()
        if fault == "deaf":
            self._wait_for_the_end()
            return
        if fault == "echo":
            told = self.headers["Authorization"]
            plain = base64.b64decode(told.partition(" ")[2]).decode()
            self._answer(401, f"who is {told} or {plain}?".encode(), "text/plain")
        elif fault == "redirect":
            self._answer(301, b"", "text/plain", Location=self.state.simple)
        elif fault[:1].isdigit():
            status, _, wait = fault.partition(":")
            self._answer(int(status), b"by wish", "text/plain", **{"Retry-After": wait or "0"})
        else:
            self._take(data, fault)

    def _take(self, data: bytes, fault: str) -> None:
        given = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        if self.headers["Authorization"] != f"Basic {given}":
            self._answer(403, b"Invalid or non-existent authentication", "text/plain")
            return
        form = _form(self.headers["Content-Type"], data)
        name, content = form["content"]
        if problem := _faults_of(form, name, content):
            self._answer(400, problem.encode(), "text/plain")
            return
        if fault == "lie":
            self._answer(200, b"", "text/plain")
            return
        scratch = self.state.directory.parent / f"incoming-{threading.get_ident()}" / name
        scratch.parent.mkdir(exist_ok=True)
        scratch.write_bytes(content)
        try:
            new = self.state.rules.take(name, scratch)
        except TakenError as error:
            self._answer(400, f"File already exists: {error.message}".encode(), "text/plain")
            return
        except ReleaseRefusedError as error:
            self._answer(400, error.message.encode(), "text/plain")
            return
        finally:
            scratch.unlink()
        (self.state.taken if new else self.state.resent).append(name)
        if fault == "bend":
            (self.state.directory / name).write_bytes(content + b"bent")
        if fault == "mute":
            self._hang_up()
            return
        time.sleep(self.state.slowness)
        self._answer(200, b"", "text/plain")

    def _body(self) -> bytes:
        left, data = int(self.headers["Content-Length"]), b""
        while left > 0 and (piece := self.rfile.read(min(left, 512))):
            data += piece
            left -= len(piece)
            time.sleep(self.state.slowness)
        if left > 0:
            raise ConnectionResetError
        return data

    def _answer(self, status: int, data: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _wait_for_the_end(self) -> None:
        """Say nothing until the other side goes; 418 where it never does."""
        self.connection.settimeout(20)
        self.close_connection = True
        try:
            self.rfile.read(1)
        except TimeoutError:
            self._answer(418, b"", "text/plain")

    def _hang_up(self) -> None:
        """End the connection without a word, as a pulled cable does."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True


def _form(kind: str, data: bytes) -> dict[str, Any]:
    """Return the fields of a multipart form; ``content`` is a file's name and bytes."""
    message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + data)
    found: dict[str, Any] = {}
    for part in message.walk():
        if not (name := part.get_param("name", header="content-disposition")):
            continue
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        file = part.get_filename()
        found[str(name)] = (file, payload) if file else payload.decode()
    return found


def _faults_of(form: dict[str, Any], name: str, content: bytes) -> str:
    """Return what an index says of a form that does not fit its file."""
    kind = "bdist_wheel" if name.endswith(".whl") else "sdist"
    checks = {
        ":action": form[":action"] == "file_upload",
        "protocol_version": form["protocol_version"] == "1",
        "filetype": form["filetype"] == kind,
        "pyversion": (form["pyversion"] == "source") == (kind == "sdist"),
        "sha256_digest": form["sha256_digest"] == hashlib.sha256(content).hexdigest(),
        "name": canonicalize_name(name.partition("-")[0]) == canonicalize_name(form["name"]),
        "version": f"-{form['version']}" in name,
        "metadata_version": form["metadata_version"] in METADATA_VERSIONS,
    }
    return ", ".join(f"{field} is wrong" for field, right in checks.items() if not right)
