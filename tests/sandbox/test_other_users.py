"""A step that sees itself as another user than root, with no further rights for that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import Room

pytestmark = pytest.mark.sandbox


def test_the_program_is_that_user_and_owns_its_files(room: Room) -> None:
    script = "id -u; id -g; touch /tmp/made; stat -c '%u %g' /tmp/made"
    found = room.shell(script, replace(room.spec, user=65534))
    assert found.lines == ["65534", "65534", "65534 65534"]
    assert (room.upper / "tmp" / "made").stat().st_uid == room.place.stat().st_uid


def test_it_has_no_rights_and_gets_none_by_namespaces(room: Room) -> None:
    code = """
        for line in open("/proc/self/status"):
            if line.startswith(("CapEff", "CapPrm", "CapBnd", "NoNewPrivs")):
                print(line.strip())
        print(attempt(libc.unshare, 0x10000000))
        print(attempt(os.setuid, 0))
    """
    found = room.python(code, replace(room.spec, user=1000))
    assert found.lines[:4] == [
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
    ]
    assert found.lines[4] == "EPERM"
    assert found.lines[5] in {"EINVAL", "EPERM"}


def test_it_sees_no_mapping_of_anybody_else(room: Room) -> None:
    found = room.shell("cat /proc/self/uid_map", replace(room.spec, user=1000))
    assert found.output.split() == ["1000", "0", "1"]
