"""Going into a step that runs: a port that is passed on, and a command with as few rights."""

from __future__ import annotations

import marshal
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pipeline
from pipeline.sandbox import seccomp
from pipeline.sandbox.launch import launch, launchers, stop_all
from tests.sandbox.conftest import PYTHON, Room

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.sandbox

PACKAGES = str(Path(pipeline.__file__).parents[1])
BOOT = "import sys; sys.path.append(sys.argv[1]); from pipeline.sandbox.joining import {0}; {0}()"
PORT = 4000
ECHO = f"""
import socket, threading
open("/tmp/written", "w").write("by the step")
listener = socket.create_server(("127.0.0.1", {PORT}))
print("listening", flush=True)
def serve(peer):
    data = b""
    while piece := peer.recv(65536):
        data += piece
    peer.sendall(data[::-1])
    peer.close()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],)).start()
"""


@pytest.fixture
def launcher(room: Room) -> Iterator[int]:
    """Give the launcher of a step that turns around what it is sent, once it listens."""
    listening = threading.Event()
    spec = replace(room.spec, argv=(PYTHON, "-I", "-c", ECHO))

    def run() -> None:
        with pytest.raises(KeyboardInterrupt):
            launch(spec, lambda _: listening.set())

    thread = threading.Thread(target=run)
    thread.start()
    assert listening.wait(30)
    yield launchers()[0]
    stop_all()
    thread.join()


def command(entry: str, *words: int) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", BOOT.format(entry), PACKAGES, *map(str, words)]


@contextmanager
def forwarded(launcher: int, port: int) -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            command("forward", listener.fileno(), launcher, port),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(listener.fileno(),),
        )
        with process:
            assert process.stdout
            assert process.stdout.read(1) == b"."
            yield listener.getsockname()
            assert process.stdin
            process.stdin.close()
            assert process.wait(30) == 0


def exchanged(address: tuple[str, int], data: bytes) -> bytes:
    """Send all, say that it was all, and return the answer."""
    answer = b""
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65536):
            answer += piece
    return answer


def test_bytes_go_both_ways_and_ends_are_passed_on(launcher: int) -> None:
    data = os.urandom(3 << 20)
    with forwarded(launcher, PORT) as address:
        assert exchanged(address, data) == data[::-1]
        assert exchanged(address, b"") == b""


def test_many_connections_do_not_wait_for_each_other(launcher: int) -> None:
    with forwarded(launcher, PORT) as address:
        with socket.create_connection(address):  # which says nothing
            found: list[bytes] = []
            threads = [
                threading.Thread(target=lambda: found.append(exchanged(address, b"abc")))
                for _ in range(20)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert found == [b"cba"] * 20


def test_a_port_on_which_nobody_listens_drops_connections(launcher: int) -> None:
    with forwarded(launcher, PORT + 1) as address:
        answer = b""
        with suppress(ConnectionError):  # or it ends without a word
            answer = exchanged(address, b"anyone?")
        assert answer == b""


def ran(room: Room, launcher: int, *words: str) -> subprocess.CompletedProcess[str]:
    spec = replace(room.spec, argv=words)
    order = marshal.dumps((spec.wire(), seccomp.program(os.uname().machine)))  # type: ignore[arg-type] # plain
    told = subprocess.run(
        command("command", launcher), input=order, capture_output=True, check=False
    )
    return subprocess.CompletedProcess(
        words, told.returncode, told.stdout.decode(), told.stderr.decode()
    )


def test_a_command_sees_the_files_processes_and_network_of_the_step(
    room: Room, launcher: int
) -> None:
    look = (
        "import os, socket; socket.create_connection(('127.0.0.1', 4000), 5).close(); "
        "print(open('/tmp/written').read(), os.path.exists('/proc/2'), os.getpid() > 2)"
    )
    told = ran(room, launcher, PYTHON, "-I", "-c", look)
    assert told.stdout == "by the step True True\n", told.stderr


def test_a_command_has_no_more_rights_than_the_step(room: Room, launcher: int) -> None:
    words = "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/{}/status"
    step = ran(room, launcher, "/bin/sh", "-c", words.format(2))
    own = ran(room, launcher, "/bin/sh", "-c", words.format("self"))
    assert "CapEff:\t0000000000000000" in own.stdout
    assert "NoNewPrivs:\t1" in own.stdout
    assert own.stdout == step.stdout


def test_a_command_ends_with_its_own_status(room: Room, launcher: int) -> None:
    assert ran(room, launcher, "/bin/sh", "-c", "exit 7").returncode == 7
    absent = ran(room, launcher, "no-such-program")
    assert absent.returncode == 127
    assert "no-such-program" in absent.stderr
