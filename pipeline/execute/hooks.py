"""Asking a build backend what it needs: its hooks run as any step does, in the locked image."""

from __future__ import annotations

import json
import os
import posixpath
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.engines.protocol import BuildRequest, TreeContext
from pipeline.errors import StageFailedError
from pipeline.execute.engines import require
from pipeline.execute.provision import Provisioner
from pipeline.files import sha256_bytes
from pipeline.lock.types import PythonFile
from pipeline.plan.recipe import EnvironmentInput
from pipeline.plan.render import quoted
from pipeline.store.trees import Entry, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.checkout.inputs import Checkout
    from pipeline.engines.protocol import BuildResult, Context, Engine
    from pipeline.execute.logs import Turns
    from pipeline.lock.types import Lock
    from pipeline.locking.hooks import HookStep
    from pipeline.store.store import Store

DOCKERFILE = """\
FROM image AS build
ENV PATH=/env/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV HOME=/tmp LANG=C.UTF-8 TZ=UTC PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
{variables}\
WORKDIR {answers}
COPY --from=env / /env
COPY --from=src / /src
COPY --from=ask / /ask
WORKDIR {workdir}
RUN --network=none {command}
FROM scratch
COPY --from=build {answers} /
"""


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Answers a `HookStep` with the engine; an instance is a `pipeline.locking.hooks.RunStep`.

    ``inputs`` has the globs of what is built of a source, where that is not all of it: a submodule
    that is left out need not be here. ``generated`` has the places of generated files by source.
    What makes them may need the very lock that is made, so backends find an empty file at each.
    """

    engine: Engine
    store: Store
    checkout: Checkout
    turns: Turns
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    generated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __call__(self, step: HookStep, lock: Lock) -> bytes:
        """Run the step and return its answer; StageFailedError with the hook's own words."""
        require(self.engine)
        provisioner = Provisioner(self.store, lock, self.engine)
        platform = step.base.target.platform
        environment = EnvironmentInput(
            image=step.base.image,
            python=step.base.python,
            wheels=step.wheels,
            interpreter=lock.images[step.base.image].platforms[platform].interpreter,
        )
        contexts: dict[str, Context] = {
            "image": provisioner.image(step.base.image, platform),
            "env": provisioner.environment(environment, platform),
            "src": self._source(step.source, provisioner),
        }
        third_party = isinstance(step.source, PythonFile)
        directory, answer = posixpath.split(step.answer)
        text = DOCKERFILE.format(
            answers=directory,
            variables="".join(f"ENV {name}={quoted(value)}\n" for name, value in step.env),
            workdir="/src" if third_party else posixpath.normpath(f"/src/{step.source}"),
            command=json.dumps(step.argv),
        )
        label = step.source.name if isinstance(step.source, PythonFile) else step.source
        with self.store.scratch("ask") as scratch:
            for name, data in step.files.items():
                (scratch / name).write_bytes(data)
            contexts["ask"] = TreeContext(digest="", path=scratch)
            request = BuildRequest(
                dockerfile=text,
                contexts=contexts,
                platform=platform,
                epoch=lock.epoch,
                label=f"hooks of {label}",
                internal=True,
            )
            with self.turns.block(request.label) as write:
                built = self._built(request, write, label)
        (entry,) = (entry for entry in built.output.entries if entry.path == answer)
        return self.store.read_blob(entry.digest)

    def _built(
        self, request: BuildRequest, write: Callable[[bytes], None], label: str
    ) -> BuildResult:
        try:
            return self.engine.build(request, write)
        except StageFailedError as error:
            raise error.told(
                f"the build backend of `{label}` failed as it was asked what it needs: "
                f"{error.message}",
                where="",
                hint="name packages that it needs in `build-system.requires`, and programs in the "
                "`packages` of the image",
                shown=self.turns.shows,
            ) from error

    def _source(self, source: str | PythonFile, provisioner: Provisioner) -> TreeContext:
        if isinstance(source, PythonFile):
            return provisioner.unpacked(source.sha256, source.name)
        found = self.checkout.source(source, self.inputs.get(source, ()))
        there = {entry.path for entry in found.tree.entries}
        empty = [path for path in self.generated.get(source, ()) if path not in there]
        entries = [Entry(path=path, digest=sha256_bytes(b"")) for path in empty]
        return provisioner.source(
            replace(
                found,
                tree=Tree.of([*found.tree.entries, *entries]),
                elsewhere={**found.elsewhere, **dict.fromkeys(empty, os.devnull)},
            )
        )
