"""What setuptools is told, read and never run: its tables, ``setup.cfg`` and ``setup.py``.

``setup.py`` is a program. What it passes to ``setup()`` as literals, as names bound once to
literals, and through ``find_packages`` can be read; anything else is `COMPUTED`. Later files win,
as setuptools has it: ``setup.py``, then ``setup.cfg``, then ``pyproject.toml``.

Source: <https://setuptools.pypa.io/en/latest/userguide/package_discovery.html>
"""

from __future__ import annotations

import ast
import configparser
import os
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, TypeGuard

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

SETUP, CONFIGURATION = "setup.py", "setup.cfg"
FINDERS = {"find_packages": False, "find_namespace_packages": True}
"""The functions that look for packages; whether directories without ``__init__.py`` count."""

MUTATORS = {"append", "extend", "insert", "remove", "pop", "update", "setdefault", "clear", "sort"}

FLAT_DIRECTORIES = (
    "ci", "bin", "doc", "docs", "documentation", "manpages", "news", "newsfragments", "changelog",
    "test", "tests", "unit_test", "unit_tests", "example", "examples", "scripts", "tools", "util",
    "utils", "python", "build", "dist", "venv", "env", "requirements", "tasks", "fabfile",
    "site_scons", "benchmark", "benchmarks", "exercise", "exercises", "htmlcov", "[._]*",
)  # fmt: skip
FLAT_MODULES = (
    "setup", "conftest", "test", "tests", "example", "examples", "build", "toxfile", "noxfile",
    "pavement", "dodo", "tasks", "fabfile", "[Ss][Cc]onstruct", "conanfile", "manage", "benchmark",
    "benchmarks", "exercise", "exercises", "[._]*",
)  # fmt: skip
"""What lies beside a package without belonging to it (``setuptools.discovery``)."""


class Computed:
    """The type of `COMPUTED`."""


COMPUTED: Final = Computed()
"""A value that only running ``setup.py`` would tell."""


@dataclass(frozen=True, kw_only=True)
class Find:
    """A search for packages below the directories ``where``."""

    where: tuple[str, ...] = (".",)
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    namespaces: bool = False


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A value, and the file and key that give it."""

    value: object
    where: str


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting of a project by its name as ``setup()`` takes it.

    ``complete`` is whether all names are known: ``setup(**values)`` may pass any.
    """

    values: Mapping[str, Setting] = field(default_factory=dict)
    complete: bool = True

    def get(self, name: str) -> object:
        """Return a value, None where nothing gives it, or `COMPUTED`."""
        if name in self.values:
            return self.values[name].value
        return None if self.complete else COMPUTED

    @property
    def computed(self) -> frozenset[str]:
        """The names that are given, and whose values cannot be read."""
        return frozenset(name for name, one in self.values.items() if one.value is COMPUTED)

    def text(self, name: str) -> str:
        """Return a value that is text, else nothing."""
        value = self.get(name)
        return value if isinstance(value, str) else ""

    def where(self, name: str) -> str:
        """Return the file and key that give a value."""
        return self.values[name].where if name in self.values else f"`setup()` in `{SETUP}`"


def read(directory: Path, tool: Mapping[str, object]) -> Settings:
    """Return what setuptools is told in a directory; ``tool`` is the table of that name.

    Raises ConfigError for a file that cannot be parsed.
    """
    values, complete = _script(directory / SETUP)
    values |= _configuration(directory / CONFIGURATION)
    values |= _tables(tool)
    return Settings(values=values, complete=complete)


# `pyproject.toml`


def _tables(tool: Mapping[str, object]) -> dict[str, Setting]:
    settings = tool.get("setuptools")
    if not isinstance(settings, dict):
        return {}
    found: dict[str, object] = {}
    match settings.get("packages"):
        case {"find": dict(find)}:
            found["packages"] = [
                Find(
                    where=_tuple(find.get("where")) or (".",),
                    include=_tuple(find.get("include")) or ("*",),
                    exclude=_tuple(find.get("exclude")),
                    namespaces=bool(find.get("namespaces", True)),
                )
            ]
        case [*names]:
            found["packages"] = names
        case _:
            pass
    keys = {"py-modules": "py_modules", "package-dir": "package_dir", "script-files": "scripts"}
    found |= {name: settings[key] for key, name in keys.items() if key in settings}
    if "ext-modules" in settings:
        found["ext_modules"] = settings["ext-modules"]
    return {
        name: Setting(value=value, where=f"`[tool.setuptools] {name.replace('_', '-')}`")
        for name, value in found.items()
    }


# `setup.cfg`


def _configuration(path: Path) -> dict[str, Setting]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    parser = configparser.RawConfigParser()
    # Names of entry points keep their case.
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ConfigError(
            f"`{path.name}` cannot be parsed: {' '.join(str(error).split())}", where=path.name
        ) from error
    sections = {name: dict(parser.items(name)) for name in parser.sections()}
    options = {key.replace("-", "_"): value for key, value in sections.get("options", {}).items()}
    found: dict[str, object] = {}
    metadata = sections.get("metadata", {})
    found |= {key: metadata[key] for key in ("name", "version") if key in metadata}
    if "packages" in options:
        found["packages"] = _listed_packages(options["packages"], sections)
    for key in ("py_modules", "scripts"):
        if key in options:
            found[key] = list(_lines(options[key]))
    if "package_dir" in options:
        pairs = (line.partition("=") for line in _lines(options["package_dir"]))
        found["package_dir"] = {name.strip(): value.strip() for name, _, value in pairs}
    if "options.entry_points" in sections:
        groups = sections["options.entry_points"]
        found["entry_points"] = {group: list(_lines(text)) for group, text in groups.items()}
    elif "entry_points" in options:
        found["entry_points"] = options["entry_points"]
    if "options.dynamic" not in sections and "python_requires" in options:
        found["python_requires"] = options["python_requires"]
    return {
        name: Setting(value=value, where=f"`{name}` in `{CONFIGURATION}`")
        for name, value in found.items()
    }


def _listed_packages(text: str, sections: Mapping[str, Mapping[str, str]]) -> list[object]:
    directive = text.strip()
    if directive not in {"find:", "find_namespace:"}:
        return list(_lines(text))
    find = sections.get("options.packages.find", {})
    return [
        Find(
            where=tuple(_lines(find.get("where", ""))) or (".",),
            include=tuple(_lines(find.get("include", ""))) or ("*",),
            exclude=tuple(_lines(find.get("exclude", ""))),
            namespaces=directive == "find_namespace:",
        )
    ]


def _lines(text: str) -> Iterator[str]:
    """Yield the items of a list, one a line or between commas."""
    pieces = text.splitlines() if "\n" in text else text.split(",")
    yield from (piece.strip() for piece in pieces if piece.strip() and not _comment(piece))


def _comment(line: str) -> bool:
    return line.lstrip().startswith(("#", ";"))


# `setup.py`


def _script(path: Path) -> tuple[dict[str, Setting], bool]:
    """Return what a ``setup.py`` passes to ``setup()``, and whether that is all."""
    try:
        text = path.read_bytes()
    except OSError:
        return {}, True
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ConfigError(f"`{path.name}` is not valid Python: {error}", where=path.name) from error
    calls = [node for node in ast.walk(tree) if _calls(node, {"setup"})]
    names = _Names(tree)
    values: dict[str, object] = {}
    complete = bool(calls) or not tree.body
    for call in calls:
        for keyword in call.keywords:
            value = names.value(keyword.value)
            if keyword.arg is not None:
                _merge(values, {keyword.arg: value})
            elif isinstance(value, dict):
                _merge(values, value)
            else:
                complete = False
    return {
        name: Setting(value=value, where=f"`{name}` in `{SETUP}`") for name, value in values.items()
    }, complete


def _merge(values: dict[str, object], more: Mapping[str, object]) -> None:
    """Add what another call passes; what two calls pass differently cannot be told."""
    for name, value in more.items():
        values[name] = value if values.get(name, value) == value else COMPUTED


def _calls(node: ast.AST, names: Iterable[str]) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and _called(node) in names


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


class _Names:
    """The values of expressions; names count that a module binds once and never changes."""

    def __init__(self, tree: ast.Module) -> None:
        bound: dict[str, list[ast.expr | None]] = {}
        for node in ast.walk(tree):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    bound.setdefault(name, []).append(value)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    bound.setdefault(name, []).append(value)
                case (
                    ast.AugAssign(target=ast.Name(id=name))
                    | ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del())
                    | ast.Attribute(value=ast.Name(id=name))
                ):
                    if not isinstance(node, ast.Attribute) or node.attr in MUTATORS:
                        bound.setdefault(name, []).append(None)
                case _:
                    continue
        self._bound = {name: nodes[0] for name, nodes in bound.items() if len(nodes) == 1}
        self._pending: set[str] = set()

    def value(self, node: ast.expr) -> object:  # noqa: PLR0911 - one line for each kind of node
        """Return what an expression is, or `COMPUTED`."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return self._items(items)
            case ast.Dict(keys=keys, values=values):
                return self._table(keys, values)
            case ast.Name(id=name):
                return self._name(name)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _sum(self.value(left), self.value(right))
            case ast.JoinedStr(values=parts):
                texts = [self.value(part) for part in parts]
                whole = all(isinstance(text, str) for text in texts)
                return "".join(map(str, texts)) if whole else COMPUTED
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                return self.value(value)
            case ast.Call():
                return self._call(node)
            case _:
                return COMPUTED

    def _items(self, nodes: Sequence[ast.expr]) -> object:
        found: list[object] = []
        for node in nodes:
            value = self.value(node.value if isinstance(node, ast.Starred) else node)
            if isinstance(node, ast.Starred):
                if not isinstance(value, list):
                    return COMPUTED
                found += value
            else:
                found.append(value)
        return COMPUTED if COMPUTED in found else found

    def _table(self, keys: Sequence[ast.expr | None], values: Sequence[ast.expr]) -> object:
        found: dict[object, object] = {}
        for key, node in zip(keys, values, strict=True):
            value = self.value(node)
            if key is None:  # `**more`
                if not isinstance(value, dict):
                    return COMPUTED
                found |= value
            elif isinstance(name := self.value(key), str):
                found[name] = value
            else:
                return COMPUTED
        return found

    def _name(self, name: str) -> object:
        node = self._bound.get(name)
        if node is None or name in self._pending:
            return COMPUTED
        self._pending.add(name)
        try:
            return self.value(node)
        finally:
            self._pending.discard(name)

    def _call(self, node: ast.Call) -> object:
        name = _called(node)
        if name in FINDERS or name == "find":
            namespaces = FINDERS.get(name, "PEP420" in ast.unparse(node.func))
            words = dict(zip(("where", "exclude", "include"), node.args, strict=False))
            words |= {keyword.arg or "": keyword.value for keyword in node.keywords}
            given = {key: self.value(word) for key, word in words.items()}
            if COMPUTED in given.values() or (name == "find" and "Finder" not in ast.dump(node)):
                return COMPUTED
            return [
                Find(
                    where=_tuple(given.get("where")) or (".",),
                    include=_tuple(given.get("include")) or ("*",),
                    exclude=_tuple(given.get("exclude")),
                    namespaces=namespaces,
                )
            ]
        if name == "dict" and not node.args:
            pairs = {keyword.arg: self.value(keyword.value) for keyword in node.keywords}
            return COMPUTED if None in pairs else pairs
        if name in {"list", "tuple", "sorted"} and len(node.args) == 1 and not node.keywords:
            return self.value(node.args[0])
        return COMPUTED


def _sum(left: object, right: object) -> object:
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        return [*left, *right]
    return COMPUTED


def _tuple(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


# From settings to directories


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Packages and modules by their paths below site-packages, and the directories looked into."""

    links: Mapping[str, str]
    looked: tuple[str, ...] = ()


def placed(settings: Settings, directory: Path, *, modern: bool) -> Placed:
    """Return where the packages and modules lie that setuptools would take.

    ``modern`` is whether ``pyproject.toml`` holds settings or metadata: then compiled modules do
    not keep setuptools from looking for packages. Raises ConfigError for what is computed, is not
    there, or would be refused by setuptools.
    """
    listed = any(name in settings.values for name in ("packages", "py_modules"))
    for name in ("packages", "py_modules", "package_dir"):
        # Beside a list, `setup(**more)` passes what has little to do with it, as a rule.
        if name in settings.values or not listed:
            _require_known(settings, name)
    packages, modules, roots = (
        None if name not in settings.values else settings.get(name)
        for name in ("packages", "py_modules", "package_dir")
    )
    where = {name: str(path) for name, path in roots.items()} if isinstance(roots, dict) else {}
    compiled = "ext_modules" in settings.values and not modern
    looked: list[str] = []
    if packages is None and modules is None and not compiled:
        return _discovered(directory, where)
    found: dict[str, str] = {}
    for item in packages if isinstance(packages, list) else _tuple(packages):
        if isinstance(item, Find):
            found |= _found(item, directory, where, looked)
        else:
            found[str(item).replace(".", "/")] = package_path(str(item), where)
    for name in _tuple(modules):
        parent, _, last = name.rpartition(".")
        base = package_path(parent, where) if parent else where.get("", "")
        found[f"{name.replace('.', '/')}.py"] = _join(base, f"{last}.py")
    links = _tops(found)
    for inside, place in links.items():
        if not (directory / place).exists():
            key = "py_modules" if inside.endswith(".py") else "packages"
            raise ConfigError(
                f"{settings.where(key)} names `{inside.removesuffix('.py').replace('/', '.')}`, "
                f"and `{place}` does not exist",
                hint="correct the name, or say where it lies with `package-dir`",
            )
    return Placed(links=links, looked=tuple(looked))


def _require_known(settings: Settings, name: str) -> None:
    value = settings.get(name)
    unknown = value is COMPUTED or (isinstance(value, dict) and COMPUTED in value.values())
    if unknown:
        raise ConfigError(
            f"{settings.where(name)} is computed, and `{SETUP}` is not run to learn where the "
            "packages lie",
            hint=f"list them in `[tool.setuptools] {name.replace('_', '-')}`, or let "
            "`find_packages` look for them",
        )


def _discovered(directory: Path, where: Mapping[str, str]) -> Placed:
    """Return what automatic discovery finds: named directories, then ``src``, then the top."""
    if explicit := {name: path for name, path in where.items() if name}:
        named = {name.replace(".", "/"): _join(path) for name, path in explicit.items()}
        return Placed(links=_tops(named))
    root = where.get("", "src")
    if (directory / root).is_dir():
        tops = sorted(_directories(directory / root))
        links = {name: _join(root, name) for name in tops if not name.endswith("__pycache__")}
        links |= {f"{name}.py": f"{root}/{name}.py" for name in _modules(directory / root)}
        return Placed(links=links, looked=(root,))
    tops = [
        name
        for name in sorted(_directories(directory))
        if (name.isidentifier() or name.endswith("-stubs")) and not _matches(name, FLAT_DIRECTORIES)
    ]
    packages = [name for name in tops if not name.endswith("-stubs")]
    _require_one(packages, "packages")
    modules = []
    if not packages:
        modules = [one for one in _modules(directory) if not _matches(one, FLAT_MODULES)]
        _require_one(modules, "modules")
    links = {name: name for name in tops} | {f"{one}.py": f"{one}.py" for one in modules}
    return Placed(links=links, looked=(".",))


def _require_one(names: Sequence[str], kind: str) -> None:
    if len(names) > 1:
        shown = ", ".join(f"`{name}`" for name in names)
        raise ConfigError(
            f"setuptools takes at most one of several top-level {kind}, and there are {shown}",
            hint="list those that belong to the project in `[tool.setuptools] "
            f"{'packages' if kind == 'packages' else 'py-modules'}`",
        )


def _found(
    find: Find, directory: Path, where: Mapping[str, str], looked: list[str]
) -> dict[str, str]:
    """Return the highest packages that a search finds, with where they lie."""
    found = {}
    for root in find.where:
        base = _join(root)
        for name in _search(find, directory / base, "", directory, looked):
            # What was found in another directory than the top says itself where it lies.
            inside = name.replace(".", "/")
            found[inside] = package_path(name, where) if base == "." else _join(base, inside)
    return found


def _search(find: Find, directory: Path, above: str, top: Path, looked: list[str]) -> Iterator[str]:
    # What lies in a package that is taken comes with it, so only the others are entered.
    looked.append(os.path.relpath(directory, top))
    for name in sorted(_directories(directory)):
        full = f"{above}{name}"
        if not find.namespaces and not (directory / name / "__init__.py").is_file():
            continue
        if _matches(full, ("ez_setup", "*__pycache__")):
            continue
        if _matches(full, find.include) and not _matches(full, find.exclude):
            yield full
        elif any(_may_match_below(full, pattern) for pattern in find.include):
            yield from _search(find, directory / name, f"{full}.", top, looked)


def _may_match_below(name: str, pattern: str) -> bool:
    fixed = re.split(r"[*?\[]", pattern)[0]
    return f"{name}.".startswith(fixed) or fixed.startswith(f"{name}.")


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _directories(directory: Path) -> Iterator[str]:
    try:
        with os.scandir(directory) as entries:
            yield from (one.name for one in entries if "." not in one.name and one.is_dir())
    except FileNotFoundError as error:
        raise ConfigError(
            f"the directory `{directory.name}` to look for packages in is missing"
        ) from error


def _modules(directory: Path) -> list[str]:
    return sorted(path.stem for path in directory.glob("*.py") if path.stem.isidentifier())


def package_path(name: str, where: Mapping[str, str]) -> str:
    """Return where a package lies: the most specific directory that is named counts."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        if prefix in where:
            return _join(where[prefix], *parts[length:])
    return _join(where.get("", ""), *parts)


def _join(*parts: str) -> str:
    return os.path.normpath("/".join(part for part in parts if part) or ".")


def _tops(found: Mapping[str, str]) -> dict[str, str]:
    """Return the links that give all of it: what lies in a linked directory comes with that."""
    links: dict[str, str] = {}
    for inside in sorted(found, key=lambda path: (path.count("/"), path)):
        above = inside.rpartition("/")[0]
        while above and above not in links:
            above = above.rpartition("/")[0]
        if not above or _join(links[above], inside.removeprefix(f"{above}/")) != found[inside]:
            links[inside] = found[inside]
    return links
