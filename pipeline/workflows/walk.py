"""A workflow walked on this machine: which jobs would run, in which order, with what.

Nothing is run but planning. What is found wrong is what GitHub would only tell after a push: a
job that is needed and not there, an output that nobody sets, an artifact that nobody makes.
"""

from __future__ import annotations

import fnmatch
import json
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from pipeline.config.matrix import combined
from pipeline.config.stages import Matrix
from pipeline.errors import ConfigError
from pipeline.workflows.expressions import Open, Scope, Unknown, as_text, holds, value
from pipeline.workflows.filters import starts
from pipeline.workflows.walked import Problem, Walk, WalkedCell, WalkedJob, WalkedStep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipeline.workflows.filters import Event
    from pipeline.workflows.read import Job, Plain, Step, Workflow

    Outputs = Callable[[str], Mapping[str, object]]

UPLOAD = "actions/upload-artifact"
DOWNLOAD = "actions/download-artifact"


def walk(workflow: Workflow, event: Event, outputs: Outputs) -> Walk:
    """Walk a workflow.

    ``outputs`` gives what a script would write to ``GITHUB_OUTPUT``, as far as it can be known.
    ConfigError for an expression that cannot be read.
    """
    if idle := starts(event, workflow.triggers):
        return Walk(file=workflow.file, name=workflow.name, idle=idle)
    walker = _Walker(workflow=workflow, event=event, outputs=outputs)
    jobs = tuple(walker.job(job) for job in walker.in_order())
    return Walk(file=workflow.file, name=workflow.name, jobs=jobs, problems=tuple(walker.problems))


@dataclass(frozen=True, kw_only=True)
class _Walker:
    """What is known while the jobs are walked, each after those it needs."""

    workflow: Workflow
    event: Event
    outputs: Outputs
    problems: list[Problem] = field(default_factory=list)
    needs: dict[str, dict[str, Any]] = field(default_factory=dict)
    walked: dict[str, WalkedJob] = field(default_factory=dict)

    def in_order(self) -> list[Job]:
        """Return the jobs, each after those it needs, else as they stand in the file."""
        jobs = {job.id: job for job in self.workflow.jobs}
        for job in jobs.values():
            for need in job.needs:
                if need not in jobs:
                    self.report(job.at, f"job `{job.id}` needs `{need}`, which is no job")
        graph = {job.id: {n for n in job.needs if n in jobs} for job in jobs.values()}
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            ring = " -> ".join(error.args[1])
            raise ConfigError(
                f"jobs need each other in a circle: {ring}", where=self.workflow.file
            ) from error
        order: list[str] = []
        while len(order) < len(jobs):
            order.append(next(n for n in jobs if n not in order and graph[n] <= set(order)))
        return [jobs[name] for name in order]

    def report(self, where: str, message: str) -> None:
        """Note a problem, once."""
        problem = Problem(where=where, message=message)
        if problem not in self.problems:
            self.problems.append(problem)

    def job(self, job: Job) -> WalkedJob:
        """Walk a job; remember what those that need it may use."""
        scope = self.scope(job, {})
        skipped = self.skipped(job, scope)
        cells, made = ((), {}) if skipped or job.calls else self.cells(job, scope)
        permissions = job.permissions
        self.needs[job.id] = {"result": "skipped" if skipped else "success", "outputs": made}
        self.walked[job.id] = WalkedJob(
            id=job.id,
            needs=job.needs,
            permissions=self.workflow.permissions if permissions is None else permissions,
            environment=as_text(value(job.environment, scope)),
            calls=job.calls,
            skipped=skipped,
            cells=cells,
        )
        return self.walked[job.id]

    def scope(self, job: Job, further: Mapping[str, object], at: str = "") -> Scope:
        """Return what expressions of a job may name."""
        github = Open(self.event.github)
        needs = {name: self.needs[name] for name in job.needs if name in self.needs}
        where = at or job.at

        def missing(path: str) -> None:
            self.report(where, f"`{path}` is used, and nothing sets it")

        contexts = {"github": github, "needs": needs, "matrix": {}, **further}
        return Scope(contexts=contexts, missing=missing)

    def skipped(self, job: Job, scope: Scope) -> str:
        """Return why a job would not run."""
        found = holds(job.condition, scope) if job.condition else True
        if found is False:
            return f"if {job.condition}"
        asked = any(word in job.condition for word in ("always()", "cancelled()", "failure()"))
        left_out = [need for need in job.needs if need in self.walked and self.walked[need].skipped]
        return f"{left_out[0]} is skipped" if left_out and not asked else ""

    def cells(self, job: Job, scope: Scope) -> tuple[tuple[WalkedCell, ...], dict[str, object]]:
        """Walk a job for each combination of its matrix; return its outputs too."""
        cells: list[WalkedCell] = []
        made: dict[str, object] = Open() if job.calls else {}
        for axes in _combinations(job, scope):
            contexts: dict[str, Any] = {"matrix": axes, "steps": {}}
            inner = self.scope(job, contexts)
            cells.append(self.cell(job, inner, axes))
            made |= {name: value(text, inner) for name, text in job.outputs.items()}
        names = [name for cell in cells for name in cell.produces]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.report(job.at, f"artifact `{name}` is uploaded more than once by `{job.id}`")
        return tuple(cells), made

    def cell(self, job: Job, scope: Scope, axes: Mapping[str, object]) -> WalkedCell:
        """Walk the steps for one combination; the context ``steps`` grows with them."""
        steps: list[WalkedStep] = []
        produces: list[str] = []
        consumes: list[str] = []
        for step in job.steps:
            here = self.scope(job, scope.contexts, step.at)
            steps.append(self.step(step, here))
            if step.id:
                scope.contexts["steps"][step.id] = {
                    "outputs": self.made(step),
                    "outcome": "success",
                }
            if step.action == UPLOAD:
                produces.append(as_text(value(step.inputs.get("name", "artifact"), here)))
            elif step.action == DOWNLOAD:
                consumes += self.downloads(job, step, here)
        return WalkedCell(
            name=as_text(value(job.name, scope)),
            runs_on=as_text(value(job.runs_on, scope)),
            matrix=axes,
            steps=tuple(steps),
            produces=tuple(produces),
            consumes=tuple(consumes),
        )

    def step(self, step: Step, scope: Scope) -> WalkedStep:
        """Return a step with its variables filled in."""
        skipped = bool(step.condition) and holds(step.condition, scope) is False
        for text in step.inputs.values():
            value(text, scope)
        return WalkedStep(
            uses=step.uses,
            run=step.run and as_text(value(step.run, scope)),
            env={name: as_text(value(text, scope)) for name, text in step.env.items()},
            skipped=f"if {step.condition}" if skipped else "",
        )

    def made(self, step: Step) -> Mapping[str, object]:
        """Return the outputs of a step: open where more may come, as from any action."""
        if step.run and "GITHUB_OUTPUT" not in step.run:
            return {}
        return Open(self.outputs(step.run)) if step.run else Open()

    def downloads(self, job: Job, step: Step, scope: Scope) -> Iterator[str]:
        """Yield the artifacts that a step would get; a problem where there is none."""
        there = {
            name: job_id
            for job_id in self.ancestors(job)
            for cell in self.walked[job_id].cells
            for name in cell.produces
        }
        if "artifact-ids" in step.inputs or "run-id" in step.inputs:
            return
        name = as_text(value(step.inputs.get("name", ""), scope))
        pattern = as_text(value(step.inputs.get("pattern", "*"), scope))
        found = [one for one in there if (one == name if name else fnmatch.fnmatch(one, pattern))]
        yield from found
        if not found and "${{" not in name + pattern:
            wanted = f"artifact `{name}`" if name else f"an artifact like `{pattern}`"
            others = [
                one.id
                for one in self.walked.values()
                for cell in one.cells
                if (name or pattern) in cell.produces
            ]
            why = f"`{others[0]}` makes it and is not needed" if others else "no job makes it"
            self.report(step.at, f"job `{job.id}` wants {wanted}, and {why}")

    def ancestors(self, job: Job) -> list[str]:
        """Return the jobs that have surely run before, nearest first."""
        found: list[str] = []
        waiting = list(job.needs)
        while waiting:
            name = waiting.pop(0)
            if name in self.walked and name not in found:
                found.append(name)
                waiting += self.walked[name].needs
        return found


def _combinations(job: Job, scope: Scope) -> list[dict[str, Any]]:
    """Return the matrix of a job as GitHub would expand it; one empty combination without one."""
    matrix = _filled(job.matrix, scope)
    if isinstance(matrix, Unknown) or not matrix:
        return [Open() if matrix else {}]
    if not isinstance(matrix, dict):
        raise ConfigError(f"the matrix of job `{job.id}` is no mapping", where=job.at)
    further = {key: matrix.get(key) or () for key in ("include", "exclude")}
    axes = {k: tuple(map(_key, v)) for k, v in matrix.items() if k not in further}
    blocks = {
        key: tuple({k: _key(v) for k, v in block.items()} for block in found)
        for key, found in further.items()
    }
    made = combined(Matrix(axes=axes, include=blocks["include"], exclude=blocks["exclude"]))
    return [{axis: json.loads(text) for axis, text in cell} for cell in made.cells]


def _key(found: object) -> str:
    return json.dumps(found, default=str)


def _filled(found: Plain, scope: Scope) -> Any:  # noqa: ANN401 - whatever the expressions give
    if isinstance(found, dict):
        return {key: _filled(inner, scope) for key, inner in found.items()}
    if isinstance(found, list):
        return [_filled(inner, scope) for inner in found]
    return value(found, scope)
