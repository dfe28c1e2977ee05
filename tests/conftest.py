"""Which tests can run here; a skip says why, and a variable turns skips into failures."""

from __future__ import annotations

import os
from functools import lru_cache

import pytest

from pipeline.sandbox.probe import Probe, probe

REQUIRED = "PIPELINE_REQUIRE_ENGINES"


@lru_cache(maxsize=1)
def sandbox() -> Probe:
    return probe()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("sandbox") is None or sandbox().works:
        return
    reason = f"the sandbox does not work here: {sandbox().reason}"
    if "sandbox" in os.environ.get(REQUIRED, "").split(","):
        pytest.fail(f"{reason} ({REQUIRED} asks for it)")
    pytest.skip(reason)
