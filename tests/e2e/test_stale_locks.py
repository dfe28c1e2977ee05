from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

IMAGE = "images/python.yaml"


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (IMAGE, "- dash", "- dash\n  - gcc", "images.python: packages (+gcc)"),
        (IMAGE, "- coreutils", "", "images.python: packages (-coreutils)"),
        (IMAGE, "bookworm", "trixie", "images.python: from (+debian trixie, -debian bookworm)"),
        (
            "pyproject.toml",
            'requires = ["hatchling>=1.27"]',
            'requires = ["hatchling>=1.28"]',
            "stages.wheel: build-system (+hatchling>=1.28, -hatchling>=1.27)",
        ),
        ("pyproject.toml", 'test = ["pytest>=8"]', 'test = ["pytest>=9"]', "stages.test: groups"),
        (
            "pipeline.yaml",
            "stages:",
            "environments: {dev: {groups: [test]}}\nstages:",
            "environments.dev (+dev)",
        ),
        (
            "pipeline.yaml",
            "stages:",
            "stages:\n  more: {kind: command, image: python, run: 'true', requires: [attrs]}",
            "stages.more (+",
        ),
    ],
    ids=["package", "less", "suite", "build-system", "group", "environment", "stage"],
)
def test_a_declaration_that_moved_makes_the_lock_stale_by_name(
    pure: Project, name: str, old: str, new: str, said: str
) -> None:
    assert pure.run("lock", "--check").expect(0).stdout == "pipeline.lock is fresh\n"
    text = (pure.root / name).read_text()
    assert old in text
    pure.write(name, text.replace(old, new))
    for words in (("run", "wheel"), ("lock", "--check"), ("plan",), ("fetch",)):
        stale = pure.run(*words).expect(3)
        assert said in stale.stderr
        assert "hint: run `pipeline lock`" in stale.stderr
    told = pure.run("lock", "--check", "--json").expect(3).document
    assert told["fresh"] is False
    assert any(said in line for line in told["error"]["detail"])


def test_what_nothing_is_resolved_from_leaves_the_lock_fresh(pure: Project) -> None:
    text = (pure.root / "pyproject.toml").read_text()
    pure.write("pyproject.toml", text.replace("read and written", "written and read"))
    (pure.root / "src" / "example_duration" / "__init__.py").write_text('"""Other words."""\n')
    pure.run("lock", "--check").expect(0)
