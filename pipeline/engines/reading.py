"""A request's Dockerfile, read and checked as far as that goes before anything runs.

Every engine does this first, so that what is wrong is told alike by all of them, and so that no
builder is asked to look for a name on the network that the request does not give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.dockerfile.expansion import Style
from pipeline.dockerfile.parser import parse
from pipeline.engines.commands import EPOCH
from pipeline.engines.protocol import ImageContext
from pipeline.engines.references import References
from pipeline.engines.scope import Arguments, Scope, arguments

if TYPE_CHECKING:
    from pipeline.dockerfile.instructions import Dockerfile
    from pipeline.engines.protocol import BuildRequest, Context


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a request's Dockerfile says, and what its names and arguments stand for."""

    dockerfile: Dockerfile
    arguments: Arguments
    references: References

    def scope(self, context: Context | None) -> Scope:
        """Return the scope of a stage that starts from a context, or from nothing."""
        if isinstance(context, ImageContext):
            return Scope.of_image(dict(context.env), context.workdir, self.arguments)
        return Scope.of_image({}, "/", self.arguments)


def read(request: BuildRequest, native: str) -> Reading:
    """Return the reading; ``native`` is the platform of the builder. ConfigError with the line."""
    dockerfile = parse(request.dockerfile)
    known = arguments(
        dockerfile,
        Style(escape=dockerfile.escape),
        given={EPOCH: str(request.epoch), **request.arguments},
        platforms=(native, request.platform),
    )
    references = References(dockerfile=dockerfile, contexts=request.contexts, arguments=known)
    references.check_names()
    return Reading(dockerfile=dockerfile, arguments=known, references=references)


def check(request: BuildRequest) -> None:
    """Refuse names that nothing has and variables that must have a value; ConfigError."""
    reading = read(request, request.platform)
    scopes: dict[int, Scope] = {}
    for position in reading.references.needed():
        base = reading.references.base(position)
        if isinstance(base, int):
            scopes[position] = scopes[base].successor()
        else:
            scopes[position] = reading.scope(request.contexts.get(base))
        for step in reading.dockerfile.stages[position].steps:
            scopes[position].apply(step)
