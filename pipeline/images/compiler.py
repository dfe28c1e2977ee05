"""Compile the Python files of some directories to bytecode. Runs alone, under any CPython.

Usage: ``python -I -S -c TEXT SOURCE DESTINATION INSIDE JOBS [DIRECTORY...]``, where TEXT is this
file. Every module below ``SOURCE/DIRECTORY`` gets its ``__pycache__`` below
``DESTINATION/DIRECTORY``, with code that believes to stand below INSIDE, never checked against its
source (PEP 552). What does not compile, such as templates and tests of syntax errors, is left out.
"""

import errno
import importlib.util
import marshal
import os
import signal
import stat
import sys
import warnings
from collections.abc import Iterator

FULL = errno.ENOSPC
"""The exit status that says that the disk is full; any other fault is 1."""

UNCHECKED = (0b01).to_bytes(4, "little")
SKIPPED = {"__pycache__", "idlelib", "idle_test", "test", "tests", "turtledemo"}


def modules(source: str, directory: str) -> Iterator[str]:
    """Yield the paths of regular ``.py`` files below a directory, relative to ``source``."""
    for parent, below, names in os.walk(os.path.join(source, directory)):
        below[:] = sorted(set(below) - SKIPPED)
        for name in sorted(names):
            path = os.path.join(parent, name)
            if name.endswith(".py") and stat.S_ISREG(os.lstat(path).st_mode):
                yield os.path.relpath(path, source)


def compiled(data: bytes, file: str) -> bytes:
    """Return the bytes of a ``.pyc`` for a module's source."""
    code = compile(data, file, "exec", dont_inherit=True, optimize=0)
    head = importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(data)
    return head + marshal.dumps(code)


def compile_one(source: str, destination: str, inside: str, module: str) -> None:
    """Write the bytecode of one module, unless it does not compile."""
    with open(os.path.join(source, module), "rb") as stream:
        data = stream.read()
    try:
        output = compiled(data, os.path.join(inside, module))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    parent, name = os.path.split(module)
    cache = os.path.join(destination, parent, "__pycache__")
    os.makedirs(cache, exist_ok=True)
    tag = sys.implementation.cache_tag
    with open(os.path.join(cache, name[:-3] + "." + str(tag) + ".pyc"), "wb") as stream:
        stream.write(output)


def end_with_parent() -> None:
    """Ask the kernel to end us when who started us ends (prctl(2), PR_SET_PDEATHSIG is 1)."""
    try:
        import ctypes  # noqa: PLC0415 - it may not be there
    except ImportError:  # in a small image; there the sandbox ends everything
        return
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def work(source: str, destination: str, inside: str, share: "list[str]") -> int:
    """Compile a share of the modules and return the exit status for it."""
    try:
        for module in share:
            compile_one(source, destination, inside, module)
    except OSError as error:
        sys.stderr.write(str(error) + "\n")
        return FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else 1
    return 0


def main(arguments: "list[str]") -> int:
    """Compile everything with a process for each job; return the worst of their statuses."""
    end_with_parent()
    source, destination, inside, jobs = arguments[:4]
    found = [module for directory in arguments[4:] for module in modules(source, directory)]
    os.umask(0o022)
    warnings.simplefilter("ignore")
    children = []
    for job in range(int(jobs)):
        child = os.fork()
        if child == 0:
            end_with_parent()
            os._exit(work(source, destination, inside, found[job :: int(jobs)]))
        children.append(child)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    return max(os.WEXITSTATUS(status) or bool(status) for status in statuses)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
