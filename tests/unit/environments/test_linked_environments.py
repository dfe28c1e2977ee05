from __future__ import annotations

import base64
import csv
import hashlib
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from uv import find_uv_bin

from pipeline.environments.blueprint import realise
from pipeline.environments.linking import START, Unpacked, drawn, unpacked
from pipeline.environments.make import require_python
from pipeline.errors import UsageError, VerificationError
from pipeline.images.environment import skeleton
from pipeline.lock.types import PythonFile
from pipeline.project.editable import Editable, install
from pipeline.project.pyproject import read_project
from pipeline.store.derived import hash_open_file
from pipeline.store.scan import scan
from pipeline.store.store import Store
from pipeline.store.trees import Tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.environments.blueprint import Own

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PACKAGES = f"lib/python{PYTHON}/site-packages"
PROJECT = """
[project]
name = "My.Own"
dependencies = ["a>=1"]
[project.scripts]
own = "own.sub:Thing.run"
[project.entry-points."some.plugins"]
one = "own.sub"
"""
REQUIRED = "import importlib.metadata as m; print(m.requires('my-own'))"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        yield opened


def wheel(store: Store, directory: Path, name: str, *modules: str) -> PythonFile:
    """Put a wheel with a console script ``say-NAME`` into the store."""
    info = f"{name}-1.0.dist-info"
    files = {f"{module}.py": f"def main(): print({name!r}, __file__)\n" for module in modules}
    files |= {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\nsay-{name} = {modules[0]}:main\n",
    }
    rows = "".join(f"{path},{_digest(text.encode())},{len(text)}\n" for path, text in files.items())
    path = directory / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in {**files, f"{info}/RECORD": f"{rows}{info}/RECORD,,\n"}.items():
            archive.writestr(member, text)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    store.add_blob_file(path)
    return PythonFile(name=path.name, sha256=digest, size=path.stat().st_size)


def _digest(data: bytes) -> str:
    octets = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return f"sha256={octets.decode()}"


def environment(
    store: Store, directory: Path, *files: PythonFile, own: tuple[Editable, ...] = ()
) -> Tree:
    """Make an environment for the Python that runs this; return what its blueprint tells."""
    wheels = [Unpacked.read(one, store) for one in unpacked(files, store, PYTHON)]
    texts, links = skeleton(PYTHON, sys.executable)
    contents: dict[str, bytes | str] = {**texts, **links}
    bare: list[Own] = [(path, content, False) for path, content in contents.items()]
    taken = {file.path for one in wheels for file in one.files}
    added = install(
        own,
        packages=PACKAGES,
        repository=str(own[0].root) if own else "",
        start=f"{START.decode()}\n",
        taken=taken,
    )
    bare += [(path, text.encode(), text.startswith("#!")) for path, text in added.texts.items()]
    bare += [(path, target, False) for path, target in added.links.items()]
    blueprint = drawn(wheels, bare, PACKAGES)
    directory.mkdir()
    realise(blueprint, str(directory))
    return Tree.decode(blueprint["record"])


def said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_environments_share_the_files_of_a_wheel_and_none_can_edit_them(
    store: Store, tmp_path: Path
) -> None:
    file = wheel(store, tmp_path, "a", "a")
    for name in ("one", "two"):
        environment(store, tmp_path / name, file)
    one, two = (tmp_path / name / PACKAGES / "a.py" for name in ("one", "two"))
    assert one.samefile(two)
    assert one.stat().st_mode & 0o777 == 0o444


def test_the_tree_that_is_told_is_what_is_there(store: Store, tmp_path: Path) -> None:
    tree = environment(store, tmp_path / "one", wheel(store, tmp_path, "a", "a"))
    assert tree == scan(tmp_path / "one", hash_open_file)


def test_scripts_start_the_interpreter_beside_them_wherever_that_is(
    store: Store, tmp_path: Path
) -> None:
    environment(store, tmp_path / "one", wheel(store, tmp_path, "a", "a"))
    place = f"{PACKAGES}/a.py"
    script = tmp_path / "one" / "bin" / "say-a"
    assert said(str(script)) == f"a {tmp_path}/one/{place}"
    (tmp_path / "link").symlink_to(script)
    assert said(str(tmp_path / "link")) == f"a {tmp_path}/one/{place}"
    (tmp_path / "stable").symlink_to(tmp_path / "one")
    assert said(str(tmp_path / "stable/bin/say-a")) == f"a {tmp_path}/stable/{place}"


def test_record_says_what_the_scripts_hold(store: Store, tmp_path: Path) -> None:
    environment(store, tmp_path / "one", wheel(store, tmp_path, "a", "a"))
    packages = tmp_path / "one" / PACKAGES
    with (packages / "a-1.0.dist-info" / "RECORD").open() as stream:
        rows = {path: digest for path, digest, _ in csv.reader(stream)}
    assert "../../../bin/say-a" in rows
    for path, digest in rows.items():
        assert not digest or digest == _digest((packages / path).read_bytes())


def test_two_wheels_with_the_same_file_are_refused(store: Store, tmp_path: Path) -> None:
    files = [wheel(store, tmp_path, name, name, "shared") for name in ("a", "b")]
    with pytest.raises(VerificationError, match=r"shared\.py"):
        environment(store, tmp_path / "one", *files)


def test_a_project_of_the_checkout_is_importable_with_its_programs(
    store: Store, tmp_path: Path
) -> None:
    source = tmp_path / "project"
    (source / "src" / "own").mkdir(parents=True)
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "src/own/__init__.py").touch()
    body = "class Thing:\n    @staticmethod\n    def run(): print('ran')\n"
    (source / "src/own/sub.py").write_text(body)
    own = Editable.read(tmp_path, "project", read_project(tmp_path, "project"))
    file = wheel(store, tmp_path, "a", "a")
    assert environment(store, tmp_path / "one", file, own=(own,)) == scan(
        tmp_path / "one", hash_open_file
    )
    assert said(str(tmp_path / "one/bin/own")) == "ran"
    ask = "import importlib.metadata as m; print(m.version('my-own'), *m.entry_points(group=G))"
    told = said(str(tmp_path / "one/bin/python"), "-c", ask.replace("G", "'some.plugins'"))
    assert told.startswith("0+checkout EntryPoint(name='one'")
    assert said(str(tmp_path / "one/bin/python"), "-c", REQUIRED) == "['a>=1']"


def test_a_wheel_with_the_package_of_a_project_is_refused(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "project"
    (source / "src/own").mkdir(parents=True)
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "src/own/__init__.py").touch()
    own = Editable.read(tmp_path, "project", read_project(tmp_path, "project"))
    file = wheel(store, tmp_path, "a", "a", "own/other")
    with pytest.raises(VerificationError, match=r"have the file `.*site-packages/own`"):
        environment(store, tmp_path / "one", file, own=(own,))


def test_an_installer_finds_nothing_wrong_with_a_project_of_the_checkout(
    store: Store, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    own = Editable.read(tmp_path, ".", read_project(tmp_path, "."))
    environment(store, tmp_path / "one", wheel(store, tmp_path, "a", "a"), own=(own,))
    words = [find_uv_bin(), "pip", "check", "--no-config", "--offline"]
    words += ["--python", str(tmp_path / "one")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("wanted", [">=3.13", ">=3.11,<3.12"])
def test_an_environment_for_another_python_is_not_made_on_this_one(wanted: str) -> None:
    require_python("dev", "", "3.12.1")
    require_python("dev", ">=3.11", "3.12.1")
    with pytest.raises(UsageError) as caught:
        require_python("dev", wanted, "3.12.1")
    assert f"is for Python {wanted}, and this runs on 3.12.1" in str(caught.value)
    assert "PIPELINE_PYTHON" in caught.value.hint
