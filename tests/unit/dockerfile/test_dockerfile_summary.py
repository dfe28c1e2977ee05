"""A Dockerfile read back says what was rendered into it."""

from __future__ import annotations

from pipeline.dockerfile.summary import summarise

TEXT = r"""
FROM python AS build
ENV A="say \"\$x\""
ENV B="$A!"
COPY --from=sources / /src
RUN --mount=type=bind,from=env,target=/env ["make", "it"]
RUN make it
FROM build
COPY --from=build /out /
COPY --from=0 /out /
COPY --from=BUILD /out /
FROM scratch
"""


def test_variables_commands_and_contexts_are_told() -> None:
    summary = summarise(TEXT)
    assert summary.env == {"A": 'say "$x"', "B": 'say "$x"!'}
    assert summary.commands == (("make", "it"), ("make it",))
    assert summary.contexts == {"python", "sources", "env"}
