"""Where `./pipelinew` enters Python: a script, run as ``python -I -S -X utf8 start.py``.

Without ``site`` the interpreter starts a quarter faster, runs no ``.pth`` file and no
``sitecustomize``, and looks at no variable of the caller. What ``site`` would have done for us is
done here: the environment's prefix and its packages. The checkout comes behind the standard
library, so that none of its folders can stand in for a module of Python's.
"""

from __future__ import annotations

import sys

ROOT = __file__.rpartition("/")[0] + "/.."

DISTRIBUTION = "hermetic-pipeline"


def version() -> str:
    """Return the tool's version: what stands in the checkout, or what was installed."""
    try:
        with open(ROOT + "/pipelinew", "rb"), open(ROOT + "/VERSION", encoding="utf-8") as stream:
            return stream.read().strip()
    except FileNotFoundError:
        import importlib.metadata  # noqa: PLC0415 - a checkout does without

        return importlib.metadata.version(DISTRIBUTION)


def enter_environment() -> None:
    """Make ``sys`` what it would be in the virtual environment whose Python we are.

    Up to Python 3.13 it is ``site`` that moves ``sys.prefix`` (PEP 405); `sysconfig`, and so uv
    and pip, find scripts and packages by it.
    """
    import os.path  # noqa: PLC0415 - `--version` does without

    prefix = os.path.dirname(os.path.dirname(sys.executable))
    sys.prefix = sys.exec_prefix = prefix
    sys.path.append(os.path.realpath(ROOT))
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}{sys.abiflags.replace('d', '')}"
    sys.path.append(f"{prefix}/lib/{python}/site-packages")


def run() -> int:
    """Run the command line and return its exit status."""
    open_standard_streams()
    if sys.argv[1:] == ["--version"] and wrote_version():
        return 0
    enter_environment()
    try:
        from pipeline.cli.main import main  # noqa: PLC0415 - importable only from here on

        status = main()
        ignore_interrupts()
    except KeyboardInterrupt:  # while we were still being imported
        return 130
    return status


def wrote_version() -> bool:
    """Print the version, unless that is for `pipeline.cli.main`.

    It finds an installed distribution, whose packages are not on the path yet, and tells of a
    stream that cannot be written.
    """
    try:
        sys.stdout.write(f"pipeline {version()}\n")
        sys.stdout.flush()
    except (OSError, ImportError):
        return False
    return True


def open_standard_streams() -> None:
    """Put ``/dev/null`` where the caller closed a standard stream, as git does.

    Otherwise the next file that is opened gets its number, and what any program of ours prints
    would go into that file, which may be one of the store's.
    """
    if sys.stdin and sys.stdout and sys.stderr:
        return
    import os  # noqa: PLC0415 - `--version` does without

    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is taken, and that is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def ignore_interrupts() -> None:
    """Let a late Ctrl-C change nothing: all is done, and Python would die of the signal."""
    # Built in, while `signal` costs a tenth of a run with nothing to do.
    import _signal  # type: ignore[import-not-found]  # noqa: PLC0415

    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(run())
