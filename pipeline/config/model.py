"""What a project declares, as frozen values. Nothing below `pipeline.config` sees raw YAML.

One data class per block of ``pipeline.yaml`` and ``images/NAME.yaml``. The decoder, the JSON
Schema (`pipeline schema`) and the reference pages are all driven by these classes: a field's type
says what is accepted, its `doc` what it means.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pipeline.config.fields import REQUIREMENT, VARIABLES, WORD, Location, doc
from pipeline.platforms import Target, Workplace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.config.stages import Stage


@dataclass(frozen=True, kw_only=True)
class Project:
    """The files a release is made of, and how its tag is named."""

    version: str = doc("file that holds the version", default="VERSION", path=True)
    changes: str = doc("directory of news fragments", default="changes", path=True)
    changelog: str = doc("file the notes are written to", default="CHANGELOG.md", path=True)
    tag: str = doc("name of the tag; holds `{version}`", default="v{version}")
    branches: tuple[str, ...] = doc(
        "globs of the branches that releases are cut from",
        default=("main", "master", "release/*", "stable/*", "[0-9]*"),
        pattern=r"[^\s~^:\\]+",
        form="the name of a branch, or a glob",
    )
    changes_exempt: tuple[str, ...] = doc(
        "globs of files that may change without a news fragment",
        default=(),
        key="changes-exempt",
    )
    scheme: str = doc(
        "how versions are counted: `semver`, or by date, such as `YY.MM.MICRO` or `YYYY.MM.DD`",
        default="semver",
        pattern=r"semver|YY(YY)?\.MM(\.DD)?(\.MICRO)?",
        form="`semver`, or `YYYY` or `YY` with `.MM`, `.DD` and `.MICRO` after it",
    )
    download_cache: str = doc(
        "directory of exact packages that builds use before any index, relative to this file; or "
        "`git+URL#BRANCH`, a branch that holds one",
        default="",
        key="download-cache",
        pattern=r"git\+[^#\s]+#[A-Za-z0-9][^\s~^:\\]*|(?!git\+|[a-z+]+://|[./]*$)[^\s-].*",
        form="a directory of its own, or `git+URL#BRANCH`",
    )

    @property
    def downloads(self) -> str:
        """The directory of the download cache in the repository; empty where it has none there."""
        path = posixpath.normpath(self.download_cache) if self.download_cache else ""
        is_elsewhere = path.startswith(("/", "../", "git+")) or path in {".", ".."}
        return "" if is_elsewhere else path


@dataclass(frozen=True, kw_only=True)
class Mirrors:
    """Where packages come from when neither a flag nor the machine says so."""

    debian: tuple[str, ...] = doc(
        "base addresses of Debian mirrors, tried in order",
        default=(),
        pattern=r"https?://\S+",
        form="an address that starts with `https://` or `http://`",
    )
    registry: tuple[str, ...] = doc(
        "addresses of registries, asked in order for images whose `registry` names no host; with "
        "`http://` that host is asked without encryption wherever it is named",
        default=(),
        pattern=r"https?://[^\s/@?#]+(/[^\s@?#]*)?",
        form="an address such as `https://mirror.example`, without user and password",
    )


@dataclass(frozen=True, kw_only=True)
class DockerSettings:
    """How the engine `docker` is used."""

    contexts: Mapping[str, str] = doc(
        "Docker context by platform, such as `linux/arm64`; others are built in the current one",
        factory=dict,
        keys=r"linux/(amd64|arm64)",
        keys_form="`linux/amd64` or `linux/arm64`",
        **WORD,
    )


@dataclass(frozen=True, kw_only=True)
class BuildkitSettings:
    """How the engine `buildkit` is used."""

    builder: str | None = doc("name of a buildx builder", **WORD)


@dataclass(frozen=True, kw_only=True)
class Engines:
    """Settings of single engines."""

    docker: DockerSettings = doc("the engine `docker`", factory=DockerSettings)
    buildkit: BuildkitSettings = doc("the engine `buildkit`", factory=BuildkitSettings)


@dataclass(frozen=True, kw_only=True)
class Addition:
    """What an environment holds on one platform beside what it holds on all."""

    groups: tuple[str, ...] = doc("dependency groups (PEP 735)", default=(), **WORD)
    extras: tuple[str, ...] = doc("extras", default=(), **WORD)
    requires: tuple[str, ...] = doc("requirements (PEP 508)", default=(), **REQUIREMENT)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A locked virtual environment for people and IDEs."""

    sources: tuple[str, ...] = doc(
        "directories of the projects it is for, or globs of directories with a `pyproject.toml`; "
        "they, and those of this repository that they depend on, are importable as they stand",
        default=(".",),
        key="source",
        path=True,
    )
    groups: tuple[str, ...] = doc(
        "dependency groups (PEP 735), of each of these projects that has them", default=(), **WORD
    )
    extras: tuple[str, ...] = doc(
        "extras, of each of these projects that has them", default=(), **WORD
    )
    requires: tuple[str, ...] = doc("further requirements (PEP 508)", default=(), **REQUIREMENT)
    platforms: tuple[Workplace, ...] = doc(
        "the platforms it is locked for; every package must have a wheel for each of them",
        default=tuple(Workplace),
    )
    also_on: Mapping[str, Addition] = doc(
        "what is added on single platforms, by their names",
        factory=dict,
        key="also-on",
        keys="|".join(place.value for place in Workplace),
        keys_form=", ".join(f"`{place.value}`" for place in Workplace),
    )
    conflicts: tuple[str, ...] = doc(
        "environments that hold something else in its place (such as CPU and CUDA), with which it "
        "shares no versions; all others agree on the version of each package",
        default=(),
    )
    export: tuple[str, ...] = doc(
        "files that `pipeline lock` writes the same set to: `pylock.toml` or `pylock.NAME.toml` as "
        "PEP 751 has it, any other name as hash-pinned requirements",
        default=(),
        path=True,
    )


@dataclass(frozen=True, kw_only=True)
class ImageFrom:
    """What an image starts from: exactly one of these.

    Debian packages can be added to a suite, and to an image that starts from one.
    """

    debian: str | None = doc(
        "Debian suite, such as `bookworm`",
        pattern=r"[a-z][a-z0-9.-]*",
        form="the name of a suite, such as `bookworm`",
    )
    image: str | None = doc("name of another image of this repository")
    registry: str | None = doc(
        "image in a registry, as `HOST/REPOSITORY:TAG`; without a host the mirrors are asked",
        pattern=r"[A-Za-z0-9\[][A-Za-z0-9._:@/\[\]-]*",
        form="a reference such as `registry.example/name:1`",
    )
    archive: str | None = doc(
        "OCI archive in this repository, such as `pipeline export image` writes", path=True
    )


@dataclass(frozen=True, kw_only=True)
class ImagePython:
    """A layer of Python packages in an image, installed for its own interpreter."""

    requires: tuple[str, ...] = doc("requirements (PEP 508)", default=(), **REQUIREMENT)


@dataclass(frozen=True, kw_only=True)
class Image:
    """A named, pinned root file system with a toolchain: the file ``images/NAME.yaml``."""

    name: str = field(metadata={"implied": True})
    origin: ImageFrom = doc("what it starts from", required=True, key="from", exactly_one=True)
    platforms: tuple[Target, ...] = doc(
        "the targets it is locked for", default=(Target.LINUX_X86_64,)
    )
    packages: tuple[str, ...] = doc(
        "Debian packages; what they depend on is locked too",
        default=(),
        pattern=r"[a-z0-9][a-z0-9.+-]+",
        form="the name of a Debian package",
    )
    python: ImagePython = doc("Python packages on top", factory=ImagePython)
    env: Mapping[str, str] = doc("environment variables of every step", factory=dict, **VARIABLES)


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Everything a repository declares.

    ``origins`` maps a path of keys, such as ``("stages", "wheel", "image")`` or
    ``("images", "python", "packages")``, to where it stands.
    """

    root: Path = field(metadata={"implied": True})
    version: Literal[1] = doc("version of this format, `1`", required=True)
    project: Project = doc("files and names of the release", factory=Project)
    engine: Literal["auto", "sandbox", "docker", "buildkit"] = doc(
        "what runs the steps", default="auto"
    )
    engines: Engines = doc("settings of single engines", factory=Engines)
    mirrors: Mirrors = doc("where packages come from", factory=Mirrors)
    environments: Mapping[str, Environment] = doc("locked virtual environments", factory=dict)
    stages: Mapping[str, Stage] = doc("what can be run, by name", required=True)
    images: Mapping[str, Image] = field(default_factory=dict, metadata={"implied": True})
    origins: Mapping[tuple[str, ...], Location] = field(
        default_factory=dict, compare=False, metadata={"implied": True}
    )

    def location(self, *path: str) -> Location:
        """Return where a path of keys stands, or the nearest block around it that is written.

        A single value stands where it is, a block or a list where its key is.
        """
        for length in range(len(path), -1, -1):
            if location := self.origins.get(path[:length]):
                return location
        return Location(file="pipeline.yaml", line=1, column=1)

    def where(self, *path: str) -> str:
        """Return `location` as ``file:line:column``, as errors want it."""
        return str(self.location(*path))
