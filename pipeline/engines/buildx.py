"""The command line of ``docker buildx build`` for a request, and the files it reads.

Making it is apart from running it (`pipeline.engines.solving`), so that it can be tested without
Docker.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.dockerfile.summary import MAIN
from pipeline.engines.commands import EPOCH
from pipeline.engines.ignoring import has_ignore
from pipeline.engines.protocol import ImageContext, TreeContext
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pipeline.engines.protocol import BuildRequest, Context

TAG = "locked"
"""buildx 0.33 finds no image in a layout by its digest alone; with a digest any tag will do."""

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
"""Docker hands those of its configuration to every step, unless they are given, be it as empty."""

_DROPPED = frozenset(
    (
        EPOCH,
        "BUILDX_BUILDER",
        "BUILDX_GIT_LABELS",
        "BUILDKIT_PROGRESS",
        "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY",
    )
)
_SET = {
    "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
    "BUILDX_METADATA_PROVENANCE": "disabled",
    "BUILDX_GIT_INFO": "false",
    "DOCKER_CLI_HINTS": "false",
}


@dataclass(frozen=True, kw_only=True)
class Builder:
    """A builder by buildx's name; ``context`` is the context of the Docker command line."""

    name: str
    context: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """How a ``docker buildx`` command for it begins."""
        return ("docker", *(("--context", self.context) if self.context else ()), "buildx")


@dataclass(frozen=True, kw_only=True)
class Room:
    """Where the files of one build lie; a directory of the build's own."""

    path: Path
    token: str = field(default_factory=lambda: os.urandom(8).hex())

    @property
    def dockerfile(self) -> Path:
        """The Dockerfile."""
        return self.path / "Dockerfile"

    @property
    def main(self) -> Path:
        """The directory that is named as the build's own context.

        BuildKit keeps what it was sent under a key made of this path and a context's name, and
        when asked again sends only files whose size, mode or time changed. Ours all have the same
        time: an edit that keeps the size would go unseen. So the path is never one used before.
        """
        return self.path / f"context-{self.token}"

    @property
    def output(self) -> Path:
        """Where the files of the last stage appear."""
        return self.path / "output"

    @property
    def metadata(self) -> Path:
        """What buildx tells of a build that went well."""
        return self.path / "metadata.json"

    def furnish(self, request: BuildRequest) -> None:
        """Write the files; OSError."""
        self.dockerfile.write_text(request.dockerfile, encoding="utf-8")
        self.output.mkdir()
        match request.contexts.get(MAIN):
            case TreeContext(path=path):
                self.main.symlink_to(path)
            case _:
                self.main.mkdir()

    def node(self) -> str:
        """Return which builder and node did the work, ``BUILDER/NODE``; empty if not told."""
        try:
            found = json.loads(self.metadata.read_bytes())
        except (OSError, ValueError):
            return ""
        reference = found.get("buildx.build.ref") if isinstance(found, dict) else None
        return reference.rpartition("/")[0] if isinstance(reference, str) else ""


def command(
    request: BuildRequest,
    room: Room,
    builder: Builder,
    images: Mapping[str, str],
    *,
    fresh: bool = False,
) -> list[str]:
    """Return the command; ``images`` says where each image context lies.

    ``fresh`` takes nothing from the builder's cache.
    """
    output, metadata = _fields(type="local", dest=str(room.output)), str(room.metadata)
    words = [*builder.words, "build", "--builder", builder.name, "--progress=rawjson"]
    words += ["--platform", request.platform, "--provenance=false", "--sbom=false"]
    words += ["--output", output, "--metadata-file", metadata, "--file", str(room.dockerfile)]
    words += ["--network", request.network]
    words += ["--allow=network.host"] if _reaches_out(request) else []
    words += ["--no-cache"] if fresh else []
    for name, context in sorted(request.contexts.items()):
        if isinstance(context, ImageContext):
            words += ["--build-context", f"{name}={images[name]}"]
        elif name != MAIN:
            words += ["--build-context", f"{name}={context.path}"]
    for name, value in _arguments(request):
        words += ["--build-arg", f"{name}={value}"]
    for name, path in sorted(request.secrets.items()):
        words += ["--secret", _fields(id=name, src=str(path))]
    return [*words, str(room.main)]


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables buildx runs with: ours, but for those that would change a build."""
    return {name: value for name, value in environ.items() if name not in _DROPPED} | _SET


def whole_trees(contexts: Mapping[str, Context], platform: str) -> dict[str, Context]:
    """Return contexts with images in the place of named trees that have a ``.dockerignore``.

    BuildKit obeys such a file at the root of every directory it is sent, and no option turns that
    off (`frontend/dockerui/namedcontext.go`). In images it looks for none. ConfigError for a tree
    that cannot be had as an image.
    """
    whole = dict(contexts)
    for name, context in contexts.items():
        if name == MAIN or not isinstance(context, TreeContext) or not has_ignore(context.path):
            continue
        if context.image is None:
            raise ConfigError(
                f"the context `{name}` has a `.dockerignore`, which Docker would obey",
                hint="build with `--engine sandbox`",
            )
        whole[name] = context.image(platform)
    return whole


def layout_directory(name: str, image: ImageContext) -> Path:
    """Return the OCI layout of an image context, which is made now if needed; ConfigError."""
    if image.layout is None:
        raise ConfigError(
            f"the image `{name}` exists only as unpacked layers, and Docker needs an OCI layout",
            hint="build with `--engine sandbox`",
        )
    return image.layout()


def layout_place(name: str, image: ImageContext) -> str:
    """Return an image context as a reference into its OCI layout."""
    return f"oci-layout://{layout_directory(name, image)}:{TAG}@sha256:{image.digest}"


def _arguments(request: BuildRequest) -> Iterator[tuple[str, str]]:
    for name in PROXIES:
        if name not in request.arguments:
            yield name, ""
    yield EPOCH, str(request.epoch)
    yield from sorted(request.arguments.items())


def _reaches_out(request: BuildRequest) -> bool:
    """Whether some step may ask for the host's network: a builder may refuse to be asked."""
    return request.network == "host" or "--network=host" in request.dockerfile


def _fields(**pairs: str) -> str:
    """Return fields as buildx reads them: a line of CSV."""
    fields = (f"{name}={value}" for name, value in pairs.items())
    return ",".join(_quoted(field) for field in fields)


def _quoted(field_text: str) -> str:
    if any(character in field_text for character in ',"\n'):
        return '"' + field_text.replace('"', '""') + '"'
    return field_text
