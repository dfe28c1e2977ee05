"""Where packages come from: configuration, never code.

The Debian mirror is the first that is set of: a flag, ``PIPELINE_DEBIAN_MIRROR``, ``mirrors:`` in
``pipeline.yaml``, the machine's own apt sources. Python files come from where pip would get them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import NetworkError, UsageError
from pipeline.locking import apt, pip_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.config.model import Pipeline
    from pipeline.downloads.place import Place

MIRROR_VARIABLE = "PIPELINE_DEBIAN_MIRROR"
REGISTRY_VARIABLE = "PIPELINE_REGISTRY_MIRROR"
DAEMON_SETTINGS = Path("/etc/docker/daemon.json")
KEYRING_VARIABLE = "PIPELINE_DEBIAN_KEYRING"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that resolving and fetching know of the network; what costs time is read when needed.

    ``suites`` are the Debian suites the images name; ``root`` is the repository, in which archives
    lie; ``downloads`` its download cache, which goes before any index; ``jobs`` is how many files
    are downloaded at once; ``offline`` forbids every connection. ``newest`` is the moment (RFC
    3339) before which an index must have got a file for it to be chosen; empty for any.
    ``unreachable`` are the hosts that were tried in vain so far.
    """

    environ: Mapping[str, str] = field(repr=False)
    suites: tuple[str, ...] = ()
    mirror_flag: str = field(default="", repr=False)
    declared_mirrors: tuple[str, ...] = field(default=(), repr=False)
    declared_registries: tuple[str, ...] = field(default=(), repr=False)
    root: Path = Path()
    downloads: Place | None = None
    offline: bool = False
    newest: str = ""
    jobs: int = 8
    unreachable: set[str] = field(default_factory=set, compare=False)
    apt_directory: Path = apt.ETC
    daemon_settings: Path = DAEMON_SETTINGS

    @classmethod
    def gather(
        cls,
        environ: Mapping[str, str],
        *,
        suites: Iterable[str] = (),
        mirrors: tuple[str, ...] = (),
        registries: tuple[str, ...] = (),
        root: Path = Path(),
        downloads: Place | None = None,
        flag: str | None = None,
        offline: bool = False,
    ) -> Settings:
        """Return the settings of a run.

        ``suites`` are those of the images (`suites`), ``mirrors`` and ``registries`` what
        ``pipeline.yaml`` declares, ``root`` is where it stands, ``downloads`` its download cache,
        ``flag`` what the command line says of Debian's mirror.
        """
        return cls(
            environ=environ,
            suites=tuple(sorted(set(suites))),
            mirror_flag=flag or "",
            declared_mirrors=mirrors,
            declared_registries=registries,
            root=root,
            downloads=downloads,
            offline=offline,
        )

    def without_downloads(self) -> Settings:
        """Return the same settings without a download cache: what the network alone has."""
        return replace(self, downloads=None) if self.downloads else self

    def mirrors(self, *asked: str) -> tuple[str, ...]:
        """Return the Debian mirrors to try in order, without a slash at the end.

        The machine's apt sources count for the suites ``asked`` only, by default for all that
        images name. Raises NetworkError when there is none.
        """
        wanted = asked or self.suites
        variable = self.environ.get(MIRROR_VARIABLE, "")
        for origin, mirrors in (
            ("the mirror flag", tuple(self.mirror_flag.replace(",", " ").split())),
            (f"`{MIRROR_VARIABLE}`", tuple(variable.replace(",", " ").split())),
            ("`mirrors:`", self.declared_mirrors),
            ("apt", self._apt_mirrors(wanted)),
        ):
            if mirrors:
                return tuple(_checked(mirror, origin) for mirror in mirrors)
        raise NetworkError(
            f"no Debian mirror is known for {_listed(wanted)}, and this machine's apt has none",
            hint=f"set `{MIRROR_VARIABLE}`, or `mirrors:` in `pipeline.yaml`",
        )

    @cached_property
    def registries(self) -> tuple[str, ...]:
        """The addresses to ask for images that name no registry, in order; there may be none.

        The first that is set of ``PIPELINE_REGISTRY_MIRROR``, ``mirrors:``, and the mirrors in the
        settings of this machine's Docker daemon.
        """
        variable = tuple(self.environ.get(REGISTRY_VARIABLE, "").replace(",", " ").split())
        for address in variable:
            if not re.fullmatch(r"https?://[^/@?#]+(/[^@?#]*)?", address):
                raise UsageError(
                    f"`{REGISTRY_VARIABLE}` holds something that is no address of a registry",
                    hint="write it as `https://mirror.example`; logins are read from Docker's "
                    "configuration",
                )
        return variable or self.declared_registries or self._daemon_mirrors()

    def _daemon_mirrors(self) -> tuple[str, ...]:
        try:
            found = json.loads(self.daemon_settings.read_bytes())["registry-mirrors"]
        except (OSError, ValueError, KeyError, TypeError):
            return ()  # Docker is not there, or says nothing of mirrors
        return tuple(str(address) for address in found) if isinstance(found, list) else ()

    def _apt_mirrors(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Return the mirrors of apt's sources; a Debian machine's have the other suites as well."""
        found: list[str] = []
        for suite in wanted:
            for name in (suite, *apt.DEBIAN_SUITES):
                if mirrors := apt.mirrors(name, self.apt_directory):
                    found += mirrors
                    break
        return tuple(dict.fromkeys(found))

    @cached_property
    def pip(self) -> pip_settings.PipSettings:
        """Pip's own settings."""
        return pip_settings.read(self.environ)

    @cached_property
    def indexes(self) -> tuple[str, ...]:
        """The Simple API addresses to ask, in uv's order: the extra ones, then the main one.

        Offline there is none.
        """
        if self.offline or self.pip.no_index:
            return ()
        main = self.pip.index or pip_settings.default_index(self.environ)
        return (*self.pip.extra_indexes, main)

    @cached_property
    def forks(self) -> dict[str, str]:
        """The versions of forks that lie in the download cache as wheels, by normal name."""
        if self.downloads is None:
            return {}
        from pipeline.downloads.names import forks  # noqa: PLC0415 - needed to resolve only

        return forks(self.downloads.directory)

    @property
    def keyring(self) -> Path:
        """The keys that Debian's archives are signed with."""
        return Path(self.environ.get(KEYRING_VARIABLE) or KEYRING)


def suites(pipeline: Pipeline) -> tuple[str, ...]:
    """Return the Debian suites that a repository's images start from."""
    found = {image.origin.debian for image in pipeline.images.values() if image.origin.debian}
    return tuple(sorted(found))


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "any suite"


def _checked(mirror: str, origin: str) -> str:
    if not mirror.startswith(("http://", "https://")):
        raise UsageError(
            f"a Debian mirror from {origin} is not an `http://` or `https://` address",
            hint="give the directory that holds `dists` and `pool`",
        )
    return mirror.rstrip("/")
