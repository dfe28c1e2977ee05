"""What is published must be what the tag of its version lists, at the commit that is built."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.config.load import load
from pipeline.files import sha256_file
from pipeline.release.conditions import tag_obstacles, tag_of_remote
from tests.publishing.serving import FaultyIndex, access, serve
from tests.release.conftest import Project, Ran, know_nobody
from tests.unit.publishing import making
from tests.unit.stages.test_versions_of_files import archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PURE = Path(__file__).parents[2] / "examples" / "pure"
FILES = ("example_duration-1.0.0-py3-none-any.whl", "example_duration-1.0.0.tar.gz")


@pytest.fixture(scope="session")
def first_released(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the example `pure`, tagged with a list of two files, and pushed; to be copied."""
    parent = tmp_path_factory.mktemp("released")
    with pytest.MonkeyPatch.context() as patch:
        know_nobody(patch, parent / "home")
        made = Project(parent / "work")
        names = subprocess.run(
            ["git", "ls-files", "-z"], cwd=PURE, check=True, capture_output=True, text=True
        ).stdout.split("\0")[:-1]
        for name in names:
            made.write(name, (PURE / name).read_text())
        made.git("init", "--quiet", "--initial-branch=main", "--template=")
        made.commit()
        made.write("more.txt", "more\n")
        made.commit()
        made.git("init", "--quiet", "--bare", "--initial-branch=main", str(made.remote))
        made.git("remote", "add", "origin", "../remote.git")
        (parent / "files").mkdir()
        making.wheel(parent / "files", "example-duration", "1.0.0")
        making.sdist(parent / "files", "example-duration", "1.0.0")
        rows = [f"    {sha256_file(parent / 'files' / name)}  {name}" for name in FILES]
        heading = "Files that `publish` publishes (sha256):"
        message = "\n".join(["Release v1.0.0", "", heading, "", *rows, ""])
        (parent / "message").write_text(message)
        retag(made, message)
        made.git("push", "--quiet", "--set-upstream", "origin", "main", "v1.0.0")
        return made


@pytest.fixture
def released(first_released: Project, tmp_path: Path) -> Project:
    """Return a copy of `first_released` that a test may change."""
    for name in ("files", "message"):
        source = first_released.root.parent / name
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, tmp_path / name)
    return first_released.copy(tmp_path)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[FaultyIndex]:
    with serve(FaultyIndex(tmp_path / "index")) as running:
        yield running


def message(project: Project) -> str:
    """Return what the tag says as it was made."""
    return (project.root.parent / "message").read_text()


def handed(project: Project, *words: str, index: FaultyIndex | None = None, image: str = "") -> Ran:
    """Run what publishes in a workflow, on files that other jobs made."""
    files = project.root.parent / "files"
    made = [
        {"name": path.name, "sha256": sha256_file(path), "size": path.stat().st_size}
        for path in sorted(files.iterdir())
    ]
    wheel, sdist, *images = made
    cells = {"wheel": [wheel], "sdist": [sdist], "test": [], **({image: images} if image else {})}
    needs = {"build": {"result": "success", "outputs": {"linux": json.dumps(cells)}}}
    given = {} if index is None else access(index)
    nowhere = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", **given}
    return project.run("ci", "publish", str(files), *words, stdin=json.dumps(needs), **nowhere)


def retag(project: Project, message: str, *words: str) -> None:
    annotated = ("--annotate", "--cleanup=verbatim", "--message", message) if message else ()
    project.git("tag", "--force", *annotated, "v1.0.0", *words)


def told(project: Project, *, builds: bool = True) -> str:
    declared = load(project.root).project
    found = tag_obstacles(project.root, declared, "1.0.0", ["publish"], builds=builds)
    return "\n".join(f"{one.what} | {one.hint}" for one in found)


def untagged(project: Project) -> None:
    project.git("tag", "--delete", "v1.0.0")


def lightweight(project: Project) -> None:
    retag(project, "")


def one_commit_on(project: Project) -> None:
    project.write("more.txt", "other\n")
    project.commit()


def elsewhere(project: Project) -> None:
    retag(project, message(project), "HEAD~")


def of_no_commit(project: Project) -> None:
    retag(project, message(project), "HEAD:more.txt")


def dirty(project: Project) -> None:
    project.write("more.txt", "other\n")


def staged(project: Project) -> None:
    project.write("more.txt", "other\n")
    project.git("add", "more.txt")


def untracked(project: Project) -> None:
    project.write("untracked.py", "")


def without_list(project: Project) -> None:
    retag(project, "Release v1.0.0\n\nAll is well.\n")


def truncated(project: Project) -> None:
    text = message(project)
    retag(project, text[: text.index(FILES[0])] + "\n")


def heading_alone(project: Project) -> None:
    retag(project, message(project).partition(":\n")[0] + ":\n")


def appended(project: Project) -> None:
    retag(project, message(project) + "\nAnd a word.\n")


def other_stage(project: Project) -> None:
    retag(project, message(project).replace("`publish`", "`elsewhere`"))


def names_alone(project: Project) -> None:
    rows = "\n".join(f"- {name}" for name in FILES)
    heading = "Files that `publish` publishes as well, compiled on their own platforms:"
    retag(project, f"Release v1.0.0\n\n{heading}\n\n{rows}\n")


def other_version(project: Project) -> None:
    project.git("tag", "--delete", "v1.0.0")
    project.git("tag", "--annotate", "--message", message(project), "v0.9.0")


SPOILED = [
    (untagged, "cannot find the tag `v1.0.0`", "git fetch --force origin refs/tags/v1.0.0"),
    (lightweight, "has no annotation here", "git fetch --force origin refs/tags/v1.0.0:refs/tags/"),
    (one_commit_on, "`v1.0.0` is the tag of", "git checkout v1.0.0"),
    (elsewhere, "`v1.0.0` is the tag of", "git checkout v1.0.0"),
    (of_no_commit, "`v1.0.0` is the tag of no commit", "git checkout v1.0.0"),
    (dirty, "the work tree is not clean: `more.txt`", "commit or stash"),
    (staged, "the work tree is not clean: `more.txt`", "commit or stash"),
    (untracked, "not clean: `untracked.py` (untracked)", "git stash --include-untracked"),
    (without_list, "ends with no list of files", "pipeline run release"),
    (truncated, "ends with no list of files", "pipeline run release"),
    (heading_alone, "ends with no list of files", "pipeline run release"),
    (appended, "ends with no list of files", "pipeline run release"),
    (other_stage, "lists no files of the stage `publish`", "`release` needs"),
    (names_alone, f"lists `{FILES[0]}` without its sha256", "only compiled wheels"),
    (other_version, "the commit is tagged `v0.9.0`, but its version is 1.0.0", "check out the tag"),
]


@pytest.mark.parametrize(("spoil", "what", "hint"), SPOILED)
def test_nothing_is_published_but_what_the_tag_of_the_commit_lists(
    released: Project, spoil: Callable[[Project], None], what: str, hint: str
) -> None:
    assert told(released) == ""
    spoil(released)
    assert what in told(released)
    assert hint in told(released)


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [lightweight, dirty])
def test_a_draft_of_publishing_is_refused_as_the_upload_is(
    released: Project, spoil: Callable[[Project], None], index: FaultyIndex
) -> None:
    spoil(released)
    assert released.run("run", "publish").expect(7).stdout == ""
    refused = handed(released, index=index).expect(7)
    draft = handed(released, "--draft", "--json").expect(7)
    assert draft.stderr.endswith(refused.stderr[refused.stderr.index("error: ") :])
    document = json.loads(draft.stdout)
    assert document["blocked"][0]["what"] == document["error"]["message"]
    shown = document["cells"][-1]["result"]["files"]
    assert [one["file"] for one in shown] == list(FILES), "it shows all it would do"
    assert json.loads(handed(released, "--draft", "--json", "--untagged").expect(0).stdout)
    assert index.requests == []
    handed(released, "--untagged", index=index).expect(0)
    assert sorted(index.files) == sorted(FILES)


def test_what_the_tag_lists_is_published_from_its_commit(
    released: Project, index: FaultyIndex
) -> None:
    assert json.loads(handed(released, "--draft", "--json").expect(0).stdout)["blocked"] == []
    handed(released, index=index).expect(0)
    assert sorted(index.files) == sorted(FILES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda text: text.replace(text.split()[-2], "0" * 64), "planned with sha256 0000"),
        (lambda text: text[: text.rindex("    ")], "it is not in the plan"),
        (lambda text: text + "    " + "0" * 64 + "  more-1.0.0.tar.gz\n", "planned, but not made"),
    ],
)
def test_a_list_that_was_edited_lets_nothing_through(
    released: Project, edit: Callable[[str], str], words: str, index: FaultyIndex
) -> None:
    retag(released, edit(message(released)))
    released.git("push", "--quiet", "--force", "origin", "v1.0.0")
    for more in ((), ("--draft",)):
        refused = handed(released, *more, index=index).expect(7)
        assert "what was made is not what the plan or the tag lists" in refused.stderr
        assert words in refused.stderr
    assert index.requests == []


def says(project: Project, version: str) -> None:
    """Let the project's own file say a version, where it said that the backend reads `VERSION`."""
    text = project.read("pyproject.toml")
    assert 'dynamic = ["version"]' in text
    project.write("pyproject.toml", text.replace('dynamic = ["version"]', f'version = "{version}"'))
    project.commit()


@pytest.mark.slow
def test_another_version_in_the_project_s_files_is_refused_before_anything_is_built(
    released: Project,
) -> None:
    untagged(released)
    says(released, "1.0.1")
    for words in (("run", "release"), ("run", "release", "--draft"), ("run", "publish", "--draft")):
        refused = released.run(*words, "--offline").expect(7)
        assert (
            "`VERSION` says 1.0.0, but `pyproject.toml` (`version` in `[project]`) says 1.0.1"
            in (refused.stderr)
        )
        assert "built" not in refused.stdout
    assert released.git("tag") == ""
    assert "says 1.0.1" in handed(released, "--draft", "--untagged").expect(7).stderr


@pytest.mark.slow
def test_versions_are_compared_by_what_they_mean(released: Project) -> None:
    untagged(released)
    says(released, "v1.0")
    handed(released, "--draft", "--untagged").expect(0)


def test_a_file_of_another_version_is_refused_by_name(
    released: Project, index: FaultyIndex
) -> None:
    (released.root.parent / "files" / FILES[0]).unlink()
    wheel = making.wheel(released.root.parent / "files", "example-duration", "1.0.1")
    for more in ((), ("--draft",), ("--untagged",)):
        refused = handed(released, *more, index=index).expect(7)
        assert f"the name of `{wheel.name}` says version 1.0.1, but `VERSION`" in refused.stderr
        assert "says 1.0.0" in refused.stderr
    assert index.requests == []


@pytest.mark.slow
def test_a_draft_knows_with_which_bytes_an_upload_was_begun(
    released: Project, index: FaultyIndex
) -> None:
    handed(released, index=index).expect(0)
    again = ("--draft", "--untagged", "--json")
    assert json.loads(handed(released, *again, index=index).expect(0).stdout)["blocked"] == []
    making.sdist(released.root.parent / "files", "example-duration", "1.0.0", body="other")
    asked = len(index.requests)
    refused = handed(released, *again, index=index).expect(7)
    assert "an earlier run began to publish 1.0.0" in refused.stderr
    assert len(index.requests) == asked


@pytest.mark.slow
def test_an_image_without_a_place_is_refused_before_the_first_upload(
    released: Project, index: FaultyIndex
) -> None:
    archive(released.root.parent / "files" / "image.oci.tar", "1.0.0")
    declared = released.read("pipeline.yaml")
    released.write("pipeline.yaml", declared.replace("needs: [sdist,", "needs: [duration, sdist,"))
    draft = handed(released, "--untagged", "--draft", image="duration").expect(7)
    assert "`publish` cannot push an image, as it has no `registry`" in draft.stderr
    assert "no `registry` is declared" in draft.stdout
    refused = handed(released, "--untagged", index=index, image="duration").expect(7)
    assert draft.stderr.endswith(refused.stderr[refused.stderr.index("error: ") :])
    assert index.requests == []


@pytest.mark.slow
def test_a_machine_that_is_not_told_where_the_index_is_may_draft(released: Project) -> None:
    declared = released.read("pipeline.yaml")
    released.write(
        "pipeline.yaml", declared.replace("kind: publish", "kind: publish\n    index: ours")
    )
    drafted = handed(released, "--draft", "--untagged").expect(0)
    assert "nothing can be uploaded from this machine" in drafted.stderr


@pytest.mark.slow
def test_outside_of_git_no_tag_lists_anything(released: Project, tmp_path: Path) -> None:
    released.git("checkout-index", "--all", f"--prefix={tmp_path}/plain/")
    plain = Project(tmp_path / "plain")
    assert "no git repository, so no tag" in plain.run("run", "publish").expect(7).stderr
    assert "no git repository, so no tag" in handed(plain, "--draft").expect(7).stderr
    handed(plain, "--draft", "--untagged").expect(0)


def test_a_shallow_clone_without_the_tag_is_told_how_to_fetch_it(
    released: Project, tmp_path: Path
) -> None:
    clone = ("clone", "--quiet", "--depth=1", "--no-tags", f"file://{released.remote}")
    released.git(*clone, str(tmp_path / "c"))
    shallow = Project(tmp_path / "c")
    assert "git fetch --force origin refs/tags/v1.0.0:refs/tags/v1.0.0" in told(shallow)
    shallow.git("fetch", "--quiet", "--force", "origin", "refs/tags/v1.0.0:refs/tags/v1.0.0")
    assert told(shallow) == ""


def test_verifying_a_tag_that_lost_its_annotation_is_told_how_to_fetch_it(
    released: Project,
) -> None:
    lightweight(released)
    refused = released.run("verify", "v1.0.0").expect(2)
    assert "`git fetch --force origin refs/tags/v1.0.0:refs/tags/v1.0.0` brings" in refused.stderr


def test_a_job_that_builds_nothing_may_have_files_lying_about(released: Project) -> None:
    untracked(released)
    assert told(released, builds=False) == ""
    dirty(released)
    assert "`more.txt`" in told(released, builds=False)


def test_a_run_leaves_what_the_next_one_overlooks_in_dist(released: Project) -> None:
    released.write("dist/thing-1.0.0.tar.gz", "")
    assert told(released) == ""


@pytest.mark.slow
def test_a_tag_that_the_remote_has_differently_is_not_published_from(released: Project) -> None:
    assert tag_of_remote(released.root, "origin", "v1.0.0") == ((), "")
    retag(released, message(released).replace("Release", "Another release"))
    found, _ = tag_of_remote(released.root, "origin", "v1.0.0")
    assert "the tag `v1.0.0` on `origin` is another one" in found[0].what
    assert "is another one" in released.run("run", "publish").expect(7).stderr


def test_what_cannot_be_known_of_the_remote_is_said(released: Project) -> None:
    released.git("push", "--quiet", "--delete", "origin", "v1.0.0")
    assert "`origin` has no tag `v1.0.0`" in tag_of_remote(released.root, "origin", "v1.0.0")[1]
    released.git("remote", "set-url", "origin", "http://127.0.0.1:9/x.git")
    found, remark = tag_of_remote(released.root, "origin", "v1.0.0")
    assert found == ()
    assert "is not known" in remark


def plan(project: Project, digest: str) -> str:
    """Write a plan of the release, with a digest of its own for the sdist."""
    drafted = project.root.parent / "plan.json"
    files = [
        {"stage": "publish", "name": name, "sha256": each, "size": 1}
        for name, each in ((FILES[0], sha256_file(project.root.parent / "files" / FILES[0])),)
    ]
    files.append({"stage": "publish", "name": FILES[1], "sha256": digest, "size": 1})
    document = {
        "format": 1,
        "version": "1.0.0",
        "commit": {"subject": "", "onto": ""},
        "tag": {"name": "v1.0.0", "subject": ""},
        "notes": "",
        "files": files,
    }
    drafted.write_text(json.dumps(document))
    return str(drafted)


@pytest.mark.slow
def test_a_plan_must_agree_with_the_tag_and_stands_in_for_none(released: Project) -> None:
    wrong = ("--draft", "--plan", plan(released, "0" * 64))
    refused = handed(released, *wrong).expect(7)
    assert "the plan and the tag list different files" in refused.stderr
    assert f"{FILES[1]}: sha256 0000" in refused.stderr
    untagged(released)
    assert "made with" in handed(released, *wrong, "--untagged").expect(7).stderr
    right = sha256_file(released.root.parent / "files" / FILES[1])
    agreed = ("--draft", "--plan", plan(released, right))
    assert "cannot find the tag" in handed(released, *agreed).expect(7).stderr
    handed(released, *agreed, "--untagged").expect(0)


@pytest.mark.slow
def test_where_tags_list_nothing_none_is_asked_for(released: Project) -> None:
    untagged(released)
    declared = released.read("pipeline.yaml")
    released.write("pipeline.yaml", declared + "    tag-lists: none\n")
    handed(released, "--draft").expect(0)
    released.write("pipeline.yaml", declared[: declared.index("  release")])
    handed(released, "--draft").expect(0)
    released.commit()
    released.git("tag", "v0.9.0")
    refused = handed(released, "--draft").expect(7)
    assert "tagged `v0.9.0`, but its version is 1.0.0" in refused.stderr
    assert "tagged `v0.9.0`" in released.run("run", "publish").expect(7).stderr


@pytest.mark.slow
def test_a_flag_that_says_otherwise_needs_something_to_publish(released: Project) -> None:
    refused = released.run("run", "changelog", "--untagged").expect(2)
    assert "no stage of this run publishes" in refused.stderr
    untagged(released)
    refused = released.run("run", "release", "--draft", "--untagged").expect(2)
    assert "publishes nothing" in refused.stderr
