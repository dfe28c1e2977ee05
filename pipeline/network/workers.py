"""Several things at once, waited for in a way that can be interrupted.

The threads are daemons: whoever presses Ctrl-C does not wait for a server that has stopped
answering. What they do must therefore be safe to cut short anywhere, as downloads are. `threading`
and `queue` are left out, since an export that has little to do would spend a tenth on them.
"""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread
from collections import deque
from contextlib import suppress

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
    waiting = deque(range(len(tasks)))
    ended: deque[tuple[int, T | Exception]] = deque()
    bell = allocate_lock()
    bell.acquire()

    def work() -> None:
        while True:
            try:
                number = waiting.popleft()
            except IndexError:
                return
            try:
                ended.append((number, tasks[number]()))
            except Exception as error:  # noqa: BLE001  handed to the caller, who judges it
                ended.append((number, error))
            with suppress(RuntimeError):  # it was rung for another task, and nobody came yet
                bell.release()

    for _ in range(min(jobs, len(tasks))):
        start_new_thread(work, ())
    outcomes: dict[int, T | Exception] = {}
    try:
        while len(outcomes) < len(tasks):
            bell.acquire(timeout=TICK_SECONDS)
            while ended:
                number, outcome = ended.popleft()
                outcomes[number] = outcome
            tick()
    except BaseException:
        waiting.clear()
        raise
    return [outcomes[number] for number in range(len(tasks))]
