"""What a wheel's step compiles with is there for a person as well."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline.dev.compilers import Additions, Tools
from pipeline.engines.protocol import ImageContext
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def image(layer: Path) -> ImageContext:
    return ImageContext(digest="0" * 64, platform="linux/amd64", layers=(layer,))


def zig(interpreter: str = "") -> Tools:
    return Tools(texts=(), variables={}, zig=True, python="3.11", interpreter=interpreter)


@pytest.mark.parametrize(
    ("place", "interpreter"),
    [
        ("/usr/local/lib/python3.11/dist-packages/ziglang", ""),
        ("/opt/python/lib/python3.11/site-packages/ziglang", "/opt/python/bin/python3.11"),
    ],
)
def test_zig_is_linked_from_where_the_image_has_it(
    tmp_path: Path, place: str, interpreter: str
) -> None:
    (tmp_path / place.lstrip("/")).mkdir(parents=True)
    assert list(zig(interpreter).links(image(tmp_path))) == [("toolchain/ziglang", place)]


def test_an_image_that_lost_its_zig_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no `ziglang`"):
        list(zig().links(image(tmp_path)))


def test_programs_can_be_run_and_links_lead_where_they_say(tmp_path: Path) -> None:
    added = Additions(
        files={"cross/bin/cc": "#!/bin/sh\n", "cross/note": "text"}, links={"a/b": "/elsewhere"}
    )
    added.write(tmp_path)
    assert os.access(tmp_path / "cross/bin/cc", os.X_OK)
    assert not (tmp_path / "cross/note").stat().st_mode & 0o111
    assert (tmp_path / "a/b").readlink().as_posix() == "/elsewhere"
    assert added.digest != Additions(files=added.files, links={}).digest
