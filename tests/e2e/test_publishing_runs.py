"""Whole runs that publish, against an index on loopback; a token shows nowhere."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.publishing.serving import TOKEN, USER, FaultyIndex, access, serve
from tests.registry.conftest import serve as serve_registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.sandbox, pytest.mark.network]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[FaultyIndex]:
    with serve(FaultyIndex(tmp_path / "index")) as running:
        yield running


def uploads(index: FaultyIndex) -> int:
    return sum(request.startswith("POST") for request in index.requests)


def test_a_run_publishes_what_it_built_and_the_next_one_nothing(
    pure: Project, index: FaultyIndex
) -> None:
    first = pure.run("run", "publish", "--untagged", "--json", **access(index)).expect(0)
    assert index.files.keys() == first.digests.keys()
    again = pure.run("run", "publish", "--untagged", **access(index)).expect(0)
    assert again.stdout.count("was there") == 2
    assert uploads(index) == 2


def test_what_was_not_drafted_is_not_uploaded(
    pure: Project, index: FaultyIndex, tmp_path: Path
) -> None:
    file = tmp_path / "release.plan.json"
    pure.run("run", "publish", "--untagged", "--draft", "--output", str(file)).expect(0)
    pure.write("src/example_duration/late.py", "LATE = True\n")
    planned = ("run", "publish", "--untagged", "--plan", str(file))
    late = pure.run(*planned, **access(index)).expect(7)
    assert "is not what the plan or the tag lists" in late.stderr
    assert uploads(index) == 0
    pure.git("rm", "--quiet", "--force", "src/example_duration/late.py")
    pure.run(*planned, **access(index)).expect(0)
    named = {one["name"] for one in json.loads(file.read_text())["files"]}
    assert named == index.files.keys()


def test_only_what_the_tag_lists_is_published_from_it(pure: Project, index: FaultyIndex) -> None:
    pure.git("config", "user.name", "A")
    pure.git("config", "user.email", "a@mirror.example")
    pure.git("branch", "--move", "main")
    pure.run("run", "release").expect(0)
    pure.write("src/example_duration/late.py", "LATE = True\n")
    late = pure.run("run", "publish", **access(index)).expect(7)
    assert "the work tree is not clean: `src/example_duration/late.py`" in late.stderr
    pure.git("commit", "--quiet", "--message", "late")
    late = pure.run("run", "publish", **access(index)).expect(7)
    assert "`v1.0.0` is the tag of" in late.stderr
    assert uploads(index) == 0
    pure.git("reset", "--quiet", "--hard", "v1.0.0")
    pure.run("run", "publish", **access(index)).expect(0)
    assert uploads(index) == 2


def test_flags_about_publishing_are_refused_where_nothing_is_published(
    pure: Project, tmp_path: Path
) -> None:
    for flag in ("--plan", "--output"):
        refused = pure.run("run", "wheel", flag, str(tmp_path / "x.json")).expect(2)
        assert f"`{flag}` is about publishing" in refused.stderr


def test_a_draft_asks_no_index(pure: Project, index: FaultyIndex) -> None:
    pure.run("run", "publish", "--untagged", "--draft", **access(index)).expect(0)
    assert index.requests == []


def test_a_run_that_cuts_a_release_uploads_nothing(pure: Project, index: FaultyIndex) -> None:
    pure.run("run", "release", **access(index))
    assert index.requests == []


def test_without_a_token_nothing_is_asked_for_and_it_is_told(
    pure: Project, index: FaultyIndex
) -> None:
    given = {name: value for name, value in access(index).items() if "WORD" not in name}
    given["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    refused = pure.run("run", "publish", "--untagged", **given).expect(7)
    assert "no good token or password" in refused.stderr
    assert "hint: give a token" in refused.stderr
    assert index.requests == []


@pytest.mark.registry
def test_images_go_to_their_registry_when_the_wheels_beside_them_are_published(
    pure: Project, index: FaultyIndex, tmp_path: Path
) -> None:
    stage = "  p: {{kind: publish, needs: [wheel, duration], registry: '{}/app'}}\n"
    declared = (pure.root / "pipeline.yaml").read_text()
    (tmp_path / "registry").mkdir()
    with serve_registry(tmp_path / "registry") as registry:
        pure.write("pipeline.yaml", declared + stage.format(registry.host))
        address = f"http://{registry.host}/v2/app/tags/list"
        index.faults = ["403"]
        pure.run("run", "p", "--untagged", **access(index)).expect(7)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(address)
        caught.value.close()
        pure.run("run", "p", "--untagged", **access(index)).expect(0)
        with urllib.request.urlopen(address) as answer:
            assert json.load(answer)["tags"] == ["1.0.0"]
    assert list(index.files) == ["example_duration-1.0.0-py3-none-any.whl"]


@contextlib.contextmanager
def watched_processes(found: list[str]) -> Iterator[None]:
    """Look at all command lines while the body runs."""
    end = threading.Event()

    def look() -> None:
        while not end.wait(0.003):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    if TOKEN.encode() in (words := path.read_bytes()):
                        found.append(words.decode(errors="replace"))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def holders(place: Path) -> list[str]:
    """Return the files below a directory that hold the token or its encoding for HTTP."""
    encoded = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
    command = ["grep", "-rlaF", "-e", TOKEN, "-e", encoded.rstrip("="), str(place)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()


@pytest.mark.parametrize("fault", ["", "401", "echo", "redirect", "bend", "418"])
def test_a_token_shows_nowhere(
    pure: Project, index: FaultyIndex, fault: str, tmp_path: Path
) -> None:
    words = (pure.root / "pipeline.yaml").read_text()
    pure.write("pipeline.yaml", words.replace("run: python", "run: env && python"))
    index.faults = [fault]
    seen: list[str] = []
    with watched_processes(seen):
        ran = pure.run("run", "publish", "--untagged", **access(index))
    assert ran.status in {0, 4, 7}
    assert "PYTHON" in ran.stderr, "the step did not show its environment"
    assert TOKEN not in ran.stdout + ran.stderr
    assert seen == []
    assert holders(tmp_path) == []
    assert list((pure.root / ".git" / "pipeline" / "publish").glob("*.jsonl"))
