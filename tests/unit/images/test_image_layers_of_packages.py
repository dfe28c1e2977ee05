from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import VerificationError
from pipeline.images.layer import measure
from tests.unit.images.conftest import directory, entry, hard_link, link, snapshot

if TYPE_CHECKING:
    from tests.unit.images.conftest import Debs

TIME = 315_532_800.0


def test_the_same_packages_give_the_same_layer_in_any_order_and_under_any_umask(
    debs: Debs,
) -> None:
    packages = [
        debs.make(
            [
                directory("./usr/share/doc/"),
                entry("./usr/share/shared", b"same"),
                entry(f"./usr/lib/p{n}/file", bytes([n]) * n * 10, mode=0o600 + n % 2 * 0o100),
                link(f"./usr/lib/p{n}/link", "file"),
                hard_link(f"./usr/lib/p{n}/twin", f"./usr/lib/p{n}/file"),
            ],
            name=f"p{n}",
        )
        for n in range(8)
    ]
    first = debs.unpack(*packages, into="first")
    before = os.umask(0o077)
    try:
        second = debs.unpack(*reversed(packages), into="second")
    finally:
        os.umask(before)
    assert snapshot(first) == snapshot(second)
    assert measure(first) == measure(second)


def test_modes_owners_and_times_are_normalised(debs: Debs) -> None:
    out = debs.unpack(
        debs.make(
            [
                entry("./usr/bin/su", b"su", mode=0o4755, mtime=1e9),
                entry("./etc/secret", b"s", mode=0o400),
                directory("./var/local/", mode=0o2775),
                directory("./var/lock/", mode=0o1777),
                directory("./root/", mode=0o700),
                link("./usr/bin/alias", "su"),
            ]
        )
    )
    modes = {
        "usr/bin/su": 0o755,
        "etc/secret": 0o644,
        "var/local": 0o755,
        "var/lock": 0o1777,
        "root": 0o755,
        "tmp": 0o1777,
    }
    assert {path: stat.S_IMODE((out / path).stat().st_mode) for path in modes} == modes
    assert {path.lstat().st_mtime for path in [out, *out.rglob("*")]} == {TIME}


def test_top_level_directories_are_merged_into_usr(debs: Debs) -> None:
    out = debs.unpack(
        debs.make(
            [
                directory("./bin/"),
                entry("./bin/sh", b"sh", mode=0o755),
                link("./lib64/ld.so", "/lib/x/ld.so"),
                entry("./lib/x/ld.so", b"ld"),
                entry("./libexec", b"not merged"),
            ]
        ),
        debs.make([link("./bin", "usr/bin"), link("./sbin", "usr/sbin")], name="base-files"),
    )
    assert (out / "usr/bin/sh").read_bytes() == b"sh"
    assert (out / "usr/lib/x/ld.so").read_bytes() == b"ld"
    assert {name: str((out / name).readlink()) for name in ("bin", "sbin", "lib", "lib64")} == {
        "bin": "usr/bin",
        "sbin": "usr/sbin",
        "lib": "usr/lib",
        "lib64": "usr/lib64",
    }
    assert not (out / "lib32").exists()
    assert (out / "libexec").is_file()


def test_documentation_is_left_out_but_licences_stay(debs: Debs) -> None:
    out = debs.unpack(
        debs.make(
            [
                directory("./usr/share/doc/thing/"),
                entry("./usr/share/doc/thing/copyright", b"mine"),
                entry("./usr/share/doc/thing/changelog.gz", b"long"),
                entry("./usr/share/doc/thing/examples/copyright", b"x"),
                link("./usr/share/doc/other", "thing"),
                entry("./usr/share/man/man1/thing.1.gz", b"man"),
                entry("./usr/share/locale/de/LC_MESSAGES/thing.mo", b"mo"),
                entry("./usr/share/info/thing.info", b"info"),
                entry("./usr/share/docs", b"stays"),
            ]
        )
    )
    kept = {str(path.relative_to(out / "usr/share")) for path in (out / "usr/share").rglob("*")}
    assert kept == {"doc", "doc/thing", "doc/thing/copyright", "doc/other", "docs"}


def test_a_file_that_differs_between_two_packages_is_refused_naming_both(debs: Debs) -> None:
    one = debs.make([entry("./usr/lib/file", b"one")], name="one")
    two = debs.make([entry("./usr/lib/file", b"two")], name="two")
    with pytest.raises(VerificationError, match=r"/usr/lib/file.*one_.*two_"):
        debs.unpack(two, one)


def test_links_and_directories_that_differ_are_refused(debs: Debs) -> None:
    one = debs.make([link("./usr/lib/thing", "here")], name="one")
    two = debs.make([link("./usr/lib/thing", "there")], name="two")
    three = debs.make([entry("./usr/lib/thing/file")], name="three")
    four = debs.make([directory("./usr/lib/thing/")], name="four")
    with pytest.raises(VerificationError, match="differing"):
        debs.unpack(one, two, into="a")
    with pytest.raises(VerificationError, match="differing"):
        debs.unpack(one, three, into="b")
    with pytest.raises(VerificationError, match="differing"):
        debs.unpack(one, four, into="c")


def test_the_control_file_is_kept_for_scanners(debs: Debs) -> None:
    out = debs.unpack(debs.make([entry("./usr/x")]))
    assert "Package: thing\n" in (out / "var/lib/dpkg/status.d/thing").read_text()


def test_an_upper_layer_does_not_hide_what_is_below_it(debs: Debs) -> None:
    lower = debs.unpack(
        debs.make([entry("./usr/lib/file", b"below"), link("./usr/lib/dir", "elsewhere")]),
        into="lower",
    )
    same = debs.make([entry("./lib/file", b"above")], name="same")
    through = debs.make([directory("./usr/lib/dir/"), entry("./usr/lib/dir/x")], name="through")
    for package in (same, through):
        with pytest.raises(VerificationError, match="in the image below it already"):
            debs.unpack(package, lower=[lower], into=package.name)
