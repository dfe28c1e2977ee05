from __future__ import annotations

import os
import shutil
import socket
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

CANARY = "canary-5f2c9a71"
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": CANARY,
    "TWINE_PASSWORD": CANARY,
    "PIPELINE_SECRET": CANARY,
    "PYTHONSTARTUP": f"/{CANARY}",
    "LD_PRELOAD_CANARY": CANARY,
}

READ_EVERYTHING = """
import os, sys
sys.stdout.buffer.write(b"".join(b"%s=%s\\n" % pair for pair in os.environb.items()))
for top, names, files in os.walk("/"):
    for name in (*names, *files):
        path = os.path.join(top, name)
        print(path)
        try:
            if os.path.isfile(path) and not path.startswith("/usr/"):
                with open(path, "rb") as stream:
                    sys.stdout.buffer.write(stream.read(1 << 16))
        except OSError:
            pass
with open("/out/found.txt", "w") as out:
    out.write("looked\\n")
"""


def script(project: Project, code: str, **more: object) -> None:
    """Declare the stage `try` that runs a script of the repository."""
    project.write("try.py", code)
    project.stages(**{"try": {"run": "python3 try.py", **more}})


def test_no_secret_of_the_callers_environment_or_home_enters_a_step(
    steps: Project, ready: Path, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".pypirc").write_text(CANARY)
    (tmp_path / CANARY).write_text(CANARY)
    (steps.root / "untracked.txt").write_text(CANARY)
    script(steps, READ_EVERYTHING)
    secretive = replace(steps, cache=ready, environ={**SECRETS, "HOME": str(tmp_path / "home")})
    ran = secretive.run("run", "try", "--json").expect(0)
    assert "PATH=/env/bin" in ran.stderr, "the step did not say what it saw"
    assert "/src/data.txt" in ran.stderr
    rendered = secretive.run("render", "try").expect(0).stdout
    for what, text in (("output", ran.stdout), ("log", ran.stderr), ("Dockerfile", rendered)):
        assert CANARY not in text, what
    for path in (p for p in ready.rglob("*") if p.is_file() and p.stat().st_nlink == 1):
        assert CANARY.encode() not in path.read_bytes(), path


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """Give the port of a server on the host's loopback, and what it was sent."""
    heard: list[bytes] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0.1)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    heard.append(connection.recv(100))

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], heard
        ended.set()
        thread.join()


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('127.0.0.1', PORT), 5).send(b'hello')",
        "socket.create_connection(('::1', PORT), 5).send(b'hello')",
        "socket.getaddrinfo('mirror.example', 80)",
        "socket.create_connection(('192.0.2.1', 80), 5)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'hello', ('192.0.2.1', 53))",
    ],
    ids=["loopback", "loopback-six", "names", "outside", "datagram"],
)
def test_a_step_that_tries_the_network_fails_visibly(
    steps: Project, listener: tuple[int, list[bytes]], attempt: str
) -> None:
    port, heard = listener
    script(steps, f"import socket\n{attempt.replace('PORT', str(port))}\n")
    ran = steps.run("run", "try").expect(1)
    assert "`RUN python3 try.py` ended with status 1" in ran.stderr
    assert "socket" in ran.stderr, "the step's own words are shown"
    assert heard == []


def test_a_stage_that_declares_the_network_has_it(
    steps: Project, listener: tuple[int, list[bytes]]
) -> None:
    port, heard = listener
    script(
        steps,
        f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 5).send(b'hello')\n",
        network="host",
    )
    steps.run("run", "try").expect(0)
    assert heard == [b"hello"], "so the tests above can fail"


def test_a_step_sees_no_file_of_the_host(steps: Project, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(CANARY)
    places = [str(steps.root), str(steps.cache), str(secret), str(Path.home()), "/proc/1/root"]
    outside = [place for place in places if place not in {"/root", "/"}]
    code = f"""
import os
for place in {outside!r}:
    try:
        print(place, os.listdir(place) if os.path.isdir(place) else open(place).read())
    except OSError as error:
        print(place, type(error).__name__)
print("users", open("/etc/passwd").read().count(chr(10)))
"""
    script(steps, code)
    ran = steps.run("run", "try").expect(0)
    for place in outside[:3]:
        assert f"{place} FileNotFoundError" in ran.stderr
    assert CANARY not in ran.stderr
    assert "data.txt" not in ran.stderr


def test_what_a_step_leaves_running_is_gone_when_it_ends(steps: Project) -> None:
    marker = f"86400.{os.getpid()}"
    code = f"""
import os, subprocess
for _ in range(5):
    subprocess.Popen(["sleep", "{marker}"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "{marker}"])
    os._exit(0)
print("forked")
"""
    script(steps, code)
    assert "forked" in steps.run("run", "try").expect(0).stderr
    assert steps.gone(marker)
    assert steps.leftovers == []


def test_a_step_over_its_timeout_is_ended_with_all_it_started(steps: Project) -> None:
    marker = f"86401.{os.getpid()}"
    steps.stages(slow={"run": f"sleep {marker} & sleep {marker}", "timeout": 1})
    ran = steps.run("run", "slow").expect(1)
    assert "did not end within 1 s" in ran.stderr
    assert steps.gone(marker)
    assert steps.leftovers == []


def test_a_flood_of_output_ends_the_step_and_not_the_run(steps: Project) -> None:
    steps.stages(flood={"run": "exec cat /dev/zero"}, after={"run": "echo done > /out/done.txt"})
    ran = steps.run("run", "flood", "after", "--keep-going", "--quiet", "--json").expect(1)
    assert "printed more than 64 MiB" in ran.stderr
    statuses = {cell["cell"]: cell["status"] for cell in ran.document["cells"]}
    assert statuses == {"flood": "failed", "after": "built"}
    assert len(ran.stderr) < 1 << 20


def test_a_step_that_fills_the_disk_fails_and_leaves_room(
    steps: Project, ready: Path, small_disk: Path
) -> None:
    for folder in ("blobs", "derived"):
        shutil.copytree(ready / folder, small_disk / folder, symlinks=True)
    cramped = steps.using(small_disk)
    cramped.stages(fill={"run": "cat /dev/zero > /out/big"}, fine={"run": "echo > /out/small"})
    before = os.statvfs(small_disk).f_bavail
    ran = cramped.run("run", "fill").expect(1)
    assert "wrote more than the disk" in ran.stderr or "No space left" in ran.stderr
    after = os.statvfs(small_disk)
    assert abs(after.f_bavail - before) * after.f_frsize < 8 << 20, "its files were left behind"
    assert cramped.leftovers == [line for line in cramped.leftovers if str(small_disk) in line]
    cramped.run("run", "fine").expect(0)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os.kill(os.getpid(), 9)", "status 137"),
        ("import os, signal; os.kill(1, signal.SIGKILL)\nraise SystemExit(3)", "status 3"),
        ("raise SystemExit('on purpose')", "on purpose"),
    ],
)
def test_a_failed_step_says_how_it_ended(steps: Project, code: str, words: str) -> None:
    script(steps, code)
    ran = steps.run("run", "try").expect(1)
    assert words in ran.stderr
    assert "full log:" in ran.stderr
    assert "hint: look inside with" in ran.stderr
    log = next(line for line in ran.stderr.splitlines() if "full log:" in line).split(": ", 1)[1]
    assert Path(log.strip()).read_text().startswith("==> ")


def test_terminal_escapes_of_a_step_do_not_reach_the_terminal(steps: Project) -> None:
    script(steps, "print('\\x1b]0;evil\\x07\\x1b[2J')\nraise SystemExit(1)")
    ran = steps.run("run", "try").expect(1)
    assert "\x1b" not in ran.stderr
