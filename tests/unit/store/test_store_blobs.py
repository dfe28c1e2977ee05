from __future__ import annotations

import hashlib
import os
import stat
import time
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import StoreError, VerificationError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.store.store import Store

DATA = b"some bytes" * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()


def flip(path: Path, at: int = 0) -> None:
    """Change one byte of a file, whatever its mode, and leave its times alone."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(stat.S_IMODE(before.st_mode))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def leftovers(store: Store) -> list[Path]:
    """Return what is still in the rooms of unfinished things."""
    return list((store.root / "work").glob("*/*"))


def test_bytes_come_back_under_their_sha256(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(DATA)
    assert store.add_blob(DATA) == DIGEST
    assert store.add_blob_file(tmp_path / "file") == DIGEST
    with store.new_blob(DIGEST) as writer:
        writer.write(DATA[:5])
        writer.write(memoryview(DATA)[5:])
    assert (writer.digest, writer.size) == (DIGEST, len(DATA))
    assert store.read_blob(DIGEST) == DATA
    with store.open_blob(DIGEST) as stream:
        assert stream.read(3) + stream.read() == DATA
    assert leftovers(store) == []


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_blob_can_be_read_but_not_written_whatever_the_umask(store: Store, umask: int) -> None:
    before = os.umask(umask)
    try:
        path = store.blob_path(store.add_blob(DATA))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_other_bytes_than_expected_are_refused_and_not_kept(store: Store) -> None:
    with pytest.raises(VerificationError, match=DIGEST), store.new_blob(DIGEST) as writer:
        writer.write(b"other")
    assert not store.has_blob(DIGEST)
    assert not store.has_blob(hashlib.sha256(b"other").hexdigest())
    assert leftovers(store) == []


def test_a_writer_that_fails_half_way_stores_nothing(store: Store) -> None:
    def fail() -> None:
        with store.new_blob() as writer:
            writer.write(DATA)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not store.has_blob(DIGEST)
    assert leftovers(store) == []


@pytest.mark.parametrize("at", [0, len(DATA) - 1])
def test_a_flipped_byte_is_named_and_the_blob_removed(store: Store, at: int) -> None:
    path = store.blob_path(store.add_blob(DATA))
    flip(path, at)
    with pytest.raises(VerificationError, match=str(path)) as caught:
        store.read_blob(DIGEST)
    assert "run it again" in caught.value.hint
    assert not store.has_blob(DIGEST)
    store.add_blob(DATA)
    assert store.read_blob(DIGEST) == DATA


def test_a_stream_of_rotten_bytes_does_not_end_quietly(store: Store) -> None:
    flip(store.blob_path(store.add_blob(DATA)), 7)
    with store.open_blob(DIGEST) as stream:
        stream.read(10)
        with pytest.raises(VerificationError):
            stream.read()
    assert not store.has_blob(DIGEST)


def test_a_blob_that_was_cut_short_is_replaced_when_it_is_written_again(store: Store) -> None:
    path = store.blob_path(store.add_blob(DATA))
    path.chmod(0o644)
    os.truncate(path, 3)
    store.add_blob(DATA)
    assert path.read_bytes() == DATA


def test_a_missing_blob_says_what_to_do(store: Store) -> None:
    for read in (store.read_blob, store.open_blob):
        with pytest.raises(StoreError, match=DIGEST) as caught:
            read(DIGEST)
        assert caught.value.hint


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 63 + "/"])
def test_a_digest_that_is_none_cannot_lead_out_of_the_store(store: Store, digest: str) -> None:
    for use in (store.blob_path, store.has_blob, store.read_blob, store.partial_path):
        with pytest.raises(VerificationError, match="not a sha256"):
            use(digest)


def test_a_finished_download_becomes_a_blob_without_a_copy(store: Store) -> None:
    partial = store.partial_path(DIGEST)
    partial.write_bytes(DATA)
    inode = partial.stat().st_ino
    store.adopt_partial(DIGEST)
    assert store.blob_path(DIGEST).stat().st_ino == inode
    assert store.read_blob(DIGEST) == DATA
    assert not partial.exists()


def test_a_finished_download_of_other_bytes_is_refused_and_removed(store: Store) -> None:
    store.partial_path(DIGEST).write_bytes(b"other")
    with pytest.raises(VerificationError, match=DIGEST):
        store.adopt_partial(DIGEST)
    assert not store.partial_path(DIGEST).exists()
    assert not store.has_blob(DIGEST)


@pytest.mark.parametrize("use", ["has_blob", "read_blob", "open_blob"])
def test_using_a_blob_notes_that_it_is_in_use(store: Store, use: str) -> None:
    path = store.blob_path(store.add_blob(DATA))
    os.utime(path, (0, 0))
    found = getattr(store, use)(DIGEST)
    if use == "open_blob":
        found.close()
    assert time.time() - path.stat().st_mtime < 3600
