"""`pipeline dev --engine docker`: the same place in a container, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.terminals import at_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.docker, pytest.mark.network]

WHERE = "import example_duration as d; print(d.__file__)"
PLACE = "/env/lib/python3.11/site-packages/example_duration"
DEV = ("dev", "--engine", "docker")
OTHER = 4321
"""A user who is not root."""
AS_OTHER = f"""
import os, runpy, sys
os.setresgid({OTHER}, 0, 0)
os.setresuid({OTHER}, 0, 0)  # theirs, with what root may: the tests' files are root's
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def docker(*words: str) -> list[str]:
    told = subprocess.run(["docker", *words], capture_output=True, text=True, check=True)
    return told.stdout.split()


def ours() -> set[str]:
    return set(docker("ps", "--all", "--quiet", "--filter", "label=pipeline.purpose=dev"))


@pytest.fixture
def project(pure: Project) -> Iterator[Project]:
    """Give the example; no container and no image of the test's is left."""
    before, images = ours(), set(docker("images", "--quiet", "localhost/pipeline-dev"))
    yield pure
    left = ours() - before
    for one in left:
        docker("rm", "--force", one)
    for one in set(docker("images", "--quiet", "localhost/pipeline-dev")) - images:
        docker("rmi", "--force", one)
    assert not left


def wait_for(file: Path) -> None:
    end = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_place_is_that_of_the_sandbox(project: Project) -> None:
    words = ("--", "sh", "-c", f"pwd; env; duration 90m; python -c '{WHERE}'")
    sandbox, container = (
        project.run("dev", "--engine", engine, *words).expect(0).stdout.splitlines()
        for engine in ("sandbox", "docker")
    )
    more = {"USER=developer", "LOGNAME=developer"}
    assert {line for line in container if not line.startswith("HOSTNAME=")} == {*sandbox, *more}
    assert "/src/src/example_duration/__init__.py" in container


def test_edits_are_live_and_files_belong_to_the_caller(project: Project) -> None:
    source = project.root / "src" / "example_duration" / "__init__.py"
    source.write_text(source.read_text() + "\nEDITED = 'on the host'\n")
    script = f"python -c 'import example_duration as d; print(d.EDITED)'; echo 1 > {PLACE}/made"
    assert project.run(*DEV, "--", "sh", "-c", script).expect(0).stdout == "on the host\n"
    made = source.with_name("made").stat()
    assert (made.st_uid, made.st_gid) == (os.getuid(), os.getgid())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_than_root_keeps_their_id(project: Project) -> None:
    for one in (project.root, *project.root.rglob("*")):
        os.chown(one, OTHER, OTHER, follow_symlinks=False)
    python, *flags, start, verb = project.command("dev")
    ran = subprocess.run(
        [
            python,
            *flags[:2],
            "-c",
            AS_OTHER,
            start,
            verb,
            *DEV[1:],
            "--",
            "sh",
            "-c",
            "id; touch made",
        ],
        cwd=project.root,
        env=project.variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(f"uid={OTHER}(developer) gid={OTHER}(developer)")
    assert (project.root / "made").stat().st_uid == OTHER


def test_streams_and_exit_code_are_the_commands_own(project: Project) -> None:
    ran = project.run(*DEV, "--", "sh", "-c", "echo out; echo err >&2; exit 7").expect(7)
    assert (ran.stdout, ran.stderr) == ("out\n", "err\n")
    assert project.run(*DEV, "--", "no-such-program").status == 127
    piped = subprocess.run(
        project.command(*DEV, "--", "cat"),
        cwd=project.root,
        env=project.variables,
        input=b"x" * 300_000,
        capture_output=True,
        check=True,
    )
    assert piped.stdout == b"x" * 300_000


def test_there_is_no_network(project: Project) -> None:
    script = "import socket; print([name for _, name in socket.if_nameindex()])"
    assert project.run(*DEV, "--", "python", "-c", script).expect(0).stdout == "['lo']\n"


def test_a_persons_shell_follows_the_size_of_their_terminal(project: Project) -> None:
    follows = "until test \"$(stty size)\" = '40 111'; do sleep 0.1; done; echo re''sized; exit 5\n"
    told, status = at_terminal(
        project, *DEV, typed="stty size; tty\n", then=(follows,), resized=(40, 111)
    )
    assert status == 5, told
    assert "\n24 80\n/dev/pts/0\n" in told
    assert "\nresized\n" in told


def test_ctrl_c_is_the_programs_and_ctrl_d_ends_the_shell(project: Project) -> None:
    waits = "python -c 'import time; print(chr(36), end=\" \", flush=True); time.sleep(600)'\n"
    told, status = at_terminal(project, *DEV, typed=waits, then=("\x03", "\x04"))
    assert status == 130, told
    assert "KeyboardInterrupt" in told


def test_a_person_stands_where_a_step_failed(project: Project) -> None:
    (project.root / "tests" / "test_bad.py").write_text("def test_bad():\n    assert False\n")
    project.git("add", "tests")
    typed = "stty size; ls /wheel tests/test_bad.py; cat /proc/net/dev | wc -l; exit\n"
    told, status = at_terminal(
        project, "dev", "--engine=docker", "--at", "test", typed=typed, then=("exit\n",)
    )
    assert status == 1, told
    assert "\n24 80\n" in told
    assert "\nexample_duration-1.0.0-py3-none-any.whl\n" in told
    assert "\n3\n" in told  # two lines of heading, and the loopback
    assert "`test` failed" in told
    assert "--shell" not in told


def test_an_image_is_sent_once(project: Project) -> None:
    first, second = (project.run("dev", "--load", "--json").expect(0).document for _ in range(2))
    assert (first["loaded"], second["loaded"]) == (True, False)
    assert first["image"] == second["image"]
    assert docker("image", "inspect", "--format", "{{.Config.WorkingDir}}", first["image"]) == [
        "/src"
    ]


def test_a_name_in_use_is_refused(project: Project) -> None:
    image = project.run("dev", "--load").expect(0).stdout.strip()
    docker("create", "--name", "pipeline-test-taken", image, "true")
    try:
        refused = project.run(*DEV, "--name", "pipeline-test-taken", "--", "true").expect(2)
    finally:
        docker("rm", "pipeline-test-taken")
    assert "there is a container `pipeline-test-taken` already" in refused.stderr


@pytest.mark.parametrize("which", ["1", "device=0"])
def test_a_machine_without_a_gpu_says_so(project: Project, which: str) -> None:
    if "nvidia" in " ".join(docker("info", "--format", "{{json .Runtimes}}")):
        pytest.skip("there may be a GPU here")
    refused = project.run(*DEV, "--gpus", which, "--", "true").expect(2)
    assert "Docker has no GPU to give" in refused.stderr
    assert "could not select device driver" in refused.stderr  # what the daemon said


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def fetched(address: str) -> bytes:
    """Return what a server answers that may still be starting."""
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own
                found: bytes = answer.read()
                return found
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.05)


@pytest.fixture
def bridged() -> None:
    if not Path("/sys/class/net/docker0").exists():
        pytest.skip("the daemon has no network of its own that ports could be opened in")


@pytest.mark.usefixtures("bridged")
def test_a_published_port_is_reached_on_this_machine(project: Project) -> None:
    (project.root / "page").write_text("seen from outside\n")
    ports = [free_port() for _ in range(2)]
    flags = [f"--publish={port}:8000" for port in ports]
    serve = ("--", "python", "-m", "http.server", "--directory", "/src", "8000")
    with project.start(*DEV, *flags, *serve) as started:
        for port in ports:
            assert fetched(f"http://127.0.0.1:{port}/page") == b"seen from outside\n"
        refused = project.run(*DEV, flags[0], "--", "touch", "/src/began").expect(2)
        started.terminate()
        _, told = started.communicate(timeout=60)
    assert f"--publish 127.0.0.1:{ports[0]}:8000` is taken by another program" in refused.stderr
    assert not (project.root / "began").exists()
    assert [f"port 8000/tcp is open at 127.0.0.1:{port}" in told.decode() for port in ports] == [
        True,
        True,
    ]


@pytest.mark.usefixtures("bridged")
def test_any_free_port_is_told(project: Project) -> None:
    script = "import time; open('/src/began', 'w'); time.sleep(600)"
    with project.start(*DEV, "--publish", "0:80", "--", "python", "-c", script) as started:
        assert started.stderr
        told = started.stderr.readline().decode()
        started.terminate()
        started.communicate(timeout=60)
    assert re.fullmatch(r"port 80/tcp is open at 127\.0\.0\.1:[1-9][0-9]+\n", told), told


@pytest.mark.sandbox
def test_in_the_sandbox_a_port_is_reached_with_the_machines_network(project: Project) -> None:
    (project.root / "page").write_text("seen from outside\n")
    port = free_port()
    words = ("python", "-m", "http.server", "--bind", "127.0.0.1", "--directory", "/src", f"{port}")
    with project.start("dev", "--engine=sandbox", "--network=host", "--", *words) as started:
        assert fetched(f"http://127.0.0.1:{port}/page") == b"seen from outside\n"
        started.terminate()
        started.communicate(timeout=60)


def test_what_is_no_name_of_a_container_is_refused(project: Project) -> None:
    refused = project.run(*DEV, "--name", "a b", "--", "true").expect(2)
    assert "`--name a b` is no name of a container" in refused.stderr


SLEEP = ("--", "sh", "-c", "touch began; sleep 600")


def test_ctrl_c_leaves_no_container(project: Project) -> None:
    with project.start(*DEV, *SLEEP) as started:
        wait_for(project.root / "began")
        os.killpg(started.pid, signal.SIGINT)
        started.communicate(timeout=60)
    assert started.returncode == 130


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_told_to_end_leaves_no_container(
    project: Project, number: signal.Signals
) -> None:
    before = ours()
    with project.start(*DEV, *SLEEP) as started:
        wait_for(project.root / "began")
        started.send_signal(number)
        started.communicate(timeout=60)
    assert started.returncode == 128 + number
    assert ours() == before


def test_a_container_is_gone_soon_after_its_run_was_killed(project: Project) -> None:
    before = ours()
    with project.start(*DEV, *SLEEP) as started:
        wait_for(project.root / "began")
        assert len(ours() - before) == 1
        os.killpg(started.pid, signal.SIGKILL)
        started.communicate(timeout=60)
    end = time.monotonic() + 60
    while ours() != before:
        assert time.monotonic() < end
        time.sleep(0.05)


def kill_with_guard(started: subprocess.Popen[bytes]) -> None:
    """Kill a run, and before it the process that would remove its container."""
    children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text(encoding="ascii")
    for process in (*map(int, children.split()), started.pid):
        os.kill(process, signal.SIGKILL)
    started.communicate(timeout=60)


def test_what_nobody_could_remove_is_listed_and_removed(project: Project) -> None:
    before = ours()
    with project.start(*DEV, "--name", "pipeline-test-left", *SLEEP) as started:
        wait_for(project.root / "began")
        assert project.run("doctor").stdout.count("pipeline-test-left") == 0
        kill_with_guard(started)
    assert len(ours() - before) == 1
    told = " ".join(project.run("doctor").stdout.split())  # which breaks its lines at words
    assert "left over by runs that were killed: `pipeline-test-left`" in told
    assert "removed what was left over" in project.run("doctor", "--clean").stdout
    assert ours() == before


def test_the_next_run_removes_what_nobody_could(project: Project) -> None:
    before = ours()
    with project.start(*DEV, *SLEEP) as started:
        wait_for(project.root / "began")
        kill_with_guard(started)
    assert len(ours() - before) == 1
    project.run(*DEV, "--", "true").expect(0)
    assert ours() == before
