"""`pipeline dev` in the sandbox: live edits, exit codes, what is refused, the failed step."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline.platforms import Target
from tests.e2e.conftest import Project, commit, copy_tracked
from tests.e2e.terminals import at_terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

WHERE = (
    "import example_duration as d, importlib.metadata as m; "
    "print(d.__file__, m.version('example-duration'))"
)
PLACE = "/env/lib/python3.11/site-packages/example_duration"


def test_the_package_is_imported_from_its_sources(pure: Project) -> None:
    told = pure.run("dev", "--", "python", "-c", WHERE).expect(0).stdout
    assert told == "/src/src/example_duration/__init__.py 1.0.0\n"
    assert pure.run("dev", "--", "duration", "90m").expect(0).stdout == "1h30m\n"
    tested = pure.run("dev", "test", "--", "python", "-m", "pytest", "-q").expect(0)
    assert "passed" in tested.stdout


def test_an_edit_of_the_checkout_is_seen_at_once(pure: Project) -> None:
    source = pure.root / "src" / "example_duration" / "__init__.py"
    source.write_text(source.read_text() + "\nEDITED = 'on the host'\n")
    words = ("python", "-c", "import example_duration as d; print(d.EDITED)")
    assert pure.run("dev", "--", *words).expect(0).stdout == "on the host\n"


def test_files_made_inside_belong_to_the_caller(pure: Project) -> None:
    pure.run("dev", "--", "sh", "-c", f"echo 1 > made; echo 2 > {PLACE}/made.txt").expect(0)
    for made in (pure.root / "made", pure.root / "src" / "example_duration" / "made.txt"):
        assert (made.stat().st_uid, made.stat().st_gid) == (os.getuid(), os.getgid())
        made.unlink()


def test_the_exit_code_and_both_streams_are_the_commands_own(pure: Project) -> None:
    ran = pure.run("dev", "--", "sh", "-c", "echo out; echo err >&2; exit 7").expect(7)
    assert (ran.stdout, ran.stderr) == ("out\n", "err\n")
    assert pure.run("dev", "--", "no-such-program").status == 127
    assert pure.run("dev", "--", "sh", "-c", "kill -9 $$").status == 128 + 9


def test_what_is_written_elsewhere_is_gone_and_the_store_as_before(pure: Project) -> None:
    script = "echo 1 > /env/lost; echo 2 > /lost; ls /env/lost /lost"
    for _ in range(2):
        ran = pure.run("dev", "--", "sh", "-c", f"ls /env/lost /lost 2>/dev/null; {script}")
        assert ran.expect(0).stdout == "/env/lost\n/lost\n"
    assert pure.leftovers == []


@pytest.mark.slow
def test_an_extension_is_built_in_place_by_the_compiler_of_the_wheel(
    tool: Path, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    root = tmp_path / "native"
    copy_tracked(tool / "examples" / "native", root)
    commit(root)
    native = Project(tool, root, fetched("native"))
    warned = native.run("dev", "test[cp311]", "--", "true").expect(0).stderr
    cell, words = f"wheel[{Target.native().value},cp311]", "python setup.py build_ext -i"
    assert f"`pipeline dev '{cell}' -- {words}`" in warned
    native.run("dev", cell, "--", *words.split()).expect(0)
    tested = native.run("dev", "test[cp311]", "--", "python", "-m", "pytest", "-q").expect(0)
    assert "passed" in tested.stdout
    assert "warning" not in tested.stderr


def test_there_is_no_network_unless_it_is_asked_for(pure: Project) -> None:
    script = "print(open('/proc/net/dev').read().count(':'))"
    count = [
        int(pure.run("dev", *more, "--", "python", "-c", script).expect(0).stdout)
        for more in ((), ("--network", "host"))
    ]
    with open("/proc/net/dev", encoding="ascii") as stream:
        assert count == [1, stream.read().count(":")]


def test_the_variables_are_those_of_the_stage(pure: Project) -> None:
    text = (pure.root / "pipeline.yaml").read_text()
    pure.write(
        "pipeline.yaml", text.replace("groups: [test]", "groups: [test]\n    env: {MODE: x}")
    )
    words = ("python", "-c", "import os; print(dict(os.environ))")
    told = eval(pure.run("dev", "--", *words, MINE="y", TERM="dumb").expect(0).stdout)  # noqa: S307
    assert (told["MODE"], told["HOME"], told["TERM"]) == ("x", "/tmp", "dumb")  # noqa: S108
    assert "MINE" not in told


def test_a_shell_without_a_terminal_is_refused(pure: Project) -> None:
    refused = pure.run("dev").expect(2)
    assert "a shell needs a terminal" in refused.stderr
    assert "`pipeline dev -- COMMAND`" in refused.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("dev", "changelog", "--", "true"), "stage `changelog` runs on this machine"),
        (("dev", "--package", "other", "--", "true"), "no package `other` in this repository"),
        (("dev", "tset", "--", "true"), "did you mean `test`?"),
        (("dev", "test", "true"), "`pipeline dev -- true`"),
        (("dev", "--publish", "x", "--engine", "docker", "--", "true"), "no pair of ports"),
        (("dev", "--publish", "1:1", "--engine", "sandbox", "--", "true"), "has no `--publish`"),
        (("dev", "--at", "test", "--", "true"), "`--at` and a command do not go together"),
        (("dev", "--at"), "`--at` needs a stage"),
        (("dev", "--at", "tset"), "did you mean `test`?"),
        (("dev", "--init", "--load"), "`--init` and `--load` do not go together"),
        (
            ("dev", "--engine", "buildkit", "--", "true"),
            "`--engine` must be `auto` or `sandbox` or `docker`, not `buildkit`",
        ),
    ],
)
def test_wrong_words_are_refused(pure: Project, words: tuple[str, ...], why: str) -> None:
    assert why in pure.run(*words).expect(2).stderr


def test_a_remote_builder_gives_no_shell(pure: Project) -> None:
    refused = pure.run("dev", "--", "true", PIPELINE_ENGINE="buildkit").expect(2)
    assert "a remote builder gives no shell" in refused.stderr


def test_a_person_gets_a_shell(pure: Project) -> None:
    told, status = at_terminal(pure, "dev", typed="echo at:$PWD; duration 61s; exit 5\n")
    assert status == 5, told
    assert "`test` in image `python`, from the checkout: example-duration" in told
    assert "at:/src" in told
    assert "1m1s" in told
    assert "(test) $ " in told


def test_a_person_stands_where_a_step_failed(pure: Project) -> None:
    (pure.root / "tests" / "test_bad.py").write_text("def test_bad():\n    assert False\n")
    pure.git("add", "tests")
    typed = "pwd; ls /wheel; ls -d tests/test_bad.py; exit\n"
    told, status = at_terminal(pure, "dev", "--at", "test", typed=typed)
    assert status == 1, told
    assert "example_duration-1.0.0-py3-none-any.whl" in told
    assert "`test` failed" in told
    assert "--shell" not in told


def test_where_no_step_fails_there_is_none_to_stand_in(pure: Project) -> None:
    told, status = at_terminal(pure, "dev", "--at", "sdist", typed="")
    assert status == 0, told
    assert "no step of `sdist` fails" in told


def test_a_file_for_dev_containers_is_written_and_kept_current(pure: Project) -> None:
    file = pure.root / ".devcontainer" / "devcontainer.json"
    assert pure.run("dev", "--init").expect(0).stdout == "wrote .devcontainer/devcontainer.json\n"
    before = file.read_text()
    assert "is as it was" in pure.run("dev", "--init").expect(0).stdout
    pure.run("dev", "wheel", "--init").expect(0)
    assert file.read_text() != before
    wheel = file.read_text()
    pure.run("dev", "--init").expect(0)  # what it was for is remembered
    assert file.read_text() == wheel


def test_a_foreign_file_is_kept_unless_forced(pure: Project) -> None:
    pure.write(".devcontainer/devcontainer.json", "// mine\n{}\n")
    file = pure.root / ".devcontainer" / "devcontainer.json"
    refused = pure.run("dev", "--init").expect(2)
    assert "was not written by `pipeline dev --init`" in refused.stderr
    assert file.read_text() == "// mine\n{}\n"
    pure.run("dev", "--init", "--force").expect(0)
    assert file.read_text().startswith("{")


def test_a_stale_file_for_dev_containers_fails_the_check(pure: Project) -> None:
    pure.write("pipelinew", "#!/bin/sh\n")
    pure.run("ci", "init").expect(0)
    pure.run("dev", "--init").expect(0)
    pure.run("ci", "check").expect(0)
    file = pure.root / ".devcontainer" / "devcontainer.json"
    file.write_text(file.read_text().replace("pipeline-dev:", "pipeline-dev:0"))
    drifted = pure.run("ci", "check").expect(4)
    assert "`.devcontainer/devcontainer.json` is not as it would be written" in drifted.stderr
    assert "run `pipeline dev --init`" in drifted.stderr
