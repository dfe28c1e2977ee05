"""Names as BuildKit 0.25 gave them to the vertices of these Dockerfiles."""

from __future__ import annotations

import pytest

from pipeline.dockerfile.parser import parse
from pipeline.engines.steps import is_step, locate, steps

TWO = """\
FROM base AS build
ENV WORD=hello
WORKDIR /src
COPY --from=src / .

RUN echo $WORD
RUN echo again
FROM scratch
COPY --from=build /out /
"""


def line(text: str, name: str, others: tuple[str, ...] = ()) -> int | None:
    found = locate(name, steps(parse(text)), others)
    return found.line if found else None


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("[build 1/5] WORKDIR /src", 3),
        ("[build 2/5] COPY --from=src / .", 4),
        ("[build 3/5] RUN echo hello", 6),
        ("[build 4/5] RUN echo again", 7),
        ("[linux/arm64 build 4/5] RUN echo again", 7),
        ("[stage-1 1/1] COPY --from=build /out /", 9),
        ("[context src] load from client", None),
        ("[internal] load .dockerignore", None),
        ("exporting to client directory", None),
        ("[build 9/9] RUN not there", None),
        ("[other 1/1] RUN not there", None),
        ("[build 1/5] RUN not a WORKDIR", None),
    ],
)
def test_a_vertex_is_found_by_its_place(name: str, number: int | None) -> None:
    assert line(TWO, name) == number


def test_from_is_counted_where_it_is_shown() -> None:
    shown = ("[build 1/5] FROM docker-image", "[build 4/5] RUN echo hello")
    assert line(TWO, "[build 4/5] RUN echo hello", shown) == 6


def test_a_stage_that_is_the_only_one_may_be_named_or_not() -> None:
    text = "FROM base AS build\nCOPY --from=src / /\nRUN true\n"
    assert line(text, "[build 2/3] RUN true") == 3
    assert line(text, "[2/3] RUN true") == 3
    assert line("FROM base\nRUN true\n", "[stage-0 1/2] RUN true") == 2


def test_only_instructions_are_steps() -> None:
    assert is_step("[build 3/5] RUN echo hello")
    assert not is_step("[context base] OCI load from client")
