"""Several things at once, waited for in a way that can be interrupted.

The threads are daemons: whoever presses Ctrl-C does not wait for a server that has stopped
answering. What they do must therefore be safe to cut short anywhere, as downloads are.
"""

from __future__ import annotations

import queue
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    T = TypeVar("T")

TICK_SECONDS = 0.1


def gather(
    tasks: Sequence[Callable[[], T]], *, jobs: int, tick: Callable[[], None] = lambda: None
) -> list[T | Exception]:
    """Do all tasks, at most ``jobs`` at once, and return what each returned or raised, in order.

    ``tick`` is called in the calling thread now and then, and once at the end. When the caller is
    interrupted no further task is begun.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    ended: queue.SimpleQueue[tuple[int, T | Exception]] = queue.SimpleQueue()
    for number in range(len(tasks)):
        waiting.put(number)

    def work() -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                ended.put((number, tasks[number]()))
            except Exception as error:  # noqa: BLE001  handed to the caller, who judges it
                ended.put((number, error))

    for _ in range(min(jobs, len(tasks))):
        threading.Thread(target=work, daemon=True).start()
    try:
        return _collect(ended, len(tasks), tick)
    except BaseException:
        _drain(waiting)
        raise


def _collect(
    ended: queue.SimpleQueue[tuple[int, T | Exception]], count: int, tick: Callable[[], None]
) -> list[T | Exception]:
    outcomes: dict[int, T | Exception] = {}
    while len(outcomes) < count:
        try:
            number, outcome = ended.get(timeout=TICK_SECONDS)
            outcomes[number] = outcome
        except queue.Empty:
            pass
        tick()
    return [outcomes[number] for number in range(count)]


def _drain(waiting: queue.SimpleQueue[int]) -> None:
    try:
        while True:
            waiting.get_nowait()
    except queue.Empty:
        return
