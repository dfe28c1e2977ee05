"""Whether steps can be sandboxed here: found out by doing it, explained from the settings.

Reading settings alone would guess wrong both ways (a profile may allow what a sysctl forbids, a
container's filter forbid what all sysctls allow). So an empty step is set up to its last wall.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.sandbox import cgroup, hints
from pipeline.sandbox.error import SandboxError
from pipeline.sandbox.launch import launch
from pipeline.sandbox.spec import Overlay, Spec

if TYPE_CHECKING:
    from collections.abc import Mapping

_SETTINGS = (
    "kernel.apparmor_restrict_unprivileged_userns",
    "kernel.unprivileged_userns_clone",
    "user.max_user_namespaces",
)


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Whether the sandbox works; if not, why (one sentence) and what can be done.

    ``facts`` are what a bug report wants to know, in words.
    """

    works: bool
    reason: str = ""
    hint: str = ""
    facts: Mapping[str, str] = field(default_factory=dict, compare=False)


def probe(directory: str = "") -> Probe:
    """Set up an empty step with its files below ``directory`` (default: the temporary one).

    Give the directory that will hold the uppers: some file systems cannot. Nothing is left behind.
    """
    facts = _facts()
    try:
        with tempfile.TemporaryDirectory(prefix="pipeline-probe-", dir=directory or None) as place:
            outcome = launch(_empty_step(place), lambda _: None)
    except SandboxError as error:
        return Probe(works=False, reason=str(error), hint=error.hint, facts=facts)
    except OSError as error:
        reason = f"no directory for trying the sandbox could be made: {error}"
        hint = "point `PIPELINE_CACHE_DIR` to a directory that can be written"
        return Probe(works=False, reason=reason, hint=hint, facts=facts)
    if outcome.status:
        reason = f"an empty step ended with status {outcome.status} ({outcome.reason})"
        return Probe(works=False, reason=reason, facts=facts)
    return Probe(works=True, facts=facts)


def _empty_step(place: str) -> Spec:
    lower, upper, work = (os.path.join(place, name) for name in ("lower", "upper", "work"))
    for path in (lower, upper, work):
        os.mkdir(path, 0o700)
    return Spec(root=Overlay(target="/", lower=(lower,), upper=upper, work=work))


def _facts() -> dict[str, str]:
    system = os.uname()
    group = cgroup.parent_group()
    facts = {
        "kernel": f"{system.release} {system.machine}",
        "user": str(os.geteuid()),
        "memory bound": f"cgroup below {group}" if group else "each process (no cgroup to be had)",
    }
    settings = ((name, hints.setting(name)) for name in _SETTINGS)
    return facts | {name: value for name, value in settings if value}
