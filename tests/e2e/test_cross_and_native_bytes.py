"""What zig compiles for a platform is the same on any machine: cross compiled here, and there.

The machine of the other platform is an emulated one, where an emulator is registered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.platforms import Target
from tests.e2e.conftest import Project, commit, copy_tracked, machine_settings
from tests.e2e.test_foreign_platforms import needs_emulator

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.extended,
]

OTHER = next(target for target in Target if target is not Target.native())
WHEEL = f"wheel[{OTHER.value},cp311]"
DECLARED = "    repair: manylinux_2_17\n"


def test_a_cross_compiled_wheel_is_the_one_that_its_own_platform_makes(
    tool: Path, tmp_path: Path
) -> None:
    needs_emulator(tmp_path)
    root = tmp_path / "native"
    copy_tracked(tool / "examples" / "native", root)
    commit(root)
    project = Project(tool, root, tmp_path / "store", machine_settings())
    declared = (root / "pipeline.yaml").read_text()
    found = {}
    for strategy in ("cross", "emulate"):
        text = declared.replace(DECLARED, f"{DECLARED}    strategy: {strategy}\n")
        project.write("pipeline.yaml", text)
        ran = project.run("run", WHEEL, "--json").expect(0)
        found[strategy] = {n: d for n, d in ran.digests.items() if n.endswith(".whl")}
    assert found["cross"] == found["emulate"]
