from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

WITHOUT_NAMESPACES = (
    *("unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c"),
    'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"',
    "sh",
)


def test_a_stage_that_fails_is_1_and_its_document_says_so_once(steps: Project) -> None:
    steps.stages(bad={"run": "exit 3"}, after={"run": "true", "needs": ["bad"]})
    ran = steps.run("run", "after", "--json").expect(1)
    assert ran.document["error"]["exit_code"] == 1
    assert "ended with status 3" in ran.document["error"]["message"]
    statuses = {cell["cell"]: cell["status"] for cell in ran.document["cells"]}
    assert statuses == {"bad": "failed", "after": "skipped"}


@pytest.mark.parametrize(
    "words",
    [
        ("run", "nothing"),
        ("run", "--no-such-flag"),
        ("nonsense",),
        ("run",),
        ("run", "good", "-C", "/nowhere"),
        ("run", "good", "--jobs", "0"),
        ("run", "good", "--jobs", "many"),
        ("run", "good[", "--draft"),
        ("run", "good", "--engine", "none"),
        ("exec", "--environment", "absent", "true"),
        ("lock", "--epoch", "soon"),
        ("cache", "burn"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_2_with_a_hint(steps: Project, words: tuple[str, ...]) -> None:
    steps.stages(good={"run": "true"})
    refused = steps.run(*words).expect(2)
    assert refused.stdout == ""
    assert "error:" in refused.stderr
    assert "hint:" in refused.stderr
    told = steps.run(words[0], "--json", *words[1:]).expect(2).document["error"]
    assert told["exit_code"] == 2
    assert told["message"]


def test_a_missing_or_malformed_lock_is_3(steps: Project) -> None:
    steps.stages(good={"run": "true"})
    (steps.root / "pipeline.lock").write_text("{")
    assert "pipeline.lock" in steps.run("run", "good").expect(3).stderr
    (steps.root / "pipeline.lock").unlink()
    missing = steps.run("run", "good", "--json").expect(3)
    assert missing.document["error"]["hint"] == "run `pipeline lock`"


def test_without_user_namespaces_it_is_6_with_what_to_do(steps: Project, ready: Path) -> None:
    steps.stages(good={"run": "true"})
    own = replace(steps.using(ready), environ={"DOCKER_HOST": "unix:///none"})
    ran = own.run("run", "good", "--json", before=WITHOUT_NAMESPACES)
    if ran.status == 1 and "max_user_namespaces" in ran.stderr:
        pytest.skip("user namespaces cannot be forbidden for a test here")
    ran.expect(6)
    error = ran.document["error"]
    assert "max_user_namespaces" in error["message"] + error["hint"]
    doctor = own.run("doctor", "--json", before=WITHOUT_NAMESPACES).expect(6)
    states = {check["what"]: check["state"] for check in doctor.document["checks"]}
    assert (states["sandbox"], states["docker"], states["engine"]) == (
        "limited",
        "limited",
        "fails",
    )
    assert own.run("doctor", "--json").expect(0).document["checks"]


def test_a_release_that_may_not_go_ahead_is_7(pure: Project) -> None:
    refused = pure.run("run", "publish", "--untagged", "--json").expect(7)
    assert refused.document["error"]["exit_code"] == 7
    statuses = {cell["cell"]: cell["status"] for cell in refused.document["cells"]}
    assert statuses["wheel"] == "built"
    assert statuses["publish"] == "failed"


def test_a_bug_is_70_with_what_to_report(steps: Project) -> None:
    steps.stages(good={"run": "true"})
    ran = steps.run("schema", "--json", before=("/bin/sh", "-c", BREAK, "sh"))
    assert ran.status == 70, ran.stderr
    assert "this is a bug in pipeline" in ran.stderr
    assert "command: pipeline schema --json" in ran.stderr
    assert ran.document["error"]["exit_code"] == 70


BREAK = """\
exec "$1" -I -S -X utf8 -c '
import json, sys
tool, sys.argv = sys.argv[1], sys.argv[1:]
sys.path.insert(0, tool.rpartition("/pipeline/")[0])
sys.modules["pipeline.config.schema"] = None
from pipeline import start
start.enter_environment()
from pipeline.cli.main import main
sys.exit(main())
' "$6" "$7" "$8"
"""
"""Runs the command with one of its modules gone, which nothing expects."""


@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "process"])
def test_ctrl_c_is_130_and_leaves_nothing(
    steps: Project, child_ends: list[subprocess.Popen[bytes]], *, whole_group: bool
) -> None:
    marker = f"8640{2 + whole_group}.{os.getpid()}"
    steps.stages(wait={"run": f"sleep {marker} & sleep {marker}"})
    process = steps.start("run", "wait", "--json")
    child_ends.append(process)
    end = time.monotonic() + 60
    while len(steps.processes(f"sleep\0{marker}")) < 2 and time.monotonic() < end:
        time.sleep(0.02)
    if whole_group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert b"Traceback" not in stderr
    assert b"interrupted" in stderr
    assert stdout.count(b'"error"') == 1
    assert steps.gone(marker)
    assert steps.leftovers == []


def test_every_verb_prints_one_document_with_json(pure: Project, tmp_path: Path) -> None:
    verbs: dict[str, tuple[str, ...]] = {
        "list": (),
        "plan": ("release",),
        "render": ("wheel",),
        "run": ("wheel",),
        "lock": ("--check",),
        "fetch": ("--offline",),
        "doctor": (),
        "schema": ("image",),
        "cache": ("list",),
    }
    for verb, words in verbs.items():
        assert pure.run(verb, *words, "--json").expect(0).document, verb
    written = pure.run("render", "wheel", "--output", str(tmp_path / "rendered"), "--json")
    assert "docker buildx build" in written.expect(0).document["wheel"]
    pruned = pure.run("cache", "prune", "--older-than", "1000", "--json").expect(0)
    assert pruned.document["items"] == []


def test_results_go_to_stdout_and_all_else_to_stderr(pure: Project) -> None:
    ran = pure.run("run", "test").expect(0)
    assert [line.split()[0] for line in ran.stdout.splitlines()] == [
        "file",
        "dist/example_duration-1.0.0.tar.gz",
        "dist/example_duration-1.0.0-py3-none-any.whl",
    ]
    assert "22 passed" in ran.stderr
    quiet = pure.run("run", "test", "--quiet", "--rebuild").expect(0)
    assert quiet.stdout == ran.stdout
    assert "22 passed" not in quiet.stderr
