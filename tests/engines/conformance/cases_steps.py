"""What a RUN step meets, what it leaves behind, and how it fails."""

from __future__ import annotations

import json
from hashlib import sha256

from tests.engines.conformance.spec import TAIL, Case, Digest, Fails, Link, Program, steps

PYTHON = 'RUN ["/usr/bin/python3", "-c", {}]'


def python(program: str) -> str:
    """Return the step that runs a program without any shell."""
    return PYTHON.format(json.dumps(program))


STEPS = (
    Case(
        name="a step has just the variables of image and Dockerfile, PATH and HOME",
        dockerfile=steps(
            "ENV B=2",
            "ARG A=1",
            python(
                "import os\nwith open('env', 'w') as f:\n for item in sorted(os.environ.items()):\n"
                "  print(*item, sep='=', file=f)"
            ),
        ),
        output={
            "env": "A=1\nB=2\nHOME=/root\nLANG=C.UTF-8\n"
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
        },
    ),
    Case(
        name="a step is root with umask 022, at priority 0",
        dockerfile=steps(
            "RUN id > id; umask > u; nice > n; mkdir d; touch f; stat -c %a d f > m; rmdir d"
        ),
        output={
            "id": "uid=0(root) gid=0(root) groups=0(root)\n",
            "u": "0022\n",
            "n": "0\n",
            "f": "",
            "m": "755\n644\n",
        },
    ),
    Case(
        name="a step's host is called buildkitsandbox and knows itself",
        dockerfile=steps(
            python(
                "import socket\nopen('h', 'w').write(socket.gethostname())\n"
                "open('a', 'w').write(socket.gethostbyname('buildkitsandbox'))"
            ),
            "RUN cat /etc/hosts > hosts",
        ),
        output={
            "h": "buildkitsandbox",
            "a": "127.0.0.1",
            "hosts": "127.0.0.1\tlocalhost buildkitsandbox\n"
            "::1\tlocalhost ip6-localhost ip6-loopback\n",
        },
    ),
    Case(
        name="a step has a resolv.conf, even without a network",
        dockerfile=steps("RUN test -f /etc/resolv.conf && echo yes > f"),
        output={"f": "yes\n"},
    ),
    Case(
        name="of what a step is given in `/etc` nothing comes out",
        dockerfile="FROM bare AS run\nCOPY --from=base /usr /usr\n"
        'RUN ["/usr/bin/cp", "/etc/hosts", "/etc/resolv.conf", "/"]\n'
        "FROM base AS build\nWORKDIR /out\n"
        "RUN --mount=from=run,target=/m ls -A /m /m/dev /m/proc /m/sys > l\n" + TAIL,
        contexts={"bare": {"lib": Link("usr/lib"), "lib64": Link("usr/lib64")}},
        output={
            "l": "/m:\ndev\nhosts\nlib\nlib64\nproc\nresolv.conf\nsys\nusr\n\n"
            "/m/dev:\n\n/m/proc:\n\n/m/sys:\n"
        },
    ),
    Case(
        name="/etc/hosts comes out as the image has it, not as a step sees it",
        dockerfile="FROM base AS build\nRUN cp /etc/hosts /seen\n"
        "FROM scratch\nCOPY --from=build /etc/hosts /\n",
        output={"hosts": "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"},
    ),
    Case(
        name="/dev holds the usual names and nothing of the machine",
        dockerfile=steps("RUN ls /dev > dev"),
        output={
            "dev": "fd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\n"
            "urandom\nzero\n"
        },
    ),
    Case(
        name="the devices of a step do what they should",
        dockerfile=steps(
            "RUN head -c 3 /dev/zero | od -An -tx1 > zero; echo x > /dev/null; "
            "head -c 8 /dev/urandom | wc -c > random; echo x > /dev/full || echo full > full",
            "RUN echo out > /dev/stdout; echo x > /dev/shm/f && cat /dev/shm/f > shm",
        ),
        output={"zero": " 00 00 00\n", "random": "8\n", "full": "full\n", "shm": "x\n"},
    ),
    Case(
        name="nothing can be read from a step's standard input",
        dockerfile=steps("RUN cat > f; head -c 1 > g; wc -c < /dev/stdin > h"),
        output={"f": "", "g": "", "h": "0\n"},
    ),
    Case(
        name="a step has no terminal",
        dockerfile=steps(
            "RUN tty > t; test -t 0 || test -t 1 || test -t 2 || echo none > n; "
            "(: < /dev/tty) 2> /dev/null || echo closed > c"
        ),
        output={"t": "not a tty\n", "n": "none\n", "c": "closed\n"},
    ),
    Case(
        name="a step has no descriptors but the standard ones",
        dockerfile=steps(
            python(
                "import os\nfds = [n for n in os.listdir('/dev/fd') "
                "if os.path.exists(f'/dev/fd/{n}')]\n"
                "open('fds', 'w').write(' '.join(sorted(fds)))"
            )
        ),
        output={"fds": "0 1 2"},
    ),
    Case(
        name="--network=none has a loopback and nothing else",
        dockerfile=steps(
            "RUN --network=none ls -1 /sys/class/net 2> /dev/null | wc -l > /dev/null; "
            "tail -n +3 /proc/net/dev | cut -d: -f1 | tr "
            "-d ' ' > i; tail -n +2 /proc/net/route > r",
            python(
                "import socket\ns = socket.create_server(('127.0.0.1', 0))\n"
                "c = socket.create_connection(s.getsockname())\nopen('lo', 'w').write('works')"
            ),
        ),
        output={"i": "lo\n", "r": "", "lo": "works"},
    ),
    Case(
        name="the build's network is what RUN gets where it says nothing",
        dockerfile=steps("RUN tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' > i"),
        output={"i": "lo\n"},
    ),
    Case(
        name="limits of a step are those that do not depend on the machine",
        dockerfile=steps(
            "RUN ulimit -c > c; ulimit -f > f; ulimit -s > s; ulimit -t > t; ulimit -v > v"
        ),
        output={
            "c": "0\n",
            "f": "unlimited\n",
            "s": "8192\n",
            "t": "unlimited\n",
            "v": "unlimited\n",
        },
    ),
    Case(
        name="orphans are taken in by pid 1, and what still runs ends with its step",
        dockerfile=steps(
            "RUN sh -c '(sleep 0.01; echo orphan > o) "
            "&'; sleep 0.3; (sleep 0.5; echo late > late) &",
            "RUN sleep 0.7",
        ),
        output={"o": "orphan\n"},
    ),
    Case(
        name="each step has its own /tmp files, kept, and its own /dev/shm, not kept",
        dockerfile=steps(
            "RUN echo 1 > /tmp/f && echo 1 > /dev/shm/f",
            "RUN cat /tmp/f > tmp; ls /dev/shm > shm",
        ),
        output={"tmp": "1\n", "shm": ""},
    ),
    Case(
        name="the status of a failing step is told, and what it printed",
        dockerfile=steps("RUN echo the words of a step; exit 7"),
        output=Fails(status=7, says="the words of a step"),
    ),
    Case(
        name="a step that is ended by a signal",
        dockerfile=steps("RUN sh -c 'kill -KILL $$'; exit $?"),
        output=Fails(status=137),
    ),
    Case(
        name="a program that is not there",
        dockerfile=steps("RUN nothing-of-this-name"),
        output=Fails(status=127, says="nothing-of-this-name: not found"),
    ),
    Case(
        name="the last command decides, pipes hide earlier ones",
        dockerfile=steps("RUN false; true", "RUN false | true && echo 1 > f"),
        output={"f": "1\n"},
    ),
    Case(
        name="a step that removes files of an image, of a COPY and of a step",
        dockerfile=steps(
            "COPY . d/",
            "RUN echo c > d/c",
            "RUN rm d/a d/c /etc/passwd",
            "RUN ls d > names; test -e /etc/passwd || echo gone > gone",
        ),
        context={"a": "A", "b": "B"},
        output={"d/b": "B", "names": "b\n", "gone": "gone\n"},
    ),
    Case(
        name="a step that removes a directory and makes it anew",
        dockerfile=steps(
            "COPY . d/", "RUN rm -r d && mkdir d && echo new > d/n", "RUN ls d > l", "COPY a d/"
        ),
        context={"a": "A", "s/b": "B"},
        output={"d/n": "new\n", "l": "n\n", "d/a": "A"},
    ),
    Case(
        name="a step that renames a directory of a lower layer",
        dockerfile=steps(
            "COPY . d/", "RUN mv d e && mkdir d && mv e/s d/t", "RUN mv /etc/dpkg x && rm -r x"
        ),
        context={"a": "A", "s/b": "B", "s/k/c": "C"},
        output={"e/a": "A", "d/t/b": "B", "d/t/k/c": "C"},
    ),
    Case(
        name="a step that replaces a directory by a file and a file by a directory",
        dockerfile=steps(
            "COPY . x/", "RUN cd x && rm -r d f && echo file > d && mkdir f && echo 1 > f/g"
        ),
        context={"d/a": "A", "f": "F"},
        output={"x/d": "file\n", "x/f/g": "1\n"},
    ),
    Case(
        name="a step that replaces a directory by a link and a link by a directory",
        dockerfile=steps(
            "COPY . x/",
            "RUN cd x && rm -r d l && ln -s t d && mkdir l && echo 1 > l/g",
            "RUN ls x/d > n",
        ),
        context={"d/a": "A", "t/b": "B", "l": Link("t")},
        output={"x/d": Link("t"), "x/t/b": "B", "x/l/g": "1\n", "n": "b\n"},
    ),
    Case(
        name="a step that changes only the mode of a lower file and directory",
        dockerfile=steps(
            "COPY . x/", "RUN chmod 755 x/a && chmod 711 x/d", "RUN stat -c %a x/a x/d > m"
        ),
        context={"a": "A", "d/b": "B"},
        output={"x/a": Program("A"), "x/d/b": "B", "m": "755\n711\n"},
    ),
    Case(
        name="a step that appends to a lower file leaves the other stage's as it was",
        dockerfile="FROM base AS one\nWORKDIR /out\nRUN echo 1 > f\n"
        "FROM one AS two\nRUN echo 2 >> f\nFROM scratch\n"
        "COPY --from=one /out/f /1\nCOPY --from=two /out/f /2\n",
        output={"1": "1\n", "2": "1\n2\n"},
    ),
    Case(
        name="hard links made by a step are files of equal content",
        dockerfile=steps(
            "RUN echo 1 > a && ln a b && echo 2 >> b && stat -c %h a > n", "RUN echo 3 >> a"
        ),
        output={"a": "1\n2\n3\n", "b": "1\n2\n", "n": "2\n"},
    ),
    Case(
        name="links between a lower file and a new name",
        dockerfile=steps("COPY a .", "RUN ln a b && ln -s a c && ln c d"),
        context={"a": "A"},
        output={"a": "A", "b": "A", "c": Link("a"), "d": Link("a")},
    ),
    Case(
        name="sparse files come out as what they are read as",
        dockerfile=steps(
            "RUN truncate -s 1M s && printf x | dd of=s bs=1 seek=500000 conv=notrunc 2> /dev/null"
        ),
        output={
            "s": Digest(1 << 20, sha256((b"\0" * 500_000 + b"x").ljust(1 << 20, b"\0")).hexdigest())
        },
    ),
    Case(
        name="a FIFO and a socket can be made but not be output",
        dockerfile=steps("RUN mkfifo /tmp/f && test -p /tmp/f && echo 1 > f"),
        output={"f": "1\n"},
    ),
    Case(
        name="chown in a step succeeds",
        dockerfile=steps("RUN echo 1 > f && chown 12:34 f && cat f"),
        output={"f": "1\n"},
    ),
    Case(
        name="unpacking an archive with other owners succeeds",
        dockerfile=steps(
            "RUN echo 1 > f && tar --owner=u:1234 --group=g:99 "
            "-cf a.tar f && rm f && tar -xf a.tar && rm a.tar"
        ),
        output={"f": "1\n"},
    ),
    Case(
        name="the set-user-id bit can be set and is kept until the end",
        dockerfile=steps("RUN echo 1 > f && chmod 4755 f", "RUN stat -c %a f > m"),
        output={"f": Program("1\n"), "m": "4755\n"},
    ),
    Case(
        name="files with modes 0000 and 0400 can be handed on",
        dockerfile=steps(
            "RUN echo 1 > a && chmod 0 a && echo 2 > b && chmod 400 b && echo 3 > c && chmod 777 c"
        ),
        output={"a": "1\n", "b": "2\n", "c": Program("3\n")},
    ),
    Case(
        name="a deep directory",
        dockerfile=steps(
            f"RUN mkdir -p {'/'.join(['d' * 50] * 60)} && echo 1 > {'/'.join(['d' * 50] * 60)}/f"
        ),
        output={"/".join(["d" * 50] * 60) + "/f": "1\n"},
    ),
    Case(
        name="names made by a step in any script, with blanks, quotes and bytes",
        dockerfile=steps(
            python(
                "for name in ('日本', 'a b', 'it\\'s', 'x\\ny', "
                "'\\\\', '*'):\n open(name, 'w').close()"
            )
        ),
        output=dict.fromkeys(("日本", "a b", "it's", "x\ny", "\\", "*"), ""),
    ),
    Case(
        name="the clock runs",
        dockerfile=steps("RUN test $(date +%s) -gt 1700000000 && echo 1 > f; date +%Z > z"),
        output={"f": "1\n", "z": "UTC\n"},
    ),
)
