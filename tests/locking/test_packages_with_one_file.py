"""Two packages of an environment that install the same path are told when locking."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


def wheel(directory: Path, name: str, files: dict[str, str]) -> None:
    info = f"{name}-1.0.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items())
    with zipfile.ZipFile(directory / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for path, text in {**files, f"{info}/RECORD": rows}.items():
            archive.writestr(zipfile.ZipInfo(path), text)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.mark.slow
@pytest.mark.parametrize("same", [True, False])
def test_one_path_with_different_bytes_is_told_when_locking(
    wheels: Path, capsys: pytest.CaptureFixture[str], *, same: bool
) -> None:
    wheel(wheels, "opencv", {"cv2/__init__.py": "one"})
    wheel(wheels, "headless", {"cv2/__init__.py": "one" if same else "two"})
    root = wheels.parent / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text('[project]\nname = "p"\nversion = "1"\n')
    (root / "pipeline.yaml").write_text(
        "version: 1\nstages: {notes: {kind: changelog}}\n"
        "environments: {dev: {requires: [opencv, headless]}}\n"
    )
    assert main(["lock", "-C", str(root)]) == (0 if same else 3)
    told = capsys.readouterr().err
    wanted = (
        "environment `dev` holds `headless` and `opencv`, which both install "
        "`site-packages/cv2/__init__.py`, so neither can be trusted to work"
    )
    assert (wanted in told) is not same
    if same:
        words = ("-C", str(root), "export", "-e", "dev")
        assert main([*words]) == 0
