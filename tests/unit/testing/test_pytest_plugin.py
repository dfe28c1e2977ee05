"""The plugin: nothing unless its fixture is asked for, and a reason where it cannot serve."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pipeline
from pipeline.errors import ServiceError, UsageError
from pipeline.testing.order import Order
from pipeline.testing.ready import wait

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(pipeline.__file__).parents[1]
ORDER = Order(
    directory="/project",
    owner=1,
    name="redis",
    image="redis",
    command=("redis-server", "--save", ""),
    port=6379,
    log="/logs/redis.log",
    check=("redis-cli", "ping"),
    environment=(("KEY", "välue"),),
)
LIGHT = """
import sys

def test_light():
    heavy = {"pipeline.testing.services", "pipeline.cli", "docker", "yaml", "jinja2", "asyncio"}
    assert "pipeline.testing.plugin" in sys.modules
    assert not heavy & set(sys.modules)
"""
SERVED = """
def test_served(services):
    services.start("redis", ["redis-server"], port=6379)
"""

DIRECTED = """
from pathlib import Path
import pytest

@pytest.fixture(scope="session")
def services_directory():
    return Path(__file__).parent / "elsewhere"
"""


def run(root: Path, text: str, **environ: str) -> subprocess.CompletedProcess[str]:
    (root / "test_it.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "pipeline.testing.plugin", "-W", "error"]
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "PYTHONPATH": str(REPOSITORY),
        "PIPELINE_CACHE_DIR": str(root / "cache"),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", "-rs", "test_it.py"],
        cwd=root, env=variables | environ, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_it_is_light_where_its_fixture_is_not_asked_for(tmp_path: Path) -> None:
    told = run(tmp_path, LIGHT)
    assert told.returncode == 0, told.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pipeline.yaml").write_text("version: 1\nstages: {changelog: {kind: changelog}}\n")
    return tmp_path


NOWHERE = {"PIPELINE_ENGINE": "docker", "DOCKER_HOST": "unix:///nowhere/docker.sock"}


@pytest.mark.slow
def test_without_an_engine_tests_are_skipped_with_the_reason(project: Path) -> None:
    told = run(project, SERVED, **NOWHERE)
    assert told.returncode == 0, told.stdout
    assert "1 skipped" in told.stdout
    assert "no Docker daemon answers" in told.stdout


@pytest.mark.slow
def test_a_variable_turns_such_skips_into_failures(project: Path) -> None:
    told = run(project, SERVED, PIPELINE_REQUIRE_SERVICES="1", **NOWHERE)
    assert told.returncode == 1
    assert "PIPELINE_REQUIRE_SERVICES asks for it" in told.stdout


@pytest.mark.slow
def test_an_engine_that_only_builds_is_told_apart(project: Path) -> None:
    told = run(project, SERVED, PIPELINE_ENGINE="buildkit", PIPELINE_REQUIRE_SERVICES="1")
    assert "the engine `buildkit` runs no services" in told.stdout


@pytest.mark.slow
def test_a_command_that_is_one_text_is_refused_with_the_words_it_may_mean(project: Path) -> None:
    told = run(project, SERVED.replace('["redis-server"]', '"redis-server --port 1"'), **NOWHERE)
    assert "is a list of words, not one text" in told.stdout
    assert "hint: write `['redis-server', '--port', '1']`" in told.stdout


@pytest.mark.slow
def test_modules_of_the_project_are_not_taken_for_ours(project: Path) -> None:
    (project / "yaml.py").write_text("raise SystemExit('this is not PyYAML')")
    told = run(project, SERVED, **NOWHERE)
    assert "no Docker daemon answers" in told.stdout


@pytest.mark.slow
def test_another_directory_may_be_the_project(tmp_path: Path, project: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (project / "pipeline.yaml").rename(elsewhere / "pipeline.yaml")
    told = run(tmp_path, DIRECTED + SERVED, **NOWHERE)
    assert "no Docker daemon answers" in told.stdout


@pytest.mark.slow
def test_outside_of_a_project_the_test_fails_and_says_why(tmp_path: Path) -> None:
    told = run(tmp_path, SERVED)
    assert told.returncode == 1
    assert "cannot find `pipeline.yaml`" in told.stdout
    assert "hint: run it inside a project" in told.stdout


def test_an_order_arrives_as_it_was_given() -> None:
    line = ORDER.line_of()
    assert line.count(b"\n") == 1
    assert Order.read(line.decode()) == ORDER


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "a/b"}, "cannot be the name"),
        ({"name": "a" * 64}, "cannot be the name"),
        ({"command": ()}, "has no command"),
        ({"port": 0}, "from 1 to 65535"),
        ({"port": 65536}, "from 1 to 65535"),
        ({"host_port": -1}, "from 1 to 65535"),
        ({"seconds": 0}, "no time"),
        ({"command": ("redis-server", "--port", 6379)}, "cannot be given `6379`"),
        ({"check": ("a\0b",)}, "cannot be given"),
        ({"environment": (("KEY", 1),)}, "cannot be given `1`"),
        ({"environment": (("A=B", "1"),)}, "`A=B` cannot be a variable"),
    ],
)
def test_an_order_that_cannot_be_right_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Order(**{**vars(ORDER), **change})


HANGS = ("sleep", "infinity")


class Fake:
    """A service as a test wants it: what is asked of it is told by two functions."""

    engine, host, port = "sandbox", "127.0.0.1", 1

    def __init__(self, listens: Callable[[], bool], ended: Callable[[], str]) -> None:
        self.listens, self.ended = listens, ended

    def tried(self, command: tuple[str, ...], pause: Callable[[], None]) -> str:
        while command == HANGS:
            pause()
        return "ends with status 2"

    def poll(self, seconds: float | None) -> None:
        """Wait for nothing."""


def order(log: Path, **more: object) -> Order:
    log.write_text("one\ntwo\n")
    return Order(**{**vars(ORDER), "log": str(log), "check": (), "seconds": 0.05, **more})  # type: ignore[arg-type]


def test_a_service_that_listens_in_the_end_is_ready(tmp_path: Path) -> None:
    answers = iter([False, False, True])
    fake = Fake(lambda: next(answers), lambda: "")
    wait(order(tmp_path / "log", seconds=30), fake, fake)
    assert list(answers) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "nothing listens on its port 6379"),
        ({"line": "three"}, "its output does not hold `three`"),
        ({"check": ("redis-cli", "ping")}, "`redis-cli ping` ends with status 2 inside"),
        ({"check": HANGS}, "`sleep infinity` does not end inside"),
    ],
)
def test_what_was_waited_for_in_vain_is_told(
    tmp_path: Path, more: dict[str, object], words: str
) -> None:
    fake = Fake(lambda: False, lambda: "")
    with pytest.raises(ServiceError, match=words) as caught:
        wait(order(tmp_path / "log", **more), fake, fake)
    assert caught.value.detail == ("the last it printed:", "one", "two")


def test_of_much_output_the_end_is_shown_and_where_the_rest_is(tmp_path: Path) -> None:
    fake = Fake(lambda: False, lambda: "ended with status 3")
    asked = order(tmp_path / "log")
    (tmp_path / "log").write_text("".join(f"line {number}\n" for number in range(100)))
    with pytest.raises(ServiceError) as caught:
        wait(asked, fake, fake)
    assert caught.value.detail == ("the last it printed:", *(f"line {n}" for n in range(80, 100)))
    assert caught.value.hint == f"all that it printed is in `{tmp_path / 'log'}`"


def test_one_that_goes_on_in_the_background_is_told_to_stay(tmp_path: Path) -> None:
    fake = Fake(lambda: True, lambda: "ended with status 0")
    with pytest.raises(ServiceError, match="ended with status 0 before it was ready") as caught:
        wait(order(tmp_path / "log"), fake, fake)
    assert "stay in the foreground" in caught.value.hint


def test_a_service_that_ended_is_not_waited_for(tmp_path: Path) -> None:
    fake = Fake(lambda: False, lambda: "ended with status 3")
    with pytest.raises(ServiceError, match="ended with status 3 before it was ready"):
        wait(order(tmp_path / "log", seconds=3600), fake, fake)
