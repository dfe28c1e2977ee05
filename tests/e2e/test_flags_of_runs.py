from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

LIST = "import os; print(sorted(os.path.join(t, n)[5:] for t, _, f in os.walk('/src') for n in f))"


def test_keep_leaves_the_files_of_a_failed_step_and_says_where(steps: Project, ready: Path) -> None:
    own = steps.using(ready)
    own.stages(bad={"run": ["echo written > /src/trace.txt", "false"]})
    own.run("run", "bad").expect(1)
    assert not (ready / "kept").exists()
    kept = own.run("run", "bad", "--keep").expect(1)
    (room,) = (ready / "kept").iterdir()
    assert f"kept: {room}" in kept.stderr
    assert any(path.read_text() == "written\n" for path in room.rglob("trace.txt"))
    assert "unshare" in (room / "LOOK.txt").read_text()


def test_rebuild_builds_what_is_in_the_cache(steps: Project) -> None:
    steps.stages(one={"run": "echo 1 > /out/one.txt"})
    statuses = [
        steps.run("run", "one", "--draft", "--json", *more).expect(0).document["cells"][0]["status"]
        for more in ((), (), ("--rebuild",))
    ]
    assert statuses == ["built", "cached", "built"]


def test_keep_going_builds_what_does_not_need_what_failed(steps: Project) -> None:
    stages: dict[str, dict[str, object]] = {
        "bad": {"run": "exit 7"},
        "after": {"run": "true", "needs": ["bad"]},
        "good": {"run": "echo fine > /out/good.txt"},
    }
    steps.stages(**stages)
    went_on = steps.run("run", "*", "--keep-going", "--json", "--jobs", "1").expect(1).document
    assert {cell["cell"]: cell["status"] for cell in went_on["cells"]} == {
        "bad": "failed",
        "after": "skipped",
        "good": "built",
    }
    failed = next(cell for cell in went_on["cells"] if cell["cell"] == "bad")
    assert failed["error"]["exit_code"] == 1
    assert Path(failed["error"]["log"]).is_file()
    assert (steps.root / "dist" / "good.txt").read_text() == "fine\n"
    stages["good"] = {"run": "echo other > /out/good.txt"}
    steps.stages(**stages)
    stopped = steps.run("run", "*", "--json", "--jobs", "1").expect(1).document
    assert [cell["status"] for cell in stopped["cells"]] == ["failed", "skipped", "skipped"]
    assert (steps.root / "dist" / "good.txt").read_text() == "fine\n"


@pytest.mark.parametrize(
    ("flags", "environ"),
    [((), {}), (("--quiet",), {}), ((), {"CI": "true"}), ((), {"GITHUB_ACTIONS": "true"})],
    ids=["pipe", "quiet", "ci", "github"],
)
def test_what_a_failed_step_printed_is_shown_once(
    steps: Project, flags: tuple[str, ...], environ: dict[str, str]
) -> None:
    steps.stages(bad={"run": "printf '%s failed\\n' 1; exit 7"})
    failed = steps.run("run", "bad", *flags, **environ).expect(1)
    assert failed.stderr.count("1 failed") == 1
    assert "full log: " in failed.stderr
    told = steps.run("run", "bad", *flags, "--json", **environ).expect(1).document["error"]
    assert told["detail"][0] == "1 failed"


def test_cells_run_side_by_side_and_their_output_is_not_mixed(steps: Project) -> None:
    steps.stages(
        **{f"n{i}": {"run": f"for i in 1 2 3; do echo n{i}; sleep 0.1; done"} for i in range(3)}
    )
    ran = steps.run("run", "n*", "--jobs", "3", "--rebuild").expect(0)
    said = [line for line in ran.stderr.splitlines() if line in {"n0", "n1", "n2"}]
    assert sorted(said) == ["n0"] * 3 + ["n1"] * 3 + ["n2"] * 3
    assert sum(a != b for a, b in itertools.pairwise(said)) == 2


def test_declared_outputs_and_what_lies_in_out_are_kept(steps: Project) -> None:
    steps.stages(
        make={
            "run": [
                "mkdir -p logs book/one",
                "echo a > logs/a.log; echo b > logs/b.txt; echo c > book/one/c.html",
                "echo r > report.txt; echo o > /out/o.txt",
            ],
            "outputs": ["report.txt", "logs/*.log", "book"],
        },
        use={"run": "cat /needs/make/book/one/c.html /needs/make/o.txt", "needs": ["make"]},
    )
    ran = steps.run("run", "use", "--json").expect(0)
    assert sorted(ran.digests) == ["book/one/c.html", "logs/a.log", "o.txt", "report.txt"]
    assert (steps.root / "dist" / "book" / "one" / "c.html").read_text() == "c\n"
    assert "c\no\n" in ran.stderr


def test_an_output_that_was_not_made_is_named(steps: Project) -> None:
    steps.stages(make={"run": "true", "outputs": ["absent.txt"]})
    assert "absent.txt" in steps.run("run", "make").expect(1).stderr


def test_two_files_of_one_name_are_refused_not_lost(steps: Project) -> None:
    steps.stages(a={"run": "echo a > /out/x.txt"}, b={"run": "echo b > /out/x.txt"})
    refused = steps.run("run", "a", "b", "--json").expect(1)
    assert "both called `x.txt`" in refused.document["error"]["message"]
    assert not (steps.root / "dist").exists()


def test_a_step_sees_the_files_that_inputs_name_and_no_other(steps: Project) -> None:
    for name in ("docs/a.md", "docs/deep/b.md", "docs/c.txt", "other.md", "docs.md"):
        steps.write(name, name)
    steps.stages(see={"run": f'python3 -c "{LIST}"', "inputs": ["docs/**/*.md", "other.md"]})
    ran = steps.run("run", "see").expect(0)
    assert "['docs/a.md', 'docs/deep/b.md', 'other.md']" in ran.stderr
    steps.write("docs/c.txt", "changed, and nobody looks at it")
    again = steps.run("run", "see", "--json", "--draft").expect(0)
    assert again.document["cells"][0]["cached"] is True
    steps.write("docs/a.md", "changed")
    changed = steps.run("run", "see", "--json", "--draft").expect(0)
    assert changed.document["cells"][0]["cached"] is False


def test_inputs_that_match_nothing_are_refused(steps: Project) -> None:
    steps.stages(see={"run": "true", "inputs": ["nowhere/**"]})
    assert "nowhere/**" in steps.run("run", "see").expect(2).stderr


def test_directory_and_dist_name_the_places(pure: Project, tmp_path: Path) -> None:
    below = pure.root / "src" / "example_duration"
    away = ("env", f"--chdir={tmp_path}")
    place = tmp_path / "made" / "here"
    words = ("run", "wheel", "-C", str(below), "--dist", "made/here", "--json")
    ran = pure.run(*words, before=away).expect(0)
    assert sorted(path.name for path in place.iterdir()) == sorted(ran.digests)
    outputs = [o for cell in ran.document["cells"] for o in cell["outputs"]]
    assert all((tmp_path / o["path"]).is_file() for o in outputs)
    assert not (pure.root / "dist").exists()


def test_a_cell_is_told_what_its_axes_say(steps: Project) -> None:
    axes = {"colour": ["red", "blue"], "size": ["s", "l"]}
    steps.stages(
        paint={
            "matrix": axes,
            "run": "echo {colour}-{size}-$HUE > /out/{colour}-{size}.txt",
            "env": {"HUE": "${colour}"},
        }
    )
    ran = steps.run("run", "paint[red]", "--json").expect(0)
    assert sorted(ran.digests) == ["red-l.txt", "red-s.txt"]
    assert (steps.root / "dist" / "red-s.txt").read_text() == "red-s-$red\n"
    none = steps.run("run", "paint[green]").expect(2)
    assert "paint[red,s]" in none.stderr


def test_plan_says_what_is_cached_and_why_keys_differ(steps: Project) -> None:
    steps.stages(one={"run": "echo planned > /out/one.txt"})
    before = steps.run("plan", "--json").expect(0).document["cells"][0]
    assert before["state"] == "to build"
    steps.run("run", "one", "--draft").expect(0)
    after = steps.run("plan", "--json").expect(0).document["cells"][0]
    assert (after["state"], after["key"]) == ("cached", before["key"])
    steps.write("data.txt", "changed\n")
    moved = steps.run("plan", "--json").expect(0).document["cells"][0]
    parts, old = moved["components"], before["components"]
    assert [name for name in parts if parts[name] != old[name]] == ["input src"]
