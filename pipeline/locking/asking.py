"""Projects and what their backends say, whether they lie in the repository or in an sdist.

A backend is asked in the image, on this machine's platform where the image has it: what it
answers for one platform is taken for all, as markers express what differs. The same question to
the same declarations is asked once.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.config.stages import WheelStage
from pipeline.errors import StageFailedError
from pipeline.locking import declared, hooks
from pipeline.locking.bases import bases, container_stages, is_third_party
from pipeline.locking.constraints import of_projects
from pipeline.locking.declared import wheel_name
from pipeline.locking.fetch import platform_files
from pipeline.locking.metadata import Metadata, parse, read_sdist
from pipeline.locking.uv import Request
from pipeline.platforms import Target
from pipeline.project.pyproject import normal
from pipeline.project.sources import BUILD_CONSTRAINTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.lock.types import Lock, PythonFile
    from pipeline.locking.bases import BackendOptions, Base
    from pipeline.locking.context import Context
    from pipeline.locking.hooks import Question
    from pipeline.project.pyproject import Project


_ASKED: Mapping[Question, str] = {
    "sdist": "what an sdist needs",
    "wheel": "what a wheel needs",
    "metadata": "what its wheel will require",
}


class Backends:
    """Asks build backends. ``lock`` holds the images and sources resolved so far."""

    def __init__(self, context: Context, lock: Lock) -> None:
        self._context = context
        self._lock = lock
        self._sdists: dict[str, tuple[Project, Metadata]] = {}
        self._answers: dict[object, bytes] = {}

    def project(self, source: str) -> Project:
        """Return the project of a source; its sdist is fetched when it is a third party's."""
        if not is_third_party(source):
            return self._context.projects(source)
        return self._sdist(source)[0]

    def names(self, source: str, base: Base) -> set[str]:
        """Return the normal names that the wheel of a source has, with each of its options."""
        known = wheel_name(source, self._context.projects)
        if known:
            return {known}
        asked = self._wheels.get((source, base.python), base)
        found = (self._metadata(source, asked, one).name for one in base.options_of(source))
        return {normal(name) for name in found if name}

    def requires(self, kind: str, source: str, base: Base) -> tuple[str, ...]:
        """Return what the hook ``get_requires_for_build_KIND`` asks for."""
        project = self.project(source)
        question: Question = "sdist" if kind == "sdist" else "wheel"
        found = (
            hooks.requires(self._ask(question, source, base, options, ()), project)
            for options in base.options_of(source)
        )
        return tuple(sorted({requirement for answer in found for requirement in answer}))

    def dependencies(
        self, source: str, base: Base, extras: Iterable[str], environment: Mapping[str, str]
    ) -> list[str]:
        """Return what the wheel of a source would need with some extras in an environment.

        Its backend may want a compiler to say so: it is asked in the image that builds the wheel,
        with each of the options that ``base`` has for it.
        """
        if is_third_party(source) and self._sdist(source)[1].is_static:
            return self._sdist(source)[1].dependencies(extras, environment)
        asked = self._wheels.get((source, base.python), base)
        answers = [self._metadata(source, asked, one) for one in base.options_of(source)]
        return sorted({one for found in answers for one in found.dependencies(extras, environment)})

    def _metadata(self, source: str, base: Base, options: BackendOptions) -> Metadata:
        project = self.project(source)
        extra = hooks.requires(self._ask("wheel", source, base, options, ()), project)
        answer = self._ask("metadata", source, base, options, extra)
        return parse(hooks.metadata(answer, project))

    @cached_property
    def _wheels(self) -> Mapping[tuple[str, str], Base]:
        """What builds the wheel of each source, for each version of Python."""
        stages = container_stages(self._context.pipeline)
        return {
            (base.source, base.python): base
            for stage in stages
            if isinstance(stage, WheelStage)
            for base in bases(self._context.pipeline, stage, self._lock.images)
        }

    def _sdist(self, source: str) -> tuple[Project, Metadata]:
        if source not in self._sdists:
            file = self._lock.sources[source]
            self._context.fetch([file])
            path = self._context.store.blob_path(file.sha256)
            self._sdists[source] = read_sdist(path, file.name)
        return self._sdists[source]

    def _ask(
        self,
        question: Question,
        source: str,
        base: Base,
        options: BackendOptions,
        extra: tuple[str, ...],
    ) -> bytes:
        project = self.project(source)
        base = self._native(base)
        # Of a project in the repository everything its hooks read is in `hook_inputs`, so that
        # alike projects of a large repository share one answer.
        same = source if is_third_party(source) else project.hook_inputs
        described = same if question != "metadata" else source
        key = (
            question,
            described,
            project.backend,
            project.build_requires,
            base.image,
            base.python,
            options,
        )
        if key not in self._answers:
            what = f"source {source}: asking its backend {_ASKED[question]}"
            with self._context.activity.doing(what):
                self._answers[key] = self._answer(question, source, base, options, extra)
        return self._answers[key]

    def _answer(
        self,
        question: Question,
        source: str,
        base: Base,
        options: BackendOptions,
        extra: tuple[str, ...],
    ) -> bytes:
        project = self.project(source)
        wheels = self._environment(project, base, extra)
        files = platform_files(self._lock.images[base.image].platforms[base.target.platform])
        self._context.fetch((*wheels, *files))
        where = self._lock.sources[source] if is_third_party(source) else source
        step = hooks.step(question, project, base, where, wheels, options)
        try:
            return self._context.run_step(step, self._lock)
        except StageFailedError as error:
            raise error.told(
                f"stage `{base.stage}` cannot be locked: the backend of `{source}` was asked "
                f"{_ASKED[question]}, and failed",
                where=self._context.where("stages", base.stage),
                hint="a hook sees the variables and `config-settings` of its stage, and of the "
                "sdist it needs, but neither git nor the network",
                shown=False,
            ) from error

    def _environment(
        self, project: Project, base: Base, extra: tuple[str, ...]
    ) -> tuple[PythonFile, ...]:
        request = Request(
            requirements=tuple(sorted({*project.build_requires, *extra, *declared.BUILD_TOOLS})),
            python=base.python,
            target=base.target,
            glibc=base.glibc,
            constraints=(
                *self._context.constraints.builds,
                *of_projects([project], BUILD_CONSTRAINTS),
            ),
            label=f"the build requirements in `{project.where}`",
            where=project.where,
        )
        requirements = self._context.resolver.for_image(request)
        return tuple(file for requirement in requirements for file in requirement.files)

    def _native(self, base: Base) -> Base:
        """Return the base on this machine's platform where its image is locked for that."""
        try:
            target = Target.native()
        except ValueError:
            return base
        platform = self._lock.images[base.image].platforms.get(target.platform)
        if platform is None:
            return base
        return replace(base, target=target, python=platform.python, glibc=platform.glibc)
