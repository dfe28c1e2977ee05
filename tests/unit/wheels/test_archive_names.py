"""File names of wheels and sdists are read strictly and written in the one standard form."""

from __future__ import annotations

import pytest

from pipeline.errors import VerificationError
from pipeline.wheels.names import escaped, parse_sdist_name, parse_wheel_name, same_stem


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("six-1.16.0-py2.py3-none-any.whl", "six-1.16.0-py2.py3-none-any.whl"),
        ("Some.Thing-1.0-py3.py2-none-any.whl", "some_thing-1.0-py2.py3-none-any.whl"),
        (
            "a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "a-1-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        ),
        ("a-1.0rc01-2build-py3-none-any.whl", "a-1.0rc1-2build-py3-none-any.whl"),
        ("a-1.0+CU.128-py3-none-any.whl", "a-1.0+cu.128-py3-none-any.whl"),
        ("a-1.0-CP311-ABI3-linux_X86_64.whl", "a-1.0-cp311-abi3-linux_x86_64.whl"),
    ],
)
def test_wheel_names_have_one_form(given: str, canonical: str) -> None:
    assert parse_wheel_name(given).file_name == canonical
    assert parse_wheel_name(canonical).file_name == canonical


@pytest.mark.parametrize(
    "name", ["a.whl", "a-1.0.zip", "a-x-py3-none-any.whl", "a-1-py3-none-any-label-x.whl", ""]
)
def test_what_is_no_wheel_name_is_refused_by_name(name: str) -> None:
    with pytest.raises(VerificationError, match="is no file name of a wheel"):
        parse_wheel_name(name)


def test_compressed_tags_are_expanded_and_sorted() -> None:
    name = parse_wheel_name("a-1-py3.py2-none.abi3-any.whl")
    assert name.tags == ("py2-abi3-any", "py2-none-any", "py3-abi3-any", "py3-none-any")


def test_special_directories_follow_the_file_name() -> None:
    name = parse_wheel_name("Some.Thing-1.0-py3-none-any.whl")
    assert (name.dist_info, name.data) == ("some_thing-1.0.dist-info", "some_thing-1.0.data")


def test_sdist_names_have_one_form() -> None:
    name = parse_sdist_name("Some.Thing-1.0.0.tar.gz")
    assert (name.file_name, name.stem) == ("some_thing-1.0.0.tar.gz", "some_thing-1.0.0")


@pytest.mark.parametrize("name", ["a-1.0.zip", "a-1.0.tar.bz2", "a.tar.gz", "a-x.tar.gz"])
def test_what_is_no_sdist_name_is_refused(name: str) -> None:
    with pytest.raises(VerificationError, match="sdist"):
        parse_sdist_name(name)


def test_a_stem_means_the_same_in_every_spelling() -> None:
    assert same_stem("Some.Thing-1.0", "some_thing-1.0")
    assert same_stem("a-1.0", "a-1.0.0")
    assert not same_stem("a-1.0", "a-1.1")
    assert not same_stem("a", "a-1.0")


def test_escaping_is_what_file_names_need() -> None:
    assert escaped("Some.-_Thing") == "some_thing"
