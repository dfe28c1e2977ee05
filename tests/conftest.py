"""How a run of the tests goes: on all cores, what can run here, and what was left out.

A skip says why, and a variable turns skips into failures.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.engines.docker import DockerEngine
from pipeline.sandbox.probe import probe
from pipeline.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

REQUIRED = "PIPELINE_REQUIRE_ENGINES"
LACKING = "lacking"
"""The property of a skipped test that names the engine it lacks."""
DEFAULT = "not network and not slow"
"""What `pyproject.toml` selects."""
MARKERS = ("slow", "network", "extended")
"""The markers that tests are left out by."""
MOST_WORKERS = 8
"""Each worker collects all tests: more of them cost more than they bring."""

# Without bytecode every worker would rewrite each test module anew, and every process that a test
# starts would compile the package: more than half of the run's time. `pipelinew` keeps it as well.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@lru_cache(maxsize=1)
def sandbox() -> str:
    found = probe()
    return "" if found.works else found.reason


@lru_cache(maxsize=1)
def docker() -> str:
    with tempfile.TemporaryDirectory() as place, Store.open(Path(place) / "store") as store:
        found = DockerEngine(store).probe()
    return "" if found.works else found.reason


def registry() -> str:
    return "" if shutil.which("docker-registry") else "`docker-registry` is not installed"


ENGINES: dict[str, Callable[[], str]] = {
    "sandbox": sandbox,
    "docker": docker,
    "registry": registry,
}
"""What says why an engine does not work here, empty where it does; by the marker's name."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    # As a person's terminal gives it. A shell's background jobs ignore it; so does, after the first
    # one, a command that an earlier test has called in this process.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name, why in ENGINES.items():
        if item.get_closest_marker(name) is None or not why():
            continue
        reason = f"the engine `{name}` does not work here: {why()}"
        if name in os.environ.get(REQUIRED, "").split(","):
            pytest.fail(f"{reason} ({REQUIRED} asks for it)")
        item.user_properties.append((LACKING, name))
        pytest.skip(reason)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Run the default tests on all cores; what names tests or wants a terminal has one process.

    Without pytest-xdist, as in this project's stage `test`, they run one after the other.
    """
    option = config.option
    # A worker reads this as well: without the first condition each would start workers in turn.
    alone = not config.pluginmanager.hasplugin("xdist")
    if alone or "PYTEST_XDIST_WORKER" in os.environ or option.numprocesses is not None:
        return
    # The slow tests see what is left behind on the machine's one Docker engine: one at a time.
    serial = option.file_or_dir or option.markexpr != DEFAULT
    serial = serial or option.usepdb or option.trace or option.capture == "no"
    if not serial and option.dist == "no" and not option.tx:
        option.numprocesses = "auto"
        option.maxprocesses = option.maxprocesses or MOST_WORKERS
        option.dist = "worksteal"


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LeftOut(), "left-out")


@dataclass
class LeftOut:
    """Counts the tests that ``-m`` leaves out, and says at the end how they are run.

    Only what collects knows it: of several workers each has collected all.
    """

    total: int = 0
    by_marker: Counter[str] = field(default_factory=Counter)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self.total += len(items)
        for item in items:
            self.by_marker.update({mark.name for mark in item.iter_markers()} & set(MARKERS))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["left_out"] = (self.total, dict(self.by_marker))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        # A worker that crashed has put nothing out.
        total, by_marker = getattr(node, "workeroutput", {}).get("left_out", (0, {}))
        if total:
            self.total, self.by_marker = total, Counter(by_marker)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None]:
        yield
        skipped = Counter(
            value
            for report in terminalreporter.getreports("skipped")
            for name, value in report.user_properties
            if name == LACKING
        )
        for name, number in sorted(skipped.items()):
            terminalreporter.line(
                f"skipped: {number} tests for lack of `{name}`: {ENGINES[name]()}"
            )
        option = terminalreporter.config.option
        if not self.total or option.keyword:
            return
        marked = ", ".join(f"{n} {name}" for name, n in sorted(self.by_marker.items()))
        terminalreporter.line(
            f"left out: {self.total} tests" + (f" (marked {marked}; some twice)" if marked else "")
        )
        others = "network or slow" if option.markexpr == DEFAULT else f"not ({option.markexpr})"
        words = ["./pipelinew", "exec", "pytest", "-m", others, *option.file_or_dir]
        terminalreporter.line(f"run them: {shlex.join(words)}")
