"""The closure of Debian packages: what an image's packages depend on, in unpacking order.

The choice is deterministic: a dependency that something chosen already satisfies adds nothing;
else the first alternative that exists is taken, and of several providers of a virtual package the
one of the highest priority, then the first by name. Clauses that leave no choice are settled
before those that do, so that the order of declarations does not matter.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pipeline.errors import LockError
from pipeline.lock.types import DebianPackage
from pipeline.locking.debian_version import Relation, relations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.locking.debian_archive import PackageList, Stanza

Clause = tuple[Relation, ...]

PRIORITIES = ("required", "important", "standard", "optional", "extra")
FIELDS = ("pre-depends", "depends")


class Closure:
    """Packages chosen from one list, for one architecture.

    ``where`` and ``label`` name the image for messages.
    """

    def __init__(self, packages: PackageList, *, label: str, where: str) -> None:
        self._packages = packages
        self._label = label
        self._where = where
        self._chosen: dict[str, Stanza] = {}
        self._inherited: set[str] = set()
        self._certain: deque[tuple[str, Clause]] = deque()
        self._open: deque[tuple[str, Clause]] = deque()

    def add(self, names: Iterable[str]) -> None:
        """Choose packages and all they need; LockError names what cannot be had."""
        for name in sorted(names):
            if name not in self._chosen:
                self._choose(self._candidate(self._label, (Relation(name=name),)))
            self._settle_certain()
        while self._open:
            self._settle(*self._open.popleft())
            self._settle_certain()
        self._check_conflicts()

    def inherit(self, packages: Iterable[DebianPackage], image: str) -> None:
        """Start from the packages of another image, which `ordered` leaves out.

        Raises LockError when the archive has moved on since they were locked.
        """
        for package in packages:
            stanza = self._packages.get(package.name)
            if stanza is None or stanza.version != package.version:
                raise LockError(
                    f"{self._label} cannot be built on image `{image}`: the archive no longer has "
                    f"`{package.name}` {package.version}, which that is locked with",
                    where=self._where,
                    hint=f"run `pipeline lock --update {image}`",
                )
            self._chosen[package.name] = stanza
            self._inherited.add(package.name)

    def ordered(self) -> list[Stanza]:
        """Return the chosen packages, each after what it depends on, ties and cycles by name."""
        done: dict[str, Stanza] = {}
        for name in sorted(self._chosen):
            self._visit(name, done, set())
        return [stanza for name, stanza in done.items() if name not in self._inherited]

    def _settle_certain(self) -> None:
        while self._certain:
            self._settle(*self._certain.popleft())

    def _settle(self, needed_by: str, clause: Clause) -> None:
        if not any(True for _ in self._satisfying(clause)):
            self._choose(self._candidate(needed_by, clause))

    def _choose(self, stanza: Stanza) -> None:
        self._chosen[stanza.name] = stanza
        for clause in self._clauses(stanza):
            is_certain = len(clause) == 1 and self._packages.get(clause[0].name) is not None
            (self._certain if is_certain else self._open).append((stanza.name, clause))

    def _clauses(self, stanza: Stanza) -> list[Clause]:
        try:
            return [c for field in FIELDS for c in relations(stanza.fields.get(field, ""))]
        except ValueError as error:
            raise LockError(
                f"package `{stanza.name}` has malformed dependencies: {error}", where=self._where
            ) from error

    def _satisfying(self, clause: Clause) -> Iterator[str]:
        """Yield the chosen packages that satisfy a clause, themselves or by what they provide."""
        for relation in clause:
            chosen = self._chosen.get(relation.name)
            if chosen is not None and relation.admits(chosen.version):
                yield chosen.name
            for provider in self._packages.providers(relation.name):
                if provider in self._chosen and _provides(self._chosen[provider], relation):
                    yield provider

    def _candidate(self, needed_by: str, clause: Clause) -> Stanza:
        for relation in clause:
            real = self._packages.get(relation.name)
            if real is not None and relation.admits(real.version) and self._is_free(real):
                return real
            providers = [self._packages.get(n) for n in self._packages.providers(relation.name)]
            fitting = [p for p in providers if p is not None and _provides(p, relation)]
            free = [p for p in fitting if self._is_free(p)]
            if free:
                return min(free, key=_preference)
        wanted = " | ".join(str(relation) for relation in clause)
        raise LockError(
            f"{self._label} needs Debian package `{wanted}`, which the archive does not have"
            + (f" (needed by `{needed_by}`)" if needed_by != self._label else ""),
            where=self._where,
            hint="check the package's name and the suite",
        )

    def _is_free(self, stanza: Stanza) -> bool:
        """Whether choosing a package would not replace one chosen in another version."""
        chosen = self._chosen.get(stanza.name)
        return chosen is None or chosen.version == stanza.version

    def _check_conflicts(self) -> None:
        for stanza in self._chosen.values():
            for field in ("conflicts", "breaks"):
                for clause in relations(stanza.fields.get(field, "")):
                    for other in self._satisfying(clause):
                        if other != stanza.name:
                            raise LockError(
                                f"{self._label} cannot hold both `{stanza.name}` and `{other}`: "
                                f"the first {field} with `{clause[0]}`",
                                where=self._where,
                                hint="leave one of them out, or split the image",
                            )

    def _visit(self, name: str, done: dict[str, Stanza], visiting: set[str]) -> None:
        if name in done or name in visiting:
            return
        visiting.add(name)
        stanza = self._chosen[name]
        for clause in self._clauses(stanza):
            for needed in sorted(set(self._satisfying(clause))):
                self._visit(needed, done, visiting)
        done[name] = stanza


def _preference(stanza: Stanza) -> tuple[int, str]:
    priority = stanza.fields.get("priority", "")
    rank = PRIORITIES.index(priority) if priority in PRIORITIES else len(PRIORITIES)
    return rank, stanza.name


def _provides(stanza: Stanza, relation: Relation) -> bool:
    """Whether a package provides what is asked; an unversioned provision has no version."""
    for (provided,) in relations(stanza.fields.get("provides", "")):
        if provided.name == relation.name:
            if not relation.operator:
                return True
            if provided.operator == "=" and relation.admits(provided.version):
                return True
    return False


def locked(stanza: Stanza) -> DebianPackage:
    """Return the row of the lock for a package of a list."""
    fields = stanza.fields
    return DebianPackage(
        name=stanza.name,
        version=stanza.version,
        architecture=fields["architecture"],
        path=fields["filename"].removeprefix("./"),
        sha256=fields["sha256"],
        size=int(fields["size"]),
    )


def facts(packages: Sequence[DebianPackage]) -> tuple[str, str]:
    """Return the interpreter's version (``3.11``) and the C library's (``2.36``) of packages.

    Empty where there is none. Debian's ``python3-minimal`` says which interpreter is ``python3``.
    """
    versions: Mapping[str, str] = {package.name: package.version for package in packages}
    return _short(versions.get("python3-minimal", "")), _short(versions.get("libc6", ""))


def _short(version: str) -> str:
    upstream = version.rpartition(":")[2].partition("-")[0]
    return ".".join(upstream.split(".")[:2])
