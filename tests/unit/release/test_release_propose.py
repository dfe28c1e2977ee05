from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.config.model import Project
from pipeline.errors import ConfigError, ReleaseRefusedError, UsageError
from pipeline.release.conditions import Scene
from pipeline.release.moment import Moment, moment, next_epoch
from pipeline.release.propose import propose, write
from pipeline.release.settings import read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import Repository

TOWNCRIER = """
[tool.towncrier]
directory = "changes"
[[tool.towncrier.type]]
name = "breaking"
[[tool.towncrier.type]]
name = "feature"
[[tool.towncrier.type]]
name = "fix"
[[tool.towncrier.type]]
name = "security"
bump = "minor"
"""
NOVEMBER = 1_795_132_800


def proposed(
    repository: Repository,
    *kinds: str,
    released: tuple[str, ...] = (),
    scheme: str = "semver",
    stage: str = "",
    current: str = "0.0.1",
) -> str:
    repository.write("pyproject.toml", TOWNCRIER)
    for number, kind in enumerate(kinds):
        repository.write(f"changes/{number}.{kind}.md", "x")
    repository.commit()
    for version in released:
        repository.git("tag", f"v{version}")
    scene = Scene(
        files=repository.root,
        root=repository.root,
        project=Project(scheme=scheme),
        settings=read_settings(repository.root),
        version=current,
        made=Moment(seconds=NOVEMBER, given=True),
    )
    return propose(scene, stage=stage).version


@pytest.mark.parametrize(
    ("kinds", "released", "version"),
    [
        (("fix",), ("1.2.3",), "1.2.4"),
        (("fix", "feature"), ("1.2.3",), "1.3.0"),
        (("fix", "breaking"), ("1.2.3",), "2.0.0"),
        (("security",), ("1.2.3",), "1.3.0"),
        (("breaking",), ("0.2.3",), "0.3.0"),
        (("fix",), ("1.9.0", "1.10.0"), "1.10.1"),
        (("fix",), ("1.2",), "1.2.1"),
        (("fix",), ("1.2.3", "1.3.0rc1"), "1.3.0"),
        (("breaking",), ("1.2.3", "1.3.0rc1"), "2.0.0"),
        ((), ("1.2.3", "1.3.0rc2"), "1.3.0"),
        (("feature",), (), "0.0.1"),
    ],
)
def test_the_fragments_say_which_number_moves(
    repository: Repository, kinds: tuple[str, ...], released: tuple[str, ...], version: str
) -> None:
    assert proposed(repository, *kinds, released=released) == version


@pytest.mark.parametrize(
    ("stage", "released", "version"),
    [
        ("rc", ("1.0",), "1.1.0rc1"),
        ("rc", ("1.0", "1.1.0rc1", "1.1.0rc9", "1.1.0rc10"), "1.1.0rc11"),
        ("b", ("1.0", "1.1.0a4"), "1.1.0b1"),
        ("dev", ("1.0",), "1.1.0.dev0"),
    ],
)
def test_a_pre_release_counts_on_from_the_last_one(
    repository: Repository, stage: str, released: tuple[str, ...], version: str
) -> None:
    assert proposed(repository, "feature", released=released, stage=stage) == version


@pytest.mark.parametrize(
    ("scheme", "released", "version"),
    [
        ("YY.MM.MICRO", (), "26.11.0"),
        ("YY.MM.MICRO", ("26.10.4", "26.11.0", "26.11.1"), "26.11.2"),
        ("YYYY.MM.DD", ("2026.11.19",), "2026.11.20"),
        ("YYYY.MM.DD.MICRO", ("2026.11.20",), "2026.11.20.1"),
    ],
)
def test_versions_by_date_go_by_the_day_of_the_release(
    repository: Repository, scheme: str, released: tuple[str, ...], version: str
) -> None:
    assert proposed(repository, "fix", released=released, scheme=scheme) == version


def test_a_branch_named_after_its_line_stays_in_it(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "release/26.8")
    released = ("26.8.0", "26.8.1")
    assert proposed(repository, "fix", released=released, scheme="YY.MM.MICRO") == "26.8.2"


def test_what_cannot_be_proposed_is_told(repository: Repository) -> None:
    with pytest.raises(ReleaseRefusedError, match="no news fragments"):
        proposed(repository, released=("1.0",))
    repository.write("towncrier.toml", TOWNCRIER.replace("minor", "huge"))
    with pytest.raises(ConfigError, match="`security` has the bump `huge`"):
        proposed(repository, "security")
    with pytest.raises(ReleaseRefusedError, match="has no counter"):
        proposed(repository, released=("2026.11.20",), scheme="YYYY.MM.DD")


@pytest.mark.parametrize(
    ("before", "after"), [("1.0", "1.1"), ("1.0\n", "1.1\n"), (" 1.0\r\n\n", " 1.1\r\n\n")]
)
def test_a_version_file_keeps_the_line_end_it_had_or_had_not(
    tmp_path: Path, before: str, after: str
) -> None:
    file = tmp_path / "VERSION"
    file.write_bytes(before.encode())
    write(file, "1.1")
    assert file.read_bytes() == after.encode()


def test_a_release_has_the_day_it_is_made_or_the_moment_that_is_given() -> None:
    now = moment({}, NOVEMBER + 40_000.5)
    assert (str(now.date), now.epoch) == ("2026-11-20", NOVEMBER)
    given = moment({"SOURCE_DATE_EPOCH": "86399"}, 0.0)
    assert (str(given.date), given.epoch) == ("1970-01-01", 86399)
    for text in ("x", "-1", "1.5", "9" * 12):
        with pytest.raises(UsageError):
            moment({"SOURCE_DATE_EPOCH": text}, 0.0)


@pytest.mark.parametrize(
    ("current", "last", "epoch"),
    [(5, 5, NOVEMBER), (5, None, 5), (7, 5, 7), (NOVEMBER + 9, NOVEMBER + 9, NOVEMBER + 9)],
)
def test_the_epoch_moves_once_for_each_release_and_never_backwards(
    current: int, last: int | None, epoch: int
) -> None:
    assert next_epoch(current, last, Moment(seconds=NOVEMBER + 40_000, given=False)) == epoch
