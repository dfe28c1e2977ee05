"""The wheel brings the program for the machine it is installed on, and no other one."""

from __future__ import annotations

import os
import platform

from example_payload import PROGRAM, machine


def test_the_program_is_the_one_for_this_machine() -> None:
    assert machine() == platform.machine()


def test_the_program_may_be_run_by_everyone() -> None:
    assert os.stat(PROGRAM).st_mode & 0o777 == 0o755
