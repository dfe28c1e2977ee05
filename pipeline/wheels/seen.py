"""What one look at a file of an archive shows, for all the checks that follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.wheels.elf import Elf


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one look at a file showed.

    ``elf`` is there for an ELF file that could be read, ``fault`` says why one could not;
    ``is_lfs`` is for what Git LFS leaves where it fetched nothing.
    """

    name: str
    mode: int
    build_path: str = ""
    elf: Elf | None = None
    fault: str = ""
    is_lfs: bool = False

    @property
    def is_elf(self) -> bool:
        """Whether it is an ELF file (program, library or object)."""
        return self.elf is not None or bool(self.fault)
