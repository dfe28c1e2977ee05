"""Dockerfiles built in the sandbox give the files that they say."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from pipeline.engines.protocol import ImageContext, TreeContext
from pipeline.errors import ConfigError, StageFailedError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engines.conftest import Workshop

pytestmark = pytest.mark.sandbox

OUT = "FROM scratch\nCOPY --from=build /out /\n"


def test_a_step_turns_contexts_into_outputs(workshop: Workshop) -> None:
    workshop.tree("sources", {"a.txt": "A", "d/b.txt": "B"})
    made = workshop.files(
        "FROM base AS build\n"
        "WORKDIR /src\n"
        "COPY --from=sources / .\n"
        "RUN mkdir /out && cat a.txt d/b.txt > /out/both && rm -r d\n"
        'RUN ["cp", "-r", "/src", "/out/left"]\n' + OUT
    )
    assert made == {"both": "AB", "left/a.txt": "A"}


def test_a_context_is_never_changed(workshop: Workshop) -> None:
    directory = workshop.tree("sources", {"a": "A", "b": "B", "d/c": "C"})
    for path in (*directory.rglob("*"), directory):
        os.utime(path, (1, 1))
    workshop.build(
        "FROM base AS build\n"
        "COPY --from=sources / /src\n"
        "RUN echo x > /src/a && chmod 600 /src/b && rm -r /src/d && mv /src/b /out\n"
        "COPY --from=sources /a /src/b\n" + OUT
    )
    assert (directory / "a").read_text() == "A"
    assert (directory / "d" / "c").read_text() == "C"
    assert stat.S_IMODE((directory / "b").stat().st_mode) == 0o644
    assert (directory / "a").stat().st_mtime == 1


def test_copied_trees_are_one_file_system_with_the_rest(workshop: Workshop) -> None:
    workshop.tree("sources", {"a": "A"})
    made = workshop.files(
        "FROM base AS build\n"
        "COPY --from=sources / /src\n"
        "RUN mkdir /out && ln /src/a /out/hard && mv /src /out/moved\n" + OUT
    )
    assert made == {"hard": "A", "moved/a": "A"}


def test_a_step_has_the_variables_of_image_and_dockerfile_and_no_others(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    made = workshop.files(
        'FROM base AS build\nENV A="x y" PATH=/bin\nARG B=arg\nWORKDIR /out\n'
        'RUN ["/bin/sh", "-c", "/bin/env > env"]\n' + OUT
    )
    assert sorted(line for line in made["env"].splitlines() if not line.startswith("_=")) == [
        "A=x y",
        "B=arg",
        "FROM_IMAGE=yes",
        "HOME=/root",
        "PATH=/bin",
        "PWD=/out",
    ]


def test_stages_build_on_stages_and_unneeded_ones_are_left_out(workshop: Workshop) -> None:
    made = workshop.files(
        "FROM base AS one\nRUN echo one > /one && echo kept > /kept\n"
        "FROM base AS unneeded\nRUN false\n"
        "FROM one AS two\nRUN rm /one && mkdir -p /out && cp /kept /out/ && ls / > /out/names\n"
        "FROM base AS build\nCOPY --from=two /out /out\nCOPY --from=one /one /out/\n" + OUT
    )
    assert (made["kept"], made["one"]) == ("kept\n", "one\n")
    assert "one" not in made["names"].split()


def test_files_that_were_removed_are_not_copied_from_a_stage(workshop: Workshop) -> None:
    workshop.tree("sources", {"d/a": "A", "d/b": "B", "e/f": "F"})
    made = workshop.files(
        "FROM base AS build\nCOPY --from=sources / /out\n"
        "RUN rm /out/d/a && rm -r /out/e && mkdir /out/e && echo new > /out/e/g\n" + OUT
    )
    assert made == {"d/b": "B", "e/g": "new\n"}


def test_a_copy_after_a_step_overrides_what_the_step_removed(workshop: Workshop) -> None:
    workshop.tree("sources", {"d/a": "A"})
    made = workshop.files(
        "FROM base AS build\nCOPY --from=sources / /out\nRUN rm -r /out/d\n"
        "COPY --from=sources / /out\nRUN echo more > /out/d/b\n" + OUT
    )
    assert made == {"d/a": "A", "d/b": "more\n"}


def test_wildcards_take_what_a_step_made(workshop: Workshop) -> None:
    made = workshop.files(
        "FROM base AS build\nRUN mkdir /dist && echo 1 > /dist/a.whl && echo 2 > /dist/b.txt\n"
        "FROM scratch\nCOPY --from=build /dist/*.whl /w/\nCOPY --from=build /nothing* /n/\n"
    )
    assert made == {"w/a.whl": "1\n"}


def test_what_dockerignore_hides_is_hidden_from_copies_mounts_and_bases(workshop: Workshop) -> None:
    files = {".dockerignore": "*\n!keep\n", "keep": "K", "hidden": "H", "d/hidden": "H"}
    directory = workshop.tree("context", files)
    made = workshop.files(
        "FROM context AS files\nFROM base AS build\nWORKDIR /out\n"
        "COPY / 1/\nCOPY --from=files / 2/\n"
        "RUN --mount=target=/m ls -A /m > 3\n" + OUT
    )
    assert made == {"1/keep": "K", "2/keep": "K", "3": "keep\n"}
    assert (directory / "hidden").read_text() == "H"


def test_heredocs_are_scripts_for_the_shell_and_files_to_copy(workshop: Workshop) -> None:
    made = workshop.files(
        "FROM base AS build\nENV NAME=value\nWORKDIR /out\n"
        "RUN <<EOF\nset -e\necho one > script\nEOF\n"
        'RUN <<EOF\n#!/bin/sh\necho "$0" > shebang\nEOF\n'
        "RUN cat <<A <<B > /dev/null && cat <<-'C' > three\n1\nA\n2\nB\n\t$NAME\nC\n"
        "COPY <<EOF <<'RAW' texts/\n'$NAME' \\$\nEOF\n'$NAME'\nRAW\n"
        "COPY --chmod=700 <<EOF run\n#!/bin/sh\nEOF\n"
        "RUN stat -c %a run > mode\n" + OUT
    )
    assert made == {
        "script": "one\n",
        "shebang": "/run/pipes/EOF\n",
        "three": "$NAME\n",
        "texts/EOF": "'value' $\n",
        "texts/RAW": "'$NAME'\n",
        "run": "#!/bin/sh\n",
        "mode": "700\n",
    }


def test_the_shell_can_be_another(workshop: Workshop) -> None:
    made = workshop.files(
        'FROM base AS build\nWORKDIR /out\nSHELL ["/bin/sh", "-e", "-c"]\n'
        "RUN echo a > a; echo b > b\n" + OUT
    )
    assert made == {"a": "a\n", "b": "b\n"}


def test_the_whole_root_is_the_output_where_the_last_stage_has_a_base(workshop: Workshop) -> None:
    made = workshop.build("FROM base\nRUN echo new > /new && rm /etc/passwd\n").output
    paths = {entry.path for entry in made.entries}
    assert {"new", "bin/sh"} <= paths
    assert "etc/passwd" not in paths
    assert not any(path.startswith(("proc/", "dev/", "sys/")) for path in paths)


def test_derived_layers_are_seen_by_steps_but_not_copied_out(
    workshop: Workshop, tmp_path: Path
) -> None:
    derived = tmp_path / "derived"
    (derived / "out").mkdir(parents=True)
    (derived / "out" / "cache").write_text("bytecode")
    base = workshop.contexts["base"]
    assert isinstance(base, ImageContext)
    workshop.contexts["base"] = ImageContext(
        digest=base.digest, platform=base.platform, layers=base.layers, derived=(derived,)
    )
    made = workshop.files("FROM base AS build\nRUN cat /out/cache > /out/seen\n" + OUT)
    assert made == {"seen": "bytecode"}


def test_bind_mounts_show_contexts_and_stages_without_keeping_anything(workshop: Workshop) -> None:
    workshop.tree("sources", {"d/a": "A"})
    made = workshop.files(
        "FROM base AS tools\nRUN mkdir /t && echo tool > /t/x\n"
        "FROM base AS build\nWORKDIR /out\n"
        "RUN --mount=type=bind,from=sources,source=/d,target=/m"
        " --mount=type=bind,from=tools,source=/t,target=t"
        " --mount=type=bind,from=sources,source=d/a,target=/one"
        " cat /m/a t/x /one > all && ! echo x > /m/a && ls > names\n"
        "RUN --mount=type=bind,from=sources,target=/m,rw echo changed > /m/d/a && cp /m/d/a rw\n"
        "RUN ! stat /m /one && ls / > root\n" + OUT
    )
    assert made["all"] == "Atool\nA"
    assert made["rw"] == "changed\n"
    assert made["names"].split() == ["all", "names", "t"]
    assert not {"m", "one"} & set(made["root"].split())
    context = workshop.contexts["sources"]
    assert isinstance(context, TreeContext)
    assert (context.path / "d" / "a").read_text() == "A"


def test_tmpfs_mounts_are_empty_and_bounded(workshop: Workshop) -> None:
    made = workshop.files(
        "FROM base AS build\nWORKDIR /out\n"
        "RUN --mount=type=tmpfs,target=/out/t,size=1m ls t > names && echo x > t/gone"
        " && ! cat /dev/zero > t/full && ls t > after\n" + OUT
    )
    assert made["names"] == ""
    assert "t/gone" not in made


def test_cache_mounts_last_from_build_to_build(workshop: Workshop) -> None:
    step = "RUN --mount=type=cache,id=c,target=/c echo x >> /c/n && cp /c/n /out/n\n"
    text = "FROM base AS build\nWORKDIR /out\n" + step + OUT
    assert workshop.files(text) == {"n": "x\n"}
    assert workshop.files(text) == {"n": "x\nx\n"}
    assert workshop.files(text.replace("id=c", "id=other")) == {"n": "x\n"}


def test_steps_use_a_shared_cache_at_the_same_time(workshop: Workshop) -> None:
    mount = "--mount=type=cache,id=both,target=/c,sharing=shared"
    texts = [
        "FROM base AS build\nWORKDIR /out\n"
        f"RUN {mount} : > /c/{mine}; i=0; while [ ! -e /c/{other} ] && [ $i -lt 2000000 ];"
        f" do i=$((i+1)); done; test -e /c/{other}\n{OUT}"
        for mine, other in (("a", "b"), ("b", "a"))
    ]
    requests = [workshop.request(text) for text in texts]
    with ThreadPoolExecutor() as pool:
        # Each step ends well only once it has seen what the other one leaves there.
        list(pool.map(lambda request: workshop.engine.build(request, workshop.collect), requests))


def test_secrets_are_seen_by_their_step_and_stay_nowhere(
    workshop: Workshop, tmp_path: Path
) -> None:
    secret = tmp_path / "token"
    secret.write_text("s3cr3t-canary")
    built = workshop.build(
        "FROM base AS build\nWORKDIR /out\n"
        "RUN --mount=type=secret,id=token stat -c %s:%a /run/secrets/token > size"
        " && ! echo x > /run/secrets/token\n"
        "RUN --mount=type=secret,id=token,env=TOKEN echo ${#TOKEN} > length\n"
        "RUN --mount=type=secret,id=absent ls /run > run || true\n"
        "RUN ! stat /run/secrets/token && echo ${#TOKEN} > gone\n" + OUT,
        secrets={"token": secret},
    )
    texts = {entry.path: workshop.store.read_blob(entry.digest) for entry in built.output.entries}
    assert texts["size"] == b"13:400\n"
    assert (texts["length"], texts["gone"]) == (b"13\n", b"0\n")
    for parent, _, names in os.walk(workshop.store.root):
        for name in names:
            with open(os.path.join(parent, name), "rb") as stream:
                assert b"s3cr3t-canary" not in stream.read(), name


def test_a_required_secret_that_is_missing_is_named(workshop: Workshop) -> None:
    with pytest.raises(ConfigError, match="the secret `token` is required"):
        workshop.build("FROM base\nRUN --mount=type=secret,id=token,required true\n")


def test_the_log_has_every_instruction_and_the_output_is_streamed(workshop: Workshop) -> None:
    built = workshop.build("FROM base AS build\nWORKDIR /out\nRUN echo said\n" + OUT)
    assert workshop.output == b"said\n"
    assert built.log is not None
    text = built.log.read_text()
    assert "==> Dockerfile:3: RUN echo said\nsaid\n" in text
    assert workshop.store.root in built.log.parents


def test_the_same_request_gives_the_same_tree(workshop: Workshop) -> None:
    workshop.tree("sources", {"a": "A", "b/c": "C"})
    text = "FROM base AS build\nCOPY --from=sources / /out\nRUN ln -s a /out/l\n" + OUT
    assert workshop.build(text) == workshop.build(text)


def test_an_image_for_another_platform_is_refused(workshop: Workshop) -> None:
    with pytest.raises(ConfigError, match="is built") as caught:
        workshop.build("FROM --platform=linux/s390x base\n")
    assert caught.value.where == "Dockerfile:1"


def test_add_would_unpack_archives_and_so_refuses_them(workshop: Workshop) -> None:
    workshop.tree("context", {"plain": "P"})
    assert workshop.files("FROM scratch\nADD plain /x\n") == {"x": "P"}
    context = workshop.contexts["context"]
    assert isinstance(context, TreeContext)
    (context.path / "archive").write_bytes(b"\x1f\x8b\x08rest")
    with pytest.raises(ConfigError, match="would unpack `/archive`"):
        workshop.build("FROM scratch\nADD archive /x\n")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("FROM scratch\nCOPY --from=base /nothing /x\n", 2, "`/nothing` is not there"),
        ("FROM base\nRUN echo > /f\nWORKDIR /f\n", 3, "`/f` is there and is not a directory"),
    ],
)
def test_files_that_do_not_fit_fail_the_stage(
    workshop: Workshop, text: str, line: int, words: str
) -> None:
    with pytest.raises(StageFailedError) as caught:
        workshop.build(text)
    assert words in caught.value.message
    assert caught.value.where == f"Dockerfile:{line}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FROM scratch\nCOPY --from=base --chmod=run /bin/sh /x\n", "--chmod=run"),
        ("FROM scratch\nCOPY --from=base --chmod=999 /bin/sh /x\n", "--chmod=999"),
        ("FROM scratch\nCOPY --from=base /bin/sh /bin/cat /x\n", "needs a directory"),
        ("FROM scratch\nCOPY --from=base /bin/[ /x\n", "malformed"),
        ("FROM base\nRUN --mount=type=tmpfs,target=/x,size=0 true\n", "size=0"),
        ("FROM base\nRUN --mount=type=tmpfs,target=/ true\n", "cannot be `/`"),
        ("FROM base\nRUN --mount=type=bind,from=base,source=/no,target=/x true\n", "is not in"),
    ],
)
def test_what_cannot_be_meant_is_refused(workshop: Workshop, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        workshop.build(text)
    assert words in caught.value.message
    assert caught.value.where == "Dockerfile:2"


def test_an_image_is_mounted_with_its_layers_merged_and_cannot_be_changed(
    workshop: Workshop, tmp_path: Path
) -> None:
    lower, upper = tmp_path / "lower", tmp_path / "upper"
    for layer, name in ((lower, "below"), (upper, "above")):
        (layer / "usr").mkdir(parents=True)
        (layer / "usr" / name).write_text(name)
        (layer / "usr" / "both").write_text(name)
    workshop.contexts["sysroot"] = ImageContext(
        digest="1" * 64, platform="linux/other", layers=(lower, upper)
    )
    made = workshop.files(
        "FROM base AS build\nWORKDIR /out\n"
        "RUN --mount=type=bind,from=sysroot,target=/sysroot"
        " ls /sysroot/usr > names && cat /sysroot/usr/both > both"
        " && ! echo x > /sysroot/usr/below && ! mkdir /sysroot/new\n"
        "RUN --mount=type=bind,from=sysroot,source=/usr,target=/u,rw echo new > /u/both\n" + OUT
    )
    assert made == {"names": "above\nbelow\nboth\n", "both": "above"}
    assert (upper / "usr" / "both").read_text() == "above"
