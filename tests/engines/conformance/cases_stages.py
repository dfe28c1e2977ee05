"""Stages that start from each other, and what `RUN --mount` shows a step."""

from __future__ import annotations

from tests.engines.conformance.spec import TAIL, Case, Fails, Link, steps

STAGES = (
    Case(
        name="stages that the last one does not need are not built",
        dockerfile="FROM base AS broken\nRUN exit 1\nFROM base AS build\nWORKDIR /out\n"
        "RUN echo 1 > f\nFROM broken AS also\nRUN exit 1\n" + TAIL,
        output={"f": "1\n"},
    ),
    Case(
        name="a stage may start from a stage, and be copied from by number",
        dockerfile="FROM base\nRUN mkdir /out && echo 0 > /out/a\n"
        "FROM base\nCOPY --from=0 /out/a /out/b\n"
        "FROM scratch\nCOPY --from=1 /out /\nCOPY --from=0 /out /\n",
        output={"a": "0\n", "b": "0\n"},
    ),
    Case(
        name="a stage that starts from another has its variables, directory and files",
        dockerfile="FROM base AS one\nENV A=1\nWORKDIR /out\nRUN echo $A > a\n"
        "FROM one AS build\nRUN echo $A$(pwd) > b\n" + TAIL,
        output={"a": "1\n", "b": "1/out\n"},
    ),
    Case(
        name="FROM scratch with a context alone",
        dockerfile="FROM scratch\nCOPY . /\n",
        context={"a": "A", "d/b": "B", "l": Link("a")},
        output={"a": "A", "d/b": "B", "l": Link("a")},
    ),
    Case(
        name="the last stage is the output, whatever its name",
        dockerfile="FROM scratch AS one\nCOPY a /\nFROM scratch AS two\nCOPY b /\n",
        context={"a": "A", "b": "B"},
        output={"b": "B"},
    ),
    Case(
        name="FROM of a directory as a context",
        dockerfile="FROM files AS build\nCOPY x /y\nFROM scratch\nCOPY --from=build / /\n",
        context={"x": "X"},
        contexts={"files": {"a": "A"}},
        output={"a": "A", "y": "X"},
    ),
    Case(
        name="FROM of a name that nothing has",
        dockerfile="FROM mirror.example/nothing:1\n",
        output=Fails(),
    ),
    Case(
        name="FROM with an argument without a value",
        dockerfile="ARG X\nFROM $X\n",
        output=Fails(),
    ),
    Case(
        name="FROM with the platform of the build",
        dockerfile="FROM --platform=$BUILDPLATFORM base AS build\nWORKDIR /out\nRUN echo 1 > f\n"
        + TAIL,
        output={"f": "1\n"},
    ),
)

MOUNTS = (
    Case(
        name="a bind mount shows the context, read-only, and leaves nothing",
        dockerfile=steps(
            "RUN --mount=target=/m cat /m/a /m/d/b > all; touch /m/x || echo ro > ro",
            "RUN --mount=type=bind,source=d,target=m ls m > l",
            "RUN ls -d /m m > left 2> /dev/null || true",
        ),
        context={"a": "A", "d/b": "B"},
        output={"all": "AB", "ro": "ro\n", "l": "b\n", "left": ""},
    ),
    Case(
        name="a bind mount of a stage, of a file, and of what a variable names",
        dockerfile="FROM base AS one\nRUN mkdir /d && echo 1 > /d/f\n"
        "FROM base AS build\nWORKDIR /out\n"
        "ARG T=/t\nRUN --mount=from=one,source=/d,target=$T cat /t/f > a\n"
        "RUN --mount=from=one,source=/d/f,target=/t/g cat /t/g > b\n"
        "RUN --mount=from=base,target=/t test -x /t/bin/sh && echo yes > c\n" + TAIL,
        output={"a": "1\n", "b": "1\n", "c": "yes\n"},
    ),
    Case(
        name="what is written to a bind mount with rw is dropped",
        dockerfile=steps(
            "RUN --mount=target=/m,rw echo new > /m/a && rm "
            "/m/b && echo 1 > /m/c && ls /m > l && cat /m/a > a",
            "RUN --mount=target=/m cat /m/a /m/b > after",
        ),
        context={"a": "A", "b": "B"},
        output={"l": "a\nc\n", "a": "new\n", "after": "AB"},
    ),
    Case(
        name="a bind mount of what is not there",
        dockerfile=steps("RUN --mount=source=nothing,target=/m true"),
        context={"a": "A"},
        output=Fails(),
    ),
    Case(
        name="a bind mount sees .dockerignore",
        dockerfile=steps("RUN --mount=target=/m ls -A /m > l"),
        context={".dockerignore": "b\n", "a": "A", "b": "B"},
        output={"l": ".dockerignore\na\n"},
    ),
    Case(
        name="a bind mount over a directory hides what is there, for the step only",
        dockerfile=steps(
            "RUN mkdir d && echo 1 > d/x", "RUN --mount=target=d ls d > during", "RUN ls d > after"
        ),
        context={"a": "A"},
        output={"d/x": "1\n", "during": "a\n", "after": "x\n"},
    ),
    Case(
        name="a tmpfs mount is empty, writable and gone",
        dockerfile=steps(
            "RUN --mount=type=tmpfs,target=/t ls -A /t > a && echo 1 > /t/f && cat /t/f > b",
            "RUN --mount=type=tmpfs,target=/t,size=1m ls -A /t "
            "> c; head -c 2M /dev/zero > /t/f || echo full > d",
            "RUN test -e /t/f || echo gone > e",
        ),
        output={"a": "", "b": "1\n", "c": "", "d": "full\n", "e": "gone\n"},
    ),
    Case(
        name="a cache mount is shared by the steps of a build",
        dockerfile=steps(
            "RUN --mount=type=cache,id=conformance-{unique},target=/c echo 1 >> /c/f",
            "RUN --mount=type=cache,id=conformance-{unique},target=/other cat /other/f > f",
            "RUN --mount=type=cache,id=conformance-{unique}-2,target=/c "
            "ls -A /c > other; stat -c %a /c > m",
            "RUN test -e /c || echo gone > left",
        ),
        output={"f": "1\n", "other": "", "m": "755\n", "left": "gone\n"},
    ),
    Case(
        name="a secret is a file for root in /run/secrets",
        dockerfile=steps(
            "RUN --mount=type=secret,id=token cat /run/secrets/token "
            "> f; stat -c '%a %u' /run/secrets/token > m",
            "RUN --mount=type=secret,id=token,target=/t/s,mode=0444 "
            "cat /t/s > g; stat -c %a /t/s > n",
            "RUN test -e /run/secrets/token || echo gone > h",
        ),
        secrets={"token": "hidden"},
        output={"f": "hidden", "m": "400 0\n", "g": "hidden", "n": "444\n", "h": "gone\n"},
    ),
    Case(
        name="a secret is a variable where `env` says so, and no file then",
        dockerfile=steps(
            "RUN --mount=type=secret,id=token,env=TOKEN echo "
            "$TOKEN > f; ls /run/secrets > l 2> /dev/null; true",
            "RUN --mount=type=secret,id=token,env=TOKEN,target=/t echo $TOKEN > g; cat /t > h",
        ),
        secrets={"token": "hidden"},
        output={"f": "hidden\n", "l": "", "g": "hidden\n", "h": "hidden"},
    ),
    Case(
        name="a secret that was not given is not there",
        dockerfile=steps(
            "RUN --mount=type=secret,id=other test -e /run/secrets/other || echo none > f"
        ),
        output={"f": "none\n"},
    ),
    Case(
        name="a secret that is required and was not given",
        dockerfile=steps("RUN --mount=type=secret,id=other,required true"),
        output=Fails(),
    ),
    Case(
        name="several mounts in one step, one inside of another",
        dockerfile=steps(
            "RUN --mount=type=tmpfs,target=/t --mount=target=/t/m,source=d ls /t /t/m > l"
        ),
        context={"d/b": "B"},
        output={"l": "/t:\nm\n\n/t/m:\nb\n"},
    ),
)
