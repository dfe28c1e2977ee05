"""Which symbols are newer than a platform tag allows, and how that is said.

A policy (PEP 600 names them, auditwheel holds their data) lists the versions that a wheel may use,
by prefix: ``GLIBC`` up to ``2.17`` and so on. A prefix that a policy does not list is of a library
that the policy does not know, so its versions are free.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.inside.elf import Use

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from pipeline.inside.elf import Elf

    Versions = Mapping[str, Collection[str]]
    """The versions that a policy allows, by prefix."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A platform tag without its machine, and the versions of symbols that it allows."""

    tag: str
    versions: Versions

    def allows(self, use: Use) -> bool:
        """Whether a wheel with this tag may use that version."""
        prefix, _, version = use.version.partition("_")
        return prefix not in self.versions or version in self.versions[prefix]

    def newest(self, use: Use) -> str:
        """Return the newest version of the same prefix that is allowed, empty for none."""
        prefix, _, _ = use.version.partition("_")
        numbered = [version for version in self.versions[prefix] if version[:1].isdigit()]
        return f"{prefix}_{max(numbered, key=_number)}" if numbered else ""


def bound(elf: Elf, offers: Mapping[str, Mapping[str, Collection[str]]]) -> Elf:
    """Return a file with its loose symbols bound to the oldest version there is of each.

    A linker that knows an old C library alone, as zig does, lets a newer function pass without a
    version; the loader of the old system would then not find it. ``offers`` maps the libraries at
    hand to their symbols, and these to their versions.
    """
    found = [
        Use(library=library, version=min(versions, key=_age), symbols=(symbol,))
        for symbol in elf.loose
        for library in elf.needed
        if (versions := offers.get(library, {}).get(symbol))
    ]
    return replace(elf, uses=(*elf.uses, *found))


def _age(version: str) -> tuple[bool, tuple[int, ...]]:
    """Return what sorts ``GLIBC_2.9`` before ``GLIBC_2.17``, and both before a word."""
    _, _, number = version.partition("_")
    return not number[:1].isdigit(), _number(number)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def too_new(elves: Iterable[Elf], policy: Policy) -> Iterator[str]:
    """Yield a sentence for each symbol in the files that the policy does not allow."""
    for elf in elves:
        for use in elf.uses:
            if not policy.allows(use):
                limit = policy.newest(use)
                allowed = f"no newer one than `{limit}`" if limit else "no version of it"
                for what in _wanted(use):
                    yield f"`{elf.name}` needs {what}, and `{policy.tag}` allows {allowed}"


def _wanted(use: Use) -> Iterator[str]:
    if not use.symbols:  # such as GLIBC_ABI_DT_RELR, which stands for a feature
        yield f"version `{use.version}` of `{use.library}`"
    for symbol in use.symbols:
        yield f"`{symbol}` of `{use.library}` in version `{use.version}`"


def oldest(elves: Iterable[Elf], policies: Iterable[Policy]) -> str:
    """Return the tag of the first policy that allows all; empty where none does.

    ``policies`` stand in order, the oldest first.
    """
    uses = [use for elf in elves for use in elf.uses]
    fitting = (policy.tag for policy in policies if all(map(policy.allows, uses)))
    return next(fitting, "")
