from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING

import pytest

from pipeline.cli.main import load
from pipeline.cli.preamble import announce
from pipeline.cli.selecting import plan_of, selections
from pipeline.cli.session import Session
from pipeline.console import Console
from pipeline.store.results import Result

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def example(pytestconfig: pytest.Config, tmp_path: Path) -> Path:
    root = tmp_path / "example"
    shutil.copytree(
        pytestconfig.rootpath / "examples" / "pure", root, ignore=shutil.ignore_patterns("dist")
    )
    return root


def told(root: Path, words: str, *, made: tuple[str, ...] = ()) -> list[str]:
    """Return the lines said before a run with ``words``, where the cells ``made`` are cached."""
    stream = io.StringIO()
    environ = {"PIPELINE_CACHE_DIR": str(root.parent / "cache")}
    arguments = load("run")[1].parse_all(words.split())
    with Session(arguments, Console(stream, {}), environ, root) as session:
        plan = plan_of(session, selections(arguments))
        for cell in plan.cells:
            if cell.name in made:
                tree = session.store.add_tree(root / "changes")
                session.store.put_tree(tree)
                result = Result(tree=tree.digest, seconds=1, engine="sandbox", label="", made=1)
                session.store.put_result(cell.key, result)
        announce(plan, session, "sandbox")
    return stream.getvalue().splitlines()


def test_the_plan_is_told_in_order_with_the_state_of_each_cell(example: Path) -> None:
    assert told(example, "release", made=("sdist",))[:-1] == [
        "6 cells, 1 in the cache:",
        "  sdist      python  cached",
        "  wheel      python  to build",
        "  test       python  to build",
        "  changelog          on the host",
        "  publish            on the host",
        "  release            on the host",
    ]


def test_a_plan_that_is_all_cached_is_one_line(example: Path) -> None:
    assert told(example, "wheel", made=("sdist", "wheel"))[0] == "2 cells, all in the cache"


def test_rebuild_says_that_it_builds_what_is_cached(example: Path) -> None:
    assert "  sdist  python  to build" in told(example, "sdist --rebuild", made=("sdist",))


def test_what_differs_from_the_defaults_is_told(example: Path) -> None:
    last = told(example, "wheel --draft --offline --jobs 3 --dist out")[-1]
    assert last.startswith("not as by default: a draft")
    assert "`--offline`; 3 at a time; files go to out; cache in " in last


def test_what_a_cell_does_unusually_is_told_beside_it(example: Path) -> None:
    text = (example / "pipeline.yaml").read_text()
    text = text.replace("kind: sdist", "kind: sdist\n    network: host\n    timeout: 60", 1)
    (example / "pipeline.yaml").write_text(text)
    assert "  sdist  python  to build  network host, at most 60 s" in told(example, "sdist")


def test_a_long_plan_is_told_by_stage(example: Path) -> None:
    values = ", ".join(f"v{number}" for number in range(30))
    stage = ("kind: command", "image: python", "run: [id]", f"matrix: {{axis: [{values}]}}")
    with (example / "pipeline.yaml").open("a") as file:
        file.write("\n    ".join(["  many:", *stage]) + "\n")
    assert told(example, "many")[:2] == ["30 cells:", "  many  python  30 to build"]
