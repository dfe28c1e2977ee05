"""Where COPY puts what, and as what, by BuildKit's rules. No sandbox is needed to see it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from pipeline.engines.copying import Copier, CopyError, Target
from pipeline.engines.union import OPAQUE, Union

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EPOCH = 1_000_000_000


def fill(directory: Path, files: Mapping[str, str]) -> str:
    """Write files; a text ``-> x`` makes a link, a path that ends in a slash a directory."""
    directory.mkdir(exist_ok=True)
    for path, text in files.items():
        target = directory / path
        if path.endswith("/"):
            target.mkdir(parents=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            target.symlink_to(text[3:])
        else:
            target.write_text(text)
    return str(directory)


def content(directory: Path) -> dict[str, str]:
    """Return what `fill` would have to be given to make the same."""
    found: dict[str, str] = {}
    for parent, names, files in os.walk(directory):
        for name in (*names, *files):
            path = os.path.join(parent, name)
            key = os.path.relpath(path, directory)
            if os.path.islink(path):
                found[key] = f"-> {os.readlink(path)}"
            elif os.path.isfile(path):
                with open(path, encoding="utf-8") as stream:
                    found[key] = stream.read()
            elif not os.listdir(path):
                found[f"{key}/"] = ""
    return found


class Scene:
    """A source, a lower layer that is there already, and the layer that is copied into."""

    def __init__(self, tmp_path: Path) -> None:
        self.source = tmp_path / "source"
        self.lower = tmp_path / "lower"
        self.top = tmp_path / "top"
        for directory in (self.source, self.lower, self.top):
            directory.mkdir()

    @property
    def view(self) -> Union:
        return Union((str(self.top), str(self.lower)))

    def copy(self, path: str, target: str, *, chmod: str = "") -> dict[str, str]:
        copier = Copier(self.view, str(self.top), epoch=EPOCH, chmod=chmod)
        directory = target.endswith("/")
        copier.copy(
            Union((str(self.source),)),
            path,
            Target(path=f"/{target.strip('/')}", directory=directory),
        )
        copier.finish()
        return content(self.top)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.parametrize(
    ("path", "target", "expected"),
    [
        ("/f", "/g", {"g": "F"}),
        ("/f", "/g/", {"g/f": "F"}),
        ("/f", "/a/b/c", {"a/b/c": "F"}),
        ("/f", "/there", {"there/f": "F"}),
        ("/f", "/", {"f": "F"}),
        ("/d", "/new", {"new/x": "X", "new/y/z": "Z", "new/l": "-> x"}),
        ("/d", "/new/", {"new/x": "X", "new/y/z": "Z", "new/l": "-> x"}),
        ("/d", "/there", {"there/x": "X", "there/y/z": "Z", "there/l": "-> x"}),
        ("/d/y", "/", {"z": "Z"}),
        ("/to-f", "/g", {"g": "F"}),
        ("/to-f", "/there", {"there/to-f": "F"}),
        ("/to-d", "/new", {"new/x": "X", "new/y/z": "Z", "new/l": "-> x"}),
        ("/d/l", "/g", {"g": "X"}),
        ("/empty", "/new", {"new/": ""}),
        ("/out", "/g", {"g": "F"}),
    ],
)
def test_a_source_arrives_where_docker_puts_it(
    scene: Scene, path: str, target: str, expected: dict[str, str]
) -> None:
    fill(
        scene.source,
        {
            "f": "F",
            "d/x": "X",
            "d/y/z": "Z",
            "d/l": "-> x",
            "to-f": "-> f",
            "to-d": "-> /d",
            "empty/": "",
            "out": "-> ../../../f",
        },
    )
    fill(scene.lower, {"there/": ""})
    assert scene.copy(path, target) == expected


def test_a_destination_is_followed_through_links_inside_the_stage(scene: Scene) -> None:
    fill(scene.source, {"f": "F"})
    fill(scene.lower, {"real/deep/": "", "link": "-> /real", "chain": "-> link/deep/"})
    assert scene.copy("/f", "/chain/") == {"real/deep/f": "F"}


def test_a_link_never_leads_out_of_the_stage(scene: Scene, tmp_path: Path) -> None:
    fill(scene.source, {"f": "F", "secret": f"-> {tmp_path}/outside"})
    fill(scene.lower, {"away": f"-> {tmp_path}/outside", "up": "-> ../../../.."})
    (tmp_path / "outside").mkdir()
    scene.copy("/f", "/away/")
    scene.copy("/f", "/up/new")
    assert list((tmp_path / "outside").iterdir()) == []
    with pytest.raises(CopyError, match="not there"):
        scene.copy("/secret", "/x")


def test_links_without_end_are_an_error(scene: Scene) -> None:
    fill(scene.source, {"a": "-> b", "b": "-> a"})
    with pytest.raises(CopyError, match="never end"):
        scene.copy("/a", "/x")


def test_existing_files_are_replaced_and_lower_layers_left_alone(scene: Scene) -> None:
    fill(scene.source, {"d/x": "new", "d/l": "file now"})
    fill(scene.lower, {"t/x": "old", "t/l": "-> x", "t/other": "kept"})
    assert scene.copy("/d", "/t") == {"t/x": "new", "t/l": "file now"}
    assert content(scene.lower) == {"t/x": "old", "t/l": "-> x", "t/other": "kept"}
    again = fill(scene.source, {"d2/x": "newer"})
    assert again
    assert scene.copy("/d2", "/t")["t/x"] == "newer"


def test_writing_over_a_linked_file_does_not_change_its_source(scene: Scene) -> None:
    fill(scene.source, {"a": "A", "b": "B"})
    for name in ("a", "b"):
        os.utime(scene.source / name, (1, 1))
    scene.copy("/a", "/x")
    scene.copy("/b", "/x", chmod="600")
    assert content(scene.source) == {"a": "A", "b": "B"}
    assert content(scene.top) == {"x": "B"}
    assert stat.S_IMODE((scene.source / "b").stat().st_mode) != 0o600


@pytest.mark.parametrize(
    ("lower", "path", "target", "words"),
    [
        ({"t/x/": ""}, "/d", "/t", "`/t/x` cannot become a file"),
        ({"t/y": "file"}, "/d", "/t", "`/t/y` is there and is not a directory"),
        ({"t/y": "-> /"}, "/d", "/t", "`/t/y` is there and is not a directory"),
        ({"t": "file"}, "/d", "/t", "`/t` is there and is not a directory"),
        ({"t": "file"}, "/f", "/t/", "`/t` is there and is not a directory"),
        ({"t": "file"}, "/f", "/t/deep/x", "`/t` is there and is not a directory"),
        ({}, "/nothing", "/t", "`/nothing` is not there"),
        ({}, "/f/x", "/t", "`/f/x` is not there"),
    ],
)
def test_what_does_not_fit_is_named(
    scene: Scene, lower: dict[str, str], path: str, target: str, words: str
) -> None:
    fill(scene.source, {"f": "F", "d/x": "X", "d/y/z": "Z"})
    fill(scene.lower, lower)
    with pytest.raises(CopyError) as caught:
        scene.copy(path, target)
    assert words in str(caught.value)


def test_sockets_and_fifos_are_refused(scene: Scene) -> None:
    os.mkfifo(scene.source / "fifo")
    with pytest.raises(CopyError, match="FIFO"):
        scene.copy("/", "/t")


def test_modes_are_kept_or_set(scene: Scene) -> None:
    fill(scene.source, {"d/run": "x", "d/sub/plain": "y"})
    (scene.source / "d" / "run").chmod(0o750)
    (scene.source / "d" / "sub").chmod(0o711)
    fill(scene.lower, {"t/": ""})
    (scene.lower / "t").chmod(0o1777)
    scene.copy("/d", "/t/new")

    def mode(path: str) -> int:
        return stat.S_IMODE((scene.top / path).stat().st_mode)

    assert mode("t") == 0o1777, "an existing directory keeps its mode"
    assert [mode("t/new"), mode("t/new/run"), mode("t/new/sub")] == [0o755, 0o750, 0o711]
    scene.copy("/d", "/set", chmod="640")
    assert mode("set/run") == 0o640
    assert mode("set/sub") == 0o740, "the owner can always pass through a directory"


def test_times_are_kept_up_to_the_epoch(scene: Scene) -> None:
    fill(scene.source, {"d/old": "x", "d/new": "y", "d/link": "-> old"})
    os.utime(scene.source / "d" / "old", (1000, 1000))
    scene.copy("/d", "/t")
    times = {name: os.lstat(scene.top / "t" / name).st_mtime for name in ("old", "new", "link")}
    assert times == {"old": 1000, "new": EPOCH, "link": EPOCH}
    assert (scene.top / "t").stat().st_mtime == EPOCH


def test_layers_merge_as_overlayfs_merges_them(scene: Scene, tmp_path: Path) -> None:
    upper = tmp_path / "upper"
    fill(
        scene.lower, {"d/low": "1", "d/both": "low", "hidden/x": "1", "opaque/x": "1", "f": "file"}
    )
    fill(upper, {"d/both": "up", "opaque/y": "2", "f/inside": "directory now"})
    os.setxattr(upper / "opaque", OPAQUE, b"y")
    view = Union((str(upper), str(scene.lower)))
    assert view.names(view.root) == ["d", "f", "hidden", "opaque"]
    copier = Copier(Union((str(scene.top),)), str(scene.top), epoch=EPOCH)
    copier.copy(view, "/", Target(path="/", directory=True))
    assert content(scene.top) == {
        "d/low": "1",
        "d/both": "up",
        "hidden/x": "1",
        "opaque/y": "2",
        "f/inside": "directory now",
    }
