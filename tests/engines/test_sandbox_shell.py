"""With ``shell`` a person at a terminal gets a shell where the step failed."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.store.store import Store

pytestmark = pytest.mark.sandbox

PROGRAM = """
import os
import sys
from pathlib import Path
from pipeline.engines.protocol import BuildRequest, ImageContext
from pipeline.engines.sandbox import SandboxEngine
from pipeline.errors import StageFailedError
from pipeline.platforms import Target
from pipeline.store.store import Store

os.open(os.ttyname(0), os.O_RDWR)  # makes it the terminal of this session

store, base = map(Path, sys.argv[1:])
platform = Target.native().platform
text = (
    "FROM base\\nENV NAME=value\\nWORKDIR /where\\n"
    "RUN --mount=type=tmpfs,target=/mounted echo half > done; false\\n"
)
image = ImageContext(digest="0" * 64, platform=platform, layers=(base,))
with Store.open(store) as opened:
    try:
        SandboxEngine(opened, shell=True).build(
            BuildRequest(dockerfile=text, contexts={"base": image}, platform=platform),
            lambda data: None,
        )
    except StageFailedError as error:
        print("FAILED:", error.message)
"""
TYPED = b"echo at:$PWD var:$NAME did:$(cat done) $(stat -f -c mount:%T /mounted); exit\n"


def test_a_person_can_look_around_where_the_step_failed(store: Store, tiny_root: Path) -> None:
    controller, terminal = pty.openpty()
    environment = {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PATH": os.environ["PATH"],
    }
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(store.root), str(tiny_root)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        os.write(controller, TYPED)
        said = _read_to_end(controller)
    os.close(controller)
    assert process.returncode == 0, said
    assert "at:/where var:value did:half mount:tmpfs" in said
    assert "FAILED: `RUN --mount=type=tmpfs,target=/mounted echo half > done; false` ended" in said


def _read_to_end(descriptor: int) -> str:
    data = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([descriptor], [], [], 1)
        if not ready:
            continue
        try:
            chunk = os.read(descriptor, 1 << 16)
        except OSError:  # EIO: the other end is closed
            break
        data += chunk
    return data.decode(errors="replace")
