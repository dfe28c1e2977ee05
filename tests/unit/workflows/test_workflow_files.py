"""What `pipeline ci init` writes, and what `pipeline ci check` says of it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pipeline.cli.main import main
from pipeline.errors import ConfigError, UsageError
from pipeline.workflows.files import drifts, texts
from pipeline.workflows.options import Options, remembered
from tests.unit.workflows.projects import COMBINATIONS, project

if TYPE_CHECKING:
    from pathlib import Path

CI, RELEASE = ".github/workflows/ci.yml", ".github/workflows/release.yml"
MOST_LINES = 60


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return every file of every combination."""
    pipeline = project(tmp_path_factory.mktemp("written"))
    return [text for options in COMBINATIONS for text in texts(pipeline, options).values()]


@cache
def parsed(text: str) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(text)
    return found


def jobs(text: str) -> dict[str, Any]:
    found: dict[str, Any] = parsed(text)["jobs"]
    return found


def test_enough_combinations_are_tried() -> None:
    assert len({options.marker for options in COMBINATIONS}) >= 20


def test_no_file_has_more_than_sixty_lines_of_jobs(written: list[str]) -> None:
    for text in written:
        _, _, below = text.partition("\njobs:\n")
        assert 10 < len(below.splitlines()) <= MOST_LINES


def test_no_file_holds_a_list_of_what_is_built(written: list[str]) -> None:
    for text in written:
        matrix = jobs(text)["build"]["strategy"]["matrix"]
        assert matrix == "${{ fromJSON(needs.plan.outputs.matrix) }}"


def test_no_script_holds_an_expression(written: list[str]) -> None:
    scripts = [
        s["run"] for t in written for j in jobs(t).values() for s in j["steps"] if "run" in s
    ]
    assert scripts
    assert [script for script in scripts if "${{" in script] == []


def test_every_action_is_pinned_to_a_commit_and_says_its_version(written: list[str]) -> None:
    lines = [line for text in written for line in text.splitlines() if "uses:" in line]
    pinned = re.compile(r".*uses: actions/[a-z-]+@[0-9a-f]{40}\b.* # v\d+\.\d+\.\d+")
    assert lines
    assert [line for line in lines if not pinned.fullmatch(line)] == []


def test_credentials_are_left_nowhere(written: list[str]) -> None:
    for text in written:
        for job in jobs(text).values():
            for step in job["steps"]:
                if step.get("uses", "").startswith("actions/checkout@"):
                    assert step["with"] == {"persist-credentials": False}


def test_a_workflow_starts_without_permissions_and_every_job_says_its_own(
    written: list[str],
) -> None:
    for text in written:
        assert parsed(text)["permissions"] == {}
        for job in jobs(text).values():
            assert job["permissions"]
            assert job["timeout-minutes"] > 0


def test_the_publishing_job_may_name_itself_to_the_index_and_nothing_else(tmp_path: Path) -> None:
    publish = jobs(texts(project(tmp_path), Options())[RELEASE])["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"] == "release"
    uses = [step["uses"].partition("@")[0] for step in publish["steps"] if "uses" in step]
    assert uses == ["actions/checkout", "actions/download-artifact"]


def test_the_tag_comes_with_its_list_and_only_a_rehearsal_does_without(tmp_path: Path) -> None:
    found = texts(project(tmp_path), Options())
    (version,) = set(re.findall(r"actions/checkout@[0-9a-f]{40}.*# v([0-9.]+)", found[RELEASE]))
    assert tuple(map(int, version.split("."))) >= (6, 0, 2), "older ones fetch no annotation"
    assert "ci publish artifacts <<<" in jobs(found[RELEASE])["publish"]["steps"][-1]["run"]
    assert "--untagged" not in found[RELEASE]
    rehearsal = jobs(found[CI])["rehearse"]["steps"][-1]["run"]
    assert "ci publish artifacts --draft --untagged <<<" in rehearsal


def test_with_a_token_the_publishing_job_has_no_identity(tmp_path: Path) -> None:
    publish = jobs(texts(project(tmp_path), Options(secret="INDEX_TOKEN"))[RELEASE])["publish"]  # noqa: S106 - its name
    assert publish["permissions"] == {"contents": "read"}
    assert publish["steps"][-1]["env"]["TWINE_PASSWORD"] == "${{ secrets.INDEX_TOKEN }}"  # noqa: S105 - an expression


def test_only_the_last_job_may_write_and_it_comes_after_publishing(tmp_path: Path) -> None:
    found = jobs(texts(project(tmp_path), Options())[RELEASE])
    writing = [name for name, job in found.items() if "write" in job["permissions"].values()]
    assert writing == ["publish", "release"]
    assert found["release"]["permissions"] == {"contents": "write"}
    assert "publish" in found["release"]["needs"]


def test_the_sandbox_is_allowed_only_where_it_is_used(tmp_path: Path) -> None:
    pipeline = project(tmp_path)
    assert "userns=0" in texts(pipeline, Options())[CI]
    assert "userns=0" not in texts(pipeline, Options(engine="docker"))[CI]


def test_the_release_waits_for_the_projects_own_tags(tmp_path: Path) -> None:
    pipeline = project(tmp_path, head='project: {tag: "core/{version}"}')
    assert yaml.safe_load(texts(pipeline, Options())[RELEASE])[True]["push"]["tags"] == [
        "core/[0-9]*"
    ]


def test_a_tag_that_is_a_pattern_itself_is_refused(tmp_path: Path) -> None:
    pipeline = project(tmp_path, head='project: {tag: "v+{version}"}')
    with pytest.raises(ConfigError, match="cannot be a pattern"):
        texts(pipeline, Options())


def test_a_project_that_publishes_nothing_has_no_release(tmp_path: Path) -> None:
    found = texts(project(tmp_path, tail=""), Options())
    assert list(found) == [CI]
    assert list(jobs(found[CI])) == ["plan", "build"]


def test_a_change_without_a_news_fragment_is_told_where_notes_are_made(tmp_path: Path) -> None:
    assert "changes" not in jobs(texts(project(tmp_path / "a"), Options())[CI])
    noted = project(tmp_path / "b", tail="  notes: {kind: changelog}")
    job = jobs(texts(noted, Options())[CI])["changes"]
    assert job["steps"][0]["with"]["fetch-depth"] == 0
    assert 'changes check --since "origin/$GITHUB_BASE_REF"' in job["steps"][1]["run"]


def test_a_launcher_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="would start"):
        texts(project(tmp_path), Options(launcher="./absent"))


@pytest.mark.parametrize("options", COMBINATIONS, ids=lambda options: options.marker)
def test_a_file_remembers_the_options_it_was_written_with(options: Options) -> None:
    assert remembered(f"{options.marker}\nname: CI\n") == options


@pytest.mark.parametrize(
    "text",
    ["name: CI\n", "", "# Written by `pipeline ci init --runner nonsense`\n", "# Written by me\n"],
)
def test_a_file_without_our_first_line_is_foreign(text: str) -> None:
    assert remembered(text) is None


def call(root: Path, *words: str) -> int:
    return main(["ci", *words, "-C", str(root)])


def test_what_was_written_does_not_drift_until_something_moves(tmp_path: Path) -> None:
    pipeline = project(tmp_path)
    assert call(tmp_path, "init", "--engine", "docker") == 0
    assert drifts(pipeline) == ()
    assert call(tmp_path, "check") == 0
    file = tmp_path / RELEASE
    file.write_text(file.read_text().replace("id-token: write", "id-token: write, contents: write"))
    (drift,) = drifts(pipeline)
    assert drift.file == RELEASE
    assert any(line.startswith("-") and "contents: write" in line for line in drift.diff)
    assert call(tmp_path, "check") == 4


def test_a_change_of_the_declaration_is_drift(tmp_path: Path) -> None:
    pipeline = project(tmp_path / "a")
    assert call(tmp_path / "a", "init") == 0
    moved = project(tmp_path / "b", head='project: {tag: "r{version}"}')
    (tmp_path / "a" / "pipeline.yaml").write_bytes((moved.root / "pipeline.yaml").read_bytes())
    assert drifts(pipeline) == ()
    assert call(tmp_path / "a", "check") == 4


def test_a_newer_version_of_an_action_is_no_drift(tmp_path: Path) -> None:
    pipeline = project(tmp_path)
    call(tmp_path, "init")
    file = tmp_path / CI
    moved = re.sub(
        r"(checkout@)[0-9a-f]{40}(.*# )v[\d.]+", rf"\g<1>{'a' * 40}\g<2>v99.0.0", file.read_text()
    )
    assert moved != file.read_text()
    file.write_text(moved)
    assert drifts(pipeline) == ()
    file.write_text(moved.replace("a" * 40, "v99"))
    assert drifts(pipeline) != ()


def test_a_missing_file_is_drift(tmp_path: Path) -> None:
    pipeline = project(tmp_path)
    assert [drift.reason for drift in drifts(pipeline)] == ["was not written by `pipeline ci init`"]
    call(tmp_path, "init")
    (tmp_path / CI).unlink()
    assert [drift.reason for drift in drifts(pipeline)] == ["is missing"]


def test_a_foreign_file_is_kept_unless_forced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project(tmp_path)
    file = tmp_path / CI
    file.parent.mkdir(parents=True)
    file.write_text("name: mine\n")
    assert call(tmp_path, "init") == 2
    assert "so it is kept" in capsys.readouterr().err
    assert file.read_text() == "name: mine\n"
    assert not (tmp_path / RELEASE).exists()
    assert call(tmp_path, "init", "--force") == 0
    assert file.read_text().startswith("# Written by")


@pytest.mark.parametrize(
    "flag",
    [
        ("--runner", "linux_x86_64=a b"),
        ("--runner", "windows=x"),
        ("--secret", "A-B"),
        ("--environment", "a: b"),
        ("--branch", "x]"),
        ("--launcher", "../outside"),
        ("--launcher", "/bin/sh"),
        ("--stage", "a;b"),
    ],
)
def test_a_value_that_would_write_something_else_is_refused(
    tmp_path: Path, flag: tuple[str, str]
) -> None:
    project(tmp_path)
    assert call(tmp_path, "init", *flag) == 2
    assert not (tmp_path / ".github").exists()
