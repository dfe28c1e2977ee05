"""Inline documents, for RUN and for COPY."""

from __future__ import annotations

from tests.engines.conformance.spec import Case, Program, Refused, steps

HEREDOCS = (
    Case(
        name="a heredoc is a script for the shell",
        dockerfile=steps(
            "ENV A=env",
            "RUN <<EOF",
            "set -e",
            "A=shell",
            "echo $A > f",
            "false || echo 2 >> f",
            "EOF",
        ),
        output={"f": "shell\n2\n"},
    ),
    Case(
        name="a heredoc with a `#!` line is a program",
        dockerfile=steps("RUN <<EOF", "#!/usr/bin/python3", "open('f', 'w').write('x')", "EOF"),
        output={"f": "x"},
    ),
    Case(
        name="a heredoc is the standard input of a command",
        dockerfile=steps(
            "ENV A=env", "RUN cat <<ONE > 1 && cat <<'TWO' > 2", "$A $((1+1))", "ONE", "$A", "TWO"
        ),
        output={"1": "env 2\n", "2": "$A\n"},
    ),
    Case(
        name="a heredoc with `<<-` loses leading tabs",
        dockerfile=steps(
            "RUN cat <<-EOF > f",
            "\t\tone",
            "\t two",
            "  three",
            "\tEOF",
            "COPY <<-EOF g",
            "\tfour",
            "\t\tfive\t",
            "\tEOF",
        ),
        output={"f": "one\n two\n  three\n", "g": "four\nfive\t\n"},
    ),
    Case(
        name="COPY of a heredoc writes a file, with variables unless quoted",
        dockerfile=steps(
            "ENV A=env",
            "COPY <<EOF f",
            "'$A' \"${A:-x}\" \\$A `$U`",
            "  indented",
            "EOF",
            "COPY <<'EOF' g",
            "'$A' \\$A",
            "EOF",
            'COPY <<"EOF" h',
            "$A",
            "EOF",
            "RUN stat -c '%a %u' f > m",
        ),
        output={
            "f": "'env' \"env\" $A ``\n  indented\n",
            "g": "'$A' \\$A\n",
            "h": "$A\n",
            "m": "644 0\n",
        },
    ),
    Case(
        name="COPY of several heredocs names the files by their delimiters",
        dockerfile=steps("COPY <<one <<two.txt a d/", "1", "one", "2", "two.txt"),
        context={"a": "A"},
        output={"d/one": "1\n", "d/two.txt": "2\n", "d/a": "A"},
    ),
    Case(
        name="COPY --chmod of a heredoc makes a program",
        dockerfile=steps(
            "COPY --chmod=755 <<EOF run", "#!/bin/sh", "echo ran", "EOF", "RUN ./run > f"
        ),
        output={"run": Program("#!/bin/sh\necho ran\n"), "f": "ran\n"},
    ),
    Case(
        name="a heredoc may be empty",
        dockerfile=steps("COPY <<EOF f", "EOF", "RUN <<EOF", "EOF"),
        output={"f": ""},
    ),
    Case(
        name="a heredoc keeps backslashes, hashes and other instructions",
        dockerfile=steps(
            "COPY <<'EOF' f", "# no comment", "RUN false \\", "", "FROM nothing", "EOF"
        ),
        output={"f": "# no comment\nRUN false \\\n\nFROM nothing\n"},
    ),
    Case(
        name="a heredoc without an end",
        dockerfile="FROM base\nRUN <<EOF\ntrue\n",
        output=Refused("is not closed"),
    ),
)
