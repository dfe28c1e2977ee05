"""Workflow commands of GitHub Actions: lines such as ``::group::title`` that its runner obeys.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import os
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class WorkflowCommands:
    """Gives commands by writing lines to ``put``; does nothing where ``active`` is false.

    Between `stop` and `resume` the runner obeys nothing but ours, so that a build's log cannot set
    outputs, masks or annotations.
    """

    def __init__(self, put: Callable[[str], None], *, active: bool) -> None:
        self._put = put
        self._active = active
        self._token = ""

    def give(self, name: str, message: str = "", **properties: str) -> None:
        """Give a command, even while others are stopped."""
        if not self._active:
            return
        stopped = bool(self._token)
        self.resume()
        words = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
        self._put(f"::{name}{' ' if words else ''}{words}::{_data(message)}\n")
        if stopped:
            self.stop()

    def stop(self) -> None:
        """Let the runner obey nothing from here on. The token cannot be guessed by a log."""
        if self._active and not self._token:
            self._token = os.urandom(16).hex()
            self._put(f"::stop-commands::{self._token}\n")

    @contextmanager
    def stopped_for(self, text: str) -> Iterator[None]:
        """Keep the runner from obeying ``text``, should it hold what looks like a command."""
        stop = not self._token and ("::" in text or "##[" in text)
        if stop:
            self.stop()
        yield
        if stop:
            self.resume()

    def resume(self) -> None:
        """Let the runner obey again."""
        if self._token:
            self._put(f"::{self._token}::\n")
            self._token = ""


def place_properties(where: str) -> dict[str, str]:
    """Return the parts of ``file:line:column`` as an annotation names them."""
    file, *numbers = where.split(":")
    if not file or not all(number.isdecimal() for number in numbers):
        return {}
    return dict(zip(("file", "line", "col"), (file, *numbers), strict=False))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
