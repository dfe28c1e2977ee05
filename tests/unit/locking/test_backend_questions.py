from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import LockError, VerificationError
from pipeline.locking import hooks
from pipeline.locking.bases import BackendOptions, Base
from pipeline.locking.metadata import parse, read_sdist
from pipeline.locking.select import linux_environment
from pipeline.platforms import Target
from pipeline.project.pyproject import Project

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.locking.hooks import Question

BASE = Base(
    stage="wheel",
    key="cp311-linux_x86_64",
    image="python",
    source=".",
    wheels=(),
    python="3.11",
    glibc="2.36",
    target=Target.LINUX_X86_64,
)
OPTIONS = BackendOptions(
    env=(("LEVEL", "high"),),
    config_settings=(("editable", ()), ("setup-args", ("-Da=1", "-Db=2")), ("target", ("x",))),
)
PROJECT = Project(where="pyproject.toml", backend="ours:inner.backend", backend_path=("build",))
BACKEND = """
import os
print("noise")
class inner:
    class backend:
        @staticmethod
        def get_requires_for_build_wheel(config_settings=None):
            return ["ninja>=1", os.path.basename(os.getcwd()), "cmake"]
        {metadata}
"""
PREPARE = """
        @staticmethod
        def prepare_metadata_for_build_wheel(directory, config_settings=None):
            os.mkdir(os.path.join(directory, "a-1.dist-info"))
            with open(os.path.join(directory, "a-1.dist-info", "METADATA"), "w") as stream:
                stream.write("Metadata-Version: 2.2\\nRequires-Dist: attrs\\n")
            return "a-1.dist-info"
"""
BUILD = """
        @staticmethod
        def build_wheel(directory, config_settings=None, metadata_directory=None):
            import zipfile
            with zipfile.ZipFile(os.path.join(directory, "a-1-py3-none-any.whl"), "w") as archive:
                archive.writestr("a-1.dist-info/METADATA", "Requires-Dist: from-the-wheel\\n")
            return "a-1-py3-none-any.whl"
"""
TELLING = """
import json, zipfile
class inner:
    class backend:
        @staticmethod
        def get_requires_for_build_wheel(config_settings=None):
            json.dump(config_settings, open("told.json", "w"))
            return []
        get_requires_for_build_sdist = get_requires_for_build_wheel
        @staticmethod
        def build_wheel(directory, config_settings=None, metadata_directory=None):
            json.dump(config_settings, open("told.json", "w"))
            with zipfile.ZipFile(directory + "/a-1-py3-none-any.whl", "w") as archive:
                archive.writestr("a-1.dist-info/METADATA", "")
            return "a-1-py3-none-any.whl"
"""
METADATA = """Metadata-Version: 2.2
Name: a
Requires-Dist: attrs>=20
Requires-Dist: tomli; python_version < "3.11"
Requires-Dist: numpy[x]; extra == "fast" and sys_platform == "linux"
Requires-Dist: sphinx; extra == "docs"
Requires-Dist: pywin32; sys_platform == "win32"

Words.
"""


def ask(question: Question, directory: Path, backend: str) -> bytes:
    """Do what a step does, here: run the script over the files of a question."""
    (directory / "src" / "build").mkdir(parents=True)
    (directory / "src" / "build" / "ours.py").write_text(backend)
    step = hooks.step(question, PROJECT, BASE, ".", (), OPTIONS)
    request = json.loads(step.files["request.json"])
    request["answer"] = str(directory / "answer.json")
    (directory / "ask").mkdir()
    (directory / "ask" / "ask.py").write_bytes(step.files["ask.py"])
    (directory / "ask" / "request.json").write_text(json.dumps(request))
    command = [sys.executable, str(directory / "ask" / "ask.py")]
    subprocess.run(command, cwd=directory / "src", check=True, capture_output=True)
    return (directory / "answer.json").read_bytes()


def test_a_backend_in_the_tree_is_asked_in_its_source(tmp_path: Path) -> None:
    answer = ask("wheel", tmp_path, BACKEND.format(metadata=""))
    assert hooks.requires(answer, PROJECT) == ("cmake", "ninja>=1", "src")


def test_a_hook_that_is_not_there_asks_for_nothing(tmp_path: Path) -> None:
    answer = ask("sdist", tmp_path, BACKEND.format(metadata=""))
    assert hooks.requires(answer, PROJECT) == ()


@pytest.mark.parametrize("question", ["wheel", "sdist", "metadata"])
def test_settings_reach_every_hook_as_build_would_hand_them_over(
    tmp_path: Path, question: Question
) -> None:
    ask(question, tmp_path, TELLING)
    told = json.loads((tmp_path / "src" / "told.json").read_text())
    assert told == {"setup-args": ["-Da=1", "-Db=2"], "target": "x"}


def test_the_variables_of_a_stage_are_those_of_its_questions() -> None:
    assert hooks.step("wheel", PROJECT, BASE, ".", (), OPTIONS).env == (("LEVEL", "high"),)


@pytest.mark.parametrize(("hook", "name"), [(PREPARE, "attrs"), (BUILD, "from-the-wheel")])
def test_metadata_comes_from_the_hook_or_else_from_a_wheel(
    tmp_path: Path, hook: str, name: str
) -> None:
    answer = ask("metadata", tmp_path, BACKEND.format(metadata=hook))
    assert parse(hooks.metadata(answer, PROJECT)).requires == (name,)


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"requires": [1]}', b'{"requires": "x"}'])
def test_an_answer_that_is_none_is_refused(answer: bytes) -> None:
    with pytest.raises(LockError, match="no answer"):
        hooks.requires(answer, PROJECT)
    with pytest.raises(LockError, match="no answer"):
        hooks.metadata(answer, PROJECT)


def test_dependencies_are_those_of_the_extras_and_the_platform() -> None:
    found = parse(METADATA)
    environment = linux_environment("3.11", "x86_64")
    assert found.dependencies((), environment) == ["attrs>=20"]
    assert found.dependencies(("fast",), environment) == ["attrs>=20", "numpy[x]"]


@pytest.mark.parametrize(
    ("text", "is_static"),
    [
        ("Metadata-Version: 2.2\n", True),
        ("Metadata-Version: 2.1\n", False),
        ("Metadata-Version: 2.4\nDynamic: Requires-Dist\n", False),
        ("Metadata-Version: 2.4\nDynamic: License\n", True),
        ("", False),
    ],
)
def test_only_metadata_that_says_so_is_final(text: str, *, is_static: bool) -> None:
    assert parse(text).is_static is is_static


@pytest.mark.parametrize(
    "line",
    [
        f"a; {'(' * 5000}python_version>'3'{')' * 5000}",
        f"a>={'9' * 5000}",
        "a; os_name ~= 'posix'",
        "a b",
    ],
)
def test_a_requirement_that_cannot_be_read_stops_the_lock_in_a_sentence(line: str) -> None:
    found = parse(f"Metadata-Version: {'9' * 5000}.1\nRequires-Dist: {line}\n")
    with pytest.raises(LockError) as caught:
        found.dependencies((), linux_environment("3.11", "x86_64"))
    assert len(caught.value.message) < 1000


def sdist(path: Path, **members: str) -> Path:
    """Write an sdist with members below ``a-1/``."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in members.items():
            info = tarfile.TarInfo(f"a-1/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def test_an_sdist_tells_its_backend_and_its_metadata(tmp_path: Path) -> None:
    build = '[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n'
    path = sdist(
        tmp_path / "a.tar.gz", **{"pyproject.toml": build, "PKG-INFO": METADATA, "x/PKG-INFO": ""}
    )
    project, metadata = read_sdist(path, "a-1.tar.gz")
    assert project.build_requires == ("flit_core",)
    assert metadata.requires[0] == "attrs>=20"


PROJECT_TABLE = """
[project]
name = "a"
version = "1"
dependencies = ["numpy>=1.25"]
[project.optional-dependencies]
plots = ["bokeh; python_version > '3'", "a[more]"]
more = ["pillow"]
"""


def test_what_a_project_declares_is_final_whatever_the_version_of_its_metadata(
    tmp_path: Path,
) -> None:
    files = {"pyproject.toml": PROJECT_TABLE, "PKG-INFO": "Metadata-Version: 2.1\nName: a\n"}
    _, metadata = read_sdist(sdist(tmp_path / "a.tar.gz", **files), "a-1.tar.gz")
    assert metadata.is_static
    environment = linux_environment("3.11", "x86_64")
    assert metadata.dependencies((), environment) == ["numpy>=1.25"]
    wanted = ["bokeh", "numpy>=1.25", "pillow"]
    assert metadata.dependencies(("plots",), environment) == wanted


@pytest.mark.parametrize(
    ("table", "info"),
    [
        ('[project]\nname = "a"\ndynamic = ["dependencies"]\n', ""),
        (PROJECT_TABLE, "Provides-Extra: computed\n"),
        ("", ""),
    ],
)
def test_what_a_project_leaves_to_its_backend_is_not_final(
    tmp_path: Path, table: str, info: str
) -> None:
    files = {"pyproject.toml": table, "PKG-INFO": f"Metadata-Version: 2.1\nName: a\n{info}"}
    _, metadata = read_sdist(sdist(tmp_path / "a.tar.gz", **files), "a-1.tar.gz")
    assert not metadata.is_static


def test_an_sdist_without_a_pyproject_is_legacy_setuptools(tmp_path: Path) -> None:
    project, metadata = read_sdist(sdist(tmp_path / "a.tar.gz", **{"setup.py": ""}), "a-1.tar.gz")
    assert project.build_requires == ("setuptools>=40.8.0",)
    assert not metadata.is_static


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x1f\x8b" + bytes(40)])
def test_what_is_no_sdist_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(data)
    with pytest.raises(VerificationError, match=r"a-1\.tar\.gz"):
        read_sdist(path, "a-1.tar.gz")
