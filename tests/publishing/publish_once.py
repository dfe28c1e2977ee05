"""A program that publishes the files of a directory once, to be killed: DIRECTORY JOURNALS.

It says ``ready`` when it is about to begin. Where the index is stands in the environment.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.publishing.conftest import Plain, publish_to


def main() -> None:
    directory, journals = map(Path, sys.argv[1:])
    say("ready")
    files = sorted(directory.iterdir())
    publish_to("pypi", Plain(environ=dict(os.environ)), journals, files, tell=say)


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
