"""Where an index has a file: a small client of the Simple API (PEP 503, 592, 691, 700).

JSON is asked for first and HTML understood. The lock holds names and digests only, so each file is
looked up on the machine's own indexes and in its ``find-links``; a file of the same name with
another digest is passed over.
"""

from __future__ import annotations

import json
import threading
import urllib.parse
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from pipeline.errors import NetworkError
from pipeline.network.addresses import local_path, shown
from pipeline.network.faults import GoneError
from pipeline.project.pyproject import normal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.locking.settings import Settings
    from pipeline.network.transport import Client, Page

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
ACCEPT = f"{JSON_TYPE}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
ARCHIVES = (".whl", ".tar.gz", ".zip")


@dataclass(frozen=True, kw_only=True)
class Link:
    """A file an index offers. ``sha256`` and ``size`` (bytes) are empty and 0 where untold.

    ``reason`` is why it was ``yanked``, where the index says that too.
    """

    name: str
    url: str
    sha256: str = ""
    size: int = 0
    yanked: bool = False
    reason: str = ""


def project_of(file: str) -> str:
    """Return the normal name of the project that a wheel or sdist is a release of."""
    if file.endswith(".whl"):
        return normal(file.partition("-")[0])
    return normal(file.rpartition("-")[0])


class Index:
    """The indexes and ``find-links`` of a machine, each page asked for once.

    Safe to use from several threads.
    """

    def __init__(self, client: Client, settings: Settings) -> None:
        self.client = client
        self._settings = settings
        self._pages: dict[str, tuple[Link, ...]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def reach(self) -> None:
        """Return once every index answers; NetworkError where one cannot be reached.

        To be called before uv, which tries a network that is off for longer.
        """
        for index in self._settings.indexes:
            if local_path(index) is None:
                self.client.reach(index)

    def links(self, project: str) -> tuple[Link, ...]:
        """Return every file of a project: from the indexes in order, then from ``find-links``.

        What lies in the project's download cache goes before them. Raises NetworkError when an
        index cannot be asked.
        """
        with self._locks.setdefault(project, threading.Lock()):
            if project not in self._pages:
                self._pages[project] = tuple(self._links(project))
        return self._pages[project]

    def _links(self, project: str) -> Iterator[Link]:
        yield from (link for link in self._kept() if project_of(link.name) == project)
        for index in self._settings.indexes:
            yield from self._asked(index, project)
        yield from (link for link in self._found_links() if project_of(link.name) == project)

    def addresses(self, file: str, sha256: str) -> tuple[str, ...]:
        """Return the addresses of a locked file, those first whose index confirms the digest."""
        same = [link for link in self.links(project_of(file)) if link.name == file]
        fitting = [link for link in same if link.sha256 in ("", sha256)]
        fitting.sort(key=lambda link: link.sha256 != sha256)
        return tuple(dict.fromkeys(link.url for link in fitting))

    def size(self, file: str, sha256: str) -> int:
        """Return a file's size in bytes, as the index or else its server says; NetworkError."""
        for link in self.links(project_of(file)):
            if link.name == file and link.sha256 in ("", sha256) and link.size:
                return link.size
        for address in self.addresses(file, sha256):
            local = local_path(address)
            return local.stat().st_size if local else self.client.size(address)
        raise GoneError(f"no index has `{file}`")

    def _asked(self, index: str, project: str) -> tuple[Link, ...]:
        try:
            page = self.client.get(f"{index.rstrip('/')}/{project}/", accept=ACCEPT)
        except GoneError:
            return ()
        return tuple(read_page(page))

    def _kept(self) -> Iterator[Link]:
        if self._settings.downloads:
            yield from self._at(str(self._settings.downloads.directory.path))

    def _found_links(self) -> Iterator[Link]:
        for place in self._settings.pip.find_links:
            if not self._settings.offline or local_path(place):
                yield from self._at(place)

    def _at(self, place: str) -> Iterator[Link]:
        local = local_path(place)
        if local is None:
            if place.endswith(ARCHIVES):
                yield Link(name=_last(place), url=place)
            else:
                yield from read_page(self.client.get(place, accept="text/html"))
        elif local.is_dir():
            for path in sorted(local.iterdir()):
                if path.name.endswith(ARCHIVES):
                    yield Link(name=path.name, url=path.absolute().as_uri())


def read_page(page: Page) -> Iterator[Link]:
    """Yield the files a project's page lists; NetworkError when it is no such page."""
    if page.media_type == JSON_TYPE:
        yield from _read_json(page)
    elif page.media_type in {"text/html", "application/vnd.pypi.simple.v1+html"}:
        yield from _read_html(page)
    else:
        raise NetworkError(
            f"`{shown(page.url)}` is not a page of a package index: it has type "
            f"`{page.media_type}`",
            hint="check `index-url` and `find-links` in pip's settings",
        )


def _read_json(page: Page) -> Iterator[Link]:
    try:
        for file in json.loads(page.data)["files"]:
            yield Link(
                name=str(file["filename"]),
                url=urllib.parse.urljoin(page.url, str(file["url"])),
                sha256=str(file["hashes"].get("sha256", "")),
                size=int(file.get("size") or 0),
                yanked=bool(file.get("yanked", False)),
                reason=_reason(file.get("yanked")),
            )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise NetworkError(
            f"the index's answer at `{shown(page.url)}` is not what PEP 691 describes"
        ) from error


def _read_html(page: Page) -> Iterator[Link]:
    parser = _Anchors()
    parser.feed(page.data.decode(errors="replace"))
    base = urllib.parse.urljoin(page.url, parser.base)
    for attributes in parser.anchors:
        url, _, fragment = urllib.parse.urljoin(base, attributes["href"] or "").partition("#")
        name = _last(url)
        if name.endswith(ARCHIVES):
            yield Link(
                name=name,
                url=url,
                sha256=urllib.parse.parse_qs(fragment).get("sha256", [""])[0],
                yanked="data-yanked" in attributes,
                reason=_reason(attributes.get("data-yanked")),
            )


def _reason(yanked: object) -> str:
    """Return why a file was withdrawn: the value of the mark, where that is a text (PEP 592)."""
    return " ".join(yanked.split()) if isinstance(yanked, str) else ""


def _last(url: str) -> str:
    return urllib.parse.unquote(urllib.parse.urlsplit(url).path.rpartition("/")[2])


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.anchors: list[dict[str, str | None]] = []
        self.base = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "a" and attributes.get("href"):
            self.anchors.append(attributes)
        elif tag == "base" and not self.base:
            self.base = attributes.get("href") or ""
