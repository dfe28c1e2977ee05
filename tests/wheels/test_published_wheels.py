"""What indexes have served for ten years has no error: the audit is no stricter than they are."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from pipeline.wheels.audit import audit

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.extended]

PURE = """
six==1.10.0 requests==2.9.1 requests==2.32.3 setuptools==30.0.0 setuptools==57.0.0 pip==25.0
setuptools==75.0.0 pip==1.5.6 pip==9.0.1 wheel==0.24.0 wheel==0.29.0 wheel==0.45.0 Jinja2==2.9.6
Jinja2==3.1.4 Flask==0.12 flask==3.0.3 attrs==17.4.0 attrs==24.2.0 pytest==3.0.0 pytest==8.3.0
hatchling==1.25.0 poetry-core==1.9.0 flit-core==3.9.0 pdm-backend==2.3.0 click==6.7 Werkzeug==0.14
zope.event==4.5.0 zope.deprecation==4.4.0 ruamel.yaml==0.17.0 jaraco.classes==3.2.1
google-api-core==2.0.0 debugpy==1.6.0 scikit-build-core==0.9.0 meson-python==0.16.0
virtualenv==20.26.0 PyJWT==1.7.1 pytest-cov==4.1.0 python-dateutil==2.9.0.post0 tzdata==2024.1
iniconfig==2.1.0 certifi==2015.11.20
"""
PLATFORM = """
3.5 manylinux1_x86_64 numpy==1.11.0 matplotlib==2.0.0
3.6 manylinux1_x86_64 lxml==4.2.0 Pillow==5.0.0 cryptography==2.0
3.6 win_amd64 PyYAML==5.1
3.9 manylinux1_x86_64 protobuf==3.20.0
3.11 manylinux_2_17_x86_64 MarkupSafe==2.1.5 PyYAML==6.0.2 pydantic-core==2.20.0 ruff==0.6.0
3.11 manylinux_2_17_x86_64 contourpy==1.2.1 psycopg2-binary==2.9.9
3.11 manylinux_2_17_x86_64 SQLAlchemy==2.0.30 coverage==7.6.0
3.11 manylinux2014_x86_64 xgboost==2.1.0 nvidia-nvtx-cu12==12.1.105 uv-build==0.8.0
3.11 manylinux1_x86_64 nvidia-cuda-runtime-cu12==12.1.105 playwright==1.46.0
3.11 musllinux_1_1_x86_64 MarkupSafe==2.1.5 watchfiles==0.23.0
3.12 macosx_11_0_arm64 pydantic-core==2.20.0 numpy==2.1.0
3.11 win_amd64 pywin32==306 cryptography==43.0.0
3.12 manylinux_2_28_x86_64 cryptography==43.0.0 lxml==5.3.0 pyzmq==26.1.0
"""


def wanted() -> list[tuple[str, tuple[str, ...]]]:
    """Return what is downloaded: a requirement, and the flags that say for which platform."""
    found: list[tuple[str, tuple[str, ...]]] = [(word, ()) for word in PURE.split()]
    for line in PLATFORM.strip().splitlines():
        python, platform, *words = line.split()
        tag = f"cp{python.replace('.', '')}"
        abis = (f"--abi={abi}" for abi in (tag, f"{tag}m", "abi3", "none"))
        flags = (f"--platform={platform}", f"--python-version={python}", *abis)
        found += [(word, flags) for word in words]
    return found


def download(directory: Path, requirement: str, flags: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    command += ["--only-binary=:all:", "--ignore-requires-python", *flags]
    subprocess.run([*command, f"--dest={directory}", requirement], check=True, timeout=300)


def test_published_wheels_have_no_error(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: download(tmp_path, *one), wanted()))
    wheels = sorted(tmp_path.glob("*.whl"))
    assert len(wheels) >= 60
    errors = {wheel.name: audit(wheel).errors for wheel in wheels}
    assert not {name: found for name, found in errors.items() if found}
