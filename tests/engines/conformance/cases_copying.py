"""COPY and ADD, as the Dockerfile reference has them, and `.dockerignore` files."""

from __future__ import annotations

from tests.engines.conformance.spec import (
    Archive,
    Case,
    Empty,
    Fails,
    File,
    Folder,
    HardLink,
    Link,
    Program,
    steps,
)

TREE = {"a": "A", "d/b": "B", "d/e/c": "C"}

COPYING = (
    Case(
        name="COPY takes the content of a directory, not the directory",
        dockerfile=steps("COPY d /out/"),
        context=TREE,
        output={"b": "B", "e/c": "C"},
    ),
    Case(
        name="COPY of the whole context keeps dot files and empty directories",
        dockerfile=steps("COPY . x/"),
        context={".hidden": "1", ".d/.e": "2", "empty/deep": Folder(), "f": "3"},
        output={"x/.hidden": "1", "x/.d/.e": "2", "x/empty/deep": Empty(), "x/f": "3"},
    ),
    Case(
        name="COPY of a file to a new name makes the directories before it",
        dockerfile=steps("COPY a x/y/z", "RUN stat -c '%a %F' x x/y x/y/z > modes"),
        context=TREE,
        output={"x/y/z": "A", "modes": "755 directory\n755 directory\n644 regular file\n"},
    ),
    Case(
        name="COPY of a file to a name with a slash makes a directory",
        dockerfile=steps("COPY a x/y/"),
        context=TREE,
        output={"x/y/a": "A"},
    ),
    Case(
        name="COPY of a file to an existing directory puts it inside",
        dockerfile=steps("RUN mkdir x", "COPY a x"),
        context=TREE,
        output={"x/a": "A"},
    ),
    Case(
        name="COPY of a file to `.` and to nothing but a slash",
        dockerfile=steps("COPY a .", "COPY d/b /", "RUN mv /b moved"),
        context=TREE,
        output={"a": "A", "moved": "B"},
    ),
    Case(
        name="COPY of several sources puts each into the directory",
        dockerfile=steps("COPY a d/b d/e x/"),
        context=TREE,
        output={"x/a": "A", "x/b": "B", "x/c": "C"},
    ),
    Case(
        name="COPY of several sources to a name without a slash",
        dockerfile=steps("COPY a d/b x"),
        context=TREE,
        output={"x": "B"},
        beyond="needs a directory to put them in",
    ),
    Case(
        name="COPY merges directories and replaces files",
        dockerfile=steps("COPY one x", "COPY two x"),
        context={"one/f": "1", "one/k/g": "2", "two/f": "3", "two/k/h": "4"},
        output={"x/f": "3", "x/k/g": "2", "x/k/h": "4"},
    ),
    Case(
        name="COPY of a file onto a directory of its name puts it inside",
        dockerfile=steps("RUN mkdir -p x/a && echo 1 > x/a/b", "COPY a x/a"),
        context=TREE,
        output={"x/a/a": "A", "x/a/b": "1\n"},
    ),
    Case(
        name="COPY of a tree with a file where a directory is",
        dockerfile=steps("RUN mkdir -p x/a", "COPY . x/"),
        context={"a": "A"},
        output=Fails(),
    ),
    Case(
        name="COPY of a tree with a directory where a file is",
        dockerfile=steps("RUN mkdir x && echo 1 > x/d", "COPY . x/"),
        context=TREE,
        output=Fails(),
    ),
    Case(
        name="COPY of a directory onto a file",
        dockerfile=steps("RUN echo 1 > x", "COPY d x"),
        context=TREE,
        output=Fails(),
    ),
    Case(
        name="COPY of a file below a file",
        dockerfile=steps("RUN echo 1 > x", "COPY a x/y"),
        context=TREE,
        output=Fails(),
    ),
    Case(
        name="COPY of what is not there",
        dockerfile=steps("COPY nothing /out/"),
        context=TREE,
        output=Fails(),
    ),
    Case(
        name="COPY cannot leave the context",
        dockerfile=steps("COPY ../../a ../out/x", "COPY /../d /out/d"),
        context=TREE,
        output={"x": "A", "d/b": "B", "d/e/c": "C"},
    ),
    Case(
        name="COPY with `*` takes files by name and the content of directories",
        dockerfile=steps("COPY f* x/"),
        context={"f1": "1", "f2": "2", "fd/in": "3", "g": "4", ".f": "5"},
        output={"x/f1": "1", "x/f2": "2", "x/in": "3"},
    ),
    Case(
        name="COPY with `*` takes dot files, as Go's patterns do",
        dockerfile=steps("COPY * x/"),
        context={".dot": "1", "plain": "2"},
        output={"x/.dot": "1", "x/plain": "2"},
    ),
    Case(
        name="COPY with `?`, a set and a negated set",
        dockerfile=steps("COPY a? 1/", "COPY a[1-3] 2/", "COPY a[^1-3] 3/"),
        context={"a": "", "a1": "", "a3": "", "a5": "", "a22": ""},
        output={
            **dict.fromkeys(("1/a1", "1/a3", "1/a5"), ""),
            **dict.fromkeys(("2/a1", "2/a3", "3/a5"), ""),
        },
    ),
    Case(
        name="COPY with a wildcard in the middle of a path",
        dockerfile=steps("COPY */src/*.c x/"),
        context={"p/src/a.c": "1", "q/src/b.c": "2", "q/src/b.h": "3", "q/r/src/c.c": "4"},
        output={"x/a.c": "1", "x/b.c": "2"},
    ),
    Case(
        name="COPY with `**` is one `*`",
        dockerfile=steps("COPY **/f x/"),
        context={"f": "0", "a/f": "1", "a/b/f": "2"},
        output={"x/f": "1"},
    ),
    Case(
        name="COPY with an escaped set takes a name with brackets",
        dockerfile=steps("COPY arr[[]0].txt x/"),
        context={"arr[0].txt": "1", "arr0.txt": "2"},
        output={"x/arr[0].txt": "1"},
    ),
    Case(
        name="COPY with a wildcard that matches nothing copies nothing",
        dockerfile=steps("COPY *.none x/", "RUN rm -rf x"),
        context=TREE,
        output={},
    ),
    Case(
        name="COPY with a wildcard that matches nothing beside a source that is there",
        dockerfile=steps("COPY a *.none x/"),
        context=TREE,
        output={"x/a": "A"},
    ),
    Case(
        name="COPY in the JSON form takes names with blanks",
        dockerfile=steps('COPY ["a b", "c\\u0064", "x y/"]'),
        context={"a b": "1", "cd": "2"},
        output={"x y/a b": "1", "x y/cd": "2"},
    ),
    Case(
        name="COPY keeps names with quotes, dollars and other signs",
        dockerfile=steps("COPY . x/", "RUN ls x | wc -l > count"),
        context={"it's": "1", 'a"b': "2", "$HOME": "3", "a\\b": "4", "-rf": "5", "a;b&c": "6"},
        output={
            "x/it's": "1",
            'x/a"b': "2",
            "x/$HOME": "3",
            "x/a\\b": "4",
            "x/-rf": "5",
            "x/a;b&c": "6",
            "count": "6\n",
        },
    ),
    Case(
        name="COPY keeps names in any script, in either normal form",
        dockerfile=steps("COPY . x/", "COPY naïve.txt y"),
        context={"日本/語": "1", "naïve.txt": "2", "nai\u0308ve.txt": "3", "😀": "4"},
        output={
            "x/日本/語": "1",
            "x/naïve.txt": "2",
            "x/nai\u0308ve.txt": "3",
            "x/😀": "4",
            "y": "2",
        },
    ),
    Case(
        name="COPY keeps links as they are, dangling and looping ones too",
        dockerfile=steps("COPY . x/"),
        context={
            "a": "A",
            "good": Link("a"),
            "gone": Link("nowhere"),
            "loop": Link("loop"),
            "up": Link("../../../etc/passwd"),
            "abs": Link("/etc/passwd"),
            "d/l": Link("../a"),
        },
        output={
            "x/a": "A",
            "x/good": Link("a"),
            "x/gone": Link("nowhere"),
            "x/loop": Link("loop"),
            "x/up": Link("../../../etc/passwd"),
            "x/abs": Link("/etc/passwd"),
            "x/d/l": Link("../a"),
        },
    ),
    Case(
        name="COPY of a link that is named takes what it points to",
        dockerfile=steps("COPY l x", "COPY ld y", "COPY m/a z"),
        context={"a": "A", "l": Link("a"), "d/b": "B", "ld": Link("d"), "m": Link(".")},
        output={"x": "A", "y/b": "B", "z": "A"},
    ),
    Case(
        name="COPY of a link that a wildcard finds takes what it points to",
        dockerfile=steps("COPY l* x/"),
        context={"a": "A", "l1": Link("a")},
        output={"x/l1": "A"},
    ),
    Case(
        name="COPY of a link to nothing that is named",
        dockerfile=steps("COPY l x"),
        context={"l": Link("nowhere"), "a": "A"},
        output=Fails(),
    ),
    Case(
        name="COPY of a link out of the context stays inside of it",
        dockerfile=steps("COPY l x"),
        context={"l": Link("../../../../a"), "a": "A"},
        output={"x": "A"},
    ),
    Case(
        name="COPY follows links in the destination, inside of the stage",
        dockerfile=steps(
            "RUN mkdir real && ln -s real l && ln -s /out/real /abs", "COPY a l/", "COPY d /abs/"
        ),
        context=TREE,
        output={"real/a": "A", "real/b": "B", "real/e/c": "C", "l": Link("real")},
    ),
    Case(
        name="COPY of a file onto a link",
        dockerfile=steps("RUN echo old > t && ln -s t l", "COPY a l"),
        context=TREE,
        output={"t": "A", "l": Link("t")},
    ),
    Case(
        name="COPY of a tree replaces a link in the destination by a file",
        dockerfile=steps("RUN echo old > t && mkdir x && ln -s ../t x/a", "COPY . x/"),
        context={"a": "A"},
        output={"t": "old\n", "x/a": "A"},
    ),
    Case(
        name="COPY keeps modes, set-user-id and sticky bits too",
        dockerfile=steps("COPY . x/", "RUN stat -c '%n %a' x/* > modes && rm -rf x"),
        context={
            "0400": File(mode=0o400),
            "0777": File(mode=0o777),
            "4755": File(mode=0o4755),
            "2755": File(mode=0o2755),
            "d1777": Folder(0o1777),
            "d0700": Folder(0o700),
            "0000": File(mode=0),
        },
        output={
            "modes": "x/0000 0\nx/0400 400\nx/0777 777\nx/2755 2755\nx/4755 4755\n"
            "x/d0700 700\nx/d1777 1777\n"
        },
    ),
    Case(
        name="COPY makes everything root's",
        dockerfile=steps("COPY . x/", "RUN stat -c '%u:%g' x x/* x/d/b > owners && rm -r x"),
        context=TREE,
        output={"owners": "0:0\n" * 4},
    ),
    Case(
        name="COPY keeps times that lie before the epoch",
        dockerfile=steps("COPY . x/", "RUN stat -c %Y x/* > times && rm -r x"),
        context={"a": File(time=1), "b": File(time=1_500_000_000)},
        output={"times": "1\n1500000000\n"},
    ),
    Case(
        name="COPY --chmod sets the mode of files and of what is below a directory",
        dockerfile=steps(
            "COPY --chmod=751 a x/", "COPY --chmod=0700 d y/", "RUN stat -c '%n %a' */* */*/* > m"
        ),
        context=TREE,
        output={
            "x/a": Program("A"),
            "y/b": Program("B"),
            "y/e/c": Program("C"),
            "m": "x/a 751\ny/b 700\ny/e 700\ny/e/c 700\n",
        },
    ),
    Case(
        name="COPY --chmod in letters",
        dockerfile=steps(
            "COPY --chmod=u+x a 1",
            "COPY --chmod=go-r,u=rwx a 2",
            "COPY --chmod=u=rwX,go=rX d d/",
            "RUN stat -c '%n %a' 1 2 d/b d/e > m",
        ),
        context=TREE,
        output={
            "1": Program("A"),
            "2": Program("A"),
            "d/b": "B",
            "d/e/c": "C",
            "m": "1 744\n2 700\nd/b 644\nd/e 755\n",
        },
    ),
    Case(
        name="COPY --chmod from a variable",
        dockerfile=steps("ARG MODE=755", "COPY --chmod=$MODE a x"),
        context=TREE,
        output={"x": Program("A")},
    ),
    Case(
        name="COPY --chown=root and --chown=0:0",
        dockerfile=steps("COPY --chown=root a x", "COPY --chown=0:0 a y"),
        context=TREE,
        output={"x": "A", "y": "A"},
    ),
    Case(
        name="COPY --chown to another user",
        dockerfile=steps("COPY --chown=1000:7 a x", "RUN stat -c '%u:%g' x > owner"),
        context=TREE,
        output={"x": "A", "owner": "1000:7\n"},
        beyond="--chown 1000:7",
    ),
    Case(
        name="COPY --from a named context, a stage by name and by number",
        dockerfile="FROM base AS one\nRUN echo 1 > /f\nFROM base AS build\nWORKDIR /out\n"
        "COPY --from=one /f a\nCOPY --from=0 /f b\nCOPY --from=other f c\n"
        "FROM scratch\nCOPY --from=build /out /\n",
        contexts={"other": {"f": "2"}},
        output={"a": "1\n", "b": "1\n", "c": "2"},
    ),
    Case(
        name="COPY --from an image",
        dockerfile="FROM scratch\nCOPY --from=base /usr/../etc/hosts /x/\n",
        output={"x/hosts": "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"},
    ),
    Case(
        name="COPY --from a name that nothing has",
        dockerfile="FROM scratch\nCOPY --from=mirror.example/nothing:1 /x /x\n",
        output=Fails(),
    ),
    Case(
        name="COPY of hard links gives files of equal content",
        dockerfile=steps("COPY . x/", "RUN echo more >> x/a"),
        context={"a": "A", "b": HardLink("a")},
        output={"x/a": "Amore\n", "x/b": "A"},
    ),
    Case(
        name="COPY --link",
        dockerfile=steps("COPY --link a x/"),
        context=TREE,
        output={"x/a": "A"},
    ),
    Case(
        name="COPY --link through a link in the destination",
        dockerfile=steps("RUN mkdir real && ln -s real l", "COPY --link a l/"),
        context=TREE,
        output={"real": Empty(), "l/a": "A"},
        beyond="`--link`",
    ),
    Case(
        name="COPY --exclude leaves out what it names",
        dockerfile=steps("COPY --exclude=*.o --exclude=d . x/"),
        context={"a": "A", "b.o": "", "d/c": ""},
        output={"x/a": "A"},
        beyond="`--exclude=*.o`",
    ),
    Case(
        name="ADD of an archive unpacks it",
        dockerfile=steps("ADD a.tar x/", "COPY a.tar y/", "RUN wc -l < y/a.tar > n; rm -r y"),
        context={"a.tar": Archive("f", "1")},
        output={"x/f": "1", "n": "0\n"},
        beyond="would unpack",
    ),
)
