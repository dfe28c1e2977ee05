from __future__ import annotations

from pipeline.release.listing import listed, with_files

ONE, TWO = "1" * 64, "2" * 64
FILES = {"publish": {"a-1.0.tar.gz": ONE, "a-1.0-py3-none-any.whl": TWO}, "images": {"i": ONE}}
NOTES = "## 1.0\n\n- A change.\n"


def test_what_is_listed_is_read_back() -> None:
    message = with_files(NOTES, FILES)
    assert message.startswith(NOTES.rstrip())
    assert listed(message) == FILES


def test_lines_of_a_listing_are_those_of_sha256sum() -> None:
    lines = [line.strip() for line in with_files(NOTES, FILES).splitlines()]
    assert f"{ONE}  a-1.0.tar.gz" in lines


def test_without_files_the_message_is_the_notes() -> None:
    assert with_files(NOTES, {}) == NOTES
    assert listed(NOTES) is None
    assert listed("") is None


def test_files_that_other_machines_compile_are_listed_by_name() -> None:
    mixed = {"publish": {"a-1.0.tar.gz": ONE, "a-arm.whl": ""}, "second": {"b-arm.whl": ""}}
    message = with_files(NOTES, mixed)
    assert "\n- a-arm.whl\n" in message
    assert listed(message) == mixed


def test_notes_that_hold_a_listing_change_nothing_below() -> None:
    forged = with_files(NOTES, {"publish": {"a-1.0.tar.gz": TWO, "b": TWO}})
    assert listed(with_files(forged, {"publish": FILES["publish"]})) == {
        "publish": FILES["publish"]
    }
    assert listed(f"{forged}\nMore notes.\n") is None


def test_a_listing_that_was_cut_short_is_none() -> None:
    message = with_files("", {"publish": FILES["publish"]})
    assert listed("\n".join(message.splitlines()[1:])) is None
