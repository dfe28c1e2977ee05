"""What mounted packages need and do not find: dependencies that are not locked, compiled modules.

Neither stops anybody: who builds or edits can do without. Without a word, an import would fail
later, far from its reason.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from pipeline.config.stages import TestStage, WheelStage
from pipeline.locking.bases import cell_source
from pipeline.locking.select import linux_environment
from pipeline.plan.matrix import cells
from pipeline.platforms import Target
from pipeline.project.layout import SETUPTOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pipeline.dev.packages import Package
    from pipeline.dev.place import Place, Repository

SETUP = "setup.py"
WITHOUT_SETUP = "python -c 'import setuptools; setuptools.setup()'"


def warnings(place: Place, repository: Repository, named: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for all that would be missed; ``named`` are the packages asked for by name.

    What a package depends on is missed where it is run: in a stage that tests, or by who named it.
    In the place that compiles, nobody needs to be told that something is to be compiled.
    """
    stage = repository.pipeline.stages[place.cell.stage]
    for package in place.packages:
        layout = package.editable.layout
        if not (layout.links or layout.paths or package.compiled):
            yield f"of `{package.name}` no import package was found, so only its metadata is there"
        missed = unlocked(package, place) if named or isinstance(stage, TestStage) else ()
        if missed:
            yield (
                f"`{package.name}` needs {', '.join(f'`{one}`' for one in missed)}, which is not "
                f"locked for `{place.cell.name}`; take a stage that installs it"
            )
        if not isinstance(stage, WheelStage) and unbuilt(package, place, repository):
            yield (
                f"`{package.name}` has modules to compile, and none is built in place for Python "
                f"{place.python}; {_remedy(package, place, repository)}"
            )


def unlocked(package: Package, place: Place) -> tuple[str, ...]:
    """Return the requirements of a package that neither ``/env`` nor a mounted package answers."""
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - slow
    from packaging.utils import canonicalize_name, parse_wheel_filename  # noqa: PLC0415 - slow

    machine = Target.of_platform(place.platform).machine
    seen = linux_environment(place.python, machine)
    files = place.environment.wheels if place.environment else ()
    there = {name: version for name, version, *_ in (parse_wheel_filename(f.name) for f in files)}
    mounted = {canonicalize_name(one.name) for one in place.packages}
    missed = []
    for text in package.requirements:
        try:
            wanted = Requirement(text)
        except (InvalidRequirement, RecursionError):  # its own backend will say so
            continue
        name = canonicalize_name(wanted.name)
        if name in mounted or (wanted.marker and not wanted.marker.evaluate(dict(seen))):
            continue
        version = there.get(name)
        if version is None or not wanted.specifier.contains(version, prereleases=True):
            missed.append(f"{wanted.name}{wanted.specifier}")
    return tuple(missed)


def unbuilt(package: Package, place: Place, repository: Repository) -> bool:
    """Whether a package has modules to compile and none beside its sources that could be loaded."""
    if not package.compiled:
        return False
    tag = f"cpython-{place.python.replace('.', '')}"
    root = repository.pipeline.root
    found = package.editable
    deep = ((root / found.place(path)).rglob("*.so") for _, path in found.layout.links)
    flat = ((root / found.place(path)).glob("*.so") for path in found.layout.roots)
    return not any(_loads(file, tag) for files in (*deep, *flat) for file in files)


def _loads(file: Path, tag: str) -> bool:
    """Whether an interpreter with this tag looks at a file called so: PEP 3149, PEP 384."""
    _, *tags, _ = file.name.split(".")
    return not tags or tags[0] == "abi3" or tags[0].startswith(f"{tag}-")


def _remedy(package: Package, place: Place, repository: Repository) -> str:
    cell = _wheel(package, place, repository)
    if package.compiled != SETUPTOOLS:
        made = f"build it with `pipeline run {shlex.quote(cell)}`, and " if cell else ""
        return f"{made}take them from its wheel"
    setup = repository.pipeline.root / package.editable.place(SETUP)
    words = f"python {SETUP}" if setup.is_file() else WITHOUT_SETUP
    return f"build them with `pipeline dev {shlex.quote(cell or 'STAGE')} -- {words} build_ext -i`"


def _wheel(package: Package, place: Place, repository: Repository) -> str:
    """Return the name of the cell that builds the package's wheel for the place's interpreter."""
    pipeline, target = repository.pipeline, Target.of_platform(place.platform).value
    stages = (one for one in pipeline.stages.values() if isinstance(one, WheelStage))
    every = ((stage, cell) for stage in stages for cell in cells(stage, pipeline.root))
    for stage, cell in every:
        image = repository.lock.images.get(cell.fill(stage.image))
        platform = image.platforms.get(place.platform) if image else None
        python = platform.python if platform else ""
        found = (cell_source(stage, cell), python, cell.get("target") or target)
        if found == (package.source, place.python, target):
            return cell.name
    return ""
