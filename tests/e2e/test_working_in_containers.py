"""`pipeline dev --engine docker`: the same place in a container, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.terminals import at_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
    assert f"{PLACE}/__init__.py" in container


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


def test_a_person_gets_a_shell_of_their_terminals_size(project: Project) -> None:
    told, status = at_terminal(project, *DEV, typed="stty size; tty; exit 5\n")
    assert status == 5, told
    assert "/dev/pts/0" in told


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


def test_a_machine_without_a_gpu_says_so(project: Project) -> None:
    if "nvidia" in " ".join(docker("info", "--format", "{{json .Runtimes}}")):
        pytest.skip("there may be a GPU here")
    refused = project.run(*DEV, "--gpus", "all", "--", "true").expect(2)
    assert "Docker has no GPU to give" in refused.stderr


def test_ctrl_c_leaves_no_container(project: Project) -> None:
    script = "touch began; sleep 600"
    with project.start(*DEV, "--", "sh", "-c", script) as started:
        wait_for(project.root / "began")
        os.killpg(started.pid, signal.SIGINT)
        started.communicate(timeout=60)
    assert started.returncode == 130


def test_what_a_killed_run_left_is_listed_and_removed(project: Project) -> None:
    before = ours()
    with project.start(
        *DEV, "--name", "pipeline-test-left", "--", "sh", "-c", "touch began; sleep 600"
    ) as started:
        wait_for(project.root / "began")
        assert project.run("doctor").stdout.count("pipeline-test-left") == 0
        os.killpg(started.pid, signal.SIGKILL)
        started.communicate(timeout=60)
    assert len(ours() - before) == 1
    assert (
        "left over by runs that were killed: `pipeline-test-left`" in project.run("doctor").stdout
    )
    assert "removed what was left over" in project.run("doctor", "--clean").stdout
    assert ours() == before


def test_the_next_run_removes_what_a_killed_one_left(project: Project) -> None:
    before = ours()
    with project.start(*DEV, "--", "sh", "-c", "touch began; sleep 600") as started:
        wait_for(project.root / "began")
        os.killpg(started.pid, signal.SIGKILL)
        started.communicate(timeout=60)
    project.run(*DEV, "--", "true").expect(0)
    assert ours() == before
