"""What a stage declares: one data class for each kind.

The same rules hold as for `pipeline.config.model`: these classes drive the decoder, the JSON Schema
and the reference pages.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pipeline.config.fields import ANNOTATIONS, CELLS, REQUIREMENT, VARIABLES, WORD, doc

if TYPE_CHECKING:
    from collections.abc import Mapping

Network = Literal["none", "host"]


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The axes of a stage; each combination of their values is a cell.

    Then `exclude` takes cells away, and `include` adds to them, in this order.
    """

    axes: Mapping[str, tuple[str, ...]] = doc("values of an axis of that name", rest=True)
    include: tuple[Mapping[str, str], ...] = doc(
        "blocks of axes with one value each: one that names a further axis extends the cells that "
        "agree with it in the others; one that agrees with no cell is a cell of its own",
        default=(),
        **CELLS,
    )
    exclude: tuple[Mapping[str, str], ...] = doc(
        "blocks of axes with one value each: the cells that have all of them are left out",
        default=(),
        **CELLS,
    )

    @property
    def names(self) -> tuple[str, ...]:
        """All axes that a cell may have, in the order in which its name has their values."""
        return tuple(
            dict.fromkeys([*self.axes, *(axis for block in self.include for axis in block)])
        )

    def __bool__(self) -> bool:
        """Whether anything is declared."""
        return bool(self.axes or self.include or self.exclude)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Fields of every stage, whatever its kind."""

    name: str = field(metadata={"implied": True})
    needs: tuple[str, ...] = doc(
        "stages whose output this one uses, or on the host waits for", default=()
    )
    matrix: Matrix = doc("axes and their values; one cell for each combination", factory=Matrix)
    tags: tuple[str, ...] = doc(
        "labels of your own, which `--tag` selects stages by", default=(), **WORD
    )


@dataclass(frozen=True, kw_only=True)
class ContainerStage(Stage):
    """Fields of every stage that runs inside an image.

    `image`, `source`, `inputs`, `run` and the values of `env`, `build-args` and `config-settings`
    may hold ``{axis}`` for an axis of the matrix.
    """

    image: str = doc("image the steps run in", required=True)
    source: str = doc(
        "directory of the repository, or a third-party sdist as `name==version`", default="."
    )
    inputs: tuple[str, ...] = doc(
        "globs of the files it may see, relative to the repository, each of which must match; the "
        "default is what git tracks below `source`, or outside git every file that is not ignored",
        default=(),
    )
    env: Mapping[str, str] = doc("environment variables of its steps", factory=dict, **VARIABLES)
    network: Network = doc("`none`, or `host` for steps that must reach out", default="none")
    timeout: float = doc("seconds a step may take", default=3600.0, above=0)
    dockerfile: str | None = doc(
        "template `dockerfiles/NAME.Dockerfile.j2` by its NAME; the default is that of the kind",
        **WORD,
    )
    build_args: Mapping[str, str] = doc(
        "values for `ARG` in the template", factory=dict, key="build-args", **VARIABLES
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
class BuildStage(ContainerStage):
    """Fields of the stages that call a build backend."""

    config_settings: Mapping[str, tuple[str, ...]] = doc(
        "settings for the build backend (PEP 517); a list gives one several times, as "
        "`setup-args: [-Da=1, -Db=2]`",
        factory=dict,
        key="config-settings",
        keys=r"[A-Za-z0-9_-][A-Za-z0-9_.:-]*",
        keys_form="letters, digits, `_`, `-`, `.` and `:`",
        empty=True,
    )
    generated: Mapping[str, str] = doc(
        "files that stages of kind `command` make, put among the sources before the backend runs: "
        "for each place, relative to `source`, the `STAGE/PATH` of an output, or `STAGE` for all "
        "of it",
        factory=dict,
        keys=r"[^\s/\\][^\s\\]*",
        keys_form="paths relative to `source`, without blanks",
        pattern=r"[a-z][a-z0-9_-]{0,63}(/.*)?",
        form="a stage, or a part of its output as `STAGE/PATH`",
    )


@dataclass(frozen=True, kw_only=True)
class SdistStage(BuildStage):
    """Builds the source distribution of `source`."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A build of a wheel for one flavour of an accelerator, told apart by its name or version."""

    cuda: str = doc(
        "version of CUDA, such as `13.0`",
        required=True,
        pattern=r"[0-9]+\.[0-9]+",
        form="a version such as `13.0`",
    )
    naming: Literal["suffix", "local"] = doc(
        "`suffix` names the distribution `NAME-cuda13`; `local` gives the version `1.0+cu130`, "
        "which the public index refuses",
        default="suffix",
    )
    requires: tuple[str, ...] = doc(
        "requirements (PEP 508) of this variant alone, such as the runtime libraries",
        default=(),
        **REQUIREMENT,
    )


@dataclass(frozen=True, kw_only=True)
class WheelStage(BuildStage):
    """Builds a wheel from the sdist it needs, from a third-party sdist, or from the sources."""

    strategy: Literal["auto", "native", "cross", "emulate"] = doc(
        "how a wheel for another platform is built: on a machine of that platform, with a cross "
        "compiler, or under emulation; `auto` takes the first that can be had",
        default="auto",
    )
    repair: str | None = doc(
        "platform tag the wheel is built for, checked against and repaired to, such as "
        "`manylinux_2_28`",
        pattern=r"(manylinux|musllinux)_[0-9]+_[0-9]+",
        form="a tag such as `manylinux_2_28` or `musllinux_1_2`",
    )
    repair_exclude: tuple[str, ...] = doc(
        "libraries that repairing leaves out of the wheel, by SONAME or pattern, such as "
        "`libcuda.so.*`",
        default=(),
        key="repair-exclude",
        pattern=r"[A-Za-z0-9_.+*?\[\]-]+",
        form="the name of a library, or a pattern such as `libcudart.so.*`",
    )
    abi3: str | None = doc(
        "oldest CPython that the stable ABI serves, such as `cp311`: the wheel must be tagged so "
        "and keep to it",
        pattern=r"cp3[0-9]{1,2}",
        form="the tag of a CPython, such as `cp311`",
    )
    resources: Mapping[str, tuple[str, ...]] = doc(
        "prebuilt files by target, relative to `source`, that go into the wheel for that target",
        factory=dict,
        keys=r"linux_(x86_64|arm64)",
        keys_form="`linux_x86_64` or `linux_arm64`",
    )
    variant: Variant | None = doc("what this build of the wheel is for, beside its platform")
    compiler_cache: Literal["none", "ccache"] = doc(
        "`ccache`, of the image, keeps what it compiled for later runs; never used for a release",
        default="none",
        key="compiler-cache",
    )
    startup_files: tuple[str, ...] = doc(
        "`.pth` and `.start` files that may stand at the root of the wheel",
        default=(),
        key="startup-files",
        pattern=r"[A-Za-z0-9_.+-]+\.(pth|start)",
        form="the name of a `.pth` or `.start` file",
    )
    sbom: Literal["auto", "none"] = doc(
        "bill of what was linked or put into the wheel from elsewhere, in its `.dist-info` "
        "(PEP 770); `auto` adds one where there is something to tell",
        default="auto",
    )


@dataclass(frozen=True, kw_only=True)
class TestStage(ContainerStage):
    """Installs the wheel it needs with locked test requirements in a clean image, then tests it."""

    run: tuple[str, ...] = doc(
        "shell commands, run in order in the directory of `source` below `/src`",
        required=True,
        lines=True,
    )
    groups: tuple[str, ...] = doc("dependency groups (PEP 735) of `source`", default=(), **WORD)
    extras: tuple[str, ...] = doc("extras of the wheel", default=(), **WORD)
    requires: tuple[str, ...] = doc("further requirements (PEP 508)", default=(), **REQUIREMENT)


@dataclass(frozen=True, kw_only=True)
class CommandStage(ContainerStage):
    """Runs any commands and keeps the files it declares."""

    run: tuple[str, ...] = doc(
        "shell commands, run in order in the directory of `source` below `/src`; needed unless a "
        "`dockerfile` has its own",
        default=(),
        lines=True,
    )
    outputs: tuple[str, ...] = doc(
        "paths or globs that are its output, relative to where it runs; a file put in `/out` "
        "always is",
        default=(),
    )
    requires: tuple[str, ...] = doc(
        "Python requirements (PEP 508) in `/env`", default=(), **REQUIREMENT
    )


@dataclass(frozen=True, kw_only=True)
class ImageStage(ContainerStage):
    """Makes an image: its `image`, and one layer on top.

    The layer holds `/env`, a virtual environment of the wheels it needs with their locked runtime
    dependencies, and whatever `run` puts below `/out`, which stands for the layer's root. The
    output is one OCI archive that Docker loads. `env` counts in the steps and in the image.
    """

    run: tuple[str, ...] = doc(
        "shell commands, run in order in the directory of `source` below `/src`; what they put "
        "below `/out` is in the image",
        default=(),
        lines=True,
    )
    extras: tuple[str, ...] = doc("extras of the wheels", default=(), **WORD)
    requires: tuple[str, ...] = doc(
        "further requirements (PEP 508) in `/env`", default=(), **REQUIREMENT
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
    labels: Mapping[str, str] = doc("labels of the image", factory=dict, **ANNOTATIONS)
    annotations: Mapping[str, str] = doc(
        "annotations of its manifest, beside those that are always there",
        factory=dict,
        **ANNOTATIONS,
    )


@dataclass(frozen=True, kw_only=True)
class ChangelogStage(Stage):
    """Drafts the notes of the coming release from the news fragments, with towncrier."""


@dataclass(frozen=True, kw_only=True)
class PublishStage(Stage):
    """Uploads what it needs to an index, and reads it back; in a draft, says what one would say.

    Sdists and wheels go to an index, an image, which may be for several platforms, to a registry.
    """

    index: str = doc("repository name in twine's configuration", default="pypi", **WORD)
    index_url: str | None = doc(
        "address of the Simple API of `index`, where what it has is read; known for `pypi`",
        key="index-url",
        pattern=r"https?://[^\s@]+",
        form="an address such as `https://index.example/simple/`, without a password",
    )
    registry: str | None = doc(
        "where an image it needs goes, as `HOST/REPOSITORY`; the tag is the version",
        pattern=r"(localhost|[A-Za-z0-9-]*[.:\[][A-Za-z0-9.:\]-]*)(/[a-z0-9][a-z0-9._-]*)+",
        form="a place such as `registry.example/team/app`, without a tag",
    )


@dataclass(frozen=True, kw_only=True)
class ReleaseStage(Stage):
    """Cuts the release; in a draft, says which commit and tag would be made."""

    tag_lists: Literal["files", "none"] = doc(
        "`files` lists in the tag's message the sha256 of all that is published by stages which "
        "this one needs; nothing else is then published, unless `--untagged` says so",
        key="tag-lists",
        default="files",
    )


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


class Use(enum.Enum):
    """How a stage that runs in an image uses what another one made, in words."""

    BUILT = "is built"
    INSTALLED = "is installed into `/env`"
    PLACED = "is put among the sources, where `generated` says"
    SHOWN = "lies in `/needs/STAGE`"


_ANY = (SdistStage, WheelStage, TestStage, CommandStage, ImageStage)

USES: Mapping[type[Stage], Mapping[type[Stage], Use]] = {
    SdistStage: {CommandStage: Use.PLACED},
    WheelStage: {SdistStage: Use.BUILT, CommandStage: Use.PLACED},
    TestStage: {**dict.fromkeys(_ANY, Use.SHOWN), WheelStage: Use.INSTALLED},
    CommandStage: dict.fromkeys(_ANY, Use.SHOWN),
    ImageStage: {**dict.fromkeys(_ANY, Use.SHOWN), WheelStage: Use.INSTALLED},
}
"""For each kind that runs in an image, what it does with which kinds; it cannot need any other.

The other kinds run on the host and may wait for every stage.
"""


def kind_of(stage: type[Stage]) -> str:
    """Return the word after ``kind:`` that declares stages of a class."""
    return next(word for word, declared in KINDS.items() if declared is stage)
