"""The plugin that pytest finds by itself where this package is installed (entry point `pytest11`).

It does nothing unless its one fixture is asked for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.errors import EngineUnavailableError
    from pipeline.testing.services import Services

REQUIRED = "PIPELINE_REQUIRE_SERVICES"
"""The variable that turns skips for want of an engine into failures."""


@pytest.fixture(scope="session")
def services(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Services]:
    """Start throw-away service containers; all of them are removed when the session ends.

    Tests that need one are skipped, with the reason, where no engine works.
    """
    from pipeline.testing.services import Services as Started  # noqa: PLC0415 - only when asked for

    slot = os.environ.get("PYTEST_XDIST_WORKER", "main")
    logs = tmp_path_factory.mktemp("services")
    with Started(request.config.rootpath, logs=logs, slot=slot, unavailable=_unavailable) as opened:
        yield opened


def _unavailable(error: EngineUnavailableError) -> NoReturn:
    if os.environ.get(REQUIRED):
        pytest.fail(f"{error} ({REQUIRED} asks for it)", pytrace=False)
    pytest.skip(str(error))
