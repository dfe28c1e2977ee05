"""Every kind of stage uses what it needs of every other kind, or is refused with a way out."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from pipeline.config.stages import KINDS, USES, ContainerStage, Use, kind_of

if TYPE_CHECKING:
    from tests.unit.config.conftest import Repository

FIELDS = {
    "sdist": "image: python",
    "wheel": "image: python",
    "test": "image: python, run: x",
    "command": "image: python, run: x",
    "image": "image: python, run: x",
    "changelog": "",
    "publish": "",
    "release": "",
}
HOSTS = [kind for kind, cls in KINDS.items() if not issubclass(cls, ContainerStage)]
INSIDE = [kind_of(cls) for cls in USES]


def declared(kind: str, needed: str, more: str = "") -> str:
    """Return stages of which `one` is of a kind and needs `other`, with what both kinds ask for."""
    needs = {"one": ["other"], "other": []}
    stages = {"one": kind, "other": needed}
    for name, its in stages.items():
        if its == "test" and "wheel" not in (needed if name == "one" else ""):
            needs[name].append("w")
        if its == "publish":
            needs[name].append("w")
    fields = {name: FIELDS[its] for name, its in stages.items()}
    fields["one"] = ", ".join(filter(None, (fields["one"], more)))
    rows = [
        f"  {name}: {{kind: {stages[name]}, needs: [{', '.join(needs[name])}]"
        + (f", {fields[name]}}}" if fields[name] else "}")
        for name in stages
    ]
    return "version: 1\nstages:\n  w: {kind: wheel, image: python}\n" + "\n".join(rows) + "\n"


@pytest.mark.parametrize(("kind", "needed"), list(product(INSIDE, KINDS)))
def test_every_pair_of_kinds_is_used_or_refused(
    repository: Repository, kind: str, needed: str
) -> None:
    uses = USES[KINDS[kind]]
    if KINDS[needed] not in uses:
        error = repository.refused(declared(kind, needed))
        assert "stage `one`" in error.message
        assert "cannot use stage `other`" in error.message
        assert error.where.startswith("pipeline.yaml:4:")
        assert error.hint
    elif uses[KINDS[needed]] is Use.PLACED:
        assert "uses nothing of it" in repository.refused(declared(kind, needed)).message
        repository.load(declared(kind, needed, "generated: {a/b.py: other/b.py}"))
    else:
        repository.load(declared(kind, needed))


@pytest.mark.parametrize(("kind", "needed"), list(product(HOSTS, KINDS)))
def test_stages_of_the_host_wait_for_every_other(
    repository: Repository, kind: str, needed: str
) -> None:
    repository.load(declared(kind, needed))


def test_an_image_without_commands_has_no_use_for_files(repository: Repository) -> None:
    text = declared("image", "command").replace("run: x}", "requires: six}", 1)
    assert "runs no command that could use `other`" in repository.refused(text).message


GENERATED = """\
version: 1
stages:
  gen: {kind: command, image: python, run: x}
  other: {kind: command, image: python, run: x}
  sdist: {kind: sdist, image: python, needs: NEEDS, generated: {GENERATED}}
"""


@pytest.mark.parametrize(
    ("generated", "words"),
    [
        ("../a: gen/a", "`../a` in `generated` of stage `sdist` leads upwards"),
        ("a: gen/../a", "`../a` in `generated` of stage `sdist` leads upwards"),
        ("a: gen//etc/passwd", "is absolute"),
        ("/a: gen/a", "paths relative to `source`"),
        (".git/hooks/x: gen/a", "is git's own"),
        ("a: gne/a", "unknown stage: `gne`"),
        ("a: other/a", "takes files of `other` without need"),
        ("a: sdist/a", "which is not of kind `command`"),
        ("'a/{x}': gen/a", "names no axis"),
        ("a: 'gen/{x}'", "names no axis"),
        ("a: ''", "must be a stage"),
    ],
)
def test_places_and_parts_that_cannot_be_are_refused(
    repository: Repository, generated: str, words: str
) -> None:
    entries = generated if generated.startswith("a: gen/a") else f"b: gen, {generated}"
    text = GENERATED.replace("NEEDS", "[gen]").replace("GENERATED", entries)
    error = repository.refused(text)
    assert words in " ".join((error.message, error.hint, *error.detail)), error
    assert error.where.startswith("pipeline.yaml:5:")


def test_a_wheel_that_builds_an_sdist_gets_generated_files_with_it(repository: Repository) -> None:
    text = GENERATED.replace("NEEDS", "[gen]").replace("GENERATED", "a: gen/a")
    wheel = "  w: {kind: wheel, image: python, needs: [sdist, gen], generated: {b: gen/b}}\n"
    error = repository.refused(text + wheel)
    told = " ".join((error.message, *error.detail))
    assert "stage `w` builds the sdist it needs, and nothing of `gen`" in told
    assert "`generated` has no effect" in told
    assert "let stage `sdist` need it" in " ".join((error.hint, *error.detail))


def test_nothing_is_added_to_the_sdist_of_others(repository: Repository) -> None:
    text = GENERATED.replace("NEEDS", "[gen]").replace("GENERATED", "a: gen/a")
    text = text.replace("kind: sdist,", "kind: wheel, source: six==1.17.0,")
    assert "third-party sdist" in repository.refused(text).message
