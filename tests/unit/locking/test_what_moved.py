"""What people are told that moved from one lock to another."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.cli.lock_changes import lines
from pipeline.lock.types import (
    DebianPackage,
    Lock,
    LockedImage,
    LockedPlatform,
    LockedRequirement,
    LockedStage,
    PythonFile,
    RequirementSet,
)
from pipeline.locking.moved import OTHER_BYTES, SAME_VERSION, Moved, moved
from pipeline.locking.yanked import UNKNOWN, VANISHED, with_warnings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.locking.settings import Settings
    from pipeline.network.transport import Client
    from tests.unit.locking.conftest import Answers, Site


def wheel(name: str, version: str, *, sha256: str = "") -> PythonFile:
    file = f"{name}-{version}-py3-none-any.whl"
    return PythonFile(name=file, sha256=sha256 or f"of {file}", size=1)


def pinned(*names: str, declared: Iterable[str] = ("thing",)) -> RequirementSet:
    """Return a set of `NAME VERSION`."""
    rows = [name.split() for name in names]
    return RequirementSet(
        declared={"requires": list(declared)},
        requirements=tuple(
            LockedRequirement(name=name, version=version, files=(wheel(name, version),))
            for name, version in rows
        ),
    )


def environments(**sets: RequirementSet) -> Lock:
    return Lock(epoch=1, environments=sets)


def test_a_package_that_moved_alike_in_two_places_is_one_row() -> None:
    then = environments(dev=pinned("thing 1.0"), docs=pinned("thing 1.0"))
    now = environments(dev=pinned("thing 2.0"), docs=pinned("thing 2.0"))
    assert moved(then, now, None) == [
        Moved(
            kind="Python",
            name="thing",
            old="1.0",
            new="2.0",
            where=("environment dev", "environment docs"),
            why="--upgrade",
        )
    ]


def test_each_row_says_why_the_package_moved() -> None:
    then = environments(dev=pinned("asked 1", "other 1"), docs=pinned("new 1"), ci=pinned("tool 1"))
    now = environments(
        dev=pinned("asked 2", "other 2"),
        docs=pinned("new 2", declared=["new==2"]),
        ci=pinned("tool 2"),
    )
    rows = moved(then, now, frozenset({"asked", "ci"}))
    assert {row.name: row.why for row in rows} == {
        "asked": "--update asked",
        "other": "with the others",
        "new": "declared otherwise",
        "tool": "--update ci",
    }


def test_what_came_and_what_went_has_one_side_only() -> None:
    then, now = environments(dev=pinned("old 1")), environments(dev=pinned("new 1"))
    rows = moved(then, now, frozenset())
    assert [(row.name, row.old, row.new) for row in rows] == [("new", "", "1"), ("old", "1", "")]


def test_a_whole_section_that_came_or_went_is_one_row() -> None:
    then, now = environments(dev=pinned("a 1")), environments(docs=pinned("a 1", "b 1"))
    rows = moved(then, now, frozenset())
    assert [(row.name, row.old, row.new) for row in rows] == [
        ("environment dev", "locked", ""),
        ("environment docs", "", "2 packages"),
    ]


def test_other_bytes_under_the_same_version_are_told_apart_from_further_files() -> None:
    def lock(*files: PythonFile) -> Lock:
        row = LockedRequirement(name="thing", version="1.0", files=files)
        return Lock(
            epoch=1,
            stages={
                "test": LockedStage(
                    sets={"cp311": RequirementSet(declared={}, requirements=(row,))}
                )
            },
        )

    plain = wheel("thing", "1.0")
    more = PythonFile(name="thing-1.0-cp315-none-any.whl", sha256="more", size=1)
    (changed,) = moved(lock(plain), lock(wheel("thing", "1.0", sha256="evil")), frozenset())
    assert changed.notes == (OTHER_BYTES,)
    (further,) = moved(lock(plain), lock(plain, more), frozenset())
    assert further.notes == (SAME_VERSION,)
    assert moved(lock(plain), lock(plain), frozenset()) == []


def test_debian_packages_of_all_platforms_are_told_once() -> None:
    def lock(version: str) -> Lock:
        def platform(machine: str) -> LockedPlatform:
            package = DebianPackage(
                name="zlib1g", version=version, architecture=machine, path=f"pool/{machine}",
                sha256=f"{machine} {version}", size=1,
            )  # fmt: skip
            return LockedPlatform(digest="", packages=(package,))

        platforms = {f"linux/{machine}": platform(machine) for machine in ("amd64", "arm64")}
        return Lock(epoch=1, images={"python": LockedImage(declared={}, platforms=platforms)})

    (row,) = moved(lock("1:1.2"), lock("1:1.3"), frozenset({"python"}))
    assert (row.kind, row.name, row.old, row.new) == ("Debian", "zlib1g", "1:1.2", "1:1.3")
    assert (row.where, row.why) == (("image python",), "--update python")


def row(name: str, old: str, new: str) -> Moved:
    return Moved(kind="Python", name=name, old=old, new=new, where=("stage test",), why="--upgrade")


@pytest.mark.parametrize("mark", [True, "it eats\n files"])
def test_a_version_that_was_withdrawn_is_told_with_the_reason(
    site: Site, client: Client, settings: Settings, *, mark: bool | str
) -> None:
    files = [
        {"filename": "thing-1.0-py3-none-any.whl", "url": "a", "hashes": {}, "yanked": mark},
        {"filename": "thing-2.0-py3-none-any.whl", "url": "b", "hashes": {}},
        {"filename": "what is this.zip", "url": "c", "hashes": {}, "yanked": True},
    ]
    kind = "application/vnd.pypi.simple.v1+json"
    site.put("/simple/thing/", json.dumps({"files": files}).encode(), kind=kind)
    (found,) = with_warnings([row("thing", "1.0", "2.0")], client, settings)
    reason = ": it eats files" if isinstance(mark, str) else ""
    assert found.notes == (f"1.0 was withdrawn{reason}",)
    assert list(lines([found])) == [
        "name   old  new  why        where",
        "thing  1.0  2.0  --upgrade  stage test",
        f"note: thing: 1.0 was withdrawn{reason}",
    ]


def test_an_index_in_html_tells_its_reason_as_well(
    site: Site, client: Client, settings: Settings
) -> None:
    page = (
        b'<a href="thing-0.9.tar.gz">old</a>'
        b'<a href="thing-1.0.tar.gz" data-yanked="wrong &amp; late">new</a>'
    )
    site.put("/simple/thing/", page, kind="text/html")
    (found,) = with_warnings([row("thing", "0.9", "1.0")], client, settings)
    assert found.notes == ("1.0 was withdrawn: wrong & late",)


def test_an_index_that_cannot_be_asked_loses_nothing(
    site: Site, client: Client, settings: Settings, answers: Answers
) -> None:
    site.script("/simple/thing/", answers.status(403))
    (found,) = with_warnings([row("thing", "1.0", "2.0")], client, settings)
    assert found.notes == (UNKNOWN,)


def test_a_new_package_that_was_withdrawn_is_told_as_well(
    site: Site, client: Client, settings: Settings
) -> None:
    site.put(
        "/simple/thing/", b'<a href="thing-1.0.tar.gz" data-yanked>thing</a>', kind="text/html"
    )
    (found,) = with_warnings([row("thing", "", "1.0")], client, settings)
    assert found.notes == ("1.0 was withdrawn",)


def test_an_old_version_that_no_index_has_any_more_is_told(
    site: Site, client: Client, settings: Settings
) -> None:
    page = b'<a href="thing-01.1.tar.gz">thing</a> <a href="thing-2.0.tar.gz">thing</a>'
    site.put("/simple/thing/", page, kind="text/html")
    rows = [row("thing", "1.0", "2.0"), row("thing", "1.1", "2.0"), row("other", "3", "")]
    notes = [found.notes for found in with_warnings(rows, client, settings)]
    assert notes == [(f"1.0 {VANISHED}",), (), (f"3 {VANISHED}",)]


def test_without_an_index_nothing_is_said_to_have_vanished(
    site: Site, client: Client, settings: Settings
) -> None:
    rows = [row("thing", "1.0", "2.0")]
    assert with_warnings(rows, client, replace(settings, offline=True)) == rows
    assert site.requests == []
