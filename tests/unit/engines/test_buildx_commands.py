from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.engines.buildx import (
    PROXIES,
    Builder,
    Room,
    command,
    environment,
    layout_place,
    whole_trees,
)
from pipeline.engines.protocol import BuildRequest, Context, ImageContext, TreeContext
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGE = ImageContext(digest="a" * 64, platform="linux/amd64", layers=())
TREE = TreeContext(digest="t", path=Path("/trees/src"))
BUILDER = Builder(name="default")


def request(
    text: str = "FROM base\n",
    *,
    contexts: Mapping[str, Context] | None = None,
    network: str = "none",
    secrets: Mapping[str, Path] | None = None,
) -> BuildRequest:
    return BuildRequest(
        dockerfile=text,
        contexts={"base": IMAGE, "src": TREE} if contexts is None else contexts,
        platform="linux/arm64",
        network=network,
        epoch=1_600_000_000,
        arguments={"FLAVOUR": "plain=yes"},
        secrets=secrets or {},
    )


def made(asked: BuildRequest, *, fresh: bool = False, builder: Builder = BUILDER) -> list[str]:
    room = Room(path=Path("/room"), token="once")  # noqa: S106 - no secret
    return command(asked, room, builder, {"base": "oci-layout:///x:locked@sha256:a"}, fresh=fresh)


def values(words: list[str], flag: str) -> list[str]:
    return [words[at + 1] for at, word in enumerate(words) if word == flag]


def test_every_context_is_named_with_what_it_is() -> None:
    assert values(made(request()), "--build-context") == [
        "base=oci-layout:///x:locked@sha256:a",
        "src=/trees/src",
    ]


def test_named_trees_with_a_dockerignore_go_as_images_since_buildkit_obeys_it(
    tmp_path: Path,
) -> None:
    (tmp_path / ".dockerignore").write_text("*\n")
    image = ImageContext(digest="b" * 64, platform="linux/arm64", layers=(tmp_path,))
    plain = TreeContext(digest="p", path=Path("/trees/plain"))
    ignoring = TreeContext(digest="i", path=tmp_path, image={"linux/arm64": image}.__getitem__)
    found = whole_trees({"context": ignoring, "src": ignoring, "env": plain}, "linux/arm64")
    assert found == {"context": ignoring, "src": image, "env": plain}


def test_a_tree_that_docker_would_not_show_whole_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("*\n")
    with pytest.raises(ConfigError, match=r"`src` has a `\.dockerignore`"):
        whole_trees({"src": TreeContext(digest="s", path=tmp_path)}, "linux/arm64")


def test_steps_have_no_network_unless_the_request_says_so() -> None:
    words = made(request())
    assert values(words, "--network") == ["none"]
    assert "--allow=network.host" not in words


@pytest.mark.parametrize(
    "asked", [request(network="host"), request("FROM base\nRUN --network=host true\n")]
)
def test_the_hosts_network_is_asked_for_where_a_step_may_use_it(asked: BuildRequest) -> None:
    assert "--allow=network.host" in made(asked)


def test_the_epoch_and_the_arguments_are_given_and_no_proxy_is() -> None:
    arguments = values(made(request()), "--build-arg")
    assert arguments[-2:] == ["SOURCE_DATE_EPOCH=1600000000", "FLAVOUR=plain=yes"]
    assert set(arguments[:-2]) == {f"{name}=" for name in PROXIES}


def test_nothing_but_the_output_is_made() -> None:
    words = made(request())
    assert {"--provenance=false", "--sbom=false", "--progress=rawjson"} <= set(words)
    assert values(words, "--output") == ["type=local,dest=/room/output"]
    assert values(words, "--platform") == ["linux/arm64"]


def test_the_cache_is_left_aside_only_when_asked() -> None:
    assert "--no-cache" not in made(request())
    assert "--no-cache" in made(request(), fresh=True)


def test_a_path_with_a_comma_stays_one_field() -> None:
    words = made(request(secrets={"token": Path("/a,b/token")}))
    assert values(words, "--secret") == ['id=token,"src=/a,b/token"']


def test_a_context_of_the_command_line_stands_before_buildx() -> None:
    words = made(request(), builder=Builder(name="far", context="far"))
    assert words[:7] == ["docker", "--context", "far", "buildx", "build", "--builder", "far"]


def test_variables_that_would_change_a_build_do_not_reach_buildx() -> None:
    kept = environment({"HOME": "/h", "SOURCE_DATE_EPOCH": "1", "BUILDX_BUILDER": "other"})
    assert kept["HOME"] == "/h"
    assert "SOURCE_DATE_EPOCH" not in kept
    assert "BUILDX_BUILDER" not in kept


def test_no_two_builds_name_the_same_directory_as_their_own(tmp_path: Path) -> None:
    assert Room(path=tmp_path).main != Room(path=tmp_path).main


def test_a_context_called_context_is_the_builds_own(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("here")
    room = Room(path=tmp_path)
    own = TreeContext(digest="t", path=tmp_path / "tree")
    room.furnish(request(contexts={"context": own}))
    assert (room.main / "file").read_text() == "here"
    assert "context=" not in " ".join(values(made(request(contexts={"context": own})), "--file"))


def test_an_image_without_a_layout_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="`base` exists only as unpacked layers"):
        layout_place("base", IMAGE)


def test_what_buildx_told_of_the_node_is_read_and_anything_else_is_not(tmp_path: Path) -> None:
    room = Room(path=tmp_path)
    assert room.node() == ""
    for text in ("", "[]", '{"buildx.build.ref": 3}'):
        room.metadata.write_text(text)
        assert room.node() == ""
    room.metadata.write_text('{"buildx.build.ref": "duo/one/abc"}')
    assert room.node() == "duo/one"
