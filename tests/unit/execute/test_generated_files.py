"""Generated files come to stand where they are declared, and take nothing's place."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from pipeline.checkout.inputs import SourceTree
from pipeline.errors import ConfigError
from pipeline.execute.generated import merged, refuse_missing
from pipeline.files import sha256_bytes
from pipeline.plan.recipe import GeneratedInput, OutputInput, Placed
from pipeline.store.trees import Entry, Tree

if TYPE_CHECKING:
    from pathlib import Path

OUTPUT = ("parser.py", "static/app.js", "static/css/app.css")


def file(path: str, text: str = "") -> Entry:
    return Entry(path=path, digest=sha256_bytes(text.encode()), size=len(text))


def link(path: str, target: str) -> Entry:
    return Entry(path=path, kind="link", target=target)


def part(
    root: Path, placed: dict[str, str], *source: Entry, directory: str = "."
) -> GeneratedInput:
    made = OutputInput(cell="gen", key="k")
    return GeneratedInput(
        source=SourceTree(tree=Tree.of(list(source)), base=root),
        directory=directory,
        placed=tuple(Placed(place=at, made=made, path=path) for at, path in placed.items()),
    )


def paths(
    root: Path, placed: dict[str, str], *source: Entry, made: tuple[Entry, ...] = ()
) -> list[str]:
    output = Tree.of(list(made or map(file, OUTPUT)))
    return [entry.path for entry in merged(part(root, placed, *source), {"k": output}).entries]


@pytest.mark.parametrize(
    ("place", "path", "found"),
    [
        ("src/a/_parser.py", "parser.py", ["src/a/_parser.py"]),
        ("src/a/", "parser.py", ["src/a/parser.py"]),
        ("src/a/static", "static", ["src/a/static/app.js", "src/a/static/css/app.css"]),
        ("src/a/", "static/css", ["src/a/app.css"]),
        ("src/a", "", [f"src/a/{name}" for name in OUTPUT]),
        ("./", "", list(OUTPUT)),
    ],
)
def test_a_file_goes_to_its_place_and_a_directory_with_all_below_it(
    tmp_path: Path, place: str, path: str, found: list[str]
) -> None:
    assert paths(tmp_path, {place: path}) == found


@pytest.mark.parametrize(
    "there",
    [
        file("src/a/parser.py"),
        file("src/a/parser.py/deeper"),
        file("src/a"),
        link("src/a", "/etc"),
        link("src/a/parser.py", "other"),
    ],
)
def test_nothing_of_the_repository_is_overwritten_or_written_through(
    tmp_path: Path, there: Entry
) -> None:
    with pytest.raises(ConfigError, match="where the repository has") as caught:
        paths(tmp_path, {"src/a/parser.py": "parser.py"}, there)
    assert "nothing is overwritten" in caught.value.hint


def test_two_places_do_not_meet(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="where `gen` has a file"):
        paths(tmp_path, {"src/a": "static", "src/": "static/app.js", "src/a/app.js": "parser.py"})


def test_a_part_that_was_not_made_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"made no `praser\.py`") as caught:
        paths(tmp_path, {"a": "praser.py"})
    assert caught.value.hint == "did you mean `parser.py`?"


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "../parser.py", ".."])
def test_a_link_that_leads_out_of_what_is_taken_is_refused(tmp_path: Path, target: str) -> None:
    made = (file("parser.py"), link("static/l", target))
    with pytest.raises(ConfigError, match="leads to"):
        paths(tmp_path, {"a": "static"}, made=made)
    inner = (file("static/d/f"), link("static/l", "d/f"))
    assert paths(tmp_path, {"a": "static"}, made=inner) == ["a/d/f", "a/l"]


def test_the_key_names_place_part_and_what_makes_it(tmp_path: Path) -> None:
    keys = {
        part(tmp_path, placed, *source).identity
        for placed in ({"a": "b"}, {"a": "c"}, {"b": "b"})
        for source in ((), (file("x"),))
    }
    assert len(keys) == 6


def sdist(root: Path, members: dict[str, str]) -> Path:
    path = root / "a-1.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in members.items():
            member = tarfile.TarInfo(f"a-1/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "BACKEND"\n'


@pytest.mark.parametrize(
    ("backend", "hint"),
    [
        ("hatchling.build", "`artifacts`"),
        ("setuptools.build_meta", "`MANIFEST.in`"),
        ("flit_core.buildapi", "`[tool.flit.sdist]`"),
        ("poetry.core.masonry.api", "`[tool.poetry]`"),
        ("own:api", "tell `own:api`"),
    ],
)
def test_an_sdist_without_a_generated_file_is_refused_with_the_backends_remedy(
    tmp_path: Path, backend: str, hint: str
) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "pyproject.toml").write_text(PYPROJECT.replace("BACKEND", backend))
    declared = part(tmp_path, {"p/one.py": "one.py"}, directory="p")
    made = sdist(tmp_path, {"two.py": "1"})
    with pytest.raises(ConfigError, match=r"left `one\.py` out of the sdist") as caught:
        refuse_missing("sdist", declared, [file("p/one.py", "1")], made)
    assert caught.value.where == "p/pyproject.toml"
    assert hint in caught.value.hint


@pytest.mark.parametrize("members", [{"src/one.py": "1"}, {"moved/one.py": "1"}])
def test_an_sdist_with_it_passes_wherever_the_backend_puts_it(
    tmp_path: Path, members: dict[str, str]
) -> None:
    declared = part(tmp_path, {"src/one.py": "one.py"})
    refuse_missing("sdist", declared, [file("src/one.py", "1")], sdist(tmp_path, members))
