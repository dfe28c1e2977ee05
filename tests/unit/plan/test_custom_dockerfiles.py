"""A template of the project takes no more than its stage gives, and uses all of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.dockerfile.summary import summarise
from pipeline.errors import ConfigError
from pipeline.plan.render import Steps, render, with_own_context

if TYPE_CHECKING:
    from pathlib import Path

EXTENDING = '{% extends "pipeline/command.Dockerfile.j2" %}\n'
STEPS = Steps(
    cell="docs",
    template="docs",
    image="python",
    env=(("PATH", "/env/bin"),),
    contexts=(("src", "/src"),),
)


def rendered(root: Path, text: str, **changes: object) -> str:
    (root / "dockerfiles").mkdir()
    (root / "dockerfiles" / "docs.Dockerfile.j2").write_text(text)
    return render(replace(STEPS, **changes), root)  # type: ignore[arg-type]


def step(text: str) -> str:
    return f"{EXTENDING}{{% block steps %}}\n{text}\n{{% endblock %}}\n"


def test_a_template_extends_the_one_of_the_kind(tmp_path: Path) -> None:
    text = rendered(tmp_path, step('RUN --network=none ["make"]\n{{ super() }}'), run=("true",))
    commands = summarise(text).commands
    assert commands == (("make",), ("/bin/sh", "-e", "-c", "true"))


def test_a_template_may_replace_all_of_it_with_stages_and_mounts_of_its_own(tmp_path: Path) -> None:
    text = rendered(
        tmp_path,
        "FROM {{ image }} AS tool\nRUN echo 1 > /tool\n"
        "FROM {{ image }} AS build\n"
        "{% for name, value in env %}\nENV {{ name }}={{ value | quoted }}\n{% endfor %}\n"
        "RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t"
        " --mount=type=bind,from=tool,source=/tool,target=/tool"
        " --mount=from=src,target=/src cp /tool /out\n"
        "FROM scratch\nCOPY --from=build /out /\n",
    )
    assert summarise(text).contexts == {"python", "src"}


def test_the_builds_own_context_is_that_of_the_sources(tmp_path: Path) -> None:
    text = rendered(tmp_path, step("COPY data.txt /data"))
    assert with_own_context(text, {"src": "sources"}) == {"src": "sources", "context": "sources"}
    plain = render(replace(STEPS, template="command"), tmp_path)
    assert with_own_context(plain, {"src": "sources"}) == {"src": "sources"}


def test_without_sources_there_is_no_context_of_the_builds_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it names `context`"):
        rendered(tmp_path, step("COPY data.txt /data"), contexts=())


def test_a_step_that_asks_for_the_network_needs_a_stage_that_has_it(tmp_path: Path) -> None:
    asking = step("RUN --network=host fetch")
    with pytest.raises(ConfigError, match="asks for the network") as caught:
        rendered(tmp_path, asking)
    assert caught.value.where == "dockerfiles/docs.Dockerfile.j2"
    assert "network: host" in caught.value.hint
    assert "--network=host" in render(replace(STEPS, network="host"), tmp_path)


def test_a_value_that_no_arg_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no `ARG LEVEL`") as caught:
        rendered(tmp_path, step("RUN true"), arguments=("LEVEL",))
    assert "build-args" in caught.value.hint


@pytest.mark.parametrize("text", ["ARG LEVEL=1", "ARG A=2 LEVEL"])
def test_an_arg_of_the_template_takes_a_value(text: str, tmp_path: Path) -> None:
    assert text in rendered(tmp_path, step(text), arguments=("LEVEL",))


def test_a_secret_has_to_be_given_by_the_stage(tmp_path: Path) -> None:
    mounting = step("RUN --mount=type=secret,id=token cat /run/secrets/token")
    with pytest.raises(ConfigError, match="secret `token`") as caught:
        rendered(tmp_path, mounting)
    assert "secrets" in caught.value.hint
    assert "id=token" in render(replace(STEPS, secrets=("token",)), tmp_path)


def test_what_only_docker_does_is_rendered_all_the_same(tmp_path: Path) -> None:
    assert "USER nobody" in rendered(tmp_path, step("USER nobody\nRUN true"))


def test_another_reader_is_never_let_in(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="in our place"):
        rendered(tmp_path, f"# syntax=mirror.example/reader\n{step('RUN true')}")
