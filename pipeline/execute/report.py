"""What a run did: values that print as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.errors import PipelineError
    from pipeline.release.conditions import Obstacle

FINDING = ("level", "rule", "message")
"""What a finding consists of, in this order."""

Status = Literal["built", "cached", "failed", "skipped", "done"]


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file that a cell made. ``path`` is where it lies in the store, ``name`` its own name.

    ``findings`` are what the audit of a wheel or sdist remarked: level, rule and message each.
    """

    name: str
    path: Path = field(compare=False)
    sha256: str
    size: int
    findings: tuple[tuple[str, str, str], ...] = field(default=(), compare=False)


@dataclass(frozen=True, kw_only=True)
class CellReport:
    """How a cell went. ``text`` is what a host stage has to say on standard output.

    ``network`` is what the steps of a container stage had: ``none`` or ``host``; ``error`` is why
    it failed. ``blocked`` is what a draft passed by, and the real thing would be refused by.
    """

    stage: str
    cell: str
    key: str
    status: Status
    seconds: float = field(default=0.0, compare=False)
    network: str = ""
    outputs: tuple[Artifact, ...] = ()
    remarks: tuple[str, ...] = ()
    text: str = ""
    data: dict[str, object] = field(default_factory=dict)
    error: PipelineError | None = field(default=None, compare=False)
    blocked: tuple[Obstacle, ...] = ()

    @property
    def cached(self) -> bool:
        """Whether nothing had to be done."""
        return self.status == "cached"

    def document(self, paths: dict[str, str]) -> dict[str, object]:
        """Return the report as JSON's types; ``paths`` gives where files were copied to."""
        outputs = [
            {
                "name": a.name,
                "path": paths.get(a.name, str(a.path)),
                "placed": a.name in paths,
                "sha256": a.sha256,
                "size": a.size,
                "findings": [dict(zip(FINDING, found, strict=True)) for found in a.findings],
            }
            for a in self.outputs
        ]
        return {
            "stage": self.stage,
            "cell": self.cell,
            "key": self.key,
            "status": self.status,
            "cached": self.cached,
            "seconds": round(self.seconds, 3),
            "network": self.network,
            "outputs": outputs,
            "remarks": list(self.remarks),
            "text": self.text,
            **({"result": self.data} if self.data else {}),
            **({"error": self.error.document()} if self.error else {}),
        }


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """How a run went; ``failures`` are the errors of cells, first one first.

    ``blocked`` is what the whole of a draft passed by; the last failure tells it.
    """

    cells: tuple[CellReport, ...]
    seconds: float = field(compare=False)
    failures: tuple[PipelineError, ...] = field(default=(), compare=False)
    blocked: tuple[Obstacle, ...] = ()

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """All files made, each once, in the order of the cells."""
        return tuple(dict.fromkeys(made for cell in self.cells for made in cell.outputs))
