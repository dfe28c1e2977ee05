"""The platforms wheels are built for, under all the names the outside world gives them."""

from __future__ import annotations

import enum
import os


class Target(enum.Enum):
    """A platform a wheel is for. Its value is the word used in YAML and on the command line."""

    LINUX_X86_64 = "linux_x86_64"
    LINUX_ARM64 = "linux_arm64"

    @property
    def platform(self) -> str:
        """The OCI platform, such as ``linux/amd64``."""
        return f"linux/{self.debian}"

    @property
    def debian(self) -> str:
        """Debian's architecture name, which is Go's and OCI's as well here."""
        return {"x86_64": "amd64", "aarch64": "arm64"}[self.machine]

    @property
    def machine(self) -> str:
        """The kernel's name (``uname -m``), also the one in wheel tags."""
        return {"linux_x86_64": "x86_64", "linux_arm64": "aarch64"}[self.value]

    @property
    def triplet(self) -> str:
        """Debian's multiarch triplet, such as ``x86_64-linux-gnu``."""
        return f"{self.machine}-linux-gnu"

    @classmethod
    def of_platform(cls, platform: str) -> Target:
        """Return the target of an OCI platform; ValueError for one we do not know."""
        for target in cls:
            if target.platform == platform:
                return target
        raise ValueError(platform)

    @classmethod
    def native(cls) -> Target:
        """Return the target of this machine; ValueError where there is none."""
        machine = os.uname().machine
        for target in cls:
            if target.machine == machine:
                return target
        raise ValueError(machine)


class Workplace(enum.Enum):
    """A machine that people work on, which environments are locked for; the word used in YAML."""

    LINUX_X86_64 = "linux_x86_64"
    LINUX_ARM64 = "linux_arm64"
    MACOS_ARM64 = "macos_arm64"

    @property
    def system(self) -> str:
        """What markers (PEP 508) call `sys_platform`."""
        return "darwin" if self is Workplace.MACOS_ARM64 else "linux"

    @property
    def machine(self) -> str:
        """What markers call `platform_machine`."""
        return {"linux_x86_64": "x86_64", "linux_arm64": "aarch64"}.get(self.value, "arm64")

    @property
    def marker(self) -> str:
        """The marker that holds there and on no other of these."""
        return f"sys_platform == '{self.system}' and platform_machine == '{self.machine}'"

    @classmethod
    def here(cls) -> Workplace | None:
        """Return what this machine is; None where it is none of these."""
        found = os.uname()
        system, machine = found.sysname.lower(), found.machine
        return next((one for one in cls if (one.system, one.machine) == (system, machine)), None)


def native_platform() -> str:
    """Return this machine's OCI platform, empty where we know of none."""
    try:
        return Target.native().platform
    except ValueError:
        return ""
