"""Makes the tool's own environment for `./pipelinew`, with nothing but a bare Python.

Run as ``python -I -S -B bootstrap.py REQUIREMENTS DIRECTORY NOTE WORDS...``; prints the
environment's name below DIRECTORY. Nothing of the package can be imported yet, so this file stands
alone. WORDS are the caller's: where they are ``cache import FILE``, the wheels come out of that
bundle, and no index is asked.

The name is a digest of the requirements and of the Python, so that neither can change below an
environment. It is made in place under a lock, because scripts in it name its path, and
``.complete`` is written last: what a killed run left is removed by the next one, and of several
runs at once one works while the others wait.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FAILED, STALE_LOCK, MISMATCH, NETWORK = 1, 3, 4, 5
"""Exit codes, as in `pipeline.errors`."""

SEAL = "# sha256 "
"""How the first line of the requirements starts; the digest of all further lines follows."""

PIP = (
    *("-I", "-m", "pip", "install", "--require-hashes", "--no-deps", "--only-binary=:all:"),
    *(
        "--no-input",
        "--disable-pip-version-check",
        "--no-warn-script-location",
        "--progress-bar=off",
    ),
)
"""Only wheels: building an sdist here would run its code outside of any sandbox."""

PIP_REFUSALS = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
"""Settings of a machine that make no sense in an environment; the rest of pip's own hold."""

NOT_FOR_PIP = frozenset(
    {
        *("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PIP_DRY_RUN"),
        *("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"),
    }
)
"""Neither do these: constraints are for what the user installs, not for our locked wheels."""

NETWORK_WORDS = (
    *("No matching distribution found", "Max retries exceeded", "Could not fetch URL"),
    *("Failed to establish a new connection", "Name or service not known", "Read timed out"),
    *("Connection reset", "ProxyError", "SSLError", "HTTP error", "Temporary failure in name"),
    *("Network is unreachable", "ConnectionResetError", "IncompleteRead", "ConnectTimeout"),
)

BUNDLED = re.compile(r"tool/([A-Za-z0-9][A-Za-z0-9._+!-]*\.whl)")
"""How the tool's wheels are called in a bundle (`pipeline.downloads.bundle`)."""

UNREADABLE = (FileNotFoundError, IsADirectoryError, PermissionError, FileExistsError)

WITH_VALUES = frozenset(
    {
        *("-C", "--directory", "--older-than", "--branches", "--also", "--fork", "--local"),
        *("--image", "--platform", "--debian-mirror"),
    }
)
"""Flags of ``cache`` that a word follows, which is then no bundle."""

NOT_FOR_BUNDLES = ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")

MISMATCH_WORDS = "DO NOT MATCH THE HASHES"

NO_SPACE = os.strerror(errno.ENOSPC)


def fail(status: int, message: str, hint: str, detail: Sequence[str] = ()) -> NoReturn:
    """End the program with a message in the style of all others."""
    shown = "".join(f"  {line}\n" for line in detail)
    sys.stderr.write(f"{shown}error: {message}\nhint: {hint}\n")
    sys.exit(status)


def sealed(body: str) -> str:
    """Return ``body`` (the lines of a requirements file) under a first line with its digest.

    `./pipelinew` reads that line instead of hashing the file, which it could not do without
    starting a program.
    """
    return f"{SEAL}{hashlib.sha256(body.encode()).hexdigest()}\n{body}"


def read_digest(requirements: Path) -> str:
    """Return the digest that heads ``requirements``, checked against the lines below it."""
    first, _, body = requirements.read_text(encoding="utf-8").partition("\n")
    if sealed(body) != f"{first}\n{body}":
        fail(
            STALE_LOCK,
            f"{requirements} does not match its own first line, so it was edited by hand",
            "restore it (git checkout -- pipeline/requirements.txt), then run `pipeline lock`",
        )
    return first.removeprefix(SEAL)


def base_python() -> str:
    """Return this Python's real path, also when it is that of a virtual environment.

    A name such as ``/usr/bin/python3`` may mean another version after an upgrade of the system.
    """
    executable = str(getattr(sys, "_base_executable", sys.executable))
    return os.path.realpath(executable)


def environment_name(digest: str, python: str) -> str:
    """Return the name of the environment for these requirements and this Python."""
    identity = f"{digest}\0{python}\0{sys.version}\0{os.uname().machine}"
    return hashlib.sha256(identity.encode()).hexdigest()[:20]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``; the kernel lets go of it when we die."""
    with path.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another run that sets up the same environment")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def say(text: str) -> None:
    """Tell what goes on, on standard error."""
    sys.stderr.write(f"pipelinew: {text}\n")
    sys.stderr.flush()


def make(environment: Path, requirements: Path, python: str, bundle: str) -> None:
    """Make the environment at its final path, ``.complete`` last."""
    shutil.rmtree(environment, ignore_errors=True)
    version = sys.version.split()[0]
    say(f"setting up the tool's own environment with Python {version} (once)")
    with bundled(bundle, environment.with_name(f"{environment.name}.bundle")) as wheels:
        made = start([python, "-I", "-m", "venv", str(environment)])
        if made.returncode:
            fail(
                FAILED,
                f"{python} could not make a virtual environment",
                "install its venv module (Debian, Ubuntu: apt install python3-venv)",
                tail(made.stdout),
            )
        say("installing its hash-locked requirements" + (f" from {bundle}" if bundle else ""))
        command = [f"{environment}/bin/python", *PIP, *wheels, "-r", str(requirements)]
        installed = start(command, bundle=bundle)
    if installed.returncode:
        shutil.rmtree(environment, ignore_errors=True)
        explain(installed.stdout, bundle)
    (environment / ".complete").touch()
    say("done")


@contextlib.contextmanager
def bundled(bundle: str, place: Path) -> Iterator[tuple[str, ...]]:
    """Give pip's words for the wheels of a bundle, unpacked in ``place`` meanwhile.

    What they hold is for pip to check, by the hashes of the requirements. What a killed run left
    there is removed.
    """
    if not bundle:
        yield ()
        return
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        try:
            with tarfile.open(bundle, "r:") as archive:
                unpack_wheels(archive, place)
        except (tarfile.TarError, EOFError, *UNREADABLE) as error:
            fail(
                MISMATCH,
                f"the bundle {bundle} cannot be read: {error}",
                "copy it again, or write it anew with `pipeline cache export`",
            )
        yield ("--no-index", "--find-links", str(place))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def unpack_wheels(archive: tarfile.TarFile, place: Path) -> None:
    """Write the tool's wheels, and nothing else, into ``place``; FileExistsError for a second."""
    for member in archive:
        match = BUNDLED.fullmatch(member.name)
        is_file = member.isreg() and not member.issparse()
        content = archive.extractfile(member) if match and is_file else None
        if match and content:
            with (place / match[1]).open("xb") as stream:
                shutil.copyfileobj(content, stream)


def start(command: Sequence[str], *, bundle: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program and return it with all it said; Python's and pip's odd variables are off.

    With a ``bundle`` nor do pip's settings of where wheels come from count.
    """
    unwanted = {*NOT_FOR_PIP, *(NOT_FOR_BUNDLES if bundle else ())}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in unwanted and not name.startswith("PYTHON")
    }
    only = {"PIP_CONFIG_FILE": os.devnull} if bundle else {}
    # Five repetitions of what cannot be reached would take eight seconds.
    alone = {} if has_way_out() else {"PIP_RETRIES": "0"}
    return subprocess.run(
        command,
        env={**kept, **PIP_REFUSALS, **only, **alone},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def has_way_out() -> bool:
    """Whether the machine has a default route, by IPv4 or IPv6; also where that cannot be told."""
    try:
        ipv4 = Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]
        file = Path("/proc/net/ipv6_route")
        ipv6 = file.read_text(encoding="ascii").splitlines() if file.exists() else []
    except OSError:
        return True
    routes = [row.split()[1] for row in ipv4]
    routes += [row.split()[0] for row in ipv6 if row.split()[-1] != "lo"]
    return any(not destination.strip("0") for destination in routes)


def tail(output: str) -> list[str]:
    """Return the last lines of a program's output."""
    return output.strip().splitlines()[-20:]


def explain(output: str, bundle: str) -> NoReturn:
    """End the program by what pip's output says went wrong."""
    if NO_SPACE in output:
        fail(
            FAILED,
            "the tool's requirements could not be installed: the disk is full",
            "free some space, or name a directory elsewhere in PIPELINE_CACHE_DIR",
        )
    if bundle and MISMATCH_WORDS in output:
        fail(
            MISMATCH,
            f"a wheel in the bundle {bundle} is not the one that was locked",
            "copy it again, or write it anew with `pipeline cache export`, from this commit",
            tail(output),
        )
    if bundle:
        python, machine = ".".join(map(str, sys.version_info[:2])), os.uname().machine
        fail(
            NETWORK,
            f"the bundle {bundle} lacks wheels of the tool for Python {python} on {machine}",
            "write it for this platform, or name another Python in PIPELINE_PYTHON",
            tail(output),
        )
    if MISMATCH_WORDS in output:
        fail(
            MISMATCH,
            "a downloaded file is not the one that was locked",
            "find out who serves it: pip's index settings are `pip config list`",
            tail(output),
        )
    if any(words in output for words in NETWORK_WORDS):
        fail(
            NETWORK,
            "the tool's requirements could not be downloaded",
            "check the network, the proxy and pip's index settings (`pip config list`); without "
            "network, take in a bundle first: `./pipelinew cache import FILE`",
            tail(output),
        )
    fail(
        FAILED,
        "pip could not install the tool's requirements",
        "what pip said stands above",
        tail(output),
    )


def write_note(file: Path, note: str, name: str) -> None:
    """Note for `./pipelinew` which environment serves; by rename, since others may be reading."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.write_text(f"{note}\n{name}\n", encoding="utf-8")
    temporary.rename(file)


def bundle_of(words: Sequence[str]) -> str:
    """Return the bundle that a command line takes in, empty for any other command line."""
    plain = []
    rest = iter(words)
    for word in rest:
        if word in WITH_VALUES:
            next(rest, None)
        elif not word.startswith("-"):
            plain.append(word)
    return plain[2] if plain[:2] == ["cache", "import"] and len(plain) > 2 else ""


def bootstrap(requirements: Path, directory: Path, note: str, bundle: str = "") -> str:
    """Return the name of the environment below ``directory``, made if it is not there."""
    digest = read_digest(requirements)
    python = base_python()
    name = environment_name(digest, python)
    environment = directory / name
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.mkdir(mode=0o700, exist_ok=True)
    with locked(directory / f"{name}.lock"):
        if not (environment / ".complete").exists():
            make(environment, requirements, python, bundle)
        write_note(directory / f"{digest}.chosen", note, name)
    return name


def main(requirements: str, directory: str, note: str, *words: str) -> None:
    """Set up and print the environment's name; what the system refuses is told in words."""
    try:
        place = Path(directory).absolute()
        name = bootstrap(Path(requirements), place, note, bundle_of(words))
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        fail(
            FAILED,
            f"the tool's environment cannot be made below {directory}: {error.strerror}",
            "free some space there" if full else "name a writable directory in PIPELINE_CACHE_DIR",
        )
    except KeyboardInterrupt:
        sys.exit(130)
    sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
