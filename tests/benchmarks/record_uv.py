"""Lock a repository and keep what uv was asked, as a script that asks it the same again.

``python record_uv.py REPOSITORY DIRECTORY``: writes ``DIRECTORY/ask`` and what it needs.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).resolve().parents[2]))

from pipeline import process
from pipeline.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

run = process.run


def record(
    command: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None, **rest: float | None
) -> process.Completed:
    """Keep a call of uv, with its files, and make it."""
    if cwd is None or "compile" not in command:
        return run(command, env=env, cwd=cwd, **rest)  # type: ignore[arg-type]
    kept = Path(sys.argv[2]) / cwd.name
    shutil.copytree(cwd, kept)
    words = [word.replace(str(cwd), ".") for word in command]
    variables = [f"{name}={value}" for name, value in env.items()]
    line = shlex.join(["env", "-i", *variables, *words])
    place = shlex.quote(str(kept))
    with (Path(sys.argv[2]) / "ask").open("a") as script:
        script.write(f"cd {place} && cp -r . ../again && cd ../again && {line} || exit 1\n")
        script.write(f"rm -r {shlex.quote(str(kept.parent / 'again'))}\n")
    return run(command, env=env, cwd=cwd, **rest)  # type: ignore[arg-type]


if __name__ == "__main__":
    process.run = record  # type: ignore[assignment]
    sys.exit(main(["lock", "--upgrade", "-C", sys.argv[1]]))
