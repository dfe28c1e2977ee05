"""What is written about the tool holds: links lead somewhere, flags exist, no host is named."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import pytest

import pipeline
from pipeline.cli.main import VERBS, load

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CALL = re.compile(r"(?:pipeline|pipelinew) +([a-z]+)([^`#|;&>\n]*)")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")

# Written in parts, so that this file does not name them either.
HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("deb", "debian", "org"),
        ("ftp", "debian", "org"),
        ("snapshot", "debian", "org"),
        ("security", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("gcr", "io"),
        ("conda", "anaconda", "org"),
    )
]
PACKAGE_NAMES = {"docker.io"}
"""What looks like a host and is the name of a Debian package as well."""

HOMES = re.compile("(?<![\\w.-])/" + "(?:home|Users)" + r"/[a-z]|(?<![\w.-])/" + "root" + r"/\.")


@lru_cache(maxsize=1)
def flags() -> dict[str, set[str]]:
    """Return the flags of each verb."""
    return {verb: set(load(verb)[1]._option_string_actions) for verb in VERBS}


def pages(files: list[Path]) -> list[Path]:
    return [file for file in files if file.suffix == ".md"]


def prose(page: Path) -> str:
    """Return a page without its blocks of code, where brackets mean something else."""
    return re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def test_there_are_pages_to_check(files: list[Path]) -> None:
    assert len(pages(files)) > 5


def test_every_link_to_a_file_leads_somewhere(files: list[Path], checkout: Path) -> None:
    if not (checkout / "README.md").is_file():
        pytest.skip("only a part of the checkout is here, so links out of it lead nowhere")
    broken = []
    for page in pages(files):
        for target in LINK.findall(prose(page)):
            path, _, _ = target.partition("#")
            if "://" in target or target.startswith("mailto:") or not path:
                continue
            if not (page.parent / path).exists():
                broken.append(f"{page.relative_to(checkout)}: {target}")
    assert not broken


def test_every_link_within_a_page_has_its_heading(files: list[Path]) -> None:
    broken = []
    for page in pages(files):
        text = prose(page)
        headings = {
            re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-")
            for line in text.splitlines()
            if line.startswith("#")
        }
        wanted = [link[1:] for link in LINK.findall(text) if link.startswith("#")]
        broken += [f"{page.name}: {link}" for link in wanted if link not in headings]
    assert not broken


def test_every_verb_and_flag_that_is_named_exists(files: list[Path], checkout: Path) -> None:
    unknown = []
    for page in pages(files):
        for verb, rest in CALL.findall(page.read_text("utf-8")):
            known = flags().get(verb)
            if known is None or verb == "exec":
                continue  # prose ("pipeline for ..."), or flags of the command that follows
            wrong = [flag for flag in FLAG.findall(rest) if flag not in known]
            unknown += [f"{page.relative_to(checkout)}: {verb} {flag}" for flag in wrong]
    assert not unknown


def test_no_file_names_a_host_that_packages_come_from(files: list[Path], checkout: Path) -> None:
    named = []
    for file in files:
        text = file.read_text("utf-8", errors="replace")
        named += [
            f"{file.relative_to(checkout)}: {host}"
            for host in HOSTS
            if host in text and not (host in PACKAGE_NAMES and f"/{host}" not in text)
        ]
    assert not named


def test_no_file_holds_a_path_of_somebodys_home(files: list[Path], checkout: Path) -> None:
    found = [
        f"{file.relative_to(checkout)}: {match[0]}"
        for file in files
        if (match := HOMES.search(file.read_text("utf-8", errors="replace")))
    ]
    assert not found


def test_the_overview_names_every_room(checkout: Path) -> None:
    text = (checkout / "docs" / "design" / "overview.md").read_text("utf-8")
    rooms = {path.parent.name for path in Path(pipeline.__file__).parent.glob("*/__init__.py")}
    assert {room for room in rooms if f"| `{room}` |" not in text} == set()
