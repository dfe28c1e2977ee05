"""What the engine `docker` promises beyond the conformance suite, on a real daemon."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.engines.docker import DockerEngine
from pipeline.engines.protocol import Limits
from pipeline.errors import ConfigError, EngineUnavailableError, StageFailedError

if TYPE_CHECKING:
    from pipeline.engines.protocol import ImageContext
    from tests.engines.conftest import Workshop

pytestmark = [pytest.mark.docker, pytest.mark.slow]

COPIED = "FROM scratch\nCOPY --from=tree / /\n"


@pytest.fixture
def shop(workshop: Workshop, tiny_image: ImageContext) -> Workshop:
    """Return a workshop that builds with Docker, from scratch each time."""
    workshop.contexts["base"] = tiny_image
    workshop.engine = DockerEngine(workshop.store, fresh=True)
    return workshop


def failed(shop: Workshop, text: str, limits: Limits | None = None) -> StageFailedError:
    with pytest.raises(StageFailedError) as caught:
        shop.build(text, limits=limits)
    return caught.value


def left_over(shop: Workshop) -> list[str]:
    """Return what builds left of files in the store's workplace, and of processes."""
    work = shop.store.root / "work"
    rooms = [name for room in work.iterdir() if room.is_dir() for name in os.listdir(room)]
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return rooms + [line for line in listed.stdout.splitlines() if str(shop.store.root) in line]


def test_the_engine_says_that_it_works_and_with_what(shop: Workshop) -> None:
    found = shop.engine.probe()
    assert found.works
    assert found.identity.startswith("Docker ")
    assert "buildx" in found.identity


def test_steps_are_streamed_and_logged_as_they_print(shop: Workshop) -> None:
    result = shop.build(
        "FROM base AS b\nRUN echo one; echo two\nFROM scratch\nCOPY --from=b /tmp /\n"
    )
    assert shop.output == b"one\ntwo\n"
    assert result.log is not None
    assert result.log.read_text().startswith("==> Dockerfile:2: RUN echo one; echo two\none\ntwo\n")
    assert result.engine.count("/") == 1
    assert left_over(shop) == []


def test_a_change_that_keeps_size_and_time_is_seen(shop: Workshop) -> None:
    tree = shop.tree("tree", {"file": "one"})
    os.utime(tree / "file", (0, 0))
    assert shop.files(COPIED) == {"file": "one"}
    (tree / "file").write_text("two")
    os.utime(tree / "file", (0, 0))
    assert shop.files(COPIED) == {"file": "two"}


def test_proxies_of_dockers_configuration_reach_no_step(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxies = {"httpProxy": "http://proxy.example:1", "noProxy": "example"}
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text(json.dumps({"proxies": {"default": proxies}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    shop.engine = DockerEngine(shop.store, fresh=True)
    shop.build("FROM base AS b\nRUN env\nFROM scratch\nCOPY --from=b /tmp /\n")
    assert b"proxy" not in shop.output.lower()


def test_a_secret_is_there_for_its_step_alone(shop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "a,secret").write_text("hush")
    shop.build(
        "FROM base AS b\nRUN --mount=type=secret,id=word cat /run/secrets/word\n"
        "RUN cat /run/secrets/word || echo gone\nFROM scratch\nCOPY --from=b /tmp /\n",
        secrets={"word": tmp_path / "a,secret"},
    )
    assert b"hush" in shop.output
    assert b"gone" in shop.output


def test_what_docker_remembers_is_used_unless_all_is_to_be_fresh(shop: Workshop) -> None:
    text = (
        f"FROM base AS b\nRUN echo {os.urandom(4).hex()}; cat /proc/sys/kernel/random/uuid > /id\n"
        "FROM scratch\nCOPY --from=b /id /\n"
    )
    first = shop.files(text)
    assert shop.files(text) != first
    shop.engine = DockerEngine(shop.store)
    assert shop.files(text) == shop.files(text)


def test_a_failing_command_is_shown_as_the_sandbox_shows_it(shop: Workshop) -> None:
    error = failed(
        shop,
        "FROM base\nENV WORD=x\n\nRUN echo earlier\n"
        "RUN i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo line $i; done; \\\n  exit 3\n",
    )
    assert error.where == "Dockerfile:5"
    assert error.message.startswith("`RUN i=0; while")
    assert error.message.endswith("ended with status 3")
    assert "pipeline render 'test[cell]'" in error.hint
    assert error.detail[:30] == tuple(f"line {number}" for number in range(11, 41))
    assert error.detail[30].startswith("full log: ")
    assert left_over(shop) == []


def test_a_copy_of_what_is_not_there_is_named_with_its_line(shop: Workshop) -> None:
    shop.tree("tree", {"file": "one"})
    for number in range(2):  # BuildKit blames the step in one of two ways
        error = failed(shop, f"FROM base\nWORKDIR /w{number}\n\nCOPY --from=tree /none /x\n")
        assert error.where == "Dockerfile:4"
        assert error.message == '`COPY --from=tree /none /x` failed: "/none": not found'


@pytest.mark.parametrize(
    ("command", "limits", "words"),
    [
        ("sleep 60", Limits(seconds=0.5), "did not end within 0.5 s"),
        ("while :; do echo y; done", Limits(seconds=60, output=1 << 14), "printed more than 16384"),
        ("sh -c 'kill -9 $$'", Limits(seconds=60), "was ended by the signal SIGKILL"),
        ("nothing-of-this-name", Limits(seconds=60), "ended with status 127"),
    ],
)
def test_each_way_to_fail_has_the_sandboxs_words(
    shop: Workshop, command: str, limits: Limits, words: str
) -> None:
    error = failed(shop, f"FROM base\nRUN {command}\n", limits)
    assert words in error.message
    assert left_over(shop) == []


def test_builds_in_threads_end_when_they_are_cancelled(shop: Workshop) -> None:
    failures: list[StageFailedError] = []
    began = threading.Semaphore(0)
    shop.collect = lambda data: began.release() if b"begun" in data else None  # type: ignore[method-assign]

    def build(number: int) -> None:
        try:
            shop.build(f"FROM base\nRUN echo begun {number}; sleep 600\n")
        except StageFailedError as error:
            failures.append(error)

    threads = [threading.Thread(target=build, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    assert all(began.acquire(timeout=60) for _ in threads)
    shop.engine.cancel()
    for thread in threads:
        thread.join(30)
    assert sorted(failure.message for failure in failures) == [
        f"`RUN echo begun {number}; sleep 600` was interrupted" for number in range(2)
    ]
    assert left_over(shop) == []


def test_an_interrupt_in_the_main_thread_leaves_nothing(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shop, "collect", interrupt)
    with pytest.raises(KeyboardInterrupt):
        shop.build("FROM base\nRUN echo now; sleep 600\n")
    deadline = time.monotonic() + 30
    while left_over(shop) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left_over(shop) == []


def test_nothing_is_pulled_for_a_name_that_is_no_context(shop: Workshop) -> None:
    with pytest.raises(ConfigError, match="`busybox` is neither a stage above nor a context"):
        shop.build("FROM busybox\nRUN true\n")


def test_an_absent_daemon_is_the_engines_fault_and_not_the_steps(shop: Workshop) -> None:
    absent = f"unix://{shop.store.root}/none"
    shop.engine = DockerEngine(shop.store, environ={**os.environ, "DOCKER_HOST": absent})
    with pytest.raises(EngineUnavailableError, match=f"no Docker daemon answers at `{absent}`"):
        shop.build(COPIED.replace("tree", "base"))


def test_a_platform_is_built_in_the_context_that_is_named_for_it(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    socket = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    for name, host in (("here", socket), ("nowhere", f"unix://{tmp_path}/none")):
        command = ["docker", "context", "create", name, "--docker", f"host={host}"]
        subprocess.run(command, check=True, capture_output=True)
    shop.tree("tree", {"file": "one"})
    shop.engine = DockerEngine(shop.store, contexts={shop.platform: "here"})
    assert shop.build(COPIED).engine == "here/here"
    shop.engine = DockerEngine(shop.store, contexts={shop.platform: "nowhere"})
    with pytest.raises(EngineUnavailableError, match="answers at `context nowhere`"):
        shop.build(COPIED)
    assert Path(socket.removeprefix("unix://")).exists()


def test_what_is_remembered_of_a_daemon_may_be_damaged(shop: Workshop) -> None:
    shop.tree("tree", {"file": "one"})
    shop.build(COPIED)
    (kept,) = (shop.store.root / "docker").iterdir()
    known = json.loads(kept.read_text())
    for damaged in ("", "[1]", '{"version": "0"}'):
        kept.write_text(damaged)
        shop.engine = DockerEngine(shop.store, fresh=True)
        assert shop.files(COPIED) == {"file": "one"}
        assert json.loads(kept.read_text()) == known
