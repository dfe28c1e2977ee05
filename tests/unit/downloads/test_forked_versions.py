"""A fork's version gets a local part where its backend reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.downloads.forking import give_local_version
from pipeline.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

STATIC = """[build-system]
version = "not this one"
[project]
name = "thing"
dependencies = [
  "version = '9'",
]
version = "1.2"
[tool.other]
version = "nor this one"
"""
DYNAMIC = '[project]\nname = "my-thing"\ndynamic = ["version"]\n'
FLIT = f'[build-system]\nbuild-backend = "flit_core.buildapi"\n{DYNAMIC}'


@pytest.mark.parametrize(
    ("files", "changed", "text"),
    [
        (
            {"pyproject.toml": STATIC},
            "pyproject.toml",
            STATIC.replace('"1.2"', '"1.2+acme1"'),
        ),
        (
            {
                "pyproject.toml": f'{DYNAMIC}[tool.hatch.version]\npath = "a/about.py"\n',
                "a/about.py": "x = 1\n__version__ = '1.2'\n",
            },
            "a/about.py",
            "x = 1\n__version__ = '1.2+acme1'\n",
        ),
        (
            {
                "pyproject.toml": f'{DYNAMIC}[tool.hatch.version]\npath = "VERSION"\n'
                "pattern = '(?P<version>.+)'\n",
                "VERSION": "1.2\n",
            },
            "VERSION",
            "1.2+acme1\n",
        ),
        (
            {
                "pyproject.toml": f"{DYNAMIC}[tool.setuptools.dynamic]\n"
                'version = {file = "VERSION"}\n',
                "VERSION": "1.2\n",
            },
            "VERSION",
            "1.2+acme1\n",
        ),
        (
            {
                "pyproject.toml": f"{DYNAMIC}[tool.setuptools.dynamic]\n"
                'version = {attr = "my_thing.__version__"}\n',
                "src/my_thing/__init__.py": '__version__ = "1.2"\n',
            },
            "src/my_thing/__init__.py",
            '__version__ = "1.2+acme1"\n',
        ),
        (
            {"setup.cfg": "[metadata]\nname = thing\nversion = 1.2\n"},
            "setup.cfg",
            "[metadata]\nname = thing\nversion = 1.2+acme1\n",
        ),
        (
            {"pyproject.toml": FLIT, "my_thing.py": '"""Doc."""\n__version__ = "1.2"\n'},
            "my_thing.py",
            '"""Doc."""\n__version__ = "1.2+acme1"\n',
        ),
    ],
)
def test_the_version_is_changed_where_it_stands(
    files: dict[str, str], changed: str, text: str, tmp_path: Path
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert give_local_version(tmp_path, "acme1") == "1.2+acme1"
    assert (tmp_path / changed).read_text() == text
    assert all((tmp_path / n).read_text() == c for n, c in files.items() if n != changed)


def test_a_fork_of_a_fork_has_one_local_part(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2+other"\n')
    assert give_local_version(tmp_path, "acme.2") == "1.2+acme.2"


def test_a_computed_version_is_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f'{DYNAMIC}[tool.hatch.version]\nsource = "vcs"\n')
    with pytest.raises(ConfigError) as caught:
        give_local_version(tmp_path, "acme1")
    assert "pipeline cache add FILE" in caught.value.hint


@pytest.mark.parametrize("label", ["", "Acme", "a-b", "a..b", "+a"])
def test_a_label_that_is_no_local_part_is_refused(label: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        give_local_version(tmp_path, label)
