"""Whose a container is: a living process's, or nobody's any more."""

from __future__ import annotations

import os
import subprocess
import sys

from pipeline.engines.owned import is_gone, labels, owner


def ended() -> str:
    """Return the label of a process that is gone."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        return owner(process.pid)


def test_what_a_living_process_started_is_its_own() -> None:
    label = labels("dev")["pipeline.owner"]
    assert label == owner(os.getpid())
    assert not is_gone(label, running=True)
    assert not is_gone(label, running=False)


def test_what_an_ended_process_started_is_nobodys() -> None:
    assert is_gone(ended(), running=True)


def test_another_process_with_the_same_id_is_not_the_owner() -> None:
    *before, started = owner(os.getpid()).split(":")
    assert is_gone(":".join([*before, str(int(started) - 1)]), running=True)


def test_processes_of_other_namespaces_are_not_judged() -> None:
    boot, namespace, process, started = ended().split(":")
    assert not is_gone(f"{boot}:{int(namespace) + 1}:{process}:{started}", running=True)
    assert not is_gone(f"{boot}:{int(namespace) + 1}:{process}:{started}", running=False)


def test_after_a_boot_only_what_stands_still_is_left_over() -> None:
    _, namespace, process, started = owner(os.getpid()).split(":")
    label = f"another-boot:{namespace}:{process}:{started}"
    assert is_gone(label, running=False)
    assert not is_gone(label, running=True)


def test_a_label_of_another_form_is_left_alone() -> None:
    assert not is_gone("somebody", running=False)
    assert not is_gone("a:b:c:d", running=False)
