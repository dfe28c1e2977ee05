"""Whether a project's description renders as the index would show it.

An index refuses a file whose description does not render in its declared type. The renderer is
the one PyPI uses (`readme_renderer`); it is slow to import, so that is done on demand.
"""

from __future__ import annotations

import io

RST, MARKDOWN, PLAIN = "text/x-rst", "text/markdown", "text/plain"

SHOWN_WARNINGS = 5


def faults(description: str, content_type: str) -> tuple[str, ...]:
    """Return why an index would refuse ``description``; nothing when it renders or is empty.

    ``content_type`` is the field as written, parameters included; empty means reStructuredText
    (core metadata specification, ``Description-Content-Type``).
    """
    if not description.strip():
        return ()
    kind, _, parameters = (content_type or RST).partition(";")
    kind = kind.strip().lower()
    if kind == PLAIN:
        return ()
    if kind == MARKDOWN:
        return _markdown(description, parameters)
    if kind == RST:
        return _rst(description, declared=bool(content_type))
    return (f"the description's type `{kind}` is none that an index renders",)


def _markdown(description: str, parameters: str) -> tuple[str, ...]:
    from readme_renderer import markdown  # noqa: PLC0415 - it pulls in a parser and a highlighter

    named = dict(part.strip().partition("=")[::2] for part in parameters.split(";"))
    variant = named.get("variant", "GFM").strip('"')
    if markdown.render(description, variant=variant) is None:
        return (f"the description does not render as Markdown ({variant})",)
    return ()


def _rst(description: str, *, declared: bool) -> tuple[str, ...]:
    from readme_renderer import rst  # noqa: PLC0415 - docutils is slow to import

    warnings = io.StringIO()
    if rst.render(description, stream=warnings) is not None:
        return ()
    default = "" if declared else ", which is assumed since no type is declared"
    said = " / ".join(line for line in warnings.getvalue().splitlines()[:SHOWN_WARNINGS] if line)
    return (f"the description does not render as reStructuredText{default}: {said}",)
