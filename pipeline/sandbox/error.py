"""The one exception of this package: a wall of the sandbox could not be put up."""

from __future__ import annotations

import os


class SandboxError(OSError):
    """Setting up failed, before any code of the step ran; never a failure of the step itself.

    ``call`` is the system call or the mount that failed, ``filename`` what it was about, ``errno``
    the kernel's answer (0 where it gave none), ``hint`` what a person can do about it.
    """

    def __init__(self, call: str, path: str = "", number: int = 0, hint: str = "") -> None:
        super().__init__(number, os.strerror(number) if number else "failed", path or None)
        self.call = call
        self.path = path
        self.hint = hint

    def __str__(self) -> str:
        about = f" `{self.path}`" if self.path else ""
        why = f": {os.strerror(self.errno)}" if self.errno else ""
        return f"the sandbox could not be set up: {self.call}{about}{why}"
