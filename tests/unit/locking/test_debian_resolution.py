from __future__ import annotations

import itertools

import pytest

from pipeline.errors import LockError
from pipeline.lock.types import DebianPackage
from pipeline.locking.debian import Closure, facts, locked
from pipeline.locking.debian_archive import PackageList
from pipeline.locking.debian_version import Relation, Version, relations

IN_ORDER = [
    "0~~",
    "0~",
    "0",
    "1.0~rc1",
    "1.0~rc1+b1",
    "1.0",
    "1.0-1~deb12u1",
    "1.0-1",
    "1.0-1+b1",
    "1.0a",
    "1.0+dfsg-1",
    "1.0.1",
    "1.2",
    "1.10",
    "2.36-9+deb12u9",
    "2.36-9+deb12u10",
    "1:0.1",
    "2:0",
]


def stanza(name: str, version: str = "1", **fields: str) -> str:
    """Return a paragraph of a package list."""
    rows = {
        "Package": name,
        "Version": version,
        "Architecture": "amd64",
        "Filename": f"pool/main/x/{name}_{version}_amd64.deb",
        "Size": "7",
        "SHA256": "a" * 64,
    }
    rows |= {key.replace("_", "-"): value for key, value in fields.items()}
    return "\n".join(f"{key}: {value}" for key, value in rows.items())


def closure(names: list[str], *stanzas: str) -> list[str]:
    """Return the names of the closure in unpacking order."""
    found = Closure(PackageList("\n\n".join(stanzas) + "\n"), label="image `i`", where="i.yaml")
    found.add(names)
    return [chosen.name for chosen in found.ordered()]


def test_versions_sort_as_dpkg_sorts_them() -> None:
    for left, right in itertools.pairwise(IN_ORDER):
        assert Version(left) < Version(right), f"{left} < {right}"
    assert Version("1.0") == Version("0:1.0")
    assert Version("1.0") == Version("1.00")
    assert Version("1.0-1") != Version("1.0-2")


@pytest.mark.parametrize(
    ("relation", "version", "holds"),
    [
        ("a", "1", True),
        ("a (>= 1.0)", "1.0", True),
        ("a (>> 1.0)", "1.0", False),
        ("a (<< 1.0)", "1.0~rc1", True),
        ("a (<= 1.0)", "1.0-1", False),
        ("a (= 1:1)", "1", False),
        ("a:any (>= 2) [amd64]", "3", True),
    ],
)
def test_relations_bound_versions(relation: str, version: str, *, holds: bool) -> None:
    ((parsed,),) = relations(relation)
    assert parsed.admits(version) is holds


def test_clauses_and_alternatives_are_kept_apart() -> None:
    assert relations("a (>= 1), b | c:any,") == (
        (Relation(name="a", operator=">=", version="1"),),
        (Relation(name="b"), Relation(name="c")),
    )
    with pytest.raises(ValueError, match="not a relation"):
        relations("a (!= 1)")


def test_dependencies_come_before_what_needs_them_and_ties_go_by_name() -> None:
    order = closure(
        ["z", "a"],
        stanza("a", Depends="c"),
        stanza("b"),
        stanza("c", Pre_Depends="b"),
        stanza("z", Depends="b, c"),
        stanza("unneeded"),
    )
    assert order == ["b", "c", "a", "z"]


def test_cycles_are_ordered_and_end() -> None:
    assert closure(
        ["libc6"], stanza("libc6", Depends="libgcc"), stanza("libgcc", Depends="libc6")
    ) == [
        "libgcc",
        "libc6",
    ]


def test_the_order_of_declarations_does_not_matter() -> None:
    stanzas = (
        stanza("app", Depends="mail | editor"),
        stanza("tool", Depends="nano"),
        stanza("mail"),
        stanza("nano", Provides="editor"),
    )
    for names in itertools.permutations(["app", "tool"]):
        assert closure(list(names), *stanzas) == ["nano", "app", "tool"]


def test_the_first_alternative_is_taken_unless_one_is_chosen_already() -> None:
    stanzas = (stanza("app", Depends="one | two"), stanza("one"), stanza("two"))
    assert closure(["app"], *stanzas) == ["one", "app"]
    assert closure(["app", "two"], *stanzas) == ["two", "app"]


def test_an_alternative_that_does_not_exist_or_is_too_old_is_passed_over() -> None:
    stanzas = (stanza("app", Depends="absent | old (>= 2) | new"), stanza("old"), stanza("new"))
    assert closure(["app"], *stanzas) == ["new", "app"]


def test_a_virtual_package_is_provided_by_the_most_important_then_the_first() -> None:
    stanzas = (
        stanza("app", Depends="awk"),
        stanza("gawk", Provides="awk", Priority="optional"),
        stanza("mawk", Provides="awk", Priority="required"),
        stanza("aawk", Provides="awk", Priority="optional"),
    )
    assert closure(["app"], *stanzas) == ["mawk", "app"]


def test_a_provision_satisfies_a_bound_only_with_a_version() -> None:
    needing = stanza("app", Depends="api (>= 2)")
    assert closure(["app"], needing, stanza("impl", Provides="api (= 3)")) == ["impl", "app"]
    with pytest.raises(LockError, match=r"api \(>= 2\)"):
        closure(["app"], needing, stanza("impl", Provides="api"))


def test_the_newest_of_several_versions_is_taken() -> None:
    packages = PackageList("\n\n".join([stanza("a", "1"), stanza("a", "1.10"), stanza("a", "1.9")]))
    found = Closure(packages, label="i", where="")
    found.add(["a"])
    assert [chosen.version for chosen in found.ordered()] == ["1.10"]


def test_what_the_archive_lacks_is_named_with_what_needs_it() -> None:
    with pytest.raises(LockError, match=r"`absent`.*needed by `a`") as caught:
        closure(["a"], stanza("a", Depends="absent"))
    assert caught.value.where == "i.yaml"


def test_packages_that_conflict_are_refused_by_name() -> None:
    with pytest.raises(LockError, match="both `a` and `b`"):
        closure(["a", "b"], stanza("a", Conflicts="b (<< 2)"), stanza("b"))
    assert closure(["a", "b"], stanza("a", Conflicts="b (<< 1)"), stanza("b")) == ["a", "b"]


def test_a_package_may_conflict_with_the_name_it_provides() -> None:
    assert closure(["a"], stanza("a", Provides="mta", Conflicts="mta")) == ["a"]


def test_an_image_on_another_leaves_out_what_that_has() -> None:
    packages = PackageList(
        "\n\n".join([stanza("a", Depends="b"), stanza("b"), stanza("c", Depends="b")])
    )
    base = Closure(packages, label="base", where="")
    base.add(["b"])
    top = Closure(packages, label="top", where="")
    top.inherit([locked(chosen) for chosen in base.ordered()], "base")
    top.add(["a"])
    assert [chosen.name for chosen in top.ordered()] == ["a"]


def test_an_image_below_that_the_archive_left_behind_must_move_first() -> None:
    top = Closure(PackageList(stanza("b", "2")), label="top", where="")
    old = DebianPackage(name="b", version="1", architecture="all", path="", sha256="", size=0)
    with pytest.raises(LockError) as caught:
        top.inherit([old], "base")
    assert caught.value.hint == "run `pipeline lock --update base`"


def test_interpreter_and_c_library_are_read_off_the_packages() -> None:
    def package(name: str, version: str) -> DebianPackage:
        return DebianPackage(
            name=name, version=version, architecture="amd64", path="", sha256="", size=0
        )

    found = [package("libc6", "2.36-9+deb12u10"), package("python3-minimal", "3.11.2-1+b1")]
    assert facts(found) == ("3.11", "2.36")
    assert facts([]) == ("", "")
