"""``pipeline dev``: a shell or a command in a stage's image, the checkout's packages editable."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.cli.parser import COMMAND, add_network
from pipeline.dev import inputs, lacking, sandboxed, shells
from pipeline.dev.place import Repository, find
from pipeline.errors import EngineUnavailableError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pipeline.cli.session import Session
    from pipeline.dev.container import Extras
    from pipeline.dev.devcontainer import Options
    from pipeline.dev.place import Place

EXAMPLES = (
    ("pipeline dev", "a shell where the tests run"),
    ("pipeline dev wheel -- python -m build", "one command and its exit code"),
    ("pipeline dev --package web", "with another package mounted"),
    ("pipeline dev --publish 8000:80", "in a container, with an open port"),
    ("pipeline dev --at test", "stand in the step that fails"),
    ("pipeline dev --init", "write .devcontainer/devcontainer.json"),
)
DOCKER_ONLY = {
    "publish": ", or `--network host`, where every port inside is one of this machine",
    "gpus": "",
    "name": "",
}
"""Flags that the sandbox has nothing for, with what it has in their place."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "stage", nargs="?", metavar="STAGE", help="a stage or cell (default: the first test stage)"
    )
    parser.add_argument(
        COMMAND, nargs="*", metavar="-- COMMAND", help="a program to run in place of a shell"
    )
    parser.add_argument(
        "--package",
        action="append",
        default=[],
        metavar="NAME",
        help="mount this package of the repository, with those it depends on (default: the "
        "sources of the stage); may be repeated",
    )
    parser.add_argument(
        "--network", choices=("none", "host"), default="none", help="the network (default: none)"
    )
    parser.add_argument(
        "--publish",
        action="append",
        default=[],
        metavar="HOST:INNER",
        help="Docker: open a port of the container on this machine, which gives it a network; "
        "may be repeated",
    )
    parser.add_argument(
        "--gpus", metavar="WHICH", help="Docker: `all` GPUs, a number of them, or `device=0,1`"
    )
    parser.add_argument("--name", metavar="NAME", help="Docker: what to call the container")
    parser.add_argument(
        "--at", action="store_true", help="run STAGE up to the step that fails, for a shell there"
    )
    parser.add_argument(
        "--init", action="store_true", help="write .devcontainer/devcontainer.json for STAGE"
    )
    parser.add_argument("--force", action="store_true", help="init: write over a foreign file")
    parser.add_argument(
        "--load", action="store_true", help="give Docker the image of STAGE, and run nothing"
    )
    parser.add_argument("--engine", choices=("auto", "sandbox", "docker"), help="what isolates it")
    add_network(parser)


def run(arguments: argparse.Namespace, session: Session) -> int:
    """Put the caller in the stage's place; the exit status is that of what ran there."""
    words = getattr(arguments, COMMAND)
    _check(arguments, words)
    if arguments.at:
        from pipeline.cli import dev_at  # noqa: PLC0415 - a shell elsewhere does without

        return dev_at.run(session, arguments.stage)
    if arguments.init:
        return _init(arguments, session)
    place = find(_repository(session), arguments.stage, arguments.package)
    if arguments.load:
        return _load(arguments, session, place)
    asked = shells.asked(words, arguments.network, session.environ, name=place.cell.name)
    engine = _engine(arguments, session)
    for port in _extras(arguments).ports if engine == "docker" else ():
        port.require_free()  # before anything is fetched, sent or started
    _warn(place, arguments.package, session)
    means = _means(session)
    inputs.fetch(place, means)
    if not words:
        session.console.info(_description(place))
    if engine == "docker":
        return _in_container(arguments, session, place, asked, means)
    try:
        made = inputs.make(place, means)
        return sandboxed.run(place, made, asked, session.root, session.store)
    except EngineUnavailableError as error:
        if engine == "sandbox":
            raise
        session.console.info(f"working in Docker: {error}")
        return _in_container(arguments, session, place, asked, means)


def _warn(place: Place, named: Sequence[str], session: Session) -> None:
    for words in lacking.warnings(place, _repository(session), named):
        session.console.warning(words)


def _repository(session: Session) -> Repository:
    pipeline, name = session.pipeline, (session.arguments.stage or "").partition("[")[0]
    known = name in pipeline.stages
    lock = session.use_lock(stages=[name]) if known else session.lock
    return Repository(pipeline=pipeline, lock=lock, checkout=session.checkout)


def _means(session: Session) -> inputs.Means:
    return inputs.Means(
        pipeline=session.pipeline,
        lock=session.lock,
        store=session.store,
        settings=session.settings,
        engine=inputs.Later(session.engine),
        console=session.console,
    )


def _check(arguments: argparse.Namespace, words: list[str]) -> None:
    """Refuse flags that do not go together."""
    modes = [name for name in ("at", "init", "load") if getattr(arguments, name)]
    if len(modes) > 1 or (modes and words):
        other = f"`--{modes[1]}`" if len(modes) > 1 else "a command"
        raise UsageError(f"`--{modes[0]}` and {other} do not go together")
    if arguments.force and not arguments.init:
        raise UsageError("`--force` is for `--init`, which writes a file")


def _description(place: Place) -> str:
    names = ", ".join(package.name for package in place.packages) or "no package"
    also = f" (and {place.also} more cells)" if place.also else ""
    return f"`{place.cell.name}`{also} in image `{place.image}`, from the checkout: {names}"


def _engine(arguments: argparse.Namespace, session: Session) -> str:
    """Return the engine that is asked for; what only Docker has asks for Docker. UsageError."""
    engine, _ = session.engine_choice
    needed = [name for name in DOCKER_ONLY if getattr(arguments, name)]
    if engine == "buildkit":
        raise UsageError(
            "a remote builder gives no shell", hint="take `--engine sandbox` or `--engine docker`"
        )
    if engine == "sandbox" and needed:
        raise UsageError(
            f"the sandbox has no `--{needed[0]}`",
            hint="take `--engine docker`" + DOCKER_ONLY[needed[0]],
        )
    return "docker" if needed else engine


def _in_container(
    arguments: argparse.Namespace,
    session: Session,
    place: Place,
    asked: shells.Asked,
    means: inputs.Means,
) -> int:
    from pipeline.dev import container  # noqa: PLC0415 - as above

    return container.run(place, means, asked, _extras(arguments), session.environ)


def _extras(arguments: argparse.Namespace) -> Extras:
    from pipeline.dev.container import Extras  # noqa: PLC0415 - as above
    from pipeline.dev.gpus import Gpus  # noqa: PLC0415 - as above
    from pipeline.dev.ports import parse_all  # noqa: PLC0415 - as above

    ports = parse_all(arguments.publish)
    if ports and arguments.network == "host":
        raise UsageError("with `--network host` every port is open, so `--publish` has no effect")
    gpus = Gpus.parse(arguments.gpus) if arguments.gpus is not None else None
    return Extras(name=arguments.name or "", ports=ports, gpus=gpus)


def _load(arguments: argparse.Namespace, session: Session, place: Place) -> int:
    """Give Docker the image; what is printed is its name."""
    from pipeline.dev import container, image  # noqa: PLC0415 - as above

    _warn(place, arguments.package, session)
    means = _means(session)
    inputs.fetch(place, means)
    sent = container.load(place, means, session.environ)
    name = image.name(place)
    print(json.dumps({"image": name, "loaded": sent}, indent=2) if arguments.json else name)
    return 0


def _init(arguments: argparse.Namespace, session: Session) -> int:
    """Write the file of dev containers, unless a foreign one stands there.

    Without a word of what it is to be for, it is written for what it was for before.
    """
    from pipeline.dev import devcontainer  # noqa: PLC0415 - as above
    from pipeline.files import atomic_write  # noqa: PLC0415 - as above

    found, ours = devcontainer.read(session.root)
    if found is not None and ours is None and not arguments.force:
        raise UsageError(
            f"`{devcontainer.FILE}` is there and was not written by `pipeline dev --init`, "
            "so it is kept",
            hint="move it away, or write over it with `--force`",
        )
    says = arguments.stage or arguments.package or arguments.network != "none"
    says = says or any(getattr(arguments, name) for name in DOCKER_ONLY)
    options = _options(arguments, session) if says or ours is None else ours
    place = find(_repository(session), options.stage, options.packages)
    _warn(place, options.packages, session)
    text = devcontainer.text(place, options, session.root)
    if found != text:
        (session.root / devcontainer.FILE).parent.mkdir(exist_ok=True)
        atomic_write(session.root / devcontainer.FILE, text.encode())
    document = {"file": devcontainer.FILE, "written": found != text}
    words = f"wrote {devcontainer.FILE}" if found != text else f"{devcontainer.FILE} is as it was"
    print(json.dumps(document, indent=2) if arguments.json else words)
    return 0


def _options(arguments: argparse.Namespace, session: Session) -> Options:
    """Return what the file is asked to be for."""
    from pipeline.dev import container, devcontainer  # noqa: PLC0415 - as above

    extras = _extras(arguments)
    if extras.name:
        raise UsageError("`--name` has no effect with `--init`: the editor names its containers")
    flags = [f"--network={container.network(arguments.network, extras)}"]
    flags += [f"--publish={port}" for port in extras.ports]
    flags += [extras.gpus.flag] if extras.gpus else []
    place = find(_repository(session), arguments.stage, arguments.package)
    return devcontainer.Options(
        stage=place.cell.name, packages=tuple(arguments.package), flags=tuple(flags)
    )
