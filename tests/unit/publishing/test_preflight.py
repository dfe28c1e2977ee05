from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ReleaseRefusedError, VerificationError
from pipeline.publishing.preflight import checked
from tests.unit.publishing.making import candidates, release, sdist, wheel

if TYPE_CHECKING:
    from pathlib import Path


def test_what_others_need_comes_first_and_wheels_before_the_sdist(tmp_path: Path) -> None:
    with checked(candidates(*release(tmp_path / "dist"))) as found:
        names = [file.name for file in found.files]
        assert all(file.path.name == file.name for file in found.files)
    assert names == [
        *("base_kit-1.0-py3-none-any.whl", "base_kit-1.0.tar.gz"),
        *("app-1.0-py3-none-any.whl", "app-1.0.tar.gz"),
    ]


def test_distributions_that_need_each_other_are_published_all_the_same(tmp_path: Path) -> None:
    files = [
        wheel(tmp_path, "one", requires=["two"]),
        wheel(tmp_path, "two", requires=["one; extra == 'x'"]),
    ]
    with checked(candidates(*files)) as found:
        assert len(found.files) == 2


def test_files_are_read_from_blobs_of_other_names(tmp_path: Path) -> None:
    (one,) = candidates(wheel(tmp_path))
    blob = one.path.rename(tmp_path / one.sha256)
    with checked([replace(one, path=blob)]) as found:
        assert found.files[0].name == "thing-1.0-py3-none-any.whl"


def test_a_file_that_changed_since_it_was_built_stops_everything(tmp_path: Path) -> None:
    found = candidates(wheel(tmp_path), sdist(tmp_path))
    with found[1].path.open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(VerificationError, match="changed after it was built"), checked(found):
        pass


def test_a_file_that_is_gone_stops_everything(tmp_path: Path) -> None:
    found = candidates(wheel(tmp_path), sdist(tmp_path))
    found[1].path.unlink()
    with pytest.raises(VerificationError, match="cannot be read any more"), checked(found):
        pass


def test_two_files_of_one_name_stop_everything(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    files = [wheel(tmp_path), wheel(tmp_path / "other", body="other")]
    with (
        pytest.raises(ReleaseRefusedError, match="two different files"),
        checked(candidates(*files)),
    ):
        pass


def test_one_bad_file_stops_all_and_all_reasons_are_told(tmp_path: Path) -> None:
    files = [*release(tmp_path / "dist"), wheel(tmp_path, tag="py3-none-linux_x86_64")]
    with (
        pytest.raises(ReleaseRefusedError, match="refuse 1 of 5 files") as caught,
        checked(candidates(*files)),
    ):
        pass
    assert any("`linux_x86_64` is not portable" in line for line in caught.value.detail)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("Classifier: Private :: Do Not Upload", "keeps it off public indexes"),
        (f"Project-URL: {'x' * 33}, https://x.example", "longer than 32"),
        ("Project-URL: Home, see the wiki", "is no `https://`"),
        ("Project-URL: , https://x.example", "has no label"),
        ("Home-page: UNKNOWN", "its `Home-page` is no `https://`"),
        ("Author-email: Ada at home", "no mail address"),
        ("Maintainer-email: ada@build.local", "no mail address"),
        ("Provides-Dist: x @ https://x.example/x.whl", "no requirement by name"),
        ("License: MIT\nLicense-Expression: MIT", "of which PEP 639 allows the second"),
        ("License-File: LICENSE", "licence file `LICENSE`, which is not in it"),
    ],
)
def test_what_public_indexes_read_in_the_form_is_refused_for_them_and_remarked_for_others(
    tmp_path: Path, field: str, words: str
) -> None:
    found = candidates(wheel(tmp_path, fields=[field]))
    with pytest.raises(ReleaseRefusedError) as caught, checked(found):
        pass
    assert any(words in line for line in caught.value.detail)
    with checked(found, public=False) as ours:
        assert any(words in remark for remark in ours.remarks)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[console_scripts]\n../../evil = a:b\n", "its command `../../evil`"),
        ("[gui_scripts]\na b = a:b\n", "its command `a b`"),
        ("no section\n", "cannot be read"),
        ("[console_scripts]\na = b:c\na = d:e\n", "cannot be read"),
    ],
)
def test_entry_points_that_an_index_does_not_take_are_refused(
    tmp_path: Path, text: str, words: str
) -> None:
    found = candidates(wheel(tmp_path, entry_points=text))
    with pytest.raises(ReleaseRefusedError) as caught, checked(found):
        pass
    assert any(words in line for line in caught.value.detail)


def test_entry_points_of_every_kind_are_taken(tmp_path: Path) -> None:
    text = "[console_scripts]\nA.b-c_1 = a:b [x]\na.b-c_1 = a:b\n[any group]\nodd name! = a\n"
    with checked(candidates(wheel(tmp_path, entry_points=text))) as found:
        assert len(found.files) == 1


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        ('"Acme, Inc." <a@acme.example>', ()),
        ('Ada <ada@acme.example>, "Lovelace, Ada" <l@acme.example>', ()),
        ("Acme, Inc. <a@acme.example>", ("a name with a comma has to be quoted",)),
    ],
)
def test_a_list_of_addresses_is_read_as_mail_has_it(
    tmp_path: Path, addresses: str, words: tuple[str, ...]
) -> None:
    with checked(candidates(wheel(tmp_path, fields=[f"Author-email: {addresses}"]))) as found:
        told = [remark for remark in found.remarks if "addresses" in remark]
    assert len(told) == len(words)
    assert all(word in remark for word, remark in zip(words, told, strict=True))


@pytest.mark.parametrize(
    ("classifier", "words"),
    [
        ("Programming Language :: Pyhton", "is not known"),
        ("License :: OSI Approved :: Intel Open Source License", "is deprecated: PyPI"),
        ("Natural Language :: Ukranian", "in favour of `Natural Language :: Ukrainian`"),
    ],
)
def test_a_classifier_that_an_index_may_refuse_is_remarked(
    tmp_path: Path, classifier: str, words: str
) -> None:
    with checked(candidates(wheel(tmp_path, fields=[f"Classifier: {classifier}"]))) as found:
        assert any(words in remark for remark in found.remarks)


def test_ones_own_index_may_take_local_versions_and_tags_of_one_machine(tmp_path: Path) -> None:
    files = [wheel(tmp_path, version="1.0+cu128", tag="py3-none-linux_x86_64")]
    with checked(candidates(*files), public=False) as found:
        assert len(found.files) == 1
    with pytest.raises(ReleaseRefusedError), checked(candidates(*files)):
        pass
