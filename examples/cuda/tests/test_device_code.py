"""What the GPU would run, read from the built extension; no GPU is needed for that."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import files
from pathlib import Path

import pytest
from example_histogram import _histogram


def listed(what: str) -> set[str]:
    """Return the architectures of the ``elf`` (machine code) or ``ptx`` parts of the extension."""
    (program,) = (path for path in files("nvidia-cuda-cuobjdump") or () if path.name == "cuobjdump")
    words = [str(Path(program.locate())), f"--list-{what}", _histogram.__file__]
    text = subprocess.run(words, check=True, capture_output=True, encoding="utf-8").stdout
    return set(
        re.findall(rf"\.(sm_\w+)\.{'cubin' if what == 'elf' else 'ptx'}$", text, re.MULTILINE)
    )


@pytest.mark.parametrize(("what", "expected"), [("elf", {"sm_80", "sm_90"}), ("ptx", {"sm_90"})])
def test_each_architecture_has_its_code(what: str, expected: set[str]) -> None:
    assert listed(what) == expected
