"""One base image for all engines, assembled by the product from a committed lock."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.engines.docker import DockerEngine
from pipeline.engines.protocol import BuildRequest, ImageContext, Limits, TreeContext
from pipeline.engines.sandbox import SandboxEngine
from pipeline.images.assemble import assemble, tree_image
from pipeline.lock.file import load
from pipeline.locking.fetch import fetch, platform_files
from pipeline.locking.settings import Settings
from pipeline.platforms import native_platform
from pipeline.store.store import Store
from tests.engines.conformance.spec import EPOCH
from tests.engines.conformance.surroundings import make

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.engines.protocol import BuildResult, Engine
    from tests.engines.conformance.spec import Case

LOCK = Path(__file__).parents[3] / "examples" / "pure" / "pipeline.lock"
IMAGE, SUITE = "python", "bookworm"
KEPT = "PIPELINE_TEST_CACHE"
"""Names a store to keep between sessions, so that packages are fetched once."""


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    kept = os.environ.get(KEPT)
    with Store.open(Path(kept) if kept else tmp_path_factory.mktemp("conformance") / "s") as opened:
        yield opened


@pytest.fixture(scope="session")
def base(shared_store: Store) -> ImageContext:
    lock = load(LOCK)
    platform = native_platform()
    if platform not in lock.images[IMAGE].platforms:
        pytest.skip(f"the example's image is not locked for {platform}")
    files = platform_files(lock.images[IMAGE].platforms[platform])
    fetch(files, shared_store, Settings.gather(os.environ, suites=(SUITE,)))
    return assemble(IMAGE, lock, platform, shared_store)


@dataclass(frozen=True)
class Bench:
    """Builds cases with one engine. ``printed`` is what their steps said."""

    engine: Engine
    base: ImageContext
    room: Path
    printed: bytearray
    store: Store

    def build(self, case: Case) -> BuildResult:
        """Make the case's surroundings and build it."""
        contexts = {"context": case.context, **case.contexts}
        places = {name: make(self.room / name, items) for name, items in contexts.items()}
        trees = {name: self._tree(name, place) for name, place in places.items()}
        secrets = {name: self.room / f"secret-{name}" for name in case.secrets}
        for name, path in secrets.items():
            path.write_text(case.secrets[name], encoding="utf-8")
        request = BuildRequest(
            # A cache mount outlives a session, so that each run needs one of its own.
            dockerfile=case.dockerfile.replace("{unique}", os.urandom(8).hex()),
            contexts={"base": self.base, **trees},
            platform=self.base.platform,
            network=case.network,
            epoch=EPOCH,
            arguments=case.arguments,
            limits=Limits(seconds=120),
            label="case",
            secrets=secrets,
        )
        return self.engine.build(request, self.printed.extend)

    def _tree(self, name: str, place: Path) -> TreeContext:
        def image(platform: str) -> ImageContext:
            return tree_image(place, platform, self.store)

        return TreeContext(digest=name, path=place, image=image)


@pytest.fixture(
    params=[
        pytest.param("sandbox", marks=pytest.mark.sandbox),
        pytest.param("docker", marks=pytest.mark.docker),
    ]
)
def bench(
    request: pytest.FixtureRequest, shared_store: Store, base: ImageContext, tmp_path: Path
) -> Bench:
    engines: dict[str, Engine] = {
        "sandbox": SandboxEngine(shared_store),
        "docker": DockerEngine(shared_store, fresh=True),
    }
    return Bench(engines[request.param], base, tmp_path, bytearray(), shared_store)
