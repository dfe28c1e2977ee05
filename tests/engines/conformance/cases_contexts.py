"""ADD of local files, and what `.dockerignore` hides from a build."""

from __future__ import annotations

from tests.engines.conformance.cases_copying import TREE
from tests.engines.conformance.spec import (
    Case,
    Empty,
    Fails,
    File,
    Folder,
    Link,
    Program,
    steps,
)

CONTEXTS = (
    Case(
        name="ADD of plain files is COPY",
        dockerfile=steps("ADD a d x/", "ADD --chmod=700 a y"),
        context=TREE,
        output={"x/a": "A", "x/b": "B", "x/e/c": "C", "y": Program("A")},
    ),
    Case(
        name=".dockerignore at the context's root hides what it names",
        dockerfile=steps("COPY . ."),
        context={
            ".dockerignore": "# a comment\n*.o\nd/e\n/top\n**/deep\n!keep.o\n\ntrail/ \n",
            "a.o": "",
            "keep.o": "",
            "d/b.o": "",
            "d/e/c": "",
            "top": "",
            "d/top": "",
            "x/y/deep": "",
            "x/y/z": "",
            "trail/t": "",
            "b": "",
        },
        output={
            ".dockerignore": "# a comment\n*.o\nd/e\n/top\n**/deep\n!keep.o\n\ntrail/ \n",
            **dict.fromkeys(("keep.o", "d/b.o", "d/top", "x/y/z", "b"), ""),
        },
    ),
    Case(
        name=".dockerignore of a named context hides nothing",
        dockerfile=steps("COPY --from=n / n/", "RUN --mount=from=n,target=/m ls /m > l"),
        contexts={
            "n": {
                ".dockerignore": "*\n",
                "a": "A",
                "d/b": "B",
                "d/run": File(text="R", mode=0o755),
                "e": Link("d/b"),
                "f": Folder(),
            }
        },
        output={
            "n/.dockerignore": "*\n",
            "n/a": "A",
            "n/d/b": "B",
            "n/d/run": Program("R"),
            "n/e": Link("d/b"),
            "n/f": Empty(),
            "l": "a\nd\ne\nf\n",
        },
    ),
    Case(
        name=".dockerignore of a named context hides nothing from a stage that starts from it",
        dockerfile="FROM n AS files\n" + steps("COPY --from=files / ."),
        contexts={"n": {".dockerignore": "a\n", "a": "A"}},
        output={".dockerignore": "a\n", "a": "A"},
    ),
    Case(
        name=".dockerignore counts for the build's own context only where both have one",
        dockerfile=steps("COPY . own/", "COPY --from=n . n/"),
        context={".dockerignore": "a\n", "a": "A", "b": "B"},
        contexts={"n": {".dockerignore": "a\n", "a": "A", "b": "B"}},
        output={
            "own/.dockerignore": "a\n",
            "own/b": "B",
            "n/.dockerignore": "a\n",
            "n/a": "A",
            "n/b": "B",
        },
    ),
    Case(
        name="Dockerfile.dockerignore in a context is a file like any other",
        dockerfile=steps("COPY . own/", "COPY --from=n . n/"),
        context={"Dockerfile.dockerignore": "*\n", "a": "A"},
        contexts={"n": {"Dockerfile.dockerignore": "*\n", "Dockerfile": "", "a": "A"}},
        output={
            "own/Dockerfile.dockerignore": "*\n",
            "own/a": "A",
            "n/Dockerfile.dockerignore": "*\n",
            "n/Dockerfile": "",
            "n/a": "A",
        },
    ),
    Case(
        name=".dockerignore lets an exception bring one file of a hidden directory back",
        dockerfile=steps("COPY . ."),
        context={
            ".dockerignore": "*\n!d/keep\n!e\ne/not",
            "a": "",
            "d/keep": "",
            "d/x": "",
            "e/f": "",
            "e/not": "",
        },
        output={"d/keep": "", "e/f": ""},
    ),
    Case(
        name=".dockerignore hides a file from COPY that names it",
        dockerfile=steps("COPY secret ."),
        context={".dockerignore": "secret\n", "secret": "", "a": ""},
        output=Fails(),
    ),
    Case(
        name=".dockerignore below the root is a file like any other",
        dockerfile=steps("COPY . ."),
        context={"d/.dockerignore": "*\n", "d/a": "", "b": ""},
        output={"d/.dockerignore": "*\n", "d/a": "", "b": ""},
    ),
)
