"""``pipeline cache add --fork``: an sdist and a wheel of a fork, built as any stage builds them.

The fork is copied below a small project of its own, which has the images of this one and two
stages, and is locked and run like any other: in the sandbox, without network.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.checkout import git
from pipeline.checkout.inputs import Checkout
from pipeline.config.load import load
from pipeline.config.stages import ContainerStage
from pipeline.downloads.forking import give_local_version
from pipeline.downloads.names import release_of
from pipeline.errors import UsageError, VerificationError
from pipeline.execute.artifacts import copy_to
from pipeline.execute.hooks import Asker
from pipeline.execute.logs import Turns
from pipeline.execute.means import Means
from pipeline.execute.run import execute
from pipeline.lock.file import FILE
from pipeline.lock.file import load as load_lock
from pipeline.locking.resolve import resolve
from pipeline.process import check
from pipeline.stages.planner import plan
from pipeline.store.stat import StatCache

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from pipeline.cli.session import Session

SOURCE = "fork"


def build(arguments: argparse.Namespace, session: Session, scratch: Path) -> list[Path]:
    """Build the fork below ``scratch`` and return its sdist and its wheel.

    The wheel is for this machine's platform where it is not for all. Raises UsageError,
    ConfigError, StageFailedError, and what locking raises.
    """
    fork = Path(arguments.fork).absolute()
    if not fork.is_dir():
        raise UsageError(f"there is no directory `{arguments.fork}` with a fork")
    if not arguments.local:
        raise UsageError(
            "a fork needs a version that tells it from its origin",
            hint=f"for instance `pipeline cache add --fork {arguments.fork} --local acme1`",
        )
    root = scratch / "project"
    _lay_out(fork, root, session, _image(arguments.image, session))
    version = give_local_version(root / SOURCE, arguments.local)
    check(["git", "init", "--quiet", "."], env=git.environment(), cwd=root)
    check(["git", "add", "--force", "."], env=git.environment(), cwd=root)
    made = _run(root, session, scratch)
    paths = [Path(path) for path in made.values()]
    for path in paths:
        found = release_of(path.name)
        if found is None or found[1] != version:
            raise VerificationError(
                f"the fork was built as `{path.name}`, although its version was set to {version}",
                hint="its backend reads the version somewhere else: write it into `[project]`",
            )
    return sorted(paths)


def _image(asked: str | None, session: Session) -> str:
    images = session.pipeline.images
    stages = session.pipeline.stages.values()
    declared = (stage.image for stage in stages if isinstance(stage, ContainerStage))
    name = asked or next((image for image in declared if image in images), "")
    if name not in images:
        raise UsageError(
            f"there is no image `{name}`", hint=f"the images are {', '.join(sorted(images))}"
        )
    return name


def _lay_out(fork: Path, root: Path, session: Session, image: str) -> None:
    """Write the small project: the fork's files, the images and two stages."""
    for name in git.input_files(fork):
        target = root / SOURCE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(fork / name, target, follow_symlinks=False)
    shutil.copytree(session.root / "images", root / "images")
    for one in session.pipeline.images.values():
        if archive := one.origin.archive:
            (root / archive).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(session.root / archive, root / archive)
    common = {"image": image, "source": SOURCE}
    stages = {
        "sdist": {"kind": "sdist", **common},
        "wheel": {"kind": "wheel", "needs": ["sdist"], **common},
    }
    (root / "pipeline.yaml").write_text(json.dumps({"version": 1, "stages": stages}))


def _run(root: Path, session: Session, scratch: Path) -> Mapping[str, str]:
    pipeline, engine = load(root), session.engine()
    checkout = Checkout(root, StatCache(scratch / "stat.json"))
    turns = Turns(session.console.speaker(quiet=False))
    known = session.root / FILE
    previous = load_lock(known) if known.exists() else None
    resolution = resolve(
        pipeline,
        previous,
        session.settings,
        store=session.store,
        run_step=Asker(engine=engine, store=session.store, checkout=checkout, turns=turns),
        epoch=previous.epoch if previous else int(time.time()),
        say=session.console.info,
    )
    lock = resolution.whole()
    means = Means(
        root=root,
        pipeline=pipeline,
        lock=lock,
        store=session.store,
        settings=session.settings,
        engine=engine,
        console=session.console,
        turns=turns,
    )
    report = execute(plan(pipeline, lock, checkout, ()), means, session.options())
    if report.failures:
        raise report.failures[0]
    return copy_to(scratch / "dist", report.artifacts)
