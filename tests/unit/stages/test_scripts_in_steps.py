from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import inside
from pipeline.stages.inside import scripts

SCRIPTS = sorted(
    path.stem
    for path in Path(inside.__file__).parent.glob("*.py")
    if "__main__" in path.read_text("utf-8")
)


def shipped(name: str) -> dict[str, str]:
    return dict(scripts(name).files)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_brings_all_that_it_imports_of_ours(name: str) -> None:
    files = shipped(name)
    assert f"{name}.py" in files
    for text in files.values():
        for module in re.findall(r"(?:from|import) (pipeline[\w.]*)", text):
            assert f"{module.replace('.', '/')}.py" in files


def test_a_script_brings_nothing_else() -> None:
    assert "pipeline/inside/repair_checks.py" in shipped("repair")
    assert not any("repair" in name for name in shipped("abi3"))


@pytest.mark.parametrize("package", ["installed", "in the working directory"])
def test_what_a_script_imports_is_its_own_whatever_else_is_called_pipeline(
    tmp_path: Path, package: str
) -> None:
    place, other = tmp_path / "inside", tmp_path / package
    (other / "pipeline").mkdir(parents=True)
    (other / "pipeline" / "__init__.py").write_text("raise SystemExit('not ours')\n")
    for name, text in shipped("abi3").items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    (place / "probe.py").write_text("from pipeline.inside.shared import one_wheel\nprint('ours')")
    done = subprocess.run(
        [sys.executable, str(place / "probe.py")],
        cwd=other,
        env={"PYTHONPATH": str(other)} if package == "installed" else {},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "ours\n", done.stderr
