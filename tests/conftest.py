"""Which tests can run here; a skip says why, and a variable turns skips into failures."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.engines.docker import DockerEngine
from pipeline.sandbox.probe import probe
from pipeline.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

REQUIRED = "PIPELINE_REQUIRE_ENGINES"


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
        pytest.skip(reason)
