"""Install the wheels under test into the environment of the step.

Run as ``install DIRECTORY`` in the directory where the tests run. It tells which modules of the
wheels lie there too: with ``python -m`` those stand before the installed ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.inside.shared import module_command

if TYPE_CHECKING:
    from collections.abc import Sequence

INSTALLER = "installer"
NOTE = (
    "note: {names} of the wheel lies in {place} as well, where `python -m` looks first; to test "
    'what is installed, give the stage `env: {{PYTHONSAFEPATH: "1"}}` (Python 3.11 and newer), '
    "call `pytest` itself, or move the package below `src`\n"
)


def main(arguments: Sequence[str]) -> int:
    """Install every wheel of the directory; return the exit status of the first that fails."""
    (directory,) = arguments
    wheels = sorted(Path(directory).glob("*.whl"))
    env = dict(os.environ)
    if find_spec(INSTALLER) is None:
        # It is itself under test, so it is not in the environment: it installs from its own wheel.
        env["PYTHONPATH"] = os.pathsep.join(
            str(wheel) for wheel in wheels if wheel.name.startswith(f"{INSTALLER}-")
        )
    command = module_command(sys.executable, sys.version_info[:2], INSTALLER)
    for wheel in wheels:
        words = [*command, "--no-compile-bytecode", str(wheel)]
        if status := subprocess.run(words, env=env, check=False).returncode:
            return status
    names = sorted({name for wheel in wheels for name in modules(wheel)} & _here())
    if names and not os.environ.get("PYTHONSAFEPATH"):
        listed = ", ".join(f"`{name}`" for name in names)
        sys.stdout.write(NOTE.format(names=listed, place=f"`{Path.cwd()}`"))
    return 0


def modules(wheel: Path) -> set[str]:
    """Return the names that a wheel can be imported by."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names if "/" in name and name.endswith(".py")}
    return {top for top in tops if not top.endswith((".dist-info", ".data"))} | {
        name.removesuffix(".py") for name in names if "/" not in name and name.endswith(".py")
    }


def _here() -> set[str]:
    """Return the names by which the modules of the working directory can be imported."""
    packages = {file.parent.name for file in Path().glob("*/__init__.py")}
    return packages | {file.stem for file in Path().glob("*.py")}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
