"""Services for tests, with a real redis: reached, told apart, refused, and never left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError, LockError, ServiceError, UsageError
from tests.testing.conftest import REPOSITORY, ask, docker

if TYPE_CHECKING:
    from tests.testing.conftest import Place

pytestmark = [pytest.mark.network, pytest.mark.slow]

TEST = """
import os, socket, sys, time
import pytest

@pytest.fixture(scope="session")
def redis(services):
    name = os.environ["NAME"] + "-" + os.environ.get("PYTEST_XDIST_WORKER", "main")
    return services.start(
        "redis", COMMAND, port=6379, name=name, environment={"MARK": os.environ["NAME"]}
    )

def ask(redis, words):
    with socket.create_connection((redis.host, redis.port), timeout=10) as connection:
        connection.sendall(words.encode() + b"\\r\\n")
        return connection.recv(4096).decode().strip()
"""
SLOTS = f"""{TEST}
@pytest.mark.parametrize("number", range(4))
def test_alone(redis, number):
    worker = os.environ["PYTEST_XDIST_WORKER"]
    ask(redis, f"SADD workers {{worker}}")
    assert ask(redis, "SCARD workers") == ":1"
    assert worker in redis.name
"""
FAILS = f"""{TEST}
def test_passes(redis):
    assert ask(redis, "PING") == "+PONG"

def test_fails(redis):
    with pytest.raises(ConnectionError):
        while True:
            assert ask(redis, "SHUTDOWN NOSAVE") == ""
    raise AssertionError

def test_fails_again():
    raise AssertionError
"""
SLEEPS = f"""{TEST}
def test_long(redis):
    if not os.fork():
        time.sleep(60)  # a child that holds all our descriptors and outlives us
        os._exit(0)
    assert ask(redis, "PING") == "+PONG"
    print("ready", redis.name, flush=True)
    time.sleep(60)
"""


def test_a_service_is_reached_and_gone_afterwards(place: Place) -> None:
    with place.services() as services:
        redis = place.start(services)
        assert redis.engine == place.engine
        assert ask(redis, "PING") == "+PONG"
        assert "Ready to accept connections" in redis.logs()
        assert place.left
        redis.stop()
        place.wait_until_nothing_is_left()
        with pytest.raises(ConnectionError):
            ask(redis, "PING")
        assert "Ready to accept connections" in redis.logs()


def test_two_services_share_neither_port_nor_state(place: Place) -> None:
    with place.services() as services:
        one, other = place.start(services, name=""), place.start(services, name="")
        assert one.address != other.address
        assert one.name != other.name
        ask(one, "SET key one")
        assert ask(other, "EXISTS key") == ":0"


@pytest.mark.parametrize("ready", ["Ready to accept connections", ["redis-cli", "ping"]])
def test_readiness_may_be_a_line_or_a_command_inside(place: Place, ready: str | list[str]) -> None:
    with place.services() as services:
        assert ask(place.start(services, ready=ready), "PING") == "+PONG"


def test_the_environment_and_the_images_own_reach_the_service(place: Place) -> None:
    words = "echo mark=$MARK path=$PATH; exec redis-server --bind 0.0.0.0 --protected-mode no"
    with place.services() as services:
        log = place.start(services, ["sh", "-c", words]).logs()
        assert f"mark={place.mark} path=/usr/local/sbin:" in log


def test_a_service_may_be_another_user_than_root(place: Place) -> None:
    words = "id -u; cd /tmp; exec redis-server --bind 0.0.0.0 --protected-mode no"
    with place.services() as services:
        redis = place.start(services, ["sh", "-c", words], user=65534, ready="Ready to accept")
        assert redis.logs().splitlines()[0] == "65534"


@pytest.mark.parametrize("place", ["sandbox"], indirect=True)
@pytest.mark.sandbox
def test_a_service_reaches_no_port_of_this_machine_in_the_sandbox(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, place.services() as services:
        port = str(listener.getsockname()[1])
        with pytest.raises(ServiceError, match="ends with status 1 inside"):
            place.start(services, ready=["redis-cli", "-p", port, "ping"], seconds=1)
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_one_that_is_never_ready_is_told_with_its_last_words(place: Place) -> None:
    with place.services() as services, pytest.raises(ServiceError) as caught:
        place.start(services, ["sh", "-c", "echo waiting for Godot; sleep 60"], seconds=1)
    assert "was not ready within 1 s: nothing listens on its port 6379" in str(caught.value)
    assert "waiting for Godot" in caught.value.detail
    assert any("hint: " in note for note in caught.value.__notes__)


def test_one_that_ends_at_once_is_told_with_its_status(place: Place) -> None:
    with place.services() as services, pytest.raises(ServiceError) as caught:
        place.start(services, ["sh", "-c", "echo no such option >&2; exit 3"])
    assert "ended with status 3 before it was ready" in str(caught.value)
    assert "no such option" in caught.value.detail


def test_a_program_that_is_not_in_the_image_is_told(place: Place) -> None:
    with place.services() as services, pytest.raises(ServiceError) as caught:
        place.start(services, ["no-such-program"])
    assert "no-such-program" in "".join([str(caught.value), *caught.value.detail])


def test_a_check_that_hangs_is_given_up_in_time(place: Place) -> None:
    with place.services() as services, pytest.raises(ServiceError) as caught:
        place.start(services, ready=["sleep", "infinity"], seconds=1)
    assert "not ready within 1 s: `sleep infinity` does not end inside" in str(caught.value)


def test_a_check_that_cannot_be_run_is_told(place: Place) -> None:
    with place.services() as services, pytest.raises(ServiceError) as caught:
        place.start(services, ready=["no-such-program"], seconds=1)
    assert "`no-such-program` " in str(caught.value)


def test_a_child_of_the_run_that_lives_on_does_not_hold_up_its_end(place: Place) -> None:
    with place.services() as services:
        redis = place.start(services)
        child = os.fork()  # with a copy of every descriptor
        if not child:
            signal.pause()
        try:
            redis.stop()
            place.wait_until_nothing_is_left()
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_what_a_test_does_to_its_environment_does_not_matter(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place.services() as services:
        for name in ("PIPELINE_CACHE_DIR", "HOME", "PATH"):
            monkeypatch.setenv(name, str(tmp_path / "nowhere"))
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        assert ask(place.start(services), "PING") == "+PONG"
        monkeypatch.undo()
    assert not (tmp_path / "nowhere").exists()


def test_a_test_that_fails_shows_what_services_printed_during_it(place: Place) -> None:
    with place.pytest(FAILS) as run:
        told, _ = run.communicate(timeout=120)
    shown = told.partition(f"- Service {place.mark}-main -")[2]
    assert told.count(f"- Service {place.mark}-main -") == 1, told
    assert "Ready to accept connections" not in shown
    assert "User requested shutdown" in shown


def test_a_name_in_use_is_refused(place: Place) -> None:
    with place.services() as services:
        first = place.start(services, name=place.mark)
        with pytest.raises(ServiceError, match=f"`{place.mark}` already"):
            place.start(services, name=place.mark)
        assert ask(first, "PING") == "+PONG"


def test_a_port_that_is_taken_is_refused(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, place.services() as services:
        port = listener.getsockname()[1]
        with pytest.raises(ServiceError, match=f"cannot have port {port}"):
            place.start(services, host_port=port)


def test_a_port_that_was_asked_for_is_the_one(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with place.services() as services:
        assert place.start(services, host_port=port).port == port


def test_what_is_not_declared_or_not_locked_is_refused(place: Place) -> None:
    declared = place.root / "images" / "redis.yaml"
    text = declared.read_text()
    with place.services() as services:
        with pytest.raises(ConfigError, match="there is no image `postgres`"):
            services.start("postgres", ["postgres"], port=5432)
        with pytest.raises(UsageError, match="cannot be the name"):
            place.start(services, name="a b")
        declared.write_text(text.replace("redis-server", "memcached"))
        try:
            with pytest.raises(LockError, match="stale"):
                place.start(services)
        finally:
            declared.write_text(text)


def test_parallel_slots_have_services_of_their_own(place: Place) -> None:
    pytest.importorskip("xdist")
    with place.pytest(SLOTS, "-n", "2") as run:
        told, _ = run.communicate(timeout=120)
        assert run.returncode == 0, told
        assert "4 passed" in told


def test_nothing_is_left_when_the_test_run_is_killed(place: Place) -> None:
    with place.pytest(SLEEPS) as run:
        wait_until_ready(run)
        assert place.left
        run.send_signal(signal.SIGKILL)
        run.wait()
        place.wait_until_nothing_is_left()


@pytest.mark.parametrize("place", ["docker"], indirect=True)
@pytest.mark.docker
def test_doctor_finds_and_removes_what_a_killed_keeper_left(place: Place) -> None:
    with place.pytest(SLEEPS) as run:
        wait_until_ready(run)
        keepers = [pid for pid in children(run.pid) if "pipeline.testing.keeper" in command_of(pid)]
        for process in (*keepers, run.pid):
            os.kill(process, signal.SIGKILL)
        run.wait()
    name = f"{place.mark}-main"
    assert docker("ps", "--quiet", "--filter", f"name={name}")
    assert f"left over by runs that were killed: `{name}`" in doctor(place)
    assert docker("ps", "--quiet", "--filter", f"name={name}")
    assert f"removed what was left over: `{name}`" in doctor(place, "--clean")
    assert place.left == []


def wait_until_ready(run: subprocess.Popen[str]) -> None:
    told = []
    for line in run.stdout or ():
        told.append(line)
        if "ready " in line:
            return
    pytest.fail("".join(told))


def doctor(place: Place, *words: str) -> str:
    start = REPOSITORY / "pipeline" / "start.py"
    told = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "utf8", str(start), "doctor", *words],
        cwd=place.root, check=False, capture_output=True, text=True,
    )  # fmt: skip
    return told.stdout


def children(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(word) for word in found]


def command_of(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_text()
