"""What FROM, ``--from`` and mounts name: a stage above, a named context, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.dockerfile.lexing import fault, nearest
from pipeline.dockerfile.summary import MAIN, SCRATCH, expanded, origins

if TYPE_CHECKING:
    from collections.abc import Collection

    from pipeline.dockerfile.instructions import Dockerfile, From
    from pipeline.engines.scope import Arguments


@dataclass(frozen=True, kw_only=True)
class References:
    """The names of one Dockerfile. ``contexts`` are the names a build was given."""

    dockerfile: Dockerfile
    contexts: Collection[str]
    arguments: Arguments

    def base(self, position: int) -> int | str:
        """Return what a stage starts from: a stage's position, a context, or `SCRATCH`."""
        start = self.dockerfile.stages[position].start
        name = expanded(start, start.base, self.arguments.before, self.arguments.style)
        if not name:
            raise fault(start.line, f"`FROM {start.base}` names nothing: the variable is empty")
        if name == SCRATCH:
            return SCRATCH
        return self._named(position, name, start.line)

    def platform(self, start: From) -> str:
        """Return what ``--platform`` says, empty where it is not given."""
        platform = expanded(start, start.platform, self.arguments.before, self.arguments.style)
        if start.platform and not platform:
            raise fault(start.line, f"`--platform={start.platform}` is empty")
        return platform

    def origin(self, position: int, name: str, line: int) -> int | str:
        """Return what ``--from`` names, `MAIN` where it is not given: a position or a context."""
        if name.isdigit():
            if int(name) < position:
                return int(name)
            raise fault(line, f"there is no stage {name} above this one")
        if name == MAIN and MAIN not in self.contexts:
            raise fault(
                line,
                f"the build has no context `{MAIN}`, which is read where nothing else is named",
                f"name a context or a stage: {self._known(position)}",
            )
        return self._named(position, name, line)

    def needed(self) -> list[int]:
        """Return the positions of the stages that the last one needs, in order."""
        last = len(self.dockerfile.stages) - 1
        found: set[int] = set()
        pending = [last]
        while pending:
            position = pending.pop()
            if position in found:
                continue
            found.add(position)
            stage = self.dockerfile.stages[position]
            named = [self.base(position)]
            for step in stage.steps:
                named += [self.origin(position, name, step.line) for name in origins(step)]
            pending += [each for each in named if isinstance(each, int)]
        return sorted(found)

    def check_names(self) -> None:
        """Refuse a stage with a context's name: Docker would put the context in its place."""
        for stage in self.dockerfile.stages:
            if stage.start.name in self.contexts:
                raise fault(
                    stage.start.line,
                    f"the stage `{stage.start.name}` has the name of a context",
                    "rename the stage",
                )

    def _named(self, position: int, name: str, line: int) -> int | str:
        for index, stage in enumerate(self.dockerfile.stages[:position]):
            if stage.start.name and stage.start.name == name.lower():
                return index
        if name in self.contexts:
            return name
        names = [stage.start.name for stage in self.dockerfile.stages[:position]]
        raise fault(
            line,
            f"`{name}` is neither a stage above nor a context of this build",
            nearest(name, {each for each in (*names, *self.contexts) if each}),
        )

    def _known(self, position: int) -> str:
        stages = [stage.start.name for stage in self.dockerfile.stages[:position]]
        return ", ".join(f"`{name}`" for name in sorted({*stages, *self.contexts} - {""}))
