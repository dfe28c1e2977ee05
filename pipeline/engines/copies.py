"""The COPY and ADD instructions: sources, destination and flags, then `Copier` does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.dockerfile.beyond import OTHER_ENGINE, check_root, other_engine
from pipeline.dockerfile.expansion import ExpansionError, Style, expand
from pipeline.dockerfile.lexing import fault
from pipeline.engines import globbing, modes
from pipeline.engines.copying import Copier, CopyError, Target
from pipeline.engines.failures import Failure
from pipeline.engines.union import Leaf, Union, absolute
from pipeline.store.faults import guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.dockerfile.instructions import Copy
    from pipeline.dockerfile.lexing import Heredoc
    from pipeline.engines.scope import Scope
    from pipeline.engines.stages import Bench, StageState

ARCHIVES = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")
"""How compressed files begin: gzip, bzip2, xz, zstd."""

DOCUMENT_MODE = 0o644


def perform(step: Copy, stage: StageState, source: Union, bench: Bench) -> None:
    """Copy into the stage from ``source``.

    Raises ConfigError for what cannot be meant, StageFailedError for files that do not fit.
    """
    target = _target(step, stage)
    chmod = _chmod(step, stage.scope)
    sources = [absolute(stage.scope.expand(step, path)) for path in step.sources]
    with guarded("copying into", bench.room):
        top = stage.stack.copied()
        copier = Copier(stage.stack.view, top, epoch=bench.request.epoch, chmod=chmod)
        try:
            for path in sources:
                _copy(step, copier, source, path, target, bench)
            for document in step.documents:
                _copy_document(step, copier, document, target, stage.scope, bench)
        except CopyError as error:
            failure = Failure(instruction=step, what=f"cannot copy: {error}", log=bench.log.path)
            raise failure.error(bench.request) from error
        copier.finish()


def _target(step: Copy, stage: StageState) -> Target:
    destination = stage.scope.expand(step, step.destination)
    directory = destination in ("", ".") or destination.endswith(("/", "/."))
    if len(step.sources) + len(step.documents) > 1 and not directory:
        raise fault(
            step.line,
            f"`{step.keyword}` of several sources needs a directory to put them in",
            f"end the destination in a slash: `{destination}/`; or {OTHER_ENGINE}",
        )
    path = stage.scope.path(destination)
    if "--link" in step.others and stage.stack.view.find(path).path != path:
        raise other_engine(step.line, "`--link`", f"there is a link on the way to `{path}`")
    return Target(path=path, directory=directory)


def _chmod(step: Copy, scope: Scope) -> str:
    owner = scope.expand(step, step.owner)
    if owner:
        check_root(step.line, "--chown", owner)
    word = scope.expand(step, step.mode)
    if word and not modes.is_mode(word):
        raise fault(
            step.line,
            f"`--chmod={word}` is not a mode",
            "write octal digits, such as `755`, or letters, such as `u+x,go-w`",
        )
    return word


def _copy(
    step: Copy, copier: Copier, source: Union, path: str, target: Target, bench: Bench
) -> None:
    found = list(_sources(step, source, path))
    if not found:
        # Docker takes this for success as well; whoever wonders finds it in the log.
        bench.log.heading(f"nothing matches `{path}`")
    for each in found:
        if step.keyword == "ADD":
            _refuse_archive(step, source, each)
        copier.copy(source, each, target)


def _sources(step: Copy, source: Union, path: str) -> Iterator[str]:
    if not globbing.has_wildcards(path):
        yield path
        return
    try:
        yield from globbing.matches(source, path)
    except ValueError as error:
        raise fault(step.line, f"the pattern `{path}` is malformed") from error


def _refuse_archive(step: Copy, source: Union, path: str) -> None:
    node = source.find(path).node
    if not isinstance(node, Leaf) or not node.is_file:
        return
    with open(node.host, "rb") as stream:
        head = stream.read(262)
    if head.startswith(ARCHIVES) or head[257:] == b"ustar":
        raise fault(
            step.line,
            f"`ADD` would unpack `{path}`, which is not supported by the sandbox",
            f"`COPY` it, and unpack it with a `RUN`; or {OTHER_ENGINE}",
        )


def _copy_document(
    step: Copy, copier: Copier, document: Heredoc, target: Target, scope: Scope, bench: Bench
) -> None:
    if "/" in document.name:
        raise fault(step.line, f"the heredoc `{document.name}` cannot name a file")
    text = document.content
    if document.expand:
        try:
            text = expand(text, scope.env, Style(quotes=False))
        except ExpansionError as error:
            raise fault(
                step.line, f"the heredoc `{document.name}` cannot be expanded: {error}"
            ) from error
    path = bench.room / "documents" / document.name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(text.encode(errors="surrogateescape"))
    path.chmod(DOCUMENT_MODE)
    copier.copy(Union((str(path.parent),)), f"/{document.name}", target)
