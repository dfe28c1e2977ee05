"""Daemons and tools that are absent, too old, or not for us. No Docker is needed for these."""

from __future__ import annotations

import json
import os
import socketserver
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest

from pipeline.engines.daemon import UnusableError, check_tools, current_context, look

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Old(BaseHTTPRequestHandler):
    """Answers as a daemon of another time."""

    version = "20.10.24"

    def do_GET(self) -> None:
        told = {"Version": self.version, "ApiVersion": "1.41", "Os": "linux", "Arch": "arm64"}
        body = json.dumps({} if "info" in self.path else told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, *_: object) -> None:
        pass


class New(Old):
    version = "24.0.9"


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextmanager
def serving(path: Path, answers: type[Old]) -> Iterator[dict[str, str]]:
    with Server(str(path), answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield {"DOCKER_HOST": f"unix://{path}"}
        finally:
            server.shutdown()
            thread.join()


def tool(directory: Path, script: str) -> dict[str, str]:
    directory.mkdir(exist_ok=True)
    (directory / "docker").write_text(f"#!/bin/sh\n{script}\n")
    (directory / "docker").chmod(0o755)
    return {"PATH": f"{directory}:{os.defpath}"}


def test_an_old_daemon_is_told_so(tmp_path: Path) -> None:
    with serving(tmp_path / "s", Old) as environ, pytest.raises(UnusableError) as caught:
        look("default", environ)
    assert caught.value.reason == "Docker 20.10.24 is too old, 24 is the oldest"
    assert "install Docker 24 or newer" in caught.value.hint


def test_the_oldest_daemon_that_will_do_is_taken_as_one_without_layouts(tmp_path: Path) -> None:
    with serving(tmp_path / "s", New) as environ:
        found = look("default", environ)
    assert (found.version, found.platform, found.layouts) == ("24.0.9", "linux/arm64", False)


def test_a_daemon_that_is_absent_is_named_by_its_address(tmp_path: Path) -> None:
    with pytest.raises(UnusableError) as caught:
        look("default", {"DOCKER_HOST": f"unix://{tmp_path}/none"})
    assert caught.value.reason == f"no Docker daemon answers at `unix://{tmp_path}/none`"
    assert caught.value.hint.startswith("start it")


def test_a_socket_that_nobody_listens_at_is_no_daemon(tmp_path: Path) -> None:
    with serving(tmp_path / "s", New) as environ:
        pass
    with pytest.raises(UnusableError, match="no Docker daemon answers"):
        look("default", environ)


def test_a_socket_that_is_not_for_us_is_told_apart(tmp_path: Path) -> None:
    with serving(tmp_path / "s", New) as environ:
        (tmp_path / "s").chmod(0)
        said = _reason(environ)
        if said == "nothing":  # we may do anything, so somebody else has to try
            said = _as_nobody(environ)
    assert said.startswith("you may not use the socket of the Docker daemon")


def _reason(environ: dict[str, str]) -> str:
    try:
        look("default", environ)
    except UnusableError as error:
        return error.reason
    return "nothing"


def _as_nobody(environ: dict[str, str]) -> str:
    """Return the reason as a process without rights has it."""
    reading, writing = os.pipe()
    if not (child := os.fork()):
        try:
            os.setuid(65534)
            os.write(writing, _reason(environ).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        said = stream.read().decode()
    os.waitpid(child, 0)
    return said


def test_a_context_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="there is no Docker context `elsewhere`"):
        look("elsewhere", tool(tmp_path / "bin", "exit 1"))


def test_a_context_is_reached_where_docker_says_that_it_is(tmp_path: Path) -> None:
    with serving(tmp_path / "s", New) as served:
        endpoint = {"Host": served["DOCKER_HOST"], "SkipTLSVerify": False}
        storage = {"TLSPath": str(tmp_path / "tls")}
        told = json.dumps([{"Endpoints": {"docker": endpoint}, "Storage": storage}])
        found = look("far", tool(tmp_path / "bin", f"echo '{told}'"))
    assert found.version == "24.0.9"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 1", "Docker's plugin `buildx` is not installed"),
        ("echo github.com/docker/buildx v0.11.2 9872040", "buildx v0.11.2 is too old, 0.13"),
    ],
)
def test_a_buildx_that_will_not_do_is_told(tmp_path: Path, script: str, reason: str) -> None:
    with pytest.raises(UnusableError) as caught:
        check_tools(tool(tmp_path / "bin", script))
    assert caught.value.reason.startswith(reason)


def test_the_version_of_buildx_is_read_as_debian_and_as_docker_write_it(tmp_path: Path) -> None:
    for words in ("v0.29.1 28f6246", "0.29.1+ds1 0.29.1+ds1-4"):
        told = f"echo github.com/docker/buildx {words}"
        assert check_tools(tool(tmp_path / "bin", told)) == "0.29.1"


def test_without_the_command_there_is_no_engine(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="the command `docker` is not installed"):
        check_tools({"PATH": str(tmp_path)})


def test_the_context_is_found_as_docker_finds_it(tmp_path: Path) -> None:
    environ = {"DOCKER_CONFIG": str(tmp_path)}
    assert current_context(environ) == "default"
    (tmp_path / "config.json").write_text('{"currentContext": "configured"}')
    assert current_context(environ) == "configured"
    assert current_context({**environ, "DOCKER_CONTEXT": "named"}) == "named"
    assert current_context({"DOCKER_CONTEXT": "named", "DOCKER_HOST": "unix:///s"}) == "default"
    (tmp_path / "config.json").write_text("{broken")
    assert current_context(environ) == "default"
