"""Every case there is, by what it is about. A failure is told by its case's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.engines.conformance.cases_contexts import CONTEXTS
from tests.engines.conformance.cases_copying import COPYING
from tests.engines.conformance.cases_files import FILES
from tests.engines.conformance.cases_heredocs import HEREDOCS
from tests.engines.conformance.cases_stages import MOUNTS, STAGES
from tests.engines.conformance.cases_steps import STEPS
from tests.engines.conformance.cases_words import WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.engines.conformance.spec import Case

GROUPS: Mapping[str, tuple[Case, ...]] = {
    "Copying": COPYING,
    "Adding and ignoring": CONTEXTS,
    "Words and variables": WORDS,
    "Heredocs": HEREDOCS,
    "Steps": STEPS,
    "Stages": STAGES,
    "Mounts": MOUNTS,
    "Files": FILES,
}
CASES = tuple(case for cases in GROUPS.values() for case in cases)
