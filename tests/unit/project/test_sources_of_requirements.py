"""Where a project says that requirements come from is followed or refused, never passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ConfigError
from pipeline.locking.declared import require_indexes
from pipeline.locking.pip_settings import PipSettings
from pipeline.project.pyproject import read_project

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.project.pyproject import Project

WORKSPACE = '[tool.uv.workspace]\nmembers = ["packages/*"]\n'
USING = '[project]\nname = "a"\nversion = "1"\ndependencies = ["other>=1", "b[x]>=1; python_version > \'3\'"]\n'
INDEX = '[[tool.uv.index]]\nname = "inner"\nurl = "https://user:word@mirror.example/simple/"\nexplicit = true\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for name in ("a", "b"):
        (root / "packages" / name).mkdir(parents=True)
    (root / "packages/b/pyproject.toml").write_text('[project]\nname = "B"\nversion = "1"\n')
    (root / "pyproject.toml").write_text(WORKSPACE)
    return root


def read(root: Path, text: str) -> Project:
    (root / "packages/a/pyproject.toml").write_text(text)
    return read_project(root, "packages/a")


@pytest.mark.parametrize(
    "source", ["{workspace = true}", '{path = "../b"}', '{path = "../b", editable = true}', "[{workspace = true, marker = \"sys_platform == 'linux'\"}]"]
)  # fmt: skip
def test_a_source_that_is_a_project_of_the_repository_is_followed(root: Path, source: str) -> None:
    found = read(root, f"{USING}[tool.uv.sources]\nb = {source}\n")
    assert found.dependencies == ("other>=1", "b[x]>=1; python_version > '3'")


def test_the_sources_of_a_workspace_hold_for_its_members(root: Path) -> None:
    elsewhere = '[tool.uv.sources]\nb = {git = "https://host.example/b"}\n'
    (root / "pyproject.toml").write_text(WORKSPACE + elsewhere)
    with pytest.raises(ConfigError, match=r"takes `b` from `https://host\.example/b`") as refused:
        read(root, USING)
    assert refused.value.where == "pyproject.toml"
    assert read(root, f"{USING}[tool.uv.sources]\nb = {{workspace = true}}\n").name == "a"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ('{git = "https://host.example/b", tag = "v1"}', "from `https://host.example/b`, and only what an index has"),
        ('{git = "ssh://user:word@host.example/b"}', "from `host.example/b`, and only"),
        ('{url = "https://host.example/b-1.whl"}', "only what an index has can be locked"),
        ('{path = "../../../b"}', "which lies outside of the repository"),
        ('{path = "../b/b-1-py3-none-any.whl"}', "which is no project's directory"),
        ('{path = "../c"}', "which is no project's directory"),
        ('{path = "."}', "whose project is called `a`"),
    ],
)  # fmt: skip
def test_a_source_elsewhere_is_refused_by_key_and_name(root: Path, source: str, why: str) -> None:
    with pytest.raises(ConfigError, match=r"`tool\.uv\.sources` takes `b`") as refused:
        read(root, f"{USING}[tool.uv.sources]\nb = {source}\n")
    assert why in refused.value.message
    assert refused.value.where == "packages/a/pyproject.toml"
    assert "`pipeline cache add FILE`" in refused.value.hint


def test_a_member_that_is_none_is_refused(root: Path) -> None:
    with pytest.raises(ConfigError, match="no project of that name in this repository"):
        read(root, f"{USING}[tool.uv.sources]\nother = {{workspace = true}}\n")


def test_what_is_not_required_is_not_refused(root: Path) -> None:
    text = (
        f'{USING}[project.optional-dependencies]\nmore = ["thing"]\n[dependency-groups]\ntest = ["thing"]\n'
        '[tool.uv.sources]\nthing = {git = "https://host.example/t"}\nnever = {url = "https://host.example/n"}\n'
    )
    found = read(root, text)
    for ask in (found.extra_requires, found.group_requires):
        with pytest.raises(ConfigError, match="takes `thing` from"):
            ask("more" if ask == found.extra_requires else "test")


@pytest.mark.parametrize("address", ["{root:uri}/../b", "file://{place}/../b"])
def test_an_address_in_the_repository_means_the_project_there(root: Path, address: str) -> None:
    address = address.replace("{place}", str(root / "packages/a"))
    text = f'[project]\nname = "a"\nversion = "1"\ndependencies = ["b[x] @ {address} ; python_version > \'3\'"]\n'
    assert read(root, text).dependencies == ("b[x] ; python_version > '3'",)
    with pytest.raises(ConfigError, match="`c` is to come from"):
        read(root, text.replace("b[x]", "c"))


@pytest.mark.parametrize("told", ['{git = "https://host.example/b"}', '{path = "../../.."}'])
def test_what_poetry_takes_from_elsewhere_is_refused_where_it_is_asked_for(
    root: Path, told: str
) -> None:
    text = f'[build-system]\nrequires = []\nbuild-backend = "poetry.core.masonry.api"\n[tool.poetry]\nname = "a"\nversion = "1"\n[tool.poetry.dependencies]\nb = {told}\n'
    with pytest.raises(ConfigError, match=r"`tool.poetry.dependencies` takes `b`"):
        read(root, text).sources.followed(["b @ git+https://host.example/b"])
    inside = read(root, text.replace(told, '{path = "../b"}'))
    assert inside.sources.followed(["b @ file:///elsewhere/b"]) == ("b",)


@pytest.mark.parametrize("kind", ["uv", "poetry"])
def test_an_index_has_to_be_one_of_pips(root: Path, kind: str) -> None:
    if kind == "uv":
        text = f'{USING}[tool.uv.sources]\nother = {{index = "inner"}}\n{INDEX}'
    else:
        text = (
            '[tool.poetry]\nname = "a"\n[tool.poetry.dependencies]\nother = {version = "1", source = "inner"}\n'
            + INDEX.replace("uv.index", "poetry.source")
        )
    project = read(root, text)
    require_indexes([project], ["b"], PipSettings(), "")
    require_indexes(
        [project], ["other>1"], PipSettings(extra_indexes=("https://mirror.example/simple",)), ""
    )
    with pytest.raises(
        ConfigError, match="takes `other` from the index `inner`, which pip's"
    ) as refused:
        require_indexes(
            [project], ["other>1"], PipSettings(index="https://mirror.example/other"), "x.yaml"
        )
    assert "PIP_EXTRA_INDEX_URL" in refused.value.hint
    assert "word" not in str(refused.value)
