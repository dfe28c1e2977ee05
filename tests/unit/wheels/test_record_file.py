"""RECORD is read strictly, checked to the byte and written in one way."""

from __future__ import annotations

import hashlib

import pytest

from pipeline.wheels import record
from pipeline.wheels.record import Check, RecordError, Row

EMPTY = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


def test_it_is_sorted_and_quoted_only_where_csv_needs_it() -> None:
    rows = [record.row_of('b,"c".py', b""), record.row_of("a b.py", b""), Row(path="R/RECORD")]
    assert record.render(rows).decode() == (
        f'R/RECORD,,\na b.py,{EMPTY},0\n"b,""c"".py",{EMPTY},0\n'
    )


def test_what_was_written_is_read_back() -> None:
    rows = [record.row_of('b,"c".py', b"x"), record.row_of("\u00e4.py", b"y"), Row(path="R")]
    assert record.parse(record.render(rows)) == {row.path: row for row in rows}


def test_line_ends_do_not_matter_when_reading() -> None:
    assert record.parse(b"a,sha256=x,1\r\nb,,\n") == record.parse(b"a,sha256=x,1\nb,,\r\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"a,b\n", "2 fields"),
        (b"a,,\na,,\n", "twice"),
        (b'"a,,\n', "CSV"),
        (b"\xff,,\n", "UTF-8"),
    ],
)
def test_what_is_no_record_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(RecordError, match=words):
        record.parse(text)


@pytest.mark.parametrize(
    ("digest", "size", "words"),
    [
        (EMPTY, "0", ""),
        (EMPTY + "=", "0", "another sha256"),
        (EMPTY, "1", "0 bytes"),
        (EMPTY, "", "0 bytes"),
        ("md5=1B2M2Y8AsgTpgAmY7PhCfg", "0", "no sha256 or better"),
        ("", "", "no sha256 or better"),
    ],
)
def test_a_line_is_checked_to_the_byte(digest: str, size: str, words: str) -> None:
    check = Check(Row(path="a", digest=digest, size=size))
    check.update(b"")
    assert words in check.fault()
    assert bool(check.fault()) == bool(words)


def test_stronger_digests_are_checked_too() -> None:
    good = record.encoded("sha512", hashlib.sha512())
    assert good.startswith("sha512=z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg_SpIdNs6c5H0NE8XYXysP-D")
    assert Check(Row(path="a", digest=good, size="0")).fault() == ""


def test_names_on_one_side_only_are_told() -> None:
    rows = {"a": Row(path="a"), "R": Row(path="R", digest=EMPTY)}
    faults = list(record.faults_in_names(rows, frozenset({"b", "R"}), "R"))
    assert [fault.split("`")[1] for fault in faults] == ["b", "a", "R"]
