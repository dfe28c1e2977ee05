from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

OTHER = {
    "TZ": "Pacific/Kiritimati",
    "LC_ALL": "tr_TR.UTF-8",
    "LANG": "C",
    "PYTHONHASHSEED": "4242",
    "SOURCE_DATE_EPOCH": "1",
    "PYTHONPATH": "/nowhere",
}


def test_fresh_caches_paths_umasks_zones_locales_and_homes_make_the_same_bytes(
    pure: Project, downloads: Path, warm: Path, tmp_path: Path
) -> None:
    first = pure.using(downloads).run("run", "test", "--json", before=umask("022")).expect(0)
    elsewhere = tmp_path / "an other" / "pläce"
    elsewhere.parent.mkdir()
    subprocess.run([*umask("077"), "cp", "-r", pure.root, elsewhere], check=True)
    second_cache = tmp_path / "second"
    shutil.copytree(warm / "blobs", second_cache / "blobs")
    environ = {**OTHER, "HOME": str(tmp_path / "other home")}
    second = replace(pure, root=elsewhere, cache=second_cache)
    again = second.run("run", "test", "--json", "--offline", before=umask("077"), **environ)
    assert again.expect(0).digests == first.digests
    assert len(first.digests) == 2
    made = (elsewhere / "dist" / name for name in first.digests)
    assert all(path.read_bytes() == (pure.root / "dist" / path.name).read_bytes() for path in made)


def umask(mask: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", f'umask {mask}; exec "$@"', "sh")


def test_verify_builds_again_and_says_same(pure: Project) -> None:
    verified = pure.run("verify", "wheel", "--offline", "--json").expect(0)
    assert [file["same"] for file in verified.document["files"]] == [True, True]
    assert pure.git("status", "--porcelain", "--ignored") == ""
    assert pure.leftovers == []


def test_verify_works_before_git_knows_the_lock(pure: Project) -> None:
    pure.git("rm", "--quiet", "--cached", "pipeline.lock", "pipeline.yaml", "images/python.yaml")
    verified = pure.run("verify", "wheel", "--offline").expect(0)
    assert verified.stdout.count(" same ") == 2


def test_verify_names_the_file_and_the_member_that_came_out_otherwise(pure: Project) -> None:
    hook = (
        "from hatchling.builders.hooks.plugin.interface import BuildHookInterface\n"
        "class CustomBuildHook(BuildHookInterface):\n"
        "    def initialize(self, version, data):\n"
        "        import pathlib, uuid\n"
        "        made = pathlib.Path('src/example_duration/chance.py')\n"
        "        made.write_text(f'C = {uuid.uuid4()!r}')\n"
    )
    project = (pure.root / "pyproject.toml").read_text()
    pure.write("pyproject.toml", f"{project}\n[tool.hatch.build.hooks.custom]\n")
    pure.write("hatch_build.py", hook)
    accept_hook_inputs(pure)
    differs = pure.run("verify", "wheel", "--offline", "--json").expect(4)
    found = differs.document
    assert [file["same"] for file in found["files"]] == [False, False]
    assert "chance.py" in "".join(found["files"][0]["differences"])
    assert found["error"]["exit_code"] == 4
    assert "chance.py" in differs.stderr


def accept_hook_inputs(project: Project) -> None:
    """Let the lock say what the declarations say, as relocking would with the same packages."""
    said: str = project.run("lock", "--check", "--json").document["error"]["detail"][0]
    moved = said.partition("(")[2].removesuffix(")").split(", ")
    added = [value[1:] for value in moved if value.startswith("+")]
    removed = [value[1:] for value in moved if value.startswith("-")]

    def change(lock: dict[str, Any]) -> None:
        for stage in ("sdist", "wheel"):
            for locked in lock["stages"][stage].values():
                kept = set(locked["declared"].get("hook inputs", [])) - set(removed)
                locked["declared"]["hook inputs"] = sorted({*kept, *added})

    project.edit_lock(change)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("example", "stage", "files"),
    [
        pytest.param(
            "native",
            "wheel",
            [
                "example_distance-1.0.0.tar.gz",
                "example_distance-1.0.0-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64",
                "example_distance-1.0.0-cp313-cp313-manylinux2014_aarch64.manylinux_2_17_aarch64",
            ],
            marks=pytest.mark.extended,  # Debian 13 changes, and may have moved away from the lock
        ),
        ("third-party", "*", ["markupsafe-3.0.3-cp311-cp311", "pyyaml-6.0.3-cp311-cp311"]),
    ],
)
def test_examples_build_and_verify(
    tool: Path,
    fetched: Callable[[str], Path],
    pure: Project,
    tmp_path: Path,
    example: str,
    stage: str,
    files: list[str],
) -> None:
    root = tmp_path / example
    shutil.copytree(tool / "examples" / example, root)
    cache = tmp_path / "cache"
    cache.mkdir()
    subprocess.run(["cp", "-al", fetched(example) / "blobs", cache / "blobs"], check=True)
    project = replace(pure, root=root, cache=cache)
    made = project.run("run", stage, "--offline", "--json").expect(0).digests
    assert all(any(name.startswith(file) for name in made) for file in files), made
    verified = project.run("verify", stage, "--offline", "--json").expect(0)
    assert {f["name"]: f["second"] for f in verified.document["files"]} == made


@pytest.fixture
def public() -> Iterator[Path]:
    """Give a directory that every user may enter; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="pipeline-e2e-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def test_another_user_builds_the_same_bytes(pure: Project, downloads: Path, public: Path) -> None:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can become another user, with setpriv")
    if not others_may_enter(public):
        pytest.skip("another user could not enter a temporary directory")
    own = pure.run("run", "wheel", "--json", "--offline").expect(0).digests
    shutil.copytree(pure.tool / "pipeline", public / "tool" / "pipeline")
    shutil.copy(pure.tool / "VERSION", public / "tool")
    shutil.copytree(pure.root, public / "pure", ignore=shutil.ignore_patterns("dist"))
    shutil.copytree(downloads, public / "cache")
    subprocess.run(["chown", "-R", "12345:12345", public / "pure", public / "cache"], check=True)
    become = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]
    if not others_may_enter(Path(sys.executable).resolve().parent):
        # This Python lies in root's home: let the other user read what root can, not write it.
        become += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    theirs = replace(pure, tool=public / "tool", root=public / "pure", cache=public / "cache").run(
        "run", "wheel", "--json", "--offline", before=become
    )
    assert theirs.expect(0).digests == own


def others_may_enter(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o005 == 0o005 for parent in (path, *path.parents))
