"""A secret is a file of the caller's alone, for as long as a build lasts."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import UsageError
from pipeline.execute.secrets import secret_files
from pipeline.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path


def test_each_secret_is_a_private_file_that_goes_with_the_build(tmp_path: Path) -> None:
    environ = {"TOKEN": "grün\n", "OTHER": ""}
    with Store.open(tmp_path / "store") as store:
        with secret_files({"a": "TOKEN", "b": "OTHER"}, "cell", environ, store) as files:
            assert [files[name].read_bytes() for name in "ab"] == ["grün\n".encode(), b""]
            assert stat.S_IMODE(files["a"].stat().st_mode) == 0o600
            kept = list(files.values())
        assert not any(path.exists() for path in kept)


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    with (
        Store.open(tmp_path / "store") as store,
        pytest.raises(UsageError, match="`TOKEN` should hold") as caught,
        secret_files({"a": "TOKEN"}, "cell", {}, store),
    ):
        pass
    assert "set `TOKEN`" in caught.value.hint
