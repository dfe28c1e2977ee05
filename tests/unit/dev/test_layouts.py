"""Import packages are found where a project's sources have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.dev.layout import find

if TYPE_CHECKING:
    from pathlib import Path


def write(project: Path, *names: str) -> Path:
    for name in names:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    return project


def test_everything_below_src_is_importable(tmp_path: Path) -> None:
    project = write(tmp_path, "src/one/__init__.py", "src/two/part/__init__.py", "tests/a.py")
    found = find(project, "other-name", {})
    assert found.packages == (("one", "src/one"), ("two/part", "src/two/part"))
    assert found.paths == ()


def test_a_flat_package_is_called_as_the_distribution(tmp_path: Path) -> None:
    project = write(tmp_path, "my_tool/__init__.py", "tests/__init__.py", "docs/conf.py")
    assert find(project, "my-tool", {}).packages == (("my_tool", "my_tool"),)


def test_distributions_share_a_namespace_without_hiding_each_other(tmp_path: Path) -> None:
    write(tmp_path, "a/src/acme/core/__init__.py", "b/src/acme/web/__init__.py")
    write(tmp_path, "b/src/acme/__pycache__/old.pyc", "b/src/acme_web.egg-info/PKG-INFO")
    assert find(tmp_path / "a", "acme-core", {}).packages == (("acme/core", "src/acme/core"),)
    assert find(tmp_path / "b", "acme-web", {}).packages == (("acme/web", "src/acme/web"),)


def test_a_single_module_is_on_the_search_path_and_not_mounted(tmp_path: Path) -> None:
    below, flat = write(tmp_path / "a", "src/one.py"), write(tmp_path / "b", "two.py")
    assert find(below, "one", {}).paths == ("src",)
    assert find(flat, "two", {}).paths == (".",)
    assert find(flat, "two", {}).packages == ()


@pytest.mark.parametrize(
    "tool",
    [
        {"hatch": {"build": {"targets": {"wheel": {"packages": ["lib/inner"]}}}}},
        {"setuptools": {"package-dir": {"": "lib"}, "packages": ["inner", "inner.part"]}},
        {"uv": {"build-backend": {"module-name": "inner", "module-root": "lib"}}},
        {"maturin": {"python-source": "lib", "module-name": "inner._rust"}},
    ],
)
def test_what_the_backend_was_told_stands_above_the_usual_places(
    tmp_path: Path, tool: dict[str, object]
) -> None:
    project = write(tmp_path, "lib/inner/__init__.py", "src/other/__init__.py")
    assert find(project, "other", tool).packages == (("inner", "lib/inner"),)


def test_flit_names_a_module_in_either_layout(tmp_path: Path) -> None:
    tool = {"flit": {"module": {"name": "inner"}}}
    project = write(tmp_path, "inner/__init__.py")
    assert find(project, "outer", tool).packages == (("inner", "inner"),)


def test_a_src_of_another_language_is_passed_over(tmp_path: Path) -> None:
    project = write(tmp_path, "src/lib.rs", "fast/__init__.py")
    assert find(project, "fast", {}).packages == (("fast", "fast"),)


def test_a_project_without_packages_has_none(tmp_path: Path) -> None:
    found = find(write(tmp_path, "notes.txt"), "nothing", {})
    assert (found.packages, found.paths) == ((), ())
