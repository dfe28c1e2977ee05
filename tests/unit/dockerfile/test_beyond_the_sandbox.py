"""What only Docker does is read, and told before anything runs."""

from __future__ import annotations

import pytest

from pipeline.dockerfile.beyond import OTHER_ENGINE, beyond_sandbox
from pipeline.dockerfile.parser import parse


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("USER nobody", "`USER nobody`"),
        ("USER 0:7", "`USER 0:7`"),
        ("COPY --chown=1000:7 a b", "`--chown 1000:7`"),
        ("COPY --parents a b/", "`--parents`"),
        ("ADD --exclude=*.o a b", "`--exclude=*.o`"),
        ("RUN --mount=type=ssh true", "`--mount=type=ssh`"),
        ("RUN --mount=type=cache,target=/c,uid=7 true", "`uid=7`"),
    ],
)
def test_each_is_named_with_its_line_and_the_engine_that_does_it(step: str, words: str) -> None:
    (error,) = beyond_sandbox(parse(f"FROM a\n\n{step}\n"))
    assert words in error.message
    assert error.where == "Dockerfile:3"
    assert OTHER_ENGINE in error.hint


@pytest.mark.parametrize(
    "step",
    [
        "USER root",
        "USER 0:0",
        "USER $U",
        "COPY --chown=root:root --chmod=u+x a b",
        "COPY --link a b",
        "RUN --mount=type=cache,target=/c,uid=0 true",
        "EXPOSE 80",
        "VOLUME /x",
        "HEALTHCHECK --interval=1s CMD true",
        "STOPSIGNAL 9",
    ],
)
def test_what_the_sandbox_does_is_not_among_them(step: str) -> None:
    assert beyond_sandbox(parse(f"FROM a\n{step}\n")) == ()
