"""Constraints that this machine sets for pip and uv hold for what is locked, which says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.config.model import Environment, Image, ImageFrom, Pipeline
from pipeline.config.stages import CommandStage, WheelStage
from pipeline.errors import LockError, NetworkError, UsageError
from pipeline.lock.types import Lock, LockedImage, LockedPlatform
from pipeline.locking import pip_settings
from pipeline.locking.asking import Backends
from pipeline.locking.constraints import Constraints
from pipeline.locking.context import Activity
from pipeline.locking.resolve_environments import resolve_environments
from pipeline.locking.resolve_sets import resolve_stages
from tests.unit.locking.conftest import make_settings, release, resolving

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.lock.types import RequirementSet
    from pipeline.locking.settings import Settings
    from pipeline.network.transport import Client
    from pipeline.store.store import Store
    from tests.unit.locking.conftest import Site

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "thing"
dependencies = ["idna"]
"""
INNER = 'name = "x"\nurl = "https://user:word@i.example"\n'
PLATFORM = LockedPlatform(digest="", packages=(), python="3.11", glibc="2.36")
IMAGES = {"python": LockedImage(declared={}, platforms={"linux/amd64": PLATFORM})}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    index = tmp_path / "index"
    index.mkdir()
    for name in ("build", "hatchling", "idna"):
        for version in ("1.0", "2.0"):
            release(index, name, version)
    return index


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    root = tmp_path / "repository"
    root.mkdir()
    (root / "pyproject.toml").write_text(PYPROJECT)
    return Pipeline(
        root=root,
        version=1,
        stages={
            "wheel": WheelStage(name="wheel", image="python"),
            "docs": CommandStage(name="docs", image="python", run=("true",), requires=("idna",)),
        },
        images={"python": Image(name="python", origin=ImageFrom(debian="bookworm"))},
        environments={"dev": Environment()},
    )


def resolved(
    pipeline: Pipeline, index: Path, store: Store, previous: Lock | None = None, **environ: str
) -> Lock:
    lock = previous or Lock(epoch=0, images=IMAGES)
    context = resolving(pipeline, index, store, lock, **environ)
    backends = Backends(context, lock)
    found = Lock(
        epoch=0,
        images=IMAGES,
        stages=resolve_stages(context, lock, backends),
        environments=resolve_environments(context, lock, backends),
    )
    for error in context.failures.errors:
        raise error
    return found


def the_set(lock: Lock, name: str) -> RequirementSet:
    if name in lock.environments:
        return lock.environments[name]
    (locked,) = lock.stages[name].sets.values()
    return locked


def versions(lock: Lock) -> dict[str, str]:
    return {
        f"{section} {one.name}": one.version
        for section in ("wheel", "docs", "dev")
        for one in the_set(lock, section).requirements
    }


@pytest.mark.parametrize("prefix", ["PIP", "UV"])
def test_each_constraint_holds_where_its_tool_lets_it_hold(
    pipeline: Pipeline, index: Path, store: Store, tmp_path: Path, prefix: str
) -> None:
    (tmp_path / "installs.txt").write_text("idna<2\nhatchling<1\nabsent==7\n")
    (tmp_path / "builds.txt").write_text("hatchling<2\nidna<1\n")
    variables = {
        f"{prefix}_CONSTRAINT": str(tmp_path / "installs.txt"),
        f"{prefix}_BUILD_CONSTRAINT": str(tmp_path / "builds.txt"),
    }
    lock = resolved(pipeline, index, store, None, **variables)
    assert versions(lock) == {
        "wheel build": "2.0",
        "wheel hatchling": "1.0",
        "docs idna": "1.0",
        "dev idna": "1.0",
    }
    said = the_set(lock, "dev").declared["constraints"]
    assert (said[0].partition(",")[0], said[1:]) == ("3 in all", ["idna<2"])
    assert the_set(lock, "wheel").declared["constraints"][1:] == ["hatchling<2"]


@pytest.mark.slow
def test_a_lock_stays_where_no_constraints_are_set_and_moves_where_others_are(
    pipeline: Pipeline, index: Path, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "c.txt").write_text("idna<2\n")
    first = resolved(pipeline, index, store, PIP_CONSTRAINT=str(tmp_path / "c.txt"))
    assert resolved(pipeline, index, store, first) == first
    (tmp_path / "c.txt").write_text("idna>1\n")
    moved = resolved(pipeline, index, store, first, PIP_CONSTRAINT=str(tmp_path / "c.txt"))
    assert versions(moved)["docs idna"] == versions(moved)["dev idna"] == "2.0"
    assert the_set(moved, "wheel") == the_set(first, "wheel")


@pytest.mark.slow
def test_requirements_that_constraints_forbid_are_told_with_the_line_that_does(
    pipeline: Pipeline, index: Path, store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "c.txt"
    path.write_text("# why\nidna>7\n")
    with pytest.raises(LockError, match="under its constraints") as refused:
        resolved(pipeline, index, store, PIP_CONSTRAINT=str(path))
    assert f"{path}:2: idna>7" in refused.value.detail


@pytest.mark.slow
def test_what_settings_of_uv_limit_holds_where_uv_lets_it_hold_and_counts_for_staleness(
    pipeline: Pipeline, index: Path, store: Store
) -> None:
    first = resolved(pipeline, index, store)
    assert versions(first)["dev idna"] == versions(first)["wheel hatchling"] == "2.0"
    told = '[tool.uv]\nconstraint-dependencies = ["idna<2"]\n'
    told += 'build-constraint-dependencies = ["hatchling<2"]\n'
    (pipeline.root / "pyproject.toml").write_text(PYPROJECT + told)
    moved = versions(resolved(pipeline, index, store, first))
    assert moved["dev idna"] == moved["docs idna"] == moved["wheel hatchling"] == "1.0"
    told = '[tool.uv]\noverride-dependencies = ["idna==1.0"]\n'
    (pipeline.root / "pyproject.toml").write_text(PYPROJECT.replace("idna", "idna>=2") + told)
    assert versions(resolved(pipeline, index, store, first))["dev idna"] == "1.0"
    (pipeline.root / "pyproject.toml").write_text(PYPROJECT + told.replace("==1.0", ">2"))
    with pytest.raises(LockError):
        resolved(pipeline, index, store, first)
    (pipeline.root / "pyproject.toml").write_text(
        PYPROJECT + '[tool.uv]\nexclude-dependencies = ["IDNA"]\n'
    )
    assert "dev idna" not in versions(resolved(pipeline, index, store, first))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "told"),
    [
        (f"[[tool.poetry.source]]\n{INNER}", "`[[tool.poetry.source]]` names the index `https://i.example`"),
        (f"[[tool.pdm.source]]\n{INNER}", "`[[tool.pdm.source]]` names the index"),
        (f"[[tool.uv.index]]\n{INNER}", "`[[tool.uv.index]]` names the index"),
        ('[tool.uv]\nextra-index-url = ["https://i.example"]\n', "`tool.uv.extra-index-url`"),
        ('[tool.pdm.resolution.overrides]\nidna = "1.0"\n', "`tool.pdm.resolution` is not"),
    ],
)  # fmt: skip
def test_indexes_and_rules_of_other_tools_that_are_not_followed_are_told_once(
    pipeline: Pipeline, index: Path, store: Store, table: str, told: str
) -> None:
    (pipeline.root / "pyproject.toml").write_text(PYPROJECT + table)
    said: list[str] = []
    lock = Lock(epoch=0, images=IMAGES)
    context = resolving(pipeline, index, store, lock)
    context = replace(context, activity=Activity(said.append))
    resolve_environments(context, lock, Backends(context, lock))
    resolve_stages(context, lock, Backends(context, lock))
    lines = [line for line in said if "pyproject.toml:" in line]
    assert len(lines) == 1
    assert told in lines[0]


def read(settings: Settings, client: Client, *places: object) -> list[tuple[str, str]]:
    vars(settings)["pip"] = pip_settings.PipSettings(constraints=tuple(map(str, places)))
    found = Constraints.read(settings, client)
    return [(one.text, one.where.rpartition("/")[2]) for one in found.installs]


def test_files_are_read_as_pip_reads_them(
    settings: Settings, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "more.txt").write_text("Other_Name >=1 ; python_version > '3'\n")
    lines = ["# all", "", "idna < 2  # because", "attrs \\", " ==25.1", "-c below/more.txt"]
    (tmp_path / "c.txt").write_text("\n".join([*lines, "--constraint=below/more.txt"]))
    other = ('Other_Name>=1; python_version > "3"', "more.txt:1")
    assert read(settings, client, tmp_path / "c.txt") == [
        ("idna<2", "c.txt:3"),
        ("attrs==25.1", "c.txt:4"),
        other,
        other,
    ]


def test_an_address_is_read_too_and_what_it_names_beside_it(
    settings: Settings, client: Client, site: Site
) -> None:
    site.put("/c/upper.txt", b"-r more.txt\nidna<2\n")
    site.put("/c/more.txt", b"attrs<25\n")
    found = read(settings, client, f"{site.address}/c/upper.txt")
    assert found == [("attrs<25", "more.txt:1"), ("idna<2", "upper.txt:2")]


def test_offline_an_address_of_constraints_is_refused(tmp_path: Path, client: Client) -> None:
    offline = make_settings("http://127.0.0.1:9", tmp_path, offline=True)
    with pytest.raises(NetworkError, match="the network is off"):
        read(offline, client, "http://127.0.0.1:9/c.txt")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("idna==3 --hash=sha256:00", "is no requirement"),
        ("--index-url https://index.example", "is no requirement"),
        ("-e .", "is no requirement"),
        ("idna @ https://index.example/idna.whl", "names an address"),
        ("idna[fast]<3", "has extras"),
        ("-c c.txt", "name themselves"),
        ("-c absent.txt", "cannot be read: No such file"),
    ],
)
def test_what_cannot_be_kept_to_is_refused_where_it_stands(
    settings: Settings, client: Client, tmp_path: Path, line: str, words: str
) -> None:
    path = tmp_path / "c.txt"
    path.write_text(f"attrs\n{line}\n")
    with pytest.raises(UsageError, match=words) as refused:
        read(settings, client, path)
    assert f"{path}:2" in (refused.value.where or refused.value.hint)


def test_pip_s_own_files_name_constraints_as_its_variables_do() -> None:
    found = pip_settings.parse("global.constraint='a b'\n:env:.build-constraint='c'\n")
    assert (found.constraints, found.build_constraints) == (("a", "b"), ("c",))
