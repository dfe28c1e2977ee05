"""`load`: everything a repository declares, as one frozen value, or every mistake in it at once.

Reads ``pipeline.yaml`` and ``images/*.yaml`` and nothing else; the checks look at which files of
the repository exist. No network, no clock, no environment.
"""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, cast

from pipeline.config.check import check
from pipeline.config.decode import Decoder
from pipeline.config.fields import NAME, NAME_FORM, Location
from pipeline.config.model import Image, Pipeline
from pipeline.config.paths import leads_out
from pipeline.config.problems import Problems
from pipeline.config.shapes import block
from pipeline.config.yaml import MAX_BYTES, compose, read_text
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config.nodes import Node

FILE = "pipeline.yaml"
IMAGES = "images"


def load(root: Path) -> Pipeline:
    """Return what the repository at ``root`` declares.

    Raises ConfigError with ``file:line:column`` of the first mistake; the others, at most twenty,
    are its ``detail``.
    """
    problems = Problems()
    decoder = Decoder(problems)
    pipeline = _pipeline(root, decoder)
    images = _images(root, decoder)
    problems.refuse()
    # What could not be decoded was refused in the line above.
    whole = dataclasses.replace(
        cast("Pipeline", pipeline),
        images=cast("dict[str, Image]", images),
        origins=decoder.origins,
    )
    check(whole, problems)
    problems.refuse()
    return whole


def _pipeline(root: Path, decoder: Decoder) -> object:
    if not os.path.lexists(root / FILE):
        raise ConfigError(
            f"cannot find `{FILE}` in `{root}`, so nothing is declared here",
            where=FILE,
            hint="go to the top of the repository, or name it with `pipeline -C DIR VERB`",
        )
    if (node := _read(root, FILE, decoder.problems)) is None:
        return None
    return decoder.file(node, block(Pipeline), (), root=root)


def _images(root: Path, decoder: Decoder) -> dict[str, object]:
    images = {}
    for file in _image_files(root):
        name = file.removeprefix(f"{IMAGES}/").removesuffix(".yaml")
        start = Location(file=file, line=1, column=1)
        if file.endswith(".yml"):
            message = f"`{file}` is not read, since an image is declared in a `.yaml` file"
            decoder.problems.add(start, message, f"rename it to `{file.removesuffix('.yml')}.yaml`")
        elif not NAME.fullmatch(name):
            message = f"`{name}` cannot be the name of an image"
            decoder.problems.add(start, message, f"a name is made of {NAME_FORM}")
        elif (node := _read(root, file, decoder.problems)) is not None:
            images[name] = decoder.file(node, block(Image), ("images", name), name=name)
    return images


def _image_files(root: Path) -> list[str]:
    try:
        names = os.listdir(root / IMAGES)
    except FileNotFoundError:
        return []
    except OSError as error:
        message = f"the directory `{IMAGES}` cannot be read: {error.strerror}"
        raise ConfigError(message, where=IMAGES) from error
    return [f"{IMAGES}/{name}" for name in sorted(names) if name.endswith((".yaml", ".yml"))]


def _read(root: Path, file: str, problems: Problems) -> Node | None:
    """Return the tree of a file of the repository; None with the problem noted."""
    path = root / file
    if leads_out(root, file):
        start = Location(file=file, line=1, column=1)
        problems.add(start, f"`{file}` is a link that leads out of the repository")
        return None
    if not path.is_file():
        raise ConfigError(f"`{file}` is not a file", where=file)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"`{file}` cannot be read: {error.strerror}"
        raise ConfigError(message, where=file) from error
    text = read_text(data, file, problems)
    return None if text is None else compose(text, file, problems)
