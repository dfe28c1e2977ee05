from __future__ import annotations

import json
import marshal

import pytest

from pipeline.sandbox.spec import Bind, Bounds, Mount, Overlay, Spec, Tmpfs

ROOT = Overlay(target="/", lower=("/layers/a", "/layers/b"), upper="/run/upper", work="/run/work")
MOUNTS: tuple[Mount, ...] = (
    Bind(source="/host/in", target="/in"),
    Overlay(target="/src", lower=("/tree",), upper="/u", work="/w"),
    Tmpfs(target="/scratch", size=4096),
)


def test_equal_specs_are_equal_and_a_changed_bound_makes_them_differ() -> None:
    assert Spec(root=ROOT, mounts=MOUNTS) == Spec(root=ROOT, mounts=MOUNTS)
    assert Spec(root=ROOT) != Spec(root=ROOT, limits=Bounds(seconds=1))


def test_a_spec_prints_as_json_and_travels_as_marshalled_data() -> None:
    wire = Spec(root=ROOT, mounts=MOUNTS, argv=("/bin/true",), env=(("A", "ä"),)).wire()
    assert json.loads(json.dumps(wire))["mounts"][0] == {
        "kind": "bind",
        "source": "/host/in",
        "target": "/in",
        "read_only": True,
    }
    sent = marshal.dumps(wire)  # type: ignore[arg-type]
    assert marshal.loads(sent) == wire  # noqa: S302 (our own bytes)


@pytest.mark.parametrize("target", ["src", "/", "/a/../b", "/a//b", "/a/", ""])
def test_a_target_that_is_not_a_plain_path_inside_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="path below the root"):
        Bind(source="/x", target=target)


def test_a_relative_source_is_refused() -> None:
    with pytest.raises(ValueError, match="absolute path of the host"):
        Bind(source="x", target="/x")


def test_an_overlay_without_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Overlay(target="/", lower=(), upper="/u", work="/w")


def test_a_root_that_is_mounted_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match="root's target"):
        Spec(root=Overlay(target="/a", lower=("/l",), upper="/u", work="/w"))


@pytest.mark.parametrize("name", ["", "A=B", "A\0"])
def test_an_impossible_variable_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="environment variable"):
        Spec(root=ROOT, env=((name, "x"),))


def test_an_argument_with_a_nul_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        Spec(root=ROOT, argv=("a\0b",))


def test_a_bound_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="`memory` is below zero"):
        Bounds(memory=-1)


def test_the_overlays_are_the_root_and_those_among_the_mounts() -> None:
    assert [overlay.upper for overlay in Spec(root=ROOT, mounts=MOUNTS).overlays] == [
        "/run/upper",
        "/u",
    ]
