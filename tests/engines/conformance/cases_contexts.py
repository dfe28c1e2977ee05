"""ADD of local files, and what `.dockerignore` hides from a build."""

from __future__ import annotations

from tests.engines.conformance.cases_copying import TREE
from tests.engines.conformance.spec import Case, Fails, Program, steps

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
        name=".dockerignore works in named contexts too",
        dockerfile=steps("COPY --from=n / n/"),
        contexts={"n": {".dockerignore": "b\n", "a": "", "b": ""}},
        output={"n/a": "", "n/.dockerignore": "b\n"},
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
