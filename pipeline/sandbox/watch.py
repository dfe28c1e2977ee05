"""Looking after one running step from outside: its output, its bounds, its end."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from pipeline.sandbox.disk import DiskGuard

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.sandbox.report import Reason
    from pipeline.sandbox.spec import Spec

_CHUNK = 1 << 16
_GRACE = 5.0  # seconds until the child itself is killed, and pid 1 with it by the kernel


class Watch:
    """One child and its pipes.

    ``child`` is its process id once it is started, ``told`` what it wrote on its status pipe,
    ``broken`` the bound that the step went over, if any. Closing the control pipe is how everything
    is stopped: it works from any thread, and by itself when we are killed.
    """

    def __init__(self, spec: Spec, output: int, status: int, control: int) -> None:
        self.told = b""
        self.broken: Reason | None = None
        self.child = 0
        self._limits = spec.limits
        self._status = status
        self._control = control
        self._control_lock = threading.Lock()
        self._interrupted = False
        self._finished = False
        self._printed = 0
        self._disk = DiskGuard([overlay.upper for overlay in spec.overlays], spec.limits.disk)
        self._open = {descriptor for descriptor in (output, status) if descriptor >= 0}
        self._poll = select.poll()
        for descriptor in self._open:
            self._poll.register(descriptor, select.POLLIN)

    def send(self, order: bytes) -> None:
        """Hand the order over; a child that is dead already tells why by its silence.

        A step that is stopped meanwhile gets no more of it: the descriptor's number may by then be
        that of another file.
        """
        data = len(order).to_bytes(8, "little") + order
        with suppress(BrokenPipeError):
            while data:
                with self._control_lock:
                    if self._control < 0:
                        return
                    data = data[os.write(self._control, data) :]

    def run(self, output: Callable[[bytes], None], started: float) -> None:
        """Pass on output until everything inside has ended, of itself or by a bound.

        KeyboardInterrupt when `interrupt` was called.
        """
        deadline = started + self._limits.seconds if self._limits.seconds else float("inf")
        while self._open and not self.broken:
            self._pump(min(deadline, self._disk.due), output)
            if self._interrupted:
                raise KeyboardInterrupt
            now = time.monotonic()
            if now >= deadline:
                self.broken = "timeout"
            elif now >= self._disk.due and self._disk.exceeded():
                self.broken = "disk"
        if not self.broken and self._disk.exceeded_at_end():
            self.broken = "disk"

    def interrupt(self) -> None:
        """Stop the step from another thread."""
        self._interrupted = True
        self._stop()

    def finish(self) -> None:
        """Stop what still runs and wait until it is gone; the child is reaped."""
        self._stop()
        if self._finished or not self.child:
            return
        patience = time.monotonic() + _GRACE
        while self._open:
            self._pump(patience, lambda _: None)
            if time.monotonic() >= patience:
                os.kill(self.child, signal.SIGKILL)
                patience = float("inf")
        os.waitpid(self.child, 0)
        self._finished = True

    def _pump(self, until: float, output: Callable[[bytes], None]) -> None:
        """Wait for something to read, no longer than ``until``, and pass it on."""
        left = until - time.monotonic()
        patience = None if left == float("inf") else max(0, int(left * 1000) + 1)
        for descriptor, _ in self._poll.poll(patience):
            data = os.read(descriptor, _CHUNK)
            if not data:
                self._poll.unregister(descriptor)
                self._open.discard(descriptor)
            elif descriptor == self._status:
                self.told += data
            else:
                self._pass_on(data, output)

    def _pass_on(self, data: bytes, output: Callable[[bytes], None]) -> None:
        bound = self._limits.output
        if bound and self._printed + len(data) > bound:
            data = data[: max(0, bound - self._printed)]
            self.broken = self.broken or "output"
        self._printed += len(data)
        if data:
            output(data)

    def _stop(self) -> None:
        with self._control_lock:
            control, self._control = self._control, -1
        if control >= 0:
            os.close(control)
