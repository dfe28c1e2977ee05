"""What no single value shows: names that must exist, cycles, paths, things without use."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from pipeline.config.check_environments import check_environments
from pipeline.config.check_stages import check_stage
from pipeline.config.checking import Checking, KeyPath
from pipeline.config.problems import listing, quoted
from pipeline.config.shapes import block

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.config.model import Image, Pipeline
    from pipeline.config.problems import Problems


def check(pipeline: Pipeline, problems: Problems) -> None:
    """Note what is wrong between the values of a decoded pipeline.

    Looks at the repository's files where a declaration names one.
    """
    checking = Checking(pipeline=pipeline, problems=problems)
    _check_paths(checking, ("project",), pipeline.project)
    _check_tag(checking)
    for name, environment in pipeline.environments.items():
        _check_paths(checking, ("environments", name), environment)
    check_environments(checking)
    for stage in pipeline.stages.values():
        check_stage(checking, stage)
    for image in pipeline.images.values():
        _check_image(checking, image)
    needs = {name: stage.needs for name, stage in pipeline.stages.items()}
    _check_cycle(checking, "stages", needs, ("needs",))
    bases = {name: (image.origin.image,) for name, image in pipeline.images.items()}
    starts = {name: [base for base in found if base] for name, found in bases.items()}
    _check_cycle(checking, "images", starts, ("from", "image"))


def _check_paths(checking: Checking, path: KeyPath, value: object) -> None:
    """Check the fields of a block that are declared to be paths of the repository."""
    cls: type = type(value)
    for field in block(cls).fields:
        found = getattr(value, field.attribute)
        if field.path and isinstance(found, tuple):
            for index, text in enumerate(found):
                checking.inside((*path, field.key, str(index)), text)
        elif field.path and found is not None:
            checking.inside((*path, field.key), found)


_BAD_TAG = re.compile(r"[\s~^:?*\[\\{}]|\.\.|//|^[-/.]|[/.]$|\.lock$|/\.")
"""What git refuses in the name of a tag (git-check-ref-format(1)), and stray braces."""


def _check_tag(checking: Checking) -> None:
    path, tag = ("project", "tag"), checking.pipeline.project.tag
    if "{version}" not in tag:
        message = f"the pattern {quoted(tag)} gives every release the same tag"
        checking.wrong(path, message, "let it hold `{version}`, such as `v{version}`")
    elif _BAD_TAG.search(tag.replace("{version}", "1.0")):
        message = f"git would refuse a tag made from {quoted(tag)}"
        checking.wrong(path, message, "use letters, digits, `-`, `_`, `/` and `{version}`")


def _check_image(checking: Checking, image: Image) -> None:
    path = ("images", image.name)
    targets = [target.value for target in image.platforms]
    if not targets:
        message = f"image `{image.name}` is for no platform"
        checking.wrong((*path, "platforms"), message, "name one, or leave the key out")
    checking.unique((*path, "platforms"), targets)
    checking.unique((*path, "packages"), image.packages)
    images = checking.pipeline.images
    _check_paths(checking, (*path, "from"), image.origin)
    _check_packages(checking, image)
    base = image.origin.image
    if base is None or not checking.known((*path, "from", "image"), base, "image", images):
        return
    if absent := [
        target.value for target in image.platforms if target not in images[base].platforms
    ]:
        message = f"image `{image.name}` is for {listing(absent)}, which its base `{base}` is not"
        hint = f"add the platform to `images/{base}.yaml`, or take it out here"
        checking.wrong((*path, "platforms"), message, hint)


def _check_packages(checking: Checking, image: Image) -> None:
    """Refuse Debian packages where what is installed already is not known from our own lock."""
    images = checking.pipeline.images
    start, seen = image, {image.name}
    while (base := start.origin.image) and base in images and base not in seen:
        seen.add(base)
        start = images[base]
    foreign = start.origin.registry or start.origin.archive
    if image.packages and foreign:
        message = f"image `{image.name}` adds Debian packages to `{foreign}`, an image of others"
        hint = "start from `debian:`, or take an image that has the packages already"
        checking.wrong(("images", image.name, "packages"), message, hint)


def _check_cycle(
    checking: Checking, what: str, edges: Mapping[str, Iterable[str]], key: KeyPath
) -> None:
    """Note one cycle of a graph; ``key`` leads from a node to what it points to."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        # graphlib lists each node before the one that points to it.
        cycle = error.args[1][::-1]
        message = f"{what} need one another in a circle: `{' -> '.join(cycle)}`"
        hint = f"take `{cycle[1]}` out of what `{cycle[0]}` needs, or another link of the chain"
        checking.wrong((what, cycle[0], *key), message, hint)
