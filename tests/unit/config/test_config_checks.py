"""Refusals that take more than one value to see, or a look at the repository's files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.config.conftest import Repository


def _stages(*lines: str) -> str:
    return "version: 1\nstages:\n" + "".join(f"  {line}\n" for line in lines)


SDIST = "sdist: {kind: sdist, image: python}"
WHEEL = "wheel: {kind: wheel, image: python}"


@pytest.mark.parametrize(
    ("stages", "place", "words", "hint"),
    [
        # names
        (["a: {kind: changelog, needs: [b]}"], "3:32", "unknown stage: `b`", "known here: `a`"),
        ([SDIST, "n: {kind: changelog, needs: [sdits]}"], "4:32", "`sdits`", "mean `sdist`?"),
        (["w: {kind: wheel, image: pyton}"], "3:27", "unknown image: `pyton`", "mean `python`?"),
        (
            ["w: {kind: wheel, image: 'p{v}', matrix: {v: [ython, x]}}"],
            "3:27",
            "`image` of stage `w` names an unknown image: `px`",
            "known here: `python`",
        ),
        # inputs
        (
            ["w: {kind: wheel, image: python, inputs: '{levl}/x', matrix: {level: high}}"],
            "3:43",
            "`{levl}` in an entry of `inputs` of stage `w` names no axis of its matrix",
            "did you mean `level`?",
        ),
        (
            ["c: {kind: command, image: python, run: x, inputs: ['{v}/x'], matrix: {v: [a, ..]}}"],
            "3:54",
            "must stay inside the repository: `../x` leads upwards with `..`",
            "relative to the top",
        ),
        (
            [SDIST, "w: {kind: wheel, image: python, needs: sdist, inputs: [pyproject.toml]}"],
            "4:49",
            "stage `w` builds the sdist it needs, so its `inputs` have no effect",
            "move them to stage `sdist`",
        ),
        (
            ["w: {kind: wheel, image: python, source: six==1.17.0, inputs: [pyproject.toml]}"],
            "3:56",
            "stage `w` sees a third-party sdist, so its `inputs` have no effect",
            "take them out",
        ),
        # needs
        (["a: {kind: changelog, needs: [a]}"], "3:24", "in a circle: `a -> a`", "take `a` out"),
        (
            [f"{a}: {{kind: changelog, needs: [{b}]}}" for a, b in ("ab", "bc", "ca")],
            "3:24",
            "stages need one another in a circle: `a -> b -> c -> a`",
            "take `b` out of what `a` needs",
        ),
        (
            [SDIST, "n: {kind: changelog, needs: [sdist, sdist]}"],
            "4:39",
            "`sdist` stands twice in `needs` of stage `n`",
            "keep one",
        ),
        (
            ["n: {kind: changelog}", "w: {kind: wheel, image: python, needs: n}"],
            "4:42",
            "stage `w` cannot use stage `n`, which makes no files",
            "take `n` out",
        ),
        (["t: {kind: test, image: python, run: x}"], "3:3", "nothing to test", "of kind `wheel`"),
        (
            [SDIST, "t: {kind: test, image: python, run: x, needs: [sdist]}"],
            "4:42",
            "stage `t` needs no wheel",
            "of kind `wheel`",
        ),
        (["p: {kind: publish}"], "3:3", "so it has nothing to upload", "`wheel` or `image`"),
        # matrix
        (["w: {kind: wheel, image: python, matrix: {python: []}}"], "3:44", "no values", "give it"),
        (
            ["w: {kind: wheel, image: python, matrix: {python: [cp311, cp311]}}"],
            "3:60",
            "`cp311` stands twice in `matrix.python` of stage `w`",
            "keep one",
        ),
        (
            ["w: {kind: wheel, image: python, matrix: {target: [linux_arm46]}}"],
            "3:53",
            "names an unknown target: `linux_arm46`",
            "did you mean `linux_arm64`?",
        ),
        (
            ["w: {kind: wheel, image: python, matrix: {python: ['3.13']}}"],
            "3:53",
            "`3.13` is not the tag of a CPython",
            "write `cp313`",
        ),
        (["w: {kind: wheel, image: python, matrix: {x: ['a,b']}}"], "3:48", "`a,b` cannot be", ""),
        (["n: {kind: changelog, matrix: {x: [a]}}"], "3:24", "runs once, so it has no matrix", ""),
        (
            [
                "w: {kind: wheel, image: '{a}{b}{c}', matrix: {"
                + ", ".join(f"{axis}: [{', '.join(f'v{n}' for n in range(20))}]" for axis in "abc")
                + "}}"
            ],
            "3:40",
            "the matrix of stage `w` has 8000 cells, more than 1000",
            "split the stage",
        ),
        # placeholders
        (
            ["w: {kind: wheel, image: 'python-{pyton}', matrix: {python: [cp311]}}"],
            "3:27",
            "`{pyton}` in `image` of stage `w` names no axis of its matrix",
            "did you mean `python`?",
        ),
        (["w: {kind: wheel, image: python, source: '{x}'}"], "3:43", "`{x}` in `source`", "no mat"),
        # templates
        (["c: {kind: command, image: python}"], "3:3", "has no `run`", "add commands"),
        (
            ["c: {kind: command, image: python, dockerfile: own}"],
            "3:49",
            "there is no template `dockerfiles/own.Dockerfile.j2`",
            "write it",
        ),
        # sources
        (["w: {kind: wheel, image: python, source: src}"], "3:43", "no such directory", "name==ve"),
        (["w: {kind: wheel, image: python, source: images}"], "3:43", "no `pyproject.toml`", ""),
        (["s: {kind: sdist, image: python, source: images}"], "3:43", "no `pyproject.toml`", ""),
        (["w: {kind: wheel, image: python, source: packages/*}"], "3:43", "not a glob", "axis"),
        (
            ["w: {kind: wheel, image: python, source: ., matrix: {source: [.]}}"],
            "3:43",
            "stage `w` has both a `source` and an axis `source`",
            "keep one",
        ),
        (["w: {kind: wheel, image: python, source: 'x==1.*'}"], "3:43", "not an exact", "3.0.3"),
        (["w: {kind: wheel, image: python, source: 'x==1,<2'}"], "3:43", "not an exact", "3.0.3"),
        (["w: {kind: wheel, image: python, source: '==1'}"], "3:43", "not an exact release", ""),
        (["w: {kind: wheel, image: python, source: 'x>=1'}"], "3:43", "no such dir", "name==ver"),
        (["s: {kind: sdist, image: python, source: 'x==1'}"], "3:43", "an sdist already", "wheel"),
        (
            [SDIST, "w: {kind: wheel, image: python, source: 'x==1', needs: [sdist]}"],
            "4:43",
            "so it cannot build an sdist it needs",
            "take the sdist out",
        ),
        (
            ["w: {kind: wheel, image: python, matrix: {source: [., nowhere]}}"],
            "3:56",
            "there is no such directory",
            "",
        ),
    ],
)
def test_stages_that_cannot_work_together_are_refused(
    repository: Repository, stages: list[str], place: str, words: str, hint: str
) -> None:
    error = repository.refused(_stages(*stages))
    assert error.where == f"pipeline.yaml:{place}"
    assert words in error.message
    assert hint in error.hint


def test_third_party_sources_and_globs_of_packages_are_accepted(repository: Repository) -> None:
    stages = repository.load(
        _stages(
            "a: {kind: wheel, image: python, source: markupsafe==3.0.3}",
            "b: {kind: wheel, image: python, matrix: {source: packages/*}}",
            "c: {kind: wheel, image: python, matrix: {source: [markupsafe==3.0.3, .]}}",
            "d: {kind: wheel, image: python, source: '{name}==3.0.3', matrix: {name: markupsafe}}",
        )
    ).stages
    assert list(stages) == ["a", "b", "c", "d"]


def test_braces_of_the_shell_are_left_to_it(repository: Repository) -> None:
    run = "awk '{print}' && echo ${HOME} {a,b}"
    text = _stages(f'c: {{kind: command, image: python, run: "{run}", env: {{A: "{{b}}"}}}}')
    assert getattr(repository.load(text).stages["c"], "run", None) == (run,)


def test_a_chain_of_a_thousand_stages_is_no_cycle(repository: Repository) -> None:
    lines = ["s0: {kind: changelog}"]
    lines += [f"s{n}: {{kind: changelog, needs: [s{n - 1}]}}" for n in range(1, 1000)]
    assert len(repository.load(_stages(*lines)).stages) == 1000


OUTSIDE = [
    ("/etc", "is absolute"),
    ("../other", "leads upwards with `..`"),
    ("a/../../b", "leads upwards with `..`"),
    ("a\\b", "holds a backslash"),
    ("out/x", "is or passes a link that leads out of the repository"),
    ("loop", "is or passes a link that leads out of the repository"),
]


@pytest.mark.parametrize(("path", "reason"), OUTSIDE[:5])
@pytest.mark.parametrize(
    "place",
    [
        "project: {version: '%s'}",
        "project: {changes: '%s'}",
        "project: {changelog: '%s'}",
        "environments: {dev: {source: '%s'}}",
        "environments: {dev: {export: '%s'}}",
        "stages: {s: {kind: sdist, image: python, source: '%s'}}",
        "stages: {s: {kind: sdist, image: python, inputs: ['%s']}}",
        "stages: {s: {kind: sdist, image: python, matrix: {source: ['%s/*']}}}",
    ],
)
def test_no_path_may_leave_the_repository(
    repository: Repository, place: str, path: str, reason: str
) -> None:
    os.symlink("..", repository.root / "out")
    text = f"version: 1\n{place % path}\n"
    error = repository.refused(text if "stages" in place else f"{text}stages: {{}}\n")
    assert error.where.startswith("pipeline.yaml:2:")
    assert "must stay inside the repository" in error.message
    assert reason in error.message


@pytest.mark.parametrize("path", ["/out/*", "../x"])
def test_no_output_may_leave_the_sources(repository: Repository, path: str) -> None:
    stage = f"c: {{kind: command, image: python, run: x, outputs: ['{path}']}}"
    error = repository.refused(_stages(stage))
    assert f"the output `{path}` of stage `c`" in error.message


def test_links_inside_the_repository_are_followed(repository: Repository) -> None:
    repository.write("packages/a/pyproject.toml", "")
    os.symlink("packages/a", repository.root / "short")
    stages = repository.load(_stages("s: {kind: sdist, image: python, source: short}")).stages
    assert getattr(stages["s"], "source", None) == "short"


def test_a_repository_reached_through_a_link_is_as_good(repository: Repository) -> None:
    link = repository.root.parent / f"{repository.root.name}-link"
    os.symlink(repository.root, link)
    assert type(repository)(link).load().images


@pytest.mark.parametrize("file", ["pipeline.yaml", "images/python.yaml"])
def test_no_declaration_may_be_a_link_out_of_the_repository(
    repository: Repository, file: str
) -> None:
    outside = repository.root.parent / f"{repository.root.name}.yaml"
    outside.write_text((repository.root / file).read_text())
    (repository.root / file).unlink()
    os.symlink(outside, repository.root / file)
    error = repository.refused()
    assert error.where == f"{file}:1:1"
    assert "is a link that leads out of the repository" in error.message


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("release", "gives every release the same tag"),
        ("v{versions}", "gives every release the same tag"),
        ("v {version}", "git would refuse a tag made from `v {version}`"),
        ("{project}-{version}", "git would refuse"),
        ("{version}.lock", "git would refuse"),
        ("-{version}", "git would refuse"),
        ("a..{version}", "git would refuse"),
    ],
)
def test_a_tag_must_hold_the_version_and_please_git(
    repository: Repository, tag: str, words: str
) -> None:
    error = repository.refused(f"version: 1\nproject: {{tag: '{tag}'}}\nstages: {{}}\n")
    assert error.where == "pipeline.yaml:2:16"
    assert words in error.message


@pytest.mark.parametrize(
    "tag", ["v{version}", "{version}", "release/{version}", "my-pkg_{version}"]
)
def test_tags_that_git_accepts_are_accepted(repository: Repository, tag: str) -> None:
    repository.load(f"version: 1\nproject: {{tag: '{tag}'}}\nstages: {{}}\n")


def test_two_environments_cannot_be_exported_to_one_file(repository: Repository) -> None:
    environments = "{a: {export: x.txt}, b: {export: x.txt}}"
    error = repository.refused(f"version: 1\nenvironments: {environments}\nstages: {{}}\n")
    assert error.message == "environments `a` and `b` are exported to the same file"


def test_an_image_cannot_start_from_one_that_is_not_there(repository: Repository) -> None:
    error = repository.refused(image="from: {image: base}\n")
    assert error.where == "images/python.yaml:1:15"
    assert "names an unknown image: `base`" in error.message


def test_images_cannot_start_from_one_another(repository: Repository) -> None:
    repository.write("images/base.yaml", "from: {image: python}\n")
    error = repository.refused(image="from: {image: base}\n")
    assert error.where == "images/base.yaml:1:15"
    assert "images need one another in a circle: `base -> python -> base`" in error.message


def test_an_image_cannot_be_for_a_platform_its_base_is_not_for(repository: Repository) -> None:
    repository.write("images/big.yaml", "from: {image: python}\nplatforms: [linux_arm64]\n")
    error = repository.refused()
    assert error.where == "images/big.yaml:2:1"
    assert "is for `linux_arm64`, which its base `python` is not" in error.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("platforms: []", "image `python` is for no platform"),
        ("platforms: [linux_arm64, linux_arm64]", "`linux_arm64` stands twice in `platforms`"),
        ("packages: [gcc, gcc]", "`gcc` stands twice in `packages` of image `python`"),
    ],
)
def test_an_image_says_each_thing_once(repository: Repository, line: str, words: str) -> None:
    error = repository.refused(image=f"from: {{debian: bookworm}}\n{line}\n")
    assert words in error.message
    assert error.where.startswith("images/python.yaml:2:")
