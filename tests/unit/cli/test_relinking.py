"""`export` puts its environments in place at once, and only while nothing that decided it moved."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from pipeline.cli import relinking
from pipeline.environments.export import export
from pipeline.store.derived import hash_open_file
from pipeline.store.scan import scan
from pipeline.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.environments.blueprint import Blueprint

WORDS = ("-e", "dev")


class Recorded:
    """An environment that was made, exported, and put on record with its blueprint."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "root"
        self.root.mkdir()
        self.declared = directory / "declared"
        self.declared.write_text("one")
        self.wheel = directory / "wheel"
        (self.wheel / "lib/a").mkdir(parents=True)
        (self.wheel / "lib/a/module.py").write_text("a = 1\n")
        with Store.open(directory / "cache") as self.store:
            scanned = scan(self.wheel, hash_open_file)
            self.blueprint: Blueprint = {
                "own": [],
                "directories": [],
                "wheels": [(str(self.wheel), ["lib", "lib/a"], ["lib/a/module.py"])],
                "record": scanned.encoded,
            }
        self.write({"dev": self.blueprint})

    @property
    def directory(self) -> Path:
        return self.store.directories.path("environment", "ab" * 32)

    def write(self, made: dict[str, Blueprint]) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.store.directories.record(self.directory).write_bytes(self.blueprint["record"])
        done = [export("dev", self.directory, self.root, self.store.root)]
        began = time.time_ns() + 1_000_000_000  # as if the file had rested for a second
        inputs = [str(self.declared)]
        relinking.record(WORDS, done, made, self.root, every=True, inputs=inputs, began=began)

    def forget(self) -> None:
        """Lose the environment as a pruned cache does."""
        self.store.directories.discard(self.directory)

    def again(self) -> list[str] | None:
        done = relinking.exported_again(WORDS, os.environ)
        return [f"{one.name} {one.state}" for one in done] if done else None


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIPELINE_CACHE_DIR", str(tmp_path / "cache"))
    return Recorded(tmp_path)


def test_what_stands_is_only_linked(recorded: Recorded) -> None:
    assert recorded.again() == ["dev as it was"]
    (recorded.root / ".pipeline/venvs/dev").unlink()
    assert recorded.again() == ["dev made"]


def test_an_environment_that_the_cache_lost_is_made_again(recorded: Recorded) -> None:
    recorded.forget()
    assert recorded.again() == ["dev as it was"]
    linked = recorded.root / ".pipeline/venvs/dev/lib/a/module.py"
    assert linked.samefile(recorded.wheel / "lib/a/module.py")
    assert scan(recorded.directory, hash_open_file).encoded == recorded.blueprint["record"]


def test_a_wheel_that_is_gone_too_needs_the_whole_way(recorded: Recorded) -> None:
    recorded.forget()
    (recorded.wheel / "lib/a/module.py").unlink()
    assert recorded.again() is None
    assert not recorded.directory.exists()


def test_a_declaration_that_moved_is_read_again(recorded: Recorded) -> None:
    recorded.declared.write_text("another")
    assert recorded.again() is None


def test_a_call_that_made_nothing_leaves_the_blueprint_on_record(recorded: Recorded) -> None:
    recorded.write({})
    recorded.forget()
    assert recorded.again() == ["dev as it was"]


def test_a_link_that_came_since_is_removed_where_every_environment_is_meant(
    recorded: Recorded,
) -> None:
    export("docs", recorded.directory, recorded.root, recorded.store.root)
    assert recorded.again() == ["dev as it was", "docs removed"]
    assert recorded.again() == ["dev as it was"]


def test_other_words_are_another_call(recorded: Recorded) -> None:
    assert recorded.again()
    assert relinking.exported_again(["--all"], os.environ) is None
