"""The entry points that a project declares: its programs, and the file that lists all of them.

``[project]`` says them for every backend; without it, or where it calls them dynamic, Poetry's and
flit's own tables, ``setup.cfg`` and ``setup.py`` do.
<https://packaging.python.org/specifications/entry-points/>
"""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError
from pipeline.project import setuptools
from pipeline.project.sources import table_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pipeline.project.pyproject import Project

    Groups = dict[str, dict[str, str]]

PROGRAMS = ("console_scripts", "gui_scripts")
DYNAMIC = {"scripts": "console_scripts", "gui-scripts": "gui_scripts"}
"""What ``dynamic`` calls the groups of programs; ``entry-points`` are all others."""

_OBJECT = re.compile(r"\s*([\w.]+)\s*:\s*([\w.]+)\s*(?:\[.*\])?\s*")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A command and the object it calls; ``value`` is how the project writes that."""

    name: str
    value: str
    module: str
    call: str

    @property
    def imported(self) -> str:
        """What has to be imported from the module."""
        return self.call.partition(".")[0]


@dataclass(frozen=True, kw_only=True)
class EntryPoints:
    """Entry points by group and name; ``files`` are scripts by name, relative to the project.

    ``computed`` names the setting that only a run of ``setup.py`` would tell, where there is one.
    """

    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    computed: str = ""

    @property
    def text(self) -> str:
        """The text of ``entry_points.txt``; empty where the project has none."""
        return "\n".join(
            "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in points.items()), ""])
            for group, points in self.groups.items()
        )

    def programs(self, where: str) -> Iterator[Program]:
        """Yield the commands; ConfigError for one that no script can be made for."""
        for group in PROGRAMS:
            for name, value in self.groups.get(group, {}).items():
                match = _OBJECT.fullmatch(value)
                if match is None or "/" in name or name in {"", ".", ".."}:
                    raise ConfigError(
                        f"the program `{name}` stands for `{value}`, from which no script can be "
                        "made",
                        where=where,
                        hint="write it as `name = module:object`",
                    )
                module, call = match.groups()
                yield Program(name=name, value=value, module=module, call=call)


def read(project: Project, directory: Path) -> EntryPoints:
    """Return what a project in ``directory`` declares.

    Raises ConfigError for a file that cannot be parsed.
    """
    own: Groups = {group: dict(points) for group, points in project.entry_points.items()}
    more: Groups = {}
    files: Mapping[str, str] = {}
    computed = ""
    match project.reader:
        case "setuptools":
            settings = setuptools.read(directory, project.tool)
            files = _files(settings.get("scripts"))
            computed = settings.where("scripts") if "scripts" in settings.computed else ""
            found = _parsed(_dynamic_file(project.tool, directory) or settings.get("entry_points"))
            if found is None and _may_add(project):
                computed = settings.where("entry_points")
            more = {
                group: rows for group, rows in (found or {}).items() if _may_add(project, group)
            }
        case "poetry":
            more, files = _poetry(project)
        case "flit":
            more = _flit(project)
        case "hatch":
            files = _shared_scripts(project.tool)
        case _:
            pass
    groups = more | own
    return EntryPoints(
        groups={
            name: dict(sorted(groups[name].items())) for name in sorted(groups) if groups[name]
        },
        files=files,
        computed=computed,
    )


def _may_add(project: Project, group: str = "") -> bool:
    """Whether a group, or any, may come from elsewhere than ``[project]`` (PEP 621)."""
    if not project.is_declared:
        return True
    words = {value: word for word, value in DYNAMIC.items()}
    wanted = {words.get(group, "entry-points")} if group else {*DYNAMIC, "entry-points"}
    return bool(wanted & set(project.dynamic))


def _dynamic_file(tool: Mapping[str, object], directory: Path) -> str:
    match tool.get("setuptools"):
        case {"dynamic": {"entry-points": {"file": str(name)}}}:
            return text_of(directory / name)
        case {"dynamic": {"entry-points": {"file": [*names]}}}:
            return "\n".join(text_of(directory / str(name)) for name in names)
        case _:
            return ""


def text_of(path: Path) -> str:
    """Return a file's text; none where it is not there, or is no UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _parsed(value: object) -> Groups | None:
    """Return the groups of what setuptools takes: a table of lists, or the text of a file.

    None where they are computed or malformed.
    """
    if value is None:
        return {}
    if isinstance(value, str):
        parser = configparser.RawConfigParser(delimiters=("=",))
        parser.optionxform = str  # type: ignore[method-assign,assignment]
        try:
            parser.read_string(value)
        except configparser.Error:
            return None
        return {group: dict(parser.items(group)) for group in parser.sections()}
    if not isinstance(value, dict):
        return None
    found: Groups = {}
    for group, rows in value.items():
        lines = rows.splitlines() if isinstance(rows, str) else rows
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            return None
        pairs = (line.partition("=") for line in lines if line.strip())
        found[str(group)] = {name.strip(): point.strip() for name, _, point in pairs}
    return found


def _files(value: object) -> dict[str, str]:
    paths = [str(path) for path in value] if isinstance(value, list) else []
    return {path.rpartition("/")[2]: path for path in paths}


def _poetry(project: Project) -> tuple[Groups, dict[str, str]]:
    """Return Poetry's own scripts and plugins; ``[project]`` stands above them."""
    table = project.tool.get("poetry")
    settings = table if isinstance(table, dict) else {}
    scripts: dict[str, str] = {}
    files: dict[str, str] = {}
    for name, told in table_of(settings.get("scripts")).items():
        match told:
            case str():
                scripts[name] = told
            case {"type": "file", "reference": str(path)}:
                files[path.rpartition("/")[2]] = path
            case {"reference": str(point)} | {"callable": str(point)}:
                scripts[name] = point
            case _:
                continue
    plugins = table_of(settings.get("plugins"))
    groups = {group: _strings(points) for group, points in plugins.items()}
    return {"console_scripts": scripts, **groups}, files


def _flit(project: Project) -> Groups:
    """Return the entry points of flit's metadata from before ``[project]``."""
    match project.tool.get("flit"):
        case {"scripts": dict(scripts), **rest}:
            found = {"console_scripts": _strings(scripts)}
        case {**rest}:
            found = {}
        case _:
            return {}
    groups = table_of(rest.get("entrypoints"))
    return found | {group: _strings(points) for group, points in groups.items()}


def _shared_scripts(tool: Mapping[str, object]) -> dict[str, str]:
    match tool.get("hatch"):
        case {"build": {"targets": {"wheel": {"shared-scripts": dict(scripts)}}}}:
            return {str(name): str(path) for path, name in scripts.items()}
        case _:
            return {}


def _strings(value: object) -> dict[str, str]:
    return {name: str(point) for name, point in table_of(value).items()}
