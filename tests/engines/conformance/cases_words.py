"""Variables, quotes, escapes, comments and heredocs: "Environment replacement" and its kin."""

from __future__ import annotations

from tests.engines.conformance.spec import TAIL, Case, Empty, Fails, Refused, steps

SHOW = r"""RUN ["/usr/bin/python3", "-c", "import os\nwith open('env', 'w') as f:\n for k, v in \
sorted(os.environ.items()):\n  if k[:2] == 'T_': print(k, v, sep='=', file=f)"]"""
"""In the exec form: nothing of it is anybody's to expand."""


def shown(*lines: str) -> str:
    """Return the Dockerfile that writes the variables of a step which begin with `T_`."""
    return steps(*lines, SHOW)


WORDS = (
    Case(
        name="ENV sets variables for later steps, with and without quotes",
        dockerfile=shown(
            "ENV T_A=1 T_B=two\\ words T_C=\"three words\" T_D='four words'", "ENV T_E="
        ),
        output={"env": "T_A=1\nT_B=two words\nT_C=three words\nT_D=four words\nT_E=\n"},
    ),
    Case(
        name="ENV in the older form takes the rest of the line",
        dockerfile=shown("ENV T_A some  words = here", 'ENV T_B "quoted" word'),
        output={"env": "T_A=some  words = here\nT_B=quoted word\n"},
    ),
    Case(
        name="ENV replaces variables in double quotes and not in single ones",
        dockerfile=shown(
            "ENV T_A=x", 'ENV T_B="$T_A ${T_A}y" T_C=\'$T_A\' T_D=\\$T_A T_E="\\$T_A" T_F=$T_A-$T_A'
        ),
        output={"env": "T_A=x\nT_B=x xy\nT_C=$T_A\nT_D=$T_A\nT_E=$T_A\nT_F=x-x\n"},
    ),
    Case(
        name="ENV sees the values from before its own line",
        dockerfile=shown("ENV T_A=old", "ENV T_A=new T_B=$T_A", "ENV T_C=$T_A"),
        output={"env": "T_A=new\nT_B=old\nT_C=new\n"},
    ),
    Case(
        name="a variable that is not set is nothing",
        dockerfile=shown("ENV T_A=[$nothing] T_B=[${nothing}]"),
        output={"env": "T_A=[]\nT_B=[]\n"},
    ),
    Case(
        name="`:-` and `-` give a word for what is empty or not set",
        dockerfile=shown(
            "ENV E= S=set",
            "ENV T_1=${E:-w} T_2=${E-w} T_3=${U:-w} T_4=${U-w} T_5=${S:-w} T_6=${S-w}",
            "ENV T_7=${U:-$S} T_8=${U:-${E:-deep}} T_9=${U:-}",
        ),
        output={"env": "T_1=w\nT_2=\nT_3=w\nT_4=w\nT_5=set\nT_6=set\nT_7=set\nT_8=deep\nT_9=\n"},
    ),
    Case(
        name="`:+` and `+` give a word for what is filled or set",
        dockerfile=shown(
            "ENV E= S=set",
            "ENV T_1=${E:+w} T_2=${E+w} T_3=${U:+w} T_4=${U+w} T_5=${S:+w} T_6=${S+w}",
        ),
        output={"env": "T_1=\nT_2=w\nT_3=\nT_4=\nT_5=w\nT_6=w\n"},
    ),
    Case(
        name="`:?` and `?` give the value where there is one",
        dockerfile=shown("ENV E= S=set", "ENV T_1=${S:?no} T_2=${S?no} T_3=${E?no}"),
        output={"env": "T_1=set\nT_2=set\nT_3=\n"},
    ),
    Case(
        name="`:?` ends the build where a variable is empty",
        dockerfile=shown("ENV E=", 'ENV T_1="${E:?is needed}"'),
        output=Fails(),
    ),
    Case(
        name="`?` ends the build where a variable is not set",
        dockerfile=shown("ENV T_1=${U?}"),
        output=Fails(),
    ),
    Case(
        name="`#` and `##` take the shortest and longest match off the front",
        dockerfile=shown(
            "ENV S=foobarfoo", "ENV T_1=${S#f*o} T_2=${S##f*o} T_3=${S#x} T_4=${S#f?o}"
        ),
        output={"env": "T_1=obarfoo\nT_2=\nT_3=foobarfoo\nT_4=barfoo\n"},
    ),
    Case(
        name="`%` and `%%` take the shortest and longest match off the end",
        dockerfile=shown("ENV S=a.tar.gz", "ENV T_1=${S%.*} T_2=${S%%.*} T_3=${S%x} T_4=${S%.g?}"),
        output={"env": "T_1=a.tar\nT_2=a\nT_3=a.tar.gz\nT_4=a.tar\n"},
    ),
    Case(
        name="`/` and `//` replace the first match and every one",
        dockerfile=shown(
            "ENV S=a-b-c", "ENV T_1=${S/-/+} T_2=${S//-/+} T_3=${S//?-/} T_4=${S/x/y}"
        ),
        output={"env": "T_1=a+b-c\nT_2=a+b+c\nT_3=c\nT_4=a-b-c\n"},
    ),
    Case(
        name="RUN leaves variables to the shell",
        dockerfile=steps("ENV A=env", "RUN A=shell && echo \"$A ${A#s} '$A'\" '$A' \\$A > f"),
        output={"f": "shell hell 'shell' $A $A\n"},
    ),
    Case(
        name="RUN in the exec form has no shell and no variables",
        dockerfile=steps('RUN ["/usr/bin/touch", "$HOME", "a b", "*"]'),
        output={"$HOME": "", "a b": "", "*": ""},
    ),
    Case(
        name="RUN with single quotes is the shell form",
        dockerfile=steps("RUN ['echo', 'x'] > f || echo \"no $?\" > f"),
        output={"f": "no 127\n"},
    ),
    Case(
        name="ARG is seen by the steps after it, ENV stands before it",
        dockerfile=shown("ARG T_A=arg", "ARG T_B=arg", "ENV T_B=env", "ARG T_C", "ARG T_D="),
        output={"env": "T_A=arg\nT_B=env\nT_D=\n"},
    ),
    Case(
        name="ARG takes the build's value instead of its default",
        dockerfile=shown("ARG T_A=default", "ARG T_B", "ARG T_C=$T_A-x"),
        arguments={"T_A": "given", "T_B": "two words $HOME", "T_U": "unused"},
        output={"env": "T_A=given\nT_B=two words $HOME\nT_C=given-x\n"},
    ),
    Case(
        name="the later of ENV and ARG stands",
        dockerfile=shown("ENV T_A=env", "ARG T_A=arg", "ENV T_B=$T_A"),
        arguments={"T_A": "given"},
        output={"env": "T_A=given\nT_B=given\n"},
    ),
    Case(
        name="ARG before FROM is for FROM, and for stages that ask for it",
        dockerfile="ARG T_A=base\nARG T_B=b\nFROM $T_A AS build\nWORKDIR /out\nARG T_B\n"
        + SHOW
        + "\n"
        + TAIL,
        output={"env": "T_B=b\n"},
    ),
    Case(
        name="ARG of a stage ends with it and is passed to stages that start from it",
        dockerfile="FROM base AS one\nARG T_A=1\nENV T_E=e\nFROM base AS two\nWORKDIR /out\n"
        "RUN echo [$T_A$T_E] > two\nFROM one AS build\nWORKDIR /out\n"
        "COPY --from=two /out .\nRUN echo $T_A $T_E > one\n" + TAIL,
        output={"two": "[]\n", "one": "1 e\n"},
    ),
    Case(
        name="ARG with several names and a default made of another",
        dockerfile=shown("ARG T_A=1 T_B=$T_A T_C", "ARG T_D=${T_A}2"),
        output={"env": "T_A=1\nT_B=1\nT_D=12\n"},
    ),
    Case(
        name="TARGETPLATFORM and its kin are there for stages that ask",
        dockerfile=steps(
            "ARG TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT",
            "ARG BUILDPLATFORM=mine BUILDOS BUILDARCH",
            "RUN echo $TARGETPLATFORM $TARGETOS $TARGETARCH [$TARGETVARIANT] > t",
            "RUN echo $BUILDPLATFORM $BUILDOS $BUILDARCH > b",
        ),
        output={"t": "linux/amd64 linux amd64 []\n", "b": "mine linux amd64\n"},
    ),
    Case(
        name="TARGETPLATFORM is not there where no ARG asks for it",
        dockerfile=steps(
            "RUN echo [$TARGETPLATFORM] > t", "ENV X=[$TARGETARCH]", "RUN echo $X > u"
        ),
        output={"t": "[]\n", "u": "[]\n"},
    ),
    Case(
        name="SOURCE_DATE_EPOCH is there for stages that ask",
        dockerfile=steps(
            "RUN echo [$SOURCE_DATE_EPOCH] > a",
            "ARG SOURCE_DATE_EPOCH",
            "RUN echo [$SOURCE_DATE_EPOCH] > b",
        ),
        output={"a": "[]\n", "b": "[1600000000]\n"},
    ),
    Case(
        name="proxy arguments are not there where none were given",
        dockerfile=steps("ARG HTTP_PROXY", "RUN echo [$HTTP_PROXY$http_proxy] > p"),
        output={"p": "[]\n"},
    ),
    Case(
        name="variables are replaced in WORKDIR, COPY and USER",
        dockerfile=steps(
            "ARG D=/out/sub U=root F=a",
            "USER $U",
            "WORKDIR $D",
            "WORKDIR ${F}x",
            "COPY $F ${D}/${F}.copy",
            "RUN pwd > pwd",
        ),
        context={"a": "A"},
        output={"sub/a.copy": "A", "sub/ax/pwd": "/out/sub/ax\n"},
    ),
    Case(
        name="WORKDIR makes directories and follows the one before",
        dockerfile=steps(
            "WORKDIR /out/a/b",
            "WORKDIR c",
            "WORKDIR ../d",
            "RUN pwd > p",
            "WORKDIR /out",
            "RUN pwd > q",
            "RUN stat -c %a:%u a/b/d > m",
        ),
        output={"a/b/c": Empty(), "a/b/d/p": "/out/a/b/d\n", "q": "/out\n", "m": "755:0\n"},
    ),
    Case(
        name="WORKDIR with blanks and quotes",
        dockerfile=steps('WORKDIR "/out/a b"', "RUN pwd > p", "WORKDIR /out/c d", "RUN pwd > p"),
        output={"a b/p": "/out/a b\n", "c d/p": "/out/c d\n"},
    ),
    Case(
        name="the directory of a stage is passed to stages that start from it",
        dockerfile="FROM base AS one\nWORKDIR /out/x\nFROM one AS build\nRUN pwd > p\n" + TAIL,
        output={"x/p": "/out/x\n"},
    ),
    Case(
        name="SHELL sets the shell of the steps after it",
        dockerfile=steps(
            "RUN false; echo 1 > a",
            'SHELL ["/bin/sh", "-e", "-c"]',
            "RUN echo $0 $- > b; true",
            'SHELL ["/usr/bin/python3", "-c"]',
            "RUN open('c', 'w').write('python')",
        ),
        output={"a": "1\n", "b": "/bin/sh e\n", "c": "python"},
    ),
    Case(
        name="SHELL is passed to stages that start from the stage",
        dockerfile='FROM base AS one\nSHELL ["/usr/bin/python3", "-c"]\nFROM one AS build\n'
        "WORKDIR /out\nRUN open('c', 'w').write('python')\n" + TAIL,
        output={"c": "python"},
    ),
    Case(
        name="a line goes on after a backslash, over comments and blank lines",
        dockerfile=steps("RUN echo a \\", "  # a comment", "", "  b \\", "# another", "  c > f"),
        output={"f": "a b c\n"},
    ),
    Case(
        name="comments stand on lines of their own",
        dockerfile=steps(
            "# comment",
            "   # one further in",
            "RUN echo '# not one' # but this > f",
            "RUN echo '#' > f",
        ),
        output={"f": "#\n"},
    ),
    Case(
        name="instructions are read in any case",
        dockerfile="from base as Build\nworkdir /out\nrUn echo 1 > f\n"
        "FROM scratch\ncopy --from=bUILD /out /\n",
        output={"f": "1\n"},
    ),
    Case(
        name="`# escape=` makes the backtick the escape character",
        dockerfile="# escape=`\n"
        + steps("RUN echo a `", "  'b\\d' > f", "ENV X=a` b", 'RUN echo "$X" > g'),
        output={"f": "a b\\d\n", "g": "a b\n"},
    ),
    Case(
        name="Windows line ends are read as line ends",
        dockerfile=steps("RUN echo a \\", "  b > f").replace("\n", "\r\n"),
        output={"f": "a b\n"},
    ),
    Case(
        name="LABEL, EXPOSE, VOLUME, STOPSIGNAL, HEALTHCHECK, ENTRYPOINT and CMD change no file",
        dockerfile=steps(
            'LABEL a=b "c d"="e f"',
            "EXPOSE 80/tcp 443",
            "VOLUME /out/v",
            "STOPSIGNAL SIGTERM",
            "HEALTHCHECK --interval=1s CMD true",
            'ENTRYPOINT ["/bin/false"]',
            "CMD exit 1",
            "RUN echo 1 > f",
        ),
        output={"f": "1\n"},
    ),
    Case(
        name="an instruction that is none",
        dockerfile="FROM base\nRNU true\n",
        output=Refused("`RNU` is not an instruction"),
    ),
    Case(
        name="ONBUILD",
        dockerfile="FROM base\nONBUILD RUN true\n",
        output=Refused("`ONBUILD` is not supported"),
    ),
    Case(
        name="`# syntax=` names another reader",
        dockerfile="# syntax=mirror.example/reader\nFROM base\n",
        output=Refused("`# syntax=` names a program"),
    ),
    Case(
        name="ADD of an address",
        dockerfile="FROM base\nADD https://mirror.example/file /f\n",
        output=Refused("would be downloaded"),
    ),
    Case(
        name="a Dockerfile without FROM",
        dockerfile="ARG A\n",
        output=Refused("has no `FROM`"),
    ),
    Case(
        name="USER root in all its spellings",
        dockerfile=steps("USER root", "USER 0", "USER root:root", "USER 0:0", "RUN id -u > f"),
        output={"f": "0\n"},
    ),
    Case(
        name="USER of another name",
        dockerfile=steps("RUN chmod 777 .", "USER nobody", "RUN id -u > f && echo $HOME >> f"),
        output={"f": "65534\n/nonexistent\n"},
        beyond="USER nobody",
    ),
)
