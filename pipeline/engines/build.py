"""One build of the sandbox engine: the stages that the last one needs, step by step."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.dockerfile.beyond import beyond_sandbox, check_root
from pipeline.dockerfile.instructions import Copy, Run, User, Workdir
from pipeline.dockerfile.lexing import fault
from pipeline.dockerfile.summary import MAIN
from pipeline.engines import copies, runs
from pipeline.engines.copying import Copier, CopyError, Target
from pipeline.engines.failures import Failure, short
from pipeline.engines.ignoring import has_ignore, shown
from pipeline.engines.layers import Layer, Stack
from pipeline.engines.protocol import ImageContext, TreeContext
from pipeline.engines.reading import read
from pipeline.engines.shared import shared_layer
from pipeline.engines.stages import StageState
from pipeline.engines.union import Directory, Union
from pipeline.store.faults import guarded

if TYPE_CHECKING:
    from pipeline.dockerfile.instructions import From, Step
    from pipeline.engines.scope import Scope
    from pipeline.engines.stages import Bench
    from pipeline.store.trees import Tree


class Build:
    """A build under way. ``native`` is the platform of this machine."""

    def __init__(self, bench: Bench, native: str) -> None:
        self._bench = bench
        self._reading = read(bench.request, native)
        self._dockerfile = self._reading.dockerfile
        self._references = self._reading.references
        for error in beyond_sandbox(self._dockerfile):
            raise error
        self._stages: dict[int, StageState] = {}
        self._shown: Path | None = None

    def run(self) -> Tree:
        """Build, and return the stored files of the last stage."""
        needed = self._references.needed()
        for position in needed:
            stage = self._stages[position] = self._begin(position)
            for step in self._dockerfile.stages[position].steps:
                self._step(position, stage, step)
        return self._output(self._stages[needed[-1]])

    def _begin(self, position: int) -> StageState:
        start = self._dockerfile.stages[position].start
        self._bench.log.heading(f"Dockerfile:{start.line}: {short(start)}")
        base = self._references.base(position)
        wanted = self._references.platform(start) or self._bench.request.platform
        if isinstance(base, int):
            below = self._stages[base]
            return self._stage(position, below.stack.layers, below.scope.successor())
        context = self._bench.request.contexts.get(base)
        layers: list[Layer] = []
        match context:
            case ImageContext() as image:
                _check_platform(start, image, wanted)
                layers += [Layer(path=str(path), kind="image") for path in image.layers]
                layers += [Layer(path=str(path), kind="derived") for path in image.derived]
            case TreeContext() as tree:
                layers.append(Layer(path=str(self._directory(base, tree)), kind="image"))
            case None:
                pass
        return self._stage(position, layers, self._reading.scope(context))

    def _stage(self, position: int, layers: list[Layer], scope: Scope) -> StageState:
        directory = self._bench.room / f"stage-{position}"
        with guarded("making the directory", directory):
            directory.mkdir()
        return StageState(stack=Stack(directory, layers), scope=scope)

    def _step(self, position: int, stage: StageState, step: Step) -> None:
        self._bench.log.heading(f"Dockerfile:{step.line}: {short(step)}")
        stage.scope.apply(step)
        match step:
            case User(line=line, user=user):
                check_root(line, "USER", stage.scope.expand(step, user))
            case Workdir():
                self._workdir(stage, step)
            case Copy():
                self._copy(position, stage, step)
            case Run():
                runs.perform(step, stage, partial(self._origin, position), self._bench)
            case _:
                pass

    def _copy(self, position: int, stage: StageState, step: Copy) -> None:
        source = Union(())
        if step.sources:
            found = self._references.origin(position, step.origin or MAIN, step.line)
            context = None if isinstance(found, int) else self._bench.request.contexts[found]
            if kept := shared_layer(step, stage, context, self._bench):
                stage.stack.add(kept)
                return
            source, _ = self._origin(position, step.origin, step.line)
        copies.perform(step, stage, source, self._bench)

    def _directory(self, name: str, context: TreeContext) -> Path:
        """Return where a context's files are seen: the build's own obeys a ``.dockerignore``."""
        if name != MAIN or not has_ignore(context.path):
            return context.path
        if self._shown is None:
            with guarded("copying into", self._bench.room):
                place = self._bench.room / "shown"
                self._shown = shown(context.path, place, epoch=self._bench.request.epoch)
        return self._shown

    def _workdir(self, stage: StageState, step: Workdir) -> None:
        """Make the directory, through links, unless it is there."""
        with guarded("making a directory in", self._bench.room):
            place = stage.stack.view.find(stage.scope.workdir)
            if isinstance(place.node, Directory):
                return
            top = stage.stack.copied()
            copier = Copier(stage.stack.view, top, epoch=self._bench.request.epoch)
            try:
                copier.make_directory(place.path)
            except CopyError as error:
                failure = Failure(instruction=step, what=str(error), log=self._bench.log.path)
                raise failure.error(self._bench.request) from error
            copier.finish()

    def _origin(self, position: int, name: str, line: int) -> tuple[Union, bool]:
        """Return the view of a stage or context, and whether it is one that never changes."""
        found = self._references.origin(position, name or MAIN, line)
        if isinstance(found, int):
            return self._stages[found].stack.view, False
        match self._bench.request.contexts[found]:
            case TreeContext() as tree:
                return Union((str(self._directory(found, tree)),)), True
            case ImageContext(layers=layers):
                return Union(tuple(str(path) for path in reversed(layers))), True

    def _output(self, stage: StageState) -> Tree:
        """Store the files of a stage: as they lie where they are one layer, else merged."""
        layers = stage.stack.layers
        if [layer.kind for layer in layers] == ["copied"]:
            return self._bench.store.add_tree(Path(layers[0].path))
        merged = self._bench.room / "output"
        with guarded("merging the layers into", merged):
            merged.mkdir()
            copier = Copier(Union((str(merged),)), str(merged), epoch=self._bench.request.epoch)
            copier.copy(stage.stack.view, "/", Target(path="/", directory=True))
        return self._bench.store.add_tree(merged)


def _check_platform(start: From, image: ImageContext, wanted: str) -> None:
    if image.platform != wanted:
        raise fault(
            start.line,
            f"`{start.base}` is an image for `{image.platform}`, and `{wanted}` is built",
            "lock the image for that platform, or name another with `--platform`",
        )
