from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.images.conftest import entry, link

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.images.conftest import Debs


def program(name: str) -> str:
    return f"./usr/bin/{name}"


def names(out: Path) -> set[str]:
    return {str(path.relative_to(out)) for path in out.rglob("*")}


def test_a_bare_image_has_users_directories_and_names(debs: Debs) -> None:
    out = debs.unpack()
    assert (out / "etc/passwd").read_text().startswith("root:*:0:0:root:/root:")
    assert "nogroup:*:65534:" in (out / "etc/group").read_text()
    assert "localhost" in (out / "etc/hosts").read_text()
    assert "hosts: files dns" in (out / "etc/nsswitch.conf").read_text()
    assert names(out) >= {"proc", "sys", "dev", "tmp", "run", "root", "var/tmp"}


def test_what_base_packages_ship_as_first_content_is_used(debs: Debs) -> None:
    out = debs.unpack(
        debs.make(
            [entry("./usr/share/base-passwd/passwd.master", b"root:*:0:0::/root:/bin/bash\n")]
        )
    )
    assert (out / "etc/passwd").read_text() == "root:*:0:0::/root:/bin/bash\n"


def test_what_a_package_ships_is_not_replaced(debs: Debs) -> None:
    out = debs.unpack(
        debs.make([entry("./etc/hosts", b"mine\n"), entry(program("gcc")), entry(program("cc"))]),
        debs.make(
            [link(program("awk"), "/usr/bin/mawk"), entry(program("mawk")), entry(program("gawk"))],
            name="awks",
        ),
    )
    assert str((out / "usr/bin/awk").readlink()) == "/usr/bin/mawk"
    assert (out / "etc/hosts").read_text() == "mine\n"
    assert (out / "usr/bin/cc").is_file()
    assert not (out / "usr/bin/cc").is_symlink()


def test_alternatives_point_to_the_best_candidate_there_is(debs: Debs) -> None:
    tools = ("g++", "clang", "mawk", "gawk", "which.debianutils", "python3.11")
    out = debs.unpack(debs.make([entry(program(name), mode=0o755) for name in tools]))
    expected = {
        "c++": "/usr/bin/g++",
        "cc": "/usr/bin/clang",
        "awk": "/usr/bin/gawk",
        "which": "/usr/bin/which.debianutils",
        "python3": "/usr/bin/python3.11",
    }
    assert {name: str((out / "usr/bin" / name).readlink()) for name in expected} == expected
    assert not (out / "usr/bin/c99").is_symlink()


def test_linear_algebra_is_found_under_its_common_names(debs: Debs) -> None:
    library, include = "usr/lib/aarch64-linux-gnu", "usr/include/aarch64-linux-gnu"
    out = debs.unpack(
        debs.make(
            [
                entry(f"./{library}/openblas-serial/libblas.so.3"),
                entry(f"./{library}/openblas-serial/pkgconfig/blas-openblas.pc"),
                entry(f"./{library}/blas/libblas.so.3"),
                entry(f"./{include}/openblas-serial/cblas.h"),
            ]
        )
    )
    links = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_symlink()}
    assert links - {"bin", "lib", "sbin"} == {
        f"{library}/libblas.so.3",
        f"{library}/pkgconfig/blas.pc",
        f"{include}/cblas.h",
    }
    assert "openblas-serial" in str((out / library / "libblas.so.3").readlink())


def test_an_upper_layer_adds_only_what_is_new(debs: Debs) -> None:
    lower = debs.unpack(debs.make([entry(program("mawk"))]), into="lower")
    upper = debs.unpack(debs.make([entry(program("gcc"))], name="gcc"), lower=[lower], into="upper")
    assert names(upper) == {
        "usr",
        "usr/bin",
        "usr/bin/gcc",
        "usr/bin/cc",
        "var",
        "var/lib",
        "var/lib/dpkg",
        "var/lib/dpkg/status.d",
        "var/lib/dpkg/status.d/gcc",
    }


def test_an_upper_layer_may_bring_a_better_alternative(debs: Debs) -> None:
    lower = debs.unpack(debs.make([entry(program("mawk"))]), into="lower")
    assert str((lower / "usr/bin/awk").readlink()) == "/usr/bin/mawk"
    upper = debs.unpack(debs.make([entry(program("gawk"))], name="gawk"), lower=[lower], into="up")
    assert str((upper / "usr/bin/awk").readlink()) == "/usr/bin/gawk"


def test_certificates_become_one_bundle_over_all_layers(debs: Debs) -> None:
    folder = "./usr/share/ca-certificates"
    lower = debs.unpack(
        debs.make(
            [
                entry(f"{folder}/mozilla/Főtanúsítvány.crt", b"2\n"),
                entry(f"{folder}/mozilla/A.crt", b"1"),
                entry(f"{folder}/mozilla/README", b"no"),
                link(f"{folder}/mozilla/Z.crt", "/etc/passwd"),
            ]
        ),
        into="lower",
    )
    bundle = "etc/ssl/certs/ca-certificates.crt"
    assert (lower / bundle).read_text() == "1\n2\n"
    upper = debs.unpack(
        debs.make([entry(f"{folder}/own/B.crt", b"3\n")], name="own"), lower=[lower], into="upper"
    )
    assert (upper / bundle).read_text() == "1\n2\n3\n"


def test_nothing_is_read_through_links_to_the_host(debs: Debs) -> None:
    secret = debs.root / "secret.crt"
    secret.write_text("SECRET")
    target = str(secret)
    out = debs.unpack(
        debs.make(
            [
                link("./usr/share/ca-certificates/x.crt", target),
                link("./usr/share/base-passwd", str(debs.root)),
                link("./usr/share/base-files/nsswitch.conf", target),
            ]
        )
    )
    for path in out.rglob("*"):
        assert path.is_symlink() or path.is_dir() or b"SECRET" not in path.read_bytes()
