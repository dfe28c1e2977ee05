"""However a step ends, nothing of it is left: no process, no mount, no directory."""

from __future__ import annotations

import contextlib
import os
import pty
import secrets
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.sandbox.error import SandboxError
from pipeline.sandbox.launch import launch, stop_all
from pipeline.sandbox.spec import Overlay
from pipeline.sandbox.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.sandbox.spec import Spec
    from tests.sandbox.conftest import Room

pytestmark = pytest.mark.sandbox


def living(marker: str) -> list[str]:
    """Return the processes of the host whose command line holds the marker."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if marker.encode() in (directory / "cmdline").read_bytes():
                found.append(directory.name)
    return found


@pytest.fixture
def others() -> list[str]:
    """Return the children we have before a test, such as servers of other tests."""
    return children()


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def eventually(condition: Callable[[], bool]) -> bool:
    for _ in range(1000):
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def marker() -> str:
    return f"marker-{secrets.token_hex(8)}"


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7)])
def test_daemons_die_with_the_step_and_do_not_hold_it_up(
    room: Room, marker: str, script: str, status: int
) -> None:
    started: list[list[str]] = []
    daemon = f"(setsid sh -c 'trap \"\" TERM HUP; : {marker}; echo up; sleep 999; :' &)"
    argv = ("/bin/sh", "-c", f"{daemon}; sleep 0.3; {script}")
    outcome = launch(replace(room.spec, argv=argv), lambda _: started.append(living(marker)))
    assert len(started[0]) >= 2
    assert (outcome.status, outcome.reason) == (status, "exited")
    assert living(marker) == []


def test_orphans_are_taken_in_while_the_step_runs(room: Room) -> None:
    ran = room.shell("(sh -c 'sleep 0.05 &'); sleep 0.3; cat /proc/[0-9]*/stat | grep -c ') Z '")
    assert ran.lines == ["0"]


def test_a_step_ended_by_a_signal_says_so(room: Room) -> None:
    ran = room.shell("kill -SEGV $$")
    assert (ran.outcome.status, ran.outcome.reason) == (128 + signal.SIGSEGV, "signal")


def test_a_step_that_signals_its_whole_group_reaches_itself_only(room: Room) -> None:
    ran = room.shell("trap 'echo own; exit 5' TERM; kill -TERM 0; sleep 9")
    assert (ran.outcome.status, ran.lines) == (5, ["own"])
    ran = room.python("print(os.getsid(0) == os.getpgrp() == os.getpid())")
    assert ran.lines == ["True"]


def test_signals_are_as_a_program_expects_them(room: Room) -> None:
    ignored = room.shell("sed -n 's/^SigIgn:\\t/0x/p' /proc/self/status").output
    ordinary = {signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGPIPE, signal.SIGXFSZ}
    assert not [number for number in ordinary if int(ignored, 16) >> (number - 1) & 1]


def test_a_program_that_is_not_there_is_the_steps_failure(room: Room) -> None:
    ran = room.run(replace(room.spec, argv=("no-such-program",)))
    assert (ran.outcome.status, ran.outcome.reason) == (127, "exited")
    assert ran.output == "no-such-program: No such file or directory\n"


def test_a_program_that_asks_to_be_traced_only_stops(room: Room) -> None:
    spec = replace(room.spec, limits=replace(room.spec.limits, seconds=0.5))
    ran = room.python("libc.ptrace(0, 0, 0, 0); os.kill(os.getpid(), 5); print('on')", spec)
    assert ran.outcome.reason == "timeout"


def test_a_missing_layer_is_a_failure_of_the_sandbox_and_names_the_path(
    room: Room, others: list[str]
) -> None:
    absent = str(room.place / "absent")
    spec = replace(room.spec, root=replace(room.spec.root, lower=(absent,)))
    with pytest.raises(SandboxError, match="No such file or directory") as caught:
        room.run(spec)
    assert caught.value.filename == absent
    assert children() == others


def test_an_error_in_the_callers_hands_stops_the_step(
    room: Room, marker: str, others: list[str]
) -> None:
    def refuse(_: bytes) -> None:
        raise LookupError

    spec = replace(room.spec, argv=("/bin/sh", "-c", f": {marker}; echo x; sleep 999; :"))
    with pytest.raises(LookupError):
        launch(spec, refuse)
    assert living(marker) == []
    assert children() == others


def mounts(room: Room) -> list[str]:
    """Return the mounts that concern this room: other tests and Docker mount things meanwhile."""
    table = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in table if str(room.place) in line]


def test_a_keyboard_interrupt_leaves_nothing(room: Room, marker: str, others: list[str]) -> None:
    def interrupt(_: bytes) -> None:
        signal.raise_signal(signal.SIGINT)

    before = mounts(room)
    descriptors = os.listdir("/proc/self/fd")
    script = f"trap '' INT TERM HUP; : {marker}; (setsid sleep 999 &); echo x; sleep 999; :"
    with pytest.raises(KeyboardInterrupt):
        launch(replace(room.spec, argv=("/bin/sh", "-c", script)), interrupt)
    assert living(marker) == []
    assert children() == others
    assert mounts(room) == before
    assert os.listdir("/proc/self/fd") == descriptors


def test_every_running_step_can_be_stopped_from_another_thread(room: Room, marker: str) -> None:
    running = threading.Event()
    ended: list[type[BaseException]] = []

    def work() -> None:
        script = f": {marker}; echo up; sleep 999; :"
        try:
            launch(replace(room.spec, argv=("/bin/sh", "-c", script)), lambda _: running.set())
        except BaseException as error:  # noqa: BLE001 (told to the main thread)
            ended.append(type(error))

    thread = threading.Thread(target=work)
    thread.start()
    assert running.wait(30)
    stop_all()
    thread.join(30)
    assert ended == [KeyboardInterrupt]
    assert living(marker) == []


def test_a_step_stopped_before_it_has_its_order_writes_to_no_other_file(
    room: Room, tmp_path: Path
) -> None:
    heard, told = os.pipe()
    watch = Watch(room.spec, output=-1, status=-1, control=told)
    watch.interrupt()
    other = os.open(tmp_path / "other", os.O_WRONLY | os.O_CREAT, 0o600)
    assert other == told  # the system gives the lowest free number
    watch.send(b"order")
    os.close(other)
    os.close(heard)
    assert (tmp_path / "other").read_bytes() == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_caller_that_is_killed_takes_everything_along(
    room: Room, marker: str, number: signal.Signals
) -> None:
    script = f"trap '' INT TERM HUP; : {marker}; (setsid sleep 999 &); echo up; sleep 999; :"
    spec = replace(room.spec, argv=("/bin/sh", "-c", script))
    heard, told = os.pipe()

    def tell(data: bytes) -> None:
        os.write(told, data)

    caller = os.fork()
    if not caller:
        try:
            launch(spec, tell)
        finally:
            os._exit(0)
    os.close(told)
    with open(heard, "rb") as stream:
        assert stream.readline() == b"up\n"
        assert len(living(marker)) >= 1
        os.kill(caller, number)
        os.waitpid(caller, 0)
    assert eventually(lambda: living(marker) == [])


def test_the_same_upper_serves_one_step_after_another(room: Room) -> None:
    room.shell("echo one > /file; mkdir /kept; rm -r /tmp")
    ran = room.shell("cat /file; ls -d /kept; test -e /tmp || echo gone; echo two >> /file")
    assert ran.lines == ["one", "/kept", "gone"]
    assert (room.upper / "file").read_text() == "one\ntwo\n"


def test_mount_points_leave_no_trace_in_the_upper(room: Room, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    overlay = room.overlay("/deep/down/src", tree)
    spec = replace(room.spec, mounts=(*room.spec.mounts, overlay), cwd="/deep/down/src")
    assert room.shell("echo made > file", spec).outcome.status == 0
    assert list(room.upper.iterdir()) == []
    assert (Path(overlay.upper) / "file").read_text() == "made\n"


def test_mount_points_made_where_a_layer_hides_ours_are_removed(room: Room) -> None:
    (room.base / "etc").symlink_to("config")
    (room.base / "config").mkdir()
    ran = room.shell("cat /etc/hosts; echo kept > /config/kept")
    assert ran.lines[0] == "127.0.0.1\tlocalhost buildkitsandbox"
    assert os.listdir(room.upper / "config") == ["kept"]


def test_an_empty_step_sets_everything_up_and_ends_well(room: Room) -> None:
    assert room.run(room.spec).outcome.status == 0


def test_many_layers_with_awkward_names_are_merged_in_order(room: Room) -> None:
    layers = [room.place / f"layer,{number}:\\ é" for number in range(150)]
    for number, layer in enumerate(layers):
        layer.mkdir()
        (layer / "who").write_text(str(number))
    lower = (str(room.base), *map(str, layers))
    root = Overlay(target="/", lower=lower, upper=str(room.upper), work=str(room.work))
    assert room.shell("cat /who", replace(room.spec, root=root)).output == "149"


def in_terminal(spec: Spec) -> str:
    """Run an interactive step on a terminal of its own and return what appeared there."""
    caller, terminal = pty.fork()
    if not caller:
        try:
            launch(replace(spec, interactive=True), lambda _: None)
        finally:
            os._exit(0)
    shown = b""
    with contextlib.suppress(OSError):  # EIO: the other side is gone
        while data := os.read(terminal, 4096):
            shown += data
    os.waitpid(caller, 0)
    os.close(terminal)
    return shown.decode().replace("\r\n", "\n")


def test_a_person_gets_a_terminal_but_the_step_cannot_type_for_them(room: Room) -> None:
    code = """
import fcntl, os, termios
print([os.isatty(n) for n in (0, 1, 2)])
try:
    fcntl.ioctl(0, termios.TIOCSTI, b"x")
except PermissionError:
    print("refused")
print(open("/dev/tty").isatty(), [n for n in range(3, 64) if os.path.exists(f"/proc/self/fd/{n}")])
"""
    shown = in_terminal(
        replace(room.spec, argv=(os.path.realpath(sys.executable), "-I", "-c", code))
    )
    assert shown == "[True, True, True]\nrefused\nTrue []\n"
