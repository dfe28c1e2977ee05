from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from pipeline.lock.file import load

pytestmark = [pytest.mark.network, pytest.mark.slow]

LAUNCHER = Path(__file__).resolve().parents[2] / "pipelinew"
DECLARED = """\
version: 1
environments:
  dev:
    requires: [attrs, "markupsafe<3.1"]
    export: [pylock.dev.toml, dev.txt]
  ci: {requires: [attrs], platforms: linux_x86_64}
  old: {requires: ["attrs<25"], conflicts: [dev, ci]}
stages:
  notes: {kind: changelog}
"""


def pipeline(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Call the tool as people do."""
    return subprocess.run(
        [str(LAUNCHER), *words], cwd=root, capture_output=True, text=True, check=False
    )


def versions(root: Path, environment: str) -> dict[str, str]:
    locked = load(root / "pipeline.lock").environments[environment]
    return {row.name: row.version for row in locked.requirements}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a repository that is locked."""
    (tmp_path / "pipeline.yaml").write_text(DECLARED)
    done = pipeline(tmp_path, "lock")
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_flavours_conflict_and_all_others_agree(root: Path) -> None:
    assert versions(root, "dev")["attrs"] == versions(root, "ci")["attrs"]
    assert int(versions(root, "old")["attrs"].split(".")[0]) < 25
    assert set(versions(root, "ci")) == {"attrs"}
    assert pipeline(root, "lock", "--check").returncode == 0


@pytest.mark.parametrize("file", ["pylock.dev.toml", "dev.txt"])
@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_what_is_exported_is_installed_by_pip_and_by_uv(root: Path, file: str, tool: str) -> None:
    uv, venv = find_uv_bin(), root / "venv"
    subprocess.run(
        [uv, "venv", "--quiet", "--no-config", "--python", sys.executable, str(venv)], check=True
    )
    python = str(venv / "bin" / "python")
    commands = {
        "pip": [sys.executable, "-m", "pip", "--python", python, "install", "-r", file],
        "uv": [uv, "pip", "sync", "--no-config", "--python", python, file],
    }
    subprocess.run(commands[tool], cwd=root, check=True)
    ask = "import attr, markupsafe, importlib.metadata as m; print(m.version('attrs'))"
    done = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == versions(root, "dev")["attrs"]


def test_environments_that_disagree_are_named_with_their_lines(root: Path) -> None:
    (root / "pipeline.yaml").write_text(
        DECLARED.replace(", conflicts: [dev, ci]", "").replace("[attrs,", "[attrs>25,")
    )
    done = pipeline(root, "lock")
    assert done.returncode == 3
    assert "`dev`, `ci`, `old` cannot be resolved: they would have to share versions" in done.stderr
    assert "pipeline.yaml:4:16: attrs>25" in done.stderr
    assert "pipeline.yaml:7:20: attrs<25" in done.stderr


def test_one_environment_that_contradicts_itself_is_blamed_alone(root: Path) -> None:
    (root / "pipeline.yaml").write_text(DECLARED.replace("[attrs]", '[attrs, "attrs<20,>21"]'))
    done = pipeline(root, "lock")
    assert done.returncode == 3
    assert "pipeline.yaml:6:3: environment `ci` cannot be resolved" in done.stderr


def test_a_package_without_a_wheel_for_a_platform_is_named(root: Path) -> None:
    text = DECLARED.replace("attrs, ", "nvidia-cuda-runtime, ")
    (root / "pipeline.yaml").write_text(text)
    done = pipeline(root, "lock")
    assert done.returncode == 3
    assert "on macos_arm64, for which it has no wheel" in done.stderr
    limited = text.replace("    export:", "    platforms: [linux_x86_64, linux_arm64]\n    export:")
    (root / "pipeline.yaml").write_text(limited)
    assert pipeline(root, "lock").returncode == 0


def test_an_exported_environment_runs_what_it_holds(root: Path) -> None:
    assert pipeline(root, "export", "-e", "dev").returncode == 0
    python = root / ".pipeline/venvs/dev/bin/python"
    done = subprocess.run(
        [python, "-c", "import attr, sys; print(sys.prefix)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(root / ".pipeline/venvs/dev")
