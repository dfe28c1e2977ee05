"""The plugin that pytest finds by itself where this package is installed (entry point `pytest11`).

It does nothing unless its fixture `services` is asked for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from pluggy import Result

    from pipeline.errors import EngineUnavailableError
    from pipeline.testing.services import Services

REQUIRED = "PIPELINE_REQUIRE_SERVICES"
"""The variable that turns skips for want of an engine into failures."""


_OPENED: pytest.StashKey[Services] = pytest.StashKey()


@pytest.fixture(scope="session")
def services_directory(request: pytest.FixtureRequest) -> Path:
    """Return a directory of the project whose images there are: the root directory of pytest.

    A project whose `pipeline.yaml` lies elsewhere replaces this fixture.
    """
    return request.config.rootpath


@pytest.fixture(scope="session")
def services(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    services_directory: Path,
) -> Iterator[Services]:
    """Start throw-away service containers; all of them are removed when the session ends.

    Tests that need one are skipped, with the reason, where no engine works.
    """
    from pipeline.testing.services import Services as Started  # noqa: PLC0415 - only when asked for

    slot = os.environ.get("PYTEST_XDIST_WORKER", "main")
    logs = tmp_path_factory.mktemp("services")
    with Started(services_directory, logs=logs, slot=slot, unavailable=_unavailable) as opened:
        request.config.stash[_OPENED] = opened
        yield opened
        del request.config.stash[_OPENED]


@pytest.hookimpl(hookwrapper=True)  # pytest 7 knows no other kind of wrapper
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Result[pytest.TestReport], None]:
    """Show with a test that fails what services have printed since the one before."""
    outcome = yield
    opened = item.config.stash.get(_OPENED, None)
    if opened is None:
        return
    if call.excinfo is not None and outcome.get_result().failed:
        named = ((f"Service {name}", lines) for name, lines in opened.printed())
        outcome.get_result().sections.extend(named)
    if call.when == "teardown":
        opened.seen()


def _unavailable(error: EngineUnavailableError) -> NoReturn:
    if os.environ.get(REQUIRED):
        pytest.fail(f"{error} ({REQUIRED} asks for it)", pytrace=False)
    pytest.skip(str(error))
