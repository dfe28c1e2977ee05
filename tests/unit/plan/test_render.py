from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.dockerfile.summary import summarise
from pipeline.errors import ConfigError
from pipeline.plan.render import Steps, render

if TYPE_CHECKING:
    from pathlib import Path

NASTY = [
    "plain",
    "two words",
    "quote \" and ' quote",
    "dollar $HOME ${HOME} \\$x",
    "back\\slash\\",
    "# not a comment",
    "trailing \\",
    "üñí © 🐍",
    "<<EOF",
    "{{ jinja }} {% raw %}",
    "--flag=x",
]


def steps(**changes: object) -> Steps:
    usual = Steps(
        cell="cell",
        template="command",
        image="python",
        env=(("PATH", "/env/bin:/usr/bin"),),
        contexts=(("src", "/src"),),
        run=("true",),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", NASTY)
def test_a_value_comes_out_as_itself_whatever_is_in_it(value: str, tmp_path: Path) -> None:
    text = render(steps(env=(("VALUE", value),)), tmp_path)
    assert summarise(text).env["VALUE"] == value


@pytest.mark.parametrize("command", [*NASTY, "first\nsecond", "a && b || c; d | e > f"])
def test_a_command_comes_out_as_itself_whatever_is_in_it(command: str, tmp_path: Path) -> None:
    text = render(steps(run=(command,)), tmp_path)
    assert ("/bin/sh", "-e", "-c", command) in summarise(text).commands


def test_a_line_break_cannot_be_smuggled_into_a_value(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="control character"):
        render(steps(env=(("VALUE", 'x"\nRUN evil'),)), tmp_path)


@pytest.mark.parametrize("kind", ["sdist", "wheel", "test", "command"])
def test_rendering_is_deterministic_for_every_kind(kind: str, tmp_path: Path) -> None:
    wanted = steps(template=kind, run=())
    assert render(wanted, tmp_path) == render(wanted, tmp_path)


def project(tmp_path: Path, text: str) -> Path:
    (tmp_path / "dockerfiles").mkdir()
    (tmp_path / "dockerfiles" / "command.Dockerfile.j2").write_text(text)
    return tmp_path


def test_a_template_of_the_project_extends_the_built_in_one(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        '{% extends "pipeline/command.Dockerfile.j2" %}\n'
        "{% block steps %}\nRUN --network=none echo before\n{{ super() }}{% endblock %}\n",
    )
    text = render(steps(run=("after",)), root)
    assert text.index("echo before") < text.index("after")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FROM python\nCOPY --from=src / /src\n", "variable `PATH`"),
        (
            'FROM python\nENV PATH="/env/bin:/usr/bin"\nCOPY --from=src / /src\n',
            "command `true`",
        ),
        ("FROM other\nCOPY --from=elsewhere / /\n", "variable `PATH`"),
        ("{{ nothing_of_the_kind }}", "nothing_of_the_kind"),
        ("{% if %}", "dockerfiles/command.Dockerfile.j2:1: the template cannot be rendered"),
        ("FRMO python\n", "FRMO"),
    ],
)
def test_a_template_that_says_something_else_is_refused(
    text: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as refused:
        render(steps(), project(tmp_path, text))
    assert words in str(refused.value)


def test_a_template_that_names_another_context_is_refused(tmp_path: Path) -> None:
    text = (
        '{% extends "pipeline/command.Dockerfile.j2" %}\n'
        "{% block contexts %}COPY --from=secrets / /x\n{{ super() }}{% endblock %}\n"
    )
    with pytest.raises(ConfigError, match="secrets"):
        render(steps(), project(tmp_path, text))


def test_each_command_sees_what_is_mounted_for_it(tmp_path: Path) -> None:
    mounted = steps(
        template="wheel", run=(), commands=(("make",), ("check",)), mounts=(("root", "/sysroot"),)
    )
    found = summarise(render(mounted, tmp_path))
    assert found.mounts == (frozenset({("root", "/sysroot")}),) * 2
    assert "root" in found.contexts


def test_a_template_that_drops_a_mount_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dockerfiles").mkdir()
    (tmp_path / "dockerfiles" / "own.Dockerfile.j2").write_text(
        '{% extends "pipeline/wheel.Dockerfile.j2" %}{% block mounts %}{% endblock %}'
    )
    mounted = steps(template="own", run=(), commands=(("make",),), mounts=(("root", "/sysroot"),))
    with pytest.raises(ConfigError, match="the mount of `root` for the command `make`"):
        render(mounted, tmp_path)
