"""What ``pipeline doctor`` says of containers that killed runs left; it may remove them.

A service of tests has a network of its own, of the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.cli.checks import Check
from pipeline.engines import networks, owned
from pipeline.engines.daemon import UnusableError, connected, current_context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.cli.session import Session

WHAT = "containers"


def leftover_checks(session: Session, *, clean: bool) -> Iterator[Check]:
    """Yield a row where a Docker daemon answers; ``clean`` removes what is left over."""
    try:
        with connected(current_context(session.environ), session.environ) as client:
            found, apart = owned.leftovers(client), networks.leftovers(client)
            if clean:
                owned.remove(client, found)
                networks.remove(apart)
    except UnusableError as error:
        if clean:
            yield Check(what=WHAT, state="none here", found=f"only Docker keeps any: {error}")
        return
    left = {one.name for one in found} | {one.name or "" for one in apart}
    names = ", ".join(f"`{name}`" for name in sorted(left))
    if not names:
        yield Check(what=WHAT, state="works", found="none is left over")
    elif clean:
        yield Check(what=WHAT, state="works", found=f"removed what was left over: {names}")
    else:
        yield Check(
            what=WHAT,
            state="limited",
            found=f"left over by runs that were killed: {names}",
            hint="`pipeline doctor --clean` removes them",
        )
