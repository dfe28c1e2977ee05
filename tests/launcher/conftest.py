"""Small checkouts that hold the real launcher, and a wheel to install instead of an index."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipeline.bootstrap import sealed

REPOSITORY = Path(__file__).parents[2]

MAIN = '''"""Stands for the real command line: tells where it finds itself."""
import json, subprocess, sys

def main():
    import sysconfig, thing
    child = [sys.executable, "-P", "-m", "thing"]
    facts = {
        "argv": sys.argv[1:], "prefix": sys.prefix, "purelib": sysconfig.get_path("purelib"),
        "thing": thing.__file__, "main": __file__, "utf8": sys.flags.utf8_mode,
        "child": subprocess.run(child, stdout=subprocess.PIPE, text=True, check=True).stdout,
    }
    print(json.dumps(facts))
    return 7
'''


@dataclass(frozen=True)
class Checkout:
    """A checkout with the launcher, and the environment it is run in."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def tool(self) -> Path:
        """Where its environments are made."""
        return Path(self.environ["PIPELINE_CACHE_DIR"]) / "tool"

    def require(self, lines: str) -> None:
        """Replace the locked requirements."""
        file = self.root / "pipeline" / "requirements.txt"
        file.write_text(sealed(lines), encoding="utf-8")

    def start(
        self,
        *arguments: str,
        command: tuple[str, ...] = (),
        cwd: Path | None = None,
        **environ: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``./pipelinew`` with ``arguments`` to its end."""
        return subprocess.run(
            [*(command or (str(self.root / "pipelinew"),)), *arguments],
            cwd=cwd,
            env={**self.environ, **environ},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )


def write_wheel(directory: Path) -> str:
    """Write a wheel of one module, `thing`, and return the requirement that locks it."""
    files = {
        "thing.py": b"print('thing here') if __name__ == '__main__' else None\n",
        "thing-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
        "thing-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }
    rows = [f"{name},sha256={_record_hash(data)},{len(data)}" for name, data in files.items()]
    rows.append("thing-1.0.dist-info/RECORD,,")
    path = directory / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr("thing-1.0.dist-info/RECORD", "\n".join(rows) + "\n")
    return f"thing==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def _record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def make_checkout(directory: Path) -> Checkout:
    """Make a checkout below ``directory`` whose requirements lie beside it."""
    root = directory / "a check out"
    (root / "pipeline" / "cli").mkdir(parents=True)
    for name in ("pipelinew", "VERSION", "pipeline/start.py", "pipeline/bootstrap.py"):
        shutil.copy(REPOSITORY / name, root / name)
    (root / "pipeline" / "cli" / "main.py").write_text(MAIN, encoding="utf-8")
    links = directory / "links"
    links.mkdir()
    environ = {
        "PATH": os.defpath,
        "HOME": str(directory),
        "PIPELINE_CACHE_DIR": str(directory / "cache"),
        "PIPELINE_PYTHON": sys.executable,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(links),
    }
    made = Checkout(root, environ)
    made.require(write_wheel(links))
    return made


@pytest.fixture
def bare_checkout(tmp_path: Path) -> Checkout:
    """Return a checkout whose environment was never made."""
    return make_checkout(tmp_path)


@pytest.fixture(scope="session")
def ready_checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Return a checkout whose environment is in place; tests must leave it so."""
    made = make_checkout(tmp_path_factory.mktemp("ready"))
    first = made.start()
    assert first.returncode == 7, first.stderr
    return made
