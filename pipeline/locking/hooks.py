"""What only a build backend's own hooks can tell, asked inside the sandbox.

`HookStep` is the question as a value; whoever wires engine and images together supplies a
`RunStep` that answers it: in the image, without network, with the wheels unpacked at ``/env``, the
source at ``/src`` and the files at ``/ask``, running ``argv`` in ``/src`` and returning the bytes
of ``/out/answer.json``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.errors import LockError
from pipeline.lock.types import Lock, PythonFile

if TYPE_CHECKING:
    from pipeline.locking.bases import BackendOptions, Base
    from pipeline.project.pyproject import Project

ANSWER = "/out/answer.json"
ARGV = ("/env/bin/python", "/ask/ask.py")

Question = Literal["wheel", "sdist", "metadata"]


@dataclass(frozen=True, kw_only=True)
class HookStep:
    """One question to a backend.

    ``base`` says the image, the interpreter and the target; ``source`` a directory of the
    repository, or a third-party sdist's file; ``env`` the variables that the stage declares;
    ``wheels`` what ``/env`` holds; ``files`` what ``/ask`` holds, by name.
    """

    base: Base
    source: str | PythonFile
    env: tuple[tuple[str, str], ...]
    wheels: tuple[PythonFile, ...]
    files: Mapping[str, bytes]
    argv: tuple[str, ...] = ARGV
    answer: str = ANSWER


RunStep = Callable[[HookStep, Lock], bytes]
"""Answers a step; the lock holds the images resolved so far. Raises StageFailedError."""


def step(
    question: Question,
    project: Project,
    base: Base,
    source: str | PythonFile,
    wheels: tuple[PythonFile, ...],
    options: BackendOptions,
) -> HookStep:
    """Return the step that asks ``project``'s backend a question."""
    settings = options.config_settings
    request = {
        "question": question,
        # As `build` hands them over: a text, or a list where there are several.
        "config-settings": {
            key: values[0] if len(values) == 1 else values for key, values in settings if values
        },
        "backend": project.backend,
        "backend-path": project.backend_path,
        "answer": ANSWER,
    }
    script = Path(__file__).with_name("ask.py").read_bytes()
    files = {"ask.py": script, "request.json": json.dumps(request).encode()}
    return HookStep(base=base, source=source, env=options.env, wheels=wheels, files=files)


def requires(answer: bytes, project: Project) -> tuple[str, ...]:
    """Return the requirements of an answer, sorted; LockError when it is none."""
    match _answer(answer, project):
        case {"requires": list(found)} if all(isinstance(item, str) for item in found):
            return tuple(sorted(set(found)))
        case _:
            raise _malformed(project)


def metadata(answer: bytes, project: Project) -> str:
    """Return the METADATA of an answer; LockError when it is none."""
    match _answer(answer, project):
        case {"metadata": str(text)}:
            return text
        case _:
            raise _malformed(project)


def _answer(answer: bytes, project: Project) -> object:
    try:
        return json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise _malformed(project) from error


def _malformed(project: Project) -> LockError:
    return LockError(
        f"the hooks of build backend `{project.backend}` gave no answer", where=project.where
    )
