"""Which GPUs of this machine a container is given."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from docker.types import DeviceRequest

_DEVICES = re.compile(r"device=([A-Za-z0-9:-]+(?:,[A-Za-z0-9:-]+)*)")


@dataclass(frozen=True, kw_only=True)
class Gpus:
    """So many GPUs (-1 for all), or those with these numbers or names."""

    count: int = 0
    devices: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Gpus:
        """Read ``all``, ``2`` or ``device=0,1`` as Docker does; UsageError."""
        if text == "all":
            return cls(count=-1)
        if text.isdecimal() and int(text):
            return cls(count=int(text))
        if match := _DEVICES.fullmatch(text):
            return cls(devices=tuple(match[1].split(",")))
        raise UsageError(
            f"`--gpus {text}` names no GPU",
            hint="write `--gpus all`, a number of them, or which: `--gpus device=0,1`",
        )

    @property
    def flag(self) -> str:
        """The flag of Docker's own command, which reads the value as a row of a table (CSV)."""
        if self.devices:
            return f'--gpus="device={",".join(self.devices)}"'
        return f"--gpus={'all' if self.count < 0 else self.count}"

    def request(self) -> DeviceRequest:
        """Return what the daemon is asked for."""
        from docker.types import DeviceRequest  # noqa: PLC0415 - see `pipeline.engines.daemon`

        if self.devices:
            return DeviceRequest(device_ids=list(self.devices), capabilities=[["gpu"]])
        return DeviceRequest(count=self.count, capabilities=[["gpu"]])
