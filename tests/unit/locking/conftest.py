"""A loopback server whose behaviour each test chooses, and settings that point to it."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from pipeline.locking.constraints import Constraints
from pipeline.locking.context import Context, Moves
from pipeline.locking.credentials import pip_client
from pipeline.locking.debian_archive import Archive
from pipeline.locking.fetch import fetch
from pipeline.locking.index import Index
from pipeline.locking.pip_settings import PipSettings
from pipeline.locking.places import registries
from pipeline.locking.python import Resolver
from pipeline.locking.settings import Settings
from pipeline.project.pyproject import reader
from pipeline.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pipeline.config.model import Pipeline
    from pipeline.lock.types import Lock
    from pipeline.network.transport import Client

    Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Site:
    """What the server has: for each path bytes, or answers given one after the other."""

    address: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def put(self, path: str, data: bytes, *, kind: str = "application/octet-stream") -> str:
        """Serve bytes, ranges included; return their sha256."""
        self.answers[path] = [whole(data, kind)]
        return hashlib.sha256(data).hexdigest()

    def script(self, path: str, *answers: Answer) -> None:
        """Give these answers in turn; the last one stays."""
        self.answers[path] = list(answers)

    def paths(self) -> list[str]:
        """Return the paths that were asked for, in order."""
        return [path for path, _ in self.requests]


def whole(data: bytes, kind: str = "application/octet-stream") -> Answer:
    """Answer as a good server does: 200, or 206 for a range."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range", "")
        start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else 0
        request.send_response(206 if wanted else 200)
        if wanted:
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(data) - start))
        request.end_headers()
        request.wfile.write(data[start:])

    return answer


def status(code: int, **headers: str) -> Answer:
    """Answer with a status and headers (``_`` for ``-``) and no body."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def cut(data: bytes, after: int) -> Answer:
    """Promise all of ``data``, send its beginning, and cut the connection."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data[:after])
        request.wfile.flush()
        request.close_connection = True

    return answer


def ignoring_range(data: bytes) -> Answer:
    """Answer every request with the whole file and status 200."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    return answer


class Answers:
    """The answers a test can script."""

    whole = staticmethod(whole)
    status = staticmethod(status)
    cut = staticmethod(cut)
    ignoring_range = staticmethod(ignoring_range)


@pytest.fixture
def answers() -> Answers:
    """Make answers."""
    return Answers()


@pytest.fixture
def site() -> Iterator[Site]:
    """Run a server on loopback."""
    found = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.requests.append((self.path, dict(self.headers)))
            waiting = found.answers.get(self.path)
            if waiting is None:
                status(404)(self)
            else:
                (waiting.pop(0) if len(waiting) > 1 else waiting[0])(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def settings(site: Site, tmp_path: Path) -> Settings:
    """Return settings that know the server as mirror and index, and nothing of this machine."""
    return make_settings(site.address, tmp_path)


def make_settings(address: str, directory: Path, **changes: object) -> Settings:
    """Return settings whose pip was asked already."""
    fields: dict[str, object] = {
        "environ": {"HOME": str(directory)},
        "suites": ("bookworm",),
        "declared_mirrors": (f"{address}/debian",),
        "apt_directory": directory / "no-apt",
        "jobs": 3,
    }
    made = Settings(**{**fields, **changes})  # type: ignore[arg-type]
    vars(made)["pip"] = PipSettings(index=f"{address}/simple/", timeout=10.0)
    return made


@pytest.fixture
def client(settings: Settings) -> Client:
    """Return a client that does not really wait between attempts."""
    return pip_client(settings, sleep=lambda _: None)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Open an empty store."""
    with Store.open(tmp_path / "store") as opened:
        yield opened


def release(index: Path, name: str, version: str, *requires: str) -> None:
    """Put a release into the one place that packages come from."""
    info = f"{name}-{version}.dist-info"
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    with zipfile.ZipFile(index / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{info}/METADATA", "\n".join(["Metadata-Version: 2.1", *lines, ""]))
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", tags)
        archive.writestr(f"{info}/RECORD", "")


def resolving(
    pipeline: Pipeline, index: Path, store: Store, previous: Lock, **environ: str
) -> Context:
    """Return what resolves a repository from a directory of packages, as pip is set by variables.

    Backends ask for nothing.
    """
    settings = Settings(environ={"HOME": str(index), **environ}, root=pipeline.root)
    vars(settings)["pip"] = PipSettings(
        find_links=(str(index),),
        no_index=True,
        constraints=tuple(environ.get("PIP_CONSTRAINT", "").split()),
        build_constraints=tuple(environ.get("PIP_BUILD_CONSTRAINT", "").split()),
    )
    client = pip_client(settings)
    simple = Index(client, settings)
    return Context(
        pipeline=pipeline,
        moves=Moves.of(pipeline, previous, frozenset()),
        settings=settings,
        store=store,
        index=simple,
        archive=Archive(client, settings, now=datetime.now(tz=UTC)),
        registry=registries(settings),
        resolver=Resolver(settings, simple, ()),
        run_step=lambda _step, _lock: b'{"requires": []}',
        projects=reader(pipeline.root),
        epoch=0,
        fetch=lambda files: fetch(files, store, settings),
        constraints=Constraints.read(settings, client),
    )
