"""A root file system of a few programs of the machine, and what every build needs."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.engines.protocol import (
    BuildRequest,
    BuildResult,
    Context,
    ImageContext,
    Limits,
    TreeContext,
)
from pipeline.engines.sandbox import SandboxEngine
from pipeline.images.layer import measure
from pipeline.images.oci import OciImage, made_layer
from pipeline.platforms import Target
from pipeline.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.engines.protocol import Engine

PROGRAMS = ("sh", "cat", "chmod", "cp", "env", "ln", "ls", "mkdir", "mv", "rm", "sleep", "stat")
USERS = "root:x:0:0:root:/root:/bin/sh\n"
EPOCH = 1_600_000_000


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a shell and a few tools, and the libraries they need."""
    root = tmp_path_factory.mktemp("tiny")
    (root / "bin").mkdir()
    for name in PROGRAMS:
        program = shutil.which(name)
        assert program, f"the tests need `{name}`"
        shutil.copy(Path(program).resolve(), root / "bin" / name)
        found = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
        for library in re.findall(r"(/\S+) \(0x", found.stdout):
            target = root / library.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(library).resolve(), target)
    for name in ("etc", "root", "tmp"):
        (root / name).mkdir()
    (root / "etc" / "passwd").write_text(USERS)
    (root / "tmp").chmod(0o1777)
    return root


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give a store of the test's own."""
    with Store.open(tmp_path / "store") as opened:
        yield opened


class Workshop:
    """Builds Dockerfiles with the sandbox engine, from trees given as texts by path."""

    def __init__(self, store: Store, base: Path, tmp_path: Path) -> None:
        self.store = store
        self.platform = Target.native().platform
        self.engine: Engine = SandboxEngine(store)
        self.output = b""
        self._directory = tmp_path
        self.contexts: dict[str, Context] = {
            "base": ImageContext(
                digest="0" * 64,
                platform=self.platform,
                layers=(base,),
                env=(("FROM_IMAGE", "yes"),),
            )
        }

    def tree(self, name: str, files: Mapping[str, str]) -> Path:
        """Make a context of files and return its directory."""
        directory = self._directory / f"context-{name}"
        for path, text in files.items():
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        directory.mkdir(exist_ok=True)
        self.contexts[name] = TreeContext(digest=name.ljust(64, "0"), path=directory)
        return directory

    def request(
        self,
        dockerfile: str,
        *,
        limits: Limits | None = None,
        secrets: Mapping[str, Path] | None = None,
    ) -> BuildRequest:
        """Return the request for a Dockerfile with all contexts so far."""
        return BuildRequest(
            dockerfile=dockerfile,
            contexts=self.contexts,
            platform=self.platform,
            epoch=EPOCH,
            limits=limits or Limits(seconds=60),
            label="test[cell]",
            secrets=secrets or {},
        )

    def collect(self, data: bytes) -> None:
        """Take the output of a build."""
        self.output += data

    def build(
        self,
        dockerfile: str,
        *,
        limits: Limits | None = None,
        secrets: Mapping[str, Path] | None = None,
    ) -> BuildResult:
        """Build a Dockerfile."""
        self.output = b""
        request = self.request(dockerfile, limits=limits, secrets=secrets)
        return self.engine.build(request, self.collect)

    def files(self, dockerfile: str) -> dict[str, str]:
        """Build a Dockerfile and return what came out: texts, and ``-> target`` for links."""
        found: dict[str, str] = {}
        for entry in self.build(dockerfile).output.entries:
            if entry.kind == "link":
                found[entry.path] = f"-> {entry.target}"
            elif entry.kind == "dir":
                found[entry.path] = "(empty)"
            else:
                found[entry.path] = self.store.read_blob(entry.digest).decode()
        return found


@pytest.fixture(scope="session")
def tiny_image(tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> ImageContext:
    """Return the tiny root as an image that Docker can read as well."""
    part = made_layer(tiny_root, measure(tiny_root)[0], "programs of this machine")
    image = OciImage(
        platform=Target.native().platform, layers=(part,), env=(("FROM_IMAGE", "yes"),)
    )
    layout = tmp_path_factory.mktemp("image") / "layout"
    image.write_layout(layout)
    return ImageContext(
        digest=image.digest,
        platform=image.platform,
        layers=(tiny_root,),
        env=image.env,
        layout=lambda: layout,
    )


@pytest.fixture
def workshop(store: Store, tiny_root: Path, tmp_path: Path) -> Workshop:
    """Return a workshop with the tiny root as the image ``base``."""
    return Workshop(store, tiny_root, tmp_path)
