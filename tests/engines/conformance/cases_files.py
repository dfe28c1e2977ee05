"""Files that are large, many, odd, or that a layer treats in its own way."""

from __future__ import annotations

from tests.engines.conformance.spec import (
    Case,
    Digest,
    Fails,
    File,
    HardLink,
    Link,
    Pattern,
    Program,
    steps,
)

MANY = {f"{i // 100:02}/{i % 100:02}": str(i) for i in range(10_000)}

NOISE = Digest(30 << 20, "74fdf6cbb3d817ec998dfde4ac9423f937421afd7643c8cbaf620610b6dc2245")
"""30 MiB of `shake_256(b"conformance")`, from `python3 -c`."""

HOLES = Digest(200 << 20, "72abf2ca8f36943ebe2e49ca3a51d409ca5f0bfcffab6c9d25643c17c32889da")
"""200 MiB of nothing, from `head -c 200M /dev/zero | sha256sum`."""

FILES = (
    Case(
        name="a file of 30 MB in a context, copied, appended to and copied again",
        dockerfile=steps(
            "COPY big .",
            "RUN cp big /again && echo more >> big && tail -c 5 big > end && mv /again big",
        ),
        context={"big": Pattern(30 << 20)},
        output={"big": NOISE, "end": "more\n"},
    ),
    Case(
        name="a sparse file of 200 MB in a context",
        dockerfile="FROM scratch\nCOPY holes /\n",
        context={"holes": File(holes=200 << 20)},
        output={"holes": HOLES},
    ),
    Case(
        name="a sparse file of 200 MB made by a step",
        dockerfile=steps("RUN truncate -s 200M holes"),
        output={"holes": HOLES},
    ),
    Case(
        name="ten thousand small files, copied and then changed in one place",
        dockerfile=steps("COPY . .", "RUN echo changed > 42/17 && rm 00/00"),
        context=MANY,
        output={**{p: t for p, t in MANY.items() if p != "00/00"}, "42/17": "changed\n"},
    ),
    Case(
        name="a file of nothing, and one without a line end",
        dockerfile=steps("COPY . .", "RUN printf x >> b"),
        context={"a": "", "b": "no end"},
        output={"a": "", "b": "no endx"},
    ),
    Case(
        name="bytes that are no text",
        dockerfile=steps(r"RUN printf '\000\377\012\r\n' > f", "COPY b ."),
        context={"b": "\0\r\n\x7f"},
        output={"f": "\0\udcff\n\r\n", "b": "\0\r\n\x7f"},
    ),
    Case(
        name="a name of 255 bytes, and a path of many",
        dockerfile=steps("COPY . ."),
        context={"n" * 255: "1", "/".join(["d" * 100] * 20) + "/f": "2"},
        output={"n" * 255: "1", "/".join(["d" * 100] * 20) + "/f": "2"},
    ),
    Case(
        name="names that differ in case only, or begin with dots and dashes",
        dockerfile=steps("COPY . ."),
        context=dict.fromkeys(("a", "A", "..a", "...", "-", "--", "~", "#", "%41"), "1"),
        output=dict.fromkeys(("a", "A", "..a", "...", "-", "--", "~", "#", "%41"), "1"),
    ),
    Case(
        name="names that look like whiteouts are names like any other in a context",
        dockerfile="FROM scratch\nCOPY . /\n",
        context={"wh.a": "1", "d/.wh": "2"},
        output={"wh.a": "1", "d/.wh": "2"},
    ),
    Case(
        name="hard links of a context are files of their own once written to",
        dockerfile=steps("COPY . .", "RUN echo more >> b"),
        context={"a": "A", "b": HardLink("a"), "d/c": HardLink("a")},
        output={"a": "A", "b": "Amore\n", "d/c": "A"},
    ),
    Case(
        name="extended attributes are no part of an output",
        dockerfile=steps(
            "COPY a .",
            "RUN [\"/usr/bin/python3\", \"-c\", \"import os; os.setxattr('a', 'user.x', b'1')\"]",
        ),
        context={"a": File(text="A", xattrs=(("user.of_the_context", "1"),))},
        output={"a": "A"},
    ),
    Case(
        name="any bit of execution makes a program",
        dockerfile="FROM scratch\nCOPY . /\n",
        context={
            "u": File(mode=0o744),
            "g": File(mode=0o654),
            "o": File(mode=0o645),
            "none": File(mode=0o666),
            "s": File(mode=0o4711),
        },
        output={"u": Program(), "g": "", "o": "", "none": "", "s": Program()},
    ),
    Case(
        name="a loop of directories through links is copied as links",
        dockerfile=steps("COPY . x/", "RUN cp -a x y"),
        context={"d/up": Link(".."), "d/self": Link("."), "d/f": "F"},
        output={
            "x/d/up": Link(".."),
            "x/d/self": Link("."),
            "x/d/f": "F",
            "y/d/up": Link(".."),
            "y/d/self": Link("."),
            "y/d/f": "F",
        },
    ),
    Case(
        name="a link that leads to itself cannot be followed",
        dockerfile=steps("COPY loop x"),
        context={"loop": Link("loop"), "a": "A"},
        output=Fails(),
    ),
    Case(
        name="a link of four thousand bytes",
        dockerfile=steps("COPY . ."),
        context={"l": Link("/".join(["x" * 99] * 40))},
        output={"l": Link("/".join(["x" * 99] * 40))},
    ),
)
