"""Reading a Dockerfile: `parse`, and one small reader for each instruction.

What no engine may do (read the Dockerfile with another program, download) and what nothing is
known of is refused here by line and name. What Docker does and the sandbox cannot is read, and told
by `pipeline.dockerfile.beyond`; all else every engine builds alike.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from pipeline.dockerfile.instructions import (
    Arg,
    Copy,
    Dockerfile,
    Env,
    From,
    Label,
    NetworkMode,
    Run,
    Shell,
    Stage,
    Start,
    User,
    Workdir,
)
from pipeline.dockerfile.lexing import (
    fault,
    heredoc_word,
    json_words,
    logical_lines,
    nearest,
    plain_words,
    words_of,
)
from pipeline.dockerfile.mounts import parse_mount

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.dockerfile.instructions import Step
    from pipeline.dockerfile.lexing import Line

STAGE_NAME = re.compile(r"[a-z][a-z0-9-_.]*")
_NETWORKS: Mapping[str, NetworkMode] = {"default": "default", "none": "none", "host": "host"}
_REMOTE = re.compile(r"(https?|git|ssh)://|git@|.*\.git(#|$)")
_REFUSED: Mapping[str, str] = {
    "MAINTAINER": "use `LABEL org.opencontainers.image.authors=...`",
    "ONBUILD": "write the instruction into the Dockerfile that needs it",
}
_ADD_FLAGS = ("chmod", "chown", "exclude", "link")
_COPY_FLAGS = (*_ADD_FLAGS, "from", "parents")
_SWITCHES = frozenset(("exclude", "link", "parents"))
_REFUSED_FLAGS: Mapping[str, str] = {
    "checksum": "a context is known by its digest",
    "keep-git-dir": "repositories are contexts of their own",
    "unpack": "unpack it with a `RUN`",
    "security": "a step never has more rights than the sandbox gives",
    "device": "a step has no devices",
}


def parse(text: str) -> Dockerfile:
    """Return the Dockerfile that ``text`` holds.

    Raises ConfigError with ``where="Dockerfile:LINE"`` for what is wrong or not supported.
    """
    if "\0" in text:
        raise fault(text[: text.index("\0")].count("\n") + 1, "the line holds a NUL character")
    escape, lines = logical_lines(text)
    args: list[Arg] = []
    stages: list[tuple[From, list[Step]]] = []
    for line in lines:
        if line.name == "FROM":
            start = _from(line)
            _check_name(start, [stage for stage, _ in stages])
            stages.append((start, []))
            continue
        step = _step(line, escape)
        if stages:
            stages[-1][1].append(step)
        elif isinstance(step, Arg):
            args.append(step)
        else:
            raise fault(line.number, f"`{line.name}` stands before the first `FROM`")
    if not stages:
        raise fault(max(len(text.splitlines()), 1), "the Dockerfile has no `FROM`")
    return Dockerfile(
        args=tuple(args),
        stages=tuple(Stage(start=start, steps=tuple(steps)) for start, steps in stages),
        escape=escape,
    )


def _step(line: Line, escape: str) -> Step:
    reader = _READERS.get(line.name)
    if reader is not None:
        return reader(line, escape)
    if line.name in _REFUSED:
        raise fault(line.number, f"`{line.name}` is not supported", _REFUSED[line.name])
    raise fault(
        line.number,
        f"`{line.name}` is not an instruction",
        nearest(line.name, (*_READERS, "FROM")),
    )


def summary(line: Line) -> str:
    """Return an instruction as one line to name it by."""
    return " ".join(part for part in (line.name, *line.flags, line.rest) if part)


def _flags(line: Line, known: Sequence[str]) -> dict[str, list[str]]:
    """Return the values of each flag; ConfigError for one that is not known."""
    flags: dict[str, list[str]] = {}
    for flag in line.flags:
        name, equals, value = flag[2:].partition("=")
        if name not in known:
            raise fault(
                line.number,
                f"`{line.name} --{name}` is not supported",
                _REFUSED_FLAGS.get(name) or nearest(name, known),
            )
        if not equals and name not in _SWITCHES:
            raise fault(line.number, f"`--{name}` needs a value: `--{name}=...`")
        if name in flags and name not in ("mount", "exclude"):
            raise fault(line.number, f"`--{name}` stands twice")
        flags.setdefault(name, []).append(value)
    return flags


def _one(flags: Mapping[str, list[str]], name: str) -> str:
    return flags.get(name, [""])[0]


def _from(line: Line) -> From:
    flags = _flags(line, ("platform",))
    words = plain_words(line.rest)
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].upper() != "AS"):
        raise fault(line.number, "`FROM` takes a base, and a name after `AS`")
    name = words[2].lower() if len(words) == 3 else ""
    if name and not STAGE_NAME.fullmatch(name):
        raise fault(
            line.number,
            f"`{name}` cannot name a stage",
            "start with a letter; then letters, digits, `-`, `_`, `.`",
        )
    return From(
        line=line.number,
        text=summary(line),
        base=words[0],
        name=name,
        platform=_one(flags, "platform"),
    )


def _check_name(start: From, before: Sequence[From]) -> None:
    for other in before:
        if start.name and start.name == other.name:
            raise fault(start.line, f"the stage `{start.name}` stands already at line {other.line}")


def _arg(line: Line, escape: str) -> Arg:
    _flags(line, ())
    pairs: list[tuple[str, str | None]] = []
    for word in words_of(line.rest, escape):
        name, equals, value = word.partition("=")
        if not name:
            raise fault(line.number, f"`{word}` in `ARG` has no name")
        pairs.append((name, value if equals else None))
    if not pairs:
        raise fault(line.number, "`ARG` needs a name")
    return Arg(line=line.number, text=summary(line), pairs=tuple(pairs))


def _pairs(line: Line, escape: str) -> tuple[tuple[str, str], ...]:
    """Read ``name=value ...``, or the older ``name value`` where the value is all that follows."""
    _flags(line, ())
    words = words_of(line.rest, escape)
    if not words:
        raise fault(line.number, f"`{line.name}` needs `name=value`")
    if "=" not in words[0]:
        parts = line.rest.split(maxsplit=1)
        if len(parts) < 2:
            raise fault(line.number, f"`{line.name} {parts[0]}` has no value")
        return ((parts[0], parts[1]),)
    pairs: list[tuple[str, str]] = []
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise fault(line.number, f"`{word}` in `{line.name}` has to be `name=value`")
        pairs.append((name, value))
    return tuple(pairs)


def _env(line: Line, escape: str) -> Env:
    return Env(line=line.number, text=summary(line), pairs=_pairs(line, escape))


def _label(line: Line, escape: str) -> Label:
    return Label(line=line.number, text=summary(line), pairs=_pairs(line, escape))


def _workdir(line: Line, _: str) -> Workdir:
    _flags(line, ())
    if not line.rest:
        raise fault(line.number, "`WORKDIR` needs a path")
    return Workdir(line=line.number, text=summary(line), path=line.rest)


def _user(line: Line, _: str) -> User:
    _flags(line, ())
    if not line.rest:
        raise fault(line.number, "`USER` needs a name")
    return User(line=line.number, text=summary(line), user=line.rest)


def _shell(line: Line, _: str) -> Shell:
    _flags(line, ())
    words = json_words(line)
    if not words:
        raise fault(line.number, "`SHELL` needs a JSON list", 'as in `SHELL ["/bin/bash", "-c"]`')
    return Shell(line=line.number, text=summary(line), words=words)


def _start(line: Line, _: str) -> Start:
    if line.name != "HEALTHCHECK":
        _flags(line, ())
    words = json_words(line)
    return Start(
        line=line.number,
        text=summary(line),
        keyword=line.name,
        command=line.rest if words is None else words,
    )


def _copy(line: Line, _: str) -> Copy:
    flags = _flags(line, _COPY_FLAGS if line.name == "COPY" else _ADD_FLAGS)
    words = json_words(line)
    if words is None:
        words = plain_words(line.rest)
    if len(words) < 2:
        raise fault(line.number, f"`{line.name}` needs a source and a destination")
    *sources, destination = words
    if line.heredocs and heredoc_word(destination):
        raise fault(line.number, f"the destination of `{line.name}` cannot be a heredoc")
    inline = [word for word in sources if line.heredocs and heredoc_word(word)]
    origin = _one(flags, "from")
    if "$" in origin:
        raise fault(
            line.number,
            "`--from` may not hold a variable",
            "name a stage of its own: `FROM $VARIABLE AS name`",
        )
    plain = tuple(word for word in sources if word not in inline)
    _check_sources(line, plain)
    return Copy(
        line=line.number,
        text=summary(line),
        keyword=line.name,
        sources=plain,
        documents=line.heredocs,
        destination=destination,
        origin=origin,
        mode=_one(flags, "chmod"),
        owner=_one(flags, "chown"),
        others=tuple(flag for flag in line.flags if flag[2:].partition("=")[0] in _SWITCHES),
    )


def _check_sources(line: Line, sources: Sequence[str]) -> None:
    for source in sources:
        if _REMOTE.match(source):
            raise fault(
                line.number,
                f"`{source}` would be downloaded, and a build has no network",
                "make it a named context and `COPY --from` it",
            )


def _run(line: Line, _: str) -> Run:
    flags = _flags(line, ("mount", "network"))
    words = json_words(line)
    if not (line.rest if words is None else words):
        raise fault(line.number, "`RUN` needs a command")
    network = _one(flags, "network") or "default"
    if network not in _NETWORKS:
        raise fault(
            line.number, f"`--network={network}` is not supported", nearest(network, _NETWORKS)
        )
    return Run(
        line=line.number,
        text=summary(line),
        command=line.rest if words is None else words,
        documents=line.heredocs,
        network=_NETWORKS[network],
        mounts=tuple(parse_mount(line.number, value) for value in flags.get("mount", ())),
    )


class _Reader(Protocol):
    def __call__(self, line: Line, escape: str, /) -> Step: ...


_READERS: Mapping[str, _Reader] = {
    "ADD": _copy,
    "ARG": _arg,
    "CMD": _start,
    "COPY": _copy,
    "ENTRYPOINT": _start,
    "ENV": _env,
    "EXPOSE": _start,
    "HEALTHCHECK": _start,
    "LABEL": _label,
    "RUN": _run,
    "SHELL": _shell,
    "STOPSIGNAL": _start,
    "USER": _user,
    "VOLUME": _start,
    "WORKDIR": _workdir,
}
