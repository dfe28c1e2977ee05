"""What a container is given: output told apart, ports that are free, a checkout it can see."""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.dev.attach import Frames
from pipeline.dev.container import require_visible
from pipeline.dev.gpus import Gpus
from pipeline.dev.ports import Port, parse_all
from pipeline.errors import EngineUnavailableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


def frame(kind: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", kind, len(data)) + data


@pytest.mark.parametrize("size", [1, 3, 9, 1000])
def test_frames_are_whole_however_they_arrive(
    size: int, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    data = frame(1, b"out") + frame(2, b"err") + frame(1, b"") + frame(1, b" more")
    frames = Frames()
    for start in range(0, len(data), size):
        frames.take(data[start : start + size])
    assert capfdbinary.readouterr() == (b"out more", b"err")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("8000:80", ("127.0.0.1", 8000, "80/tcp")),
        ("0:53/udp", ("127.0.0.1", 0, "53/udp")),
        ("0.0.0.0:8000:80", ("0.0.0.0", 8000, "80/tcp")),  # noqa: S104 - as one may ask for
        ("[::1]:8000:80", ("::1", 8000, "80/tcp")),
    ],
)
def test_a_port_is_open_to_this_machine_alone_unless_told(
    text: str, meaning: tuple[str, int, str]
) -> None:
    port = Port.parse(text)
    assert (port.host, port.outer, port.inner) == meaning


@pytest.mark.parametrize(
    "text", ["", "80", "a:b", "70000:80", "80:70000", "8000:80/sctp", ":80", "8000:0"]
)
def test_what_is_no_pair_of_ports_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no pair of ports"):
        Port.parse(text)


def test_one_port_of_this_machine_is_not_two_inside() -> None:
    with pytest.raises(UsageError, match=r"`--publish 127\.0\.0\.1:80:1` and .* the same port"):
        parse_all(["80:1", "80:2"])
    assert len(parse_all(["80:1", "81:1", "80:1/udp", "0.0.0.0:80:1", "0:2", "0:3"])) == 6


@pytest.mark.parametrize(
    ("text", "asked", "flag"),
    [
        ("all", (-1, []), "--gpus=all"),
        ("2", (2, []), "--gpus=2"),
        ("device=0,GPU-3a", (0, ["0", "GPU-3a"]), '--gpus="device=0,GPU-3a"'),
    ],
)
def test_gpus_are_asked_for_as_docker_does(
    text: str, asked: tuple[int, list[str]], flag: str
) -> None:
    gpus = Gpus.parse(text)
    request = gpus.request()
    assert (request["Count"], request["DeviceIDs"]) == asked
    assert request["Capabilities"] == [["gpu"]]
    assert gpus.flag == flag


@pytest.mark.parametrize("text", ["", "0", "none", "-1", "device=", "device=0,"])
def test_what_names_no_gpu_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="names no GPU") as refused:
        Gpus.parse(text)
    assert "device=0,1" in refused.value.hint


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_that_is_taken_is_refused_before_anything_starts(listening: int) -> None:
    with pytest.raises(UsageError, match=f"127.0.0.1:{listening}:80` is taken") as refused:
        Port.parse(f"{listening}:80").require_free()
    assert "0:PORT" in refused.value.hint
    Port.parse("0:80").require_free()


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(UsageError, match=r"`192\.0\.2\.1` is no address of this machine"):
        Port.parse("192.0.2.1:8000:80").require_free()


def test_a_checkout_that_docker_from_snap_cannot_see_is_refused() -> None:
    snap = "/var/snap/docker/common/var-lib-docker"
    hidden, seen = Path("/tmp/work/project"), Path("/srv/project")  # noqa: S108 - a name alone
    with pytest.raises(
        EngineUnavailableError, match="cannot mount `/tmp/work/project`: it comes from Snap"
    ):
        require_visible(hidden, snap)
    require_visible(seen, snap)
    require_visible(hidden, "/var/lib/docker")
