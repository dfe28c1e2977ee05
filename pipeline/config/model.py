"""What a project declares, as frozen values. Nothing below `pipeline.config` sees raw YAML.

One data class per block of ``pipeline.yaml`` and ``images/NAME.yaml``. The decoder, the JSON
Schema (`pipeline schema`) and the reference pages are all driven by these classes: a field's type
says what is accepted, its `doc` what it means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pipeline.platforms import Target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

T = TypeVar("T")

NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
"""Names of stages, images, environments and matrix axes."""

NAME_FORM = "lower-case letters, digits, `_` and `-`, a letter first, at most 64"

_WORD = {
    "pattern": r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?",
    "form": "letters, digits, `.`, `_` and `-`",
}
_REQUIREMENT = {"pattern": r"[A-Za-z0-9].*", "form": "a requirement such as `numpy>=2`"}
_VARIABLES = {
    "keys": r"[A-Za-z_][A-Za-z0-9_]*",
    "keys_form": "letters, digits and `_`, no digit first",
    "lines": True,
}

_ANNOTATIONS = {
    "keys": r"[A-Za-z0-9][A-Za-z0-9._/-]*",
    "keys_form": "letters, digits, `.`, `_`, `-` and `/`",
    "lines": True,
}


def doc(text: str, *, default: T | None = None, **schema: Any) -> Any:  # noqa: ANN401
    """Return a data class field that carries its documentation.

    ``schema`` keys: ``factory`` (a default factory), ``required`` (no default), ``key`` (its name
    in YAML where that differs from the attribute), ``pattern`` (a regular expression each string
    must match in full) and ``form`` (the same in words), ``keys`` and ``keys_form`` (the same for
    the keys of a mapping; by default `NAME`), ``lines`` (text may span lines), ``above`` (a number
    must be larger), ``path`` (must stay inside the repository), ``exactly_one`` (one key of the
    block, no more, no less).
    """
    metadata = {"doc": text, **schema}
    if schema.get("required"):
        return field(metadata=metadata)
    if "factory" in schema:
        return field(default_factory=schema["factory"], metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where a value stands: a file (relative to the repository), line and column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, kw_only=True)
class Project:
    """The files a release is made of, and how its tag is named."""

    version: str = doc("file that holds the version", default="VERSION", path=True)
    changes: str = doc("directory of news fragments", default="changes", path=True)
    changelog: str = doc("file the notes are written to", default="CHANGELOG.md", path=True)
    tag: str = doc("name of the tag; holds `{version}`", default="v{version}")


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
        **_WORD,
    )


@dataclass(frozen=True, kw_only=True)
class BuildkitSettings:
    """How the engine `buildkit` is used."""

    builder: str | None = doc("name of a buildx builder", **_WORD)


@dataclass(frozen=True, kw_only=True)
class Engines:
    """Settings of single engines."""

    docker: DockerSettings = doc("the engine `docker`", factory=DockerSettings)
    buildkit: BuildkitSettings = doc("the engine `buildkit`", factory=BuildkitSettings)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A locked virtual environment for people and IDEs."""

    source: str = doc("directory of the project it is for", default=".", path=True)
    groups: tuple[str, ...] = doc(
        "dependency groups (PEP 735) of that project", default=(), **_WORD
    )
    extras: tuple[str, ...] = doc("extras of that project", default=(), **_WORD)
    requires: tuple[str, ...] = doc("further requirements (PEP 508)", default=(), **_REQUIREMENT)
    export: str | None = doc(
        "file that `pipeline lock` writes the same set to, as hash-pinned requirements", path=True
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

    requires: tuple[str, ...] = doc("requirements (PEP 508)", default=(), **_REQUIREMENT)


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
    env: Mapping[str, str] = doc("environment variables of every step", factory=dict, **_VARIABLES)


Network = Literal["none", "host"]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Fields of every stage, whatever its kind."""

    name: str = field(metadata={"implied": True})
    needs: tuple[str, ...] = doc("stages whose output this one uses or waits for", default=())
    matrix: Mapping[str, tuple[str, ...]] = doc(
        "axes and their values; one cell for each combination", factory=dict
    )
    tags: tuple[str, ...] = doc("labels of your own, to select stages by", default=(), **_WORD)


@dataclass(frozen=True, kw_only=True)
class ContainerStage(Stage):
    """Fields of every stage that runs inside an image.

    `image`, `source`, `run` and the values of `env` and `build-args` may hold ``{axis}`` for an
    axis of the matrix.
    """

    image: str = doc("image the steps run in", required=True)
    source: str = doc(
        "directory of the repository, or a third-party sdist as `name==version`", default="."
    )
    inputs: tuple[str, ...] = doc(
        "globs of the files it may see, relative to the repository; the default is what git tracks "
        "below `source`, or outside git every file that is not ignored",
        default=(),
    )
    env: Mapping[str, str] = doc("environment variables of its steps", factory=dict, **_VARIABLES)
    network: Network = doc("`none`, or `host` for steps that must reach out", default="none")
    timeout: float = doc("seconds a step may take", default=3600.0, above=0)
    dockerfile: str | None = doc(
        "template `dockerfiles/NAME.Dockerfile.j2` by its NAME; the default is that of the kind",
        **_WORD,
    )
    build_args: Mapping[str, str] = doc(
        "values for `ARG` in the template", factory=dict, key="build-args", **_VARIABLES
    )
    secrets: Mapping[str, str] = doc(
        "secrets that the template mounts, by id: the environment variable of the caller that "
        "holds each; neither the value nor its name counts for the output",
        factory=dict,
        keys=r"[A-Za-z0-9][A-Za-z0-9._-]*",
        keys_form="letters, digits, `.`, `_` and `-`",
        pattern=r"[A-Za-z_][A-Za-z0-9_]*",
        form="the name of an environment variable",
    )


@dataclass(frozen=True, kw_only=True)
class SdistStage(ContainerStage):
    """Builds the source distribution of `source`."""


@dataclass(frozen=True, kw_only=True)
class WheelStage(ContainerStage):
    """Builds a wheel from the sdist it needs, from a third-party sdist, or from the sources."""


@dataclass(frozen=True, kw_only=True)
class TestStage(ContainerStage):
    """Installs the wheel it needs with locked test requirements in a clean image, then tests it."""

    run: tuple[str, ...] = doc("shell commands, run in order in `/src`", required=True, lines=True)
    groups: tuple[str, ...] = doc("dependency groups (PEP 735) of `source`", default=(), **_WORD)
    extras: tuple[str, ...] = doc("extras of the wheel", default=(), **_WORD)
    requires: tuple[str, ...] = doc("further requirements (PEP 508)", default=(), **_REQUIREMENT)


@dataclass(frozen=True, kw_only=True)
class CommandStage(ContainerStage):
    """Runs any commands and keeps the files it declares."""

    run: tuple[str, ...] = doc(
        "shell commands, run in order in `/src`; needed unless a `dockerfile` has its own",
        default=(),
        lines=True,
    )
    outputs: tuple[str, ...] = doc(
        "paths or globs below `/src` that are its output; a file put in `/out` always is",
        default=(),
    )
    requires: tuple[str, ...] = doc(
        "Python requirements (PEP 508) in `/env`", default=(), **_REQUIREMENT
    )


@dataclass(frozen=True, kw_only=True)
class ImageStage(ContainerStage):
    """Makes an image: its `image`, and one layer on top.

    The layer holds `/env`, a virtual environment of the wheels it needs with their locked runtime
    dependencies, and whatever `run` puts below `/out`, which stands for the layer's root. The
    output is one OCI archive that Docker loads. `env` counts in the steps and in the image.
    """

    run: tuple[str, ...] = doc(
        "shell commands, run in order in `/src`; what they put below `/out` is in the image",
        default=(),
        lines=True,
    )
    extras: tuple[str, ...] = doc("extras of the wheels", default=(), **_WORD)
    requires: tuple[str, ...] = doc(
        "further requirements (PEP 508) in `/env`", default=(), **_REQUIREMENT
    )
    entrypoint: tuple[str, ...] = doc("command that a container runs", default=(), lines=True)
    cmd: tuple[str, ...] = doc(
        "arguments of `entrypoint`, or the command, where a container is given none",
        default=(),
        lines=True,
    )
    workdir: str | None = doc(
        "directory that containers start in", pattern=r"/\S*", form="an absolute path"
    )
    labels: Mapping[str, str] = doc("labels of the image", factory=dict, **_ANNOTATIONS)
    annotations: Mapping[str, str] = doc(
        "annotations of its manifest, beside those that are always there",
        factory=dict,
        **_ANNOTATIONS,
    )


@dataclass(frozen=True, kw_only=True)
class ChangelogStage(Stage):
    """Drafts the notes of the coming release from the news fragments, with towncrier."""


@dataclass(frozen=True, kw_only=True)
class PublishStage(Stage):
    """Uploads what it needs to an index; in a draft, says what the index would say.

    An image goes to a registry. That is done already where nothing but an image is needed, which
    may be for several platforms; sdists and wheels are only rehearsed so far.
    """

    index: str = doc("repository name in twine's configuration", default="pypi", **_WORD)
    registry: str | None = doc(
        "where an image it needs goes, as `HOST/REPOSITORY`; the tag is the version",
        pattern=r"(localhost|[A-Za-z0-9-]*[.:\[][A-Za-z0-9.:\]-]*)(/[a-z0-9][a-z0-9._-]*)+",
        form="a place such as `registry.example/team/app`, without a tag",
    )


@dataclass(frozen=True, kw_only=True)
class ReleaseStage(Stage):
    """Cuts the release; in a draft, says which commit and tag would be made."""


KINDS: Mapping[str, type[Stage]] = {
    "sdist": SdistStage,
    "wheel": WheelStage,
    "test": TestStage,
    "command": CommandStage,
    "image": ImageStage,
    "changelog": ChangelogStage,
    "publish": PublishStage,
    "release": ReleaseStage,
}
"""The word after ``kind:`` and what it declares."""


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Everything a repository declares.

    ``origins`` maps a path of keys, such as ``("stages", "wheel", "image")`` or
    ``("images", "python", "packages")``, to where it stands.
    """

    root: Path = field(metadata={"implied": True})
    version: Literal[1] = doc("version of this format", required=True)
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
