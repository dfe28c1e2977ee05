"""Runs a build with ccache before its compilers, over a directory that outlives the step.

Run as ``cached.py COMMAND...``. Compilers are found behind links to ccache with their own names: so
it is meant to be put before builds that call `gcc` in ways of their own. Those of `/cross` call it
themselves. Nothing but contents counts: compilers and headers are hashed, no time of a file
is trusted, and no configuration is read.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

LINKS = Path("/tmp/ccache/bin")  # noqa: S108 - inside the step, where /tmp is its own
LOG = Path("/tmp/ccache/log")  # noqa: S108 - as above
COMPILERS = re.compile(r"(.+-)?(cc|c\+\+|gcc|g\+\+|clang|clang\+\+)(-[0-9.]+)?")
SETTINGS = {
    "CCACHE_DIR": "/ccache",
    "CCACHE_CONFIGPATH": "/dev/null",
    "CCACHE_COMPILERCHECK": "content",
    "CCACHE_MAXSIZE": "2G",
    "CCACHE_STATSLOG": str(LOG),
    "CCACHE_TEMPDIR": "/tmp/ccache",  # noqa: S108 - as above
}
HITS = ("direct_cache_hit", "preprocessed_cache_hit")


def main(command: list[str]) -> int:
    """Run a command and tell how much of what it compiled was there. Returns its exit status."""
    ccache = shutil.which("ccache")
    if ccache is None:
        sys.exit("error: the image has no `ccache`\nhint: add it to `packages` of the image")
    LINKS.mkdir(parents=True)
    for name in sorted(compilers(os.get_exec_path())):
        (LINKS / name).symlink_to(ccache)
    path = f"{LINKS}:{os.environ['PATH']}"
    status = subprocess.run(
        command, env={**os.environ, **SETTINGS, "PATH": path}, check=False
    ).returncode
    hits, all_of_them = counted(LOG.read_text() if LOG.exists() else "")
    sys.stdout.write(f"compiler cache: {hits} of {all_of_them} objects were there\n")
    return status


def compilers(path: list[str]) -> set[str]:
    """Return the names of the compilers in the directories of a search path."""
    found = (Path(directory) for directory in path if os.path.isdir(directory))
    names = {file.name for directory in found for file in directory.iterdir()}
    return {name for name in names if COMPILERS.fullmatch(name)}


def counted(log: str) -> tuple[int, int]:
    """Return how many objects were in the cache, and how many there were, by ccache's own log."""
    words = log.split()
    hits = sum(words.count(word) for word in HITS)
    return hits, hits + words.count("cache_miss")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
