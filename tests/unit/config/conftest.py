"""A repository to declare things in, and a way to see how a declaration is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.config.load import load
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.config.model import Pipeline

SAMPLES = Path(__file__).parent / "samples"


class Repository:
    """A directory with declarations, changed and loaded again at will."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(SAMPLES, root, dirs_exist_ok=True)
        self.write("pyproject.toml", "[project]\nname = 'a'\n")

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file below the root."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def load(self, text: str = "") -> Pipeline:
        """Load the declarations, with ``text`` as pipeline.yaml."""
        if text:
            self.write("pipeline.yaml", text)
        return load(self.root)

    def refused(self, text: str | bytes = "", *, image: str | bytes = "") -> ConfigError:
        """Return the error that a pipeline.yaml or an images/python.yaml is refused with."""
        if text:
            self.write("pipeline.yaml", text)
        if image:
            self.write("images/python.yaml", image)
        with pytest.raises(ConfigError) as caught:
            load(self.root)
        assert caught.value.exit_code == 2
        return caught.value


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)
