from __future__ import annotations

import pytest

from pipeline.engines.auto import AutoEngine
from pipeline.engines.protocol import Availability, BuildRequest, BuildResult, ImageContext
from pipeline.errors import ConfigError, EngineUnavailableError, StageFailedError
from pipeline.platforms import native_platform
from pipeline.store.trees import Tree

PLAIN = "FROM base\nRUN true\n"
OTHER_USER = "FROM base\nUSER nobody\nRUN true\n"


class Standing:
    """An engine that builds nothing, and says that it was asked."""

    def __init__(self, name: str, *, works: bool = True, raises: Exception | None = None) -> None:
        self.name = name
        self.built = 0
        self.cancelled = False
        self._works = works
        self._raises = raises

    def probe(self) -> Availability:
        return Availability(works=self._works, identity=self.name, reason="it is away")

    def build(self, request: BuildRequest, output: object) -> BuildResult:
        del request, output
        if self._raises:
            raise self._raises
        if not self._works:
            raise EngineUnavailableError(f"{self.name} does not work", hint="repair it")
        self.built += 1
        return BuildResult(output=Tree(entries=()), engine=self.name)

    def cancel(self) -> None:
        self.cancelled = True


def request(text: str = PLAIN, platform: str = "") -> BuildRequest:
    image = ImageContext(digest="a", platform=platform or native_platform(), layers=())
    return BuildRequest(dockerfile=text, contexts={"base": image}, platform=image.platform)


def engine(sandbox: Standing, docker: Standing, told: list[str] | None = None) -> AutoEngine:
    return AutoEngine(sandbox, lambda: docker, (told if told is not None else []).append)


def test_the_sandbox_is_taken_where_it_works() -> None:
    sandbox, docker = Standing("sandbox"), Standing("docker", works=False)
    auto = engine(sandbox, docker)
    assert auto.build(request(), print).engine == "sandbox"
    assert auto.name == "sandbox"


def test_docker_is_taken_where_the_sandbox_does_not_work_and_it_is_said_once() -> None:
    told: list[str] = []
    sandbox, docker = Standing("sandbox", works=False), Standing("docker")
    auto = engine(sandbox, docker, told)
    assert [auto.build(request(), print).engine for _ in range(2)] == ["docker", "docker"]
    assert auto.name == "docker"
    assert told == ["building with Docker: sandbox does not work"]


def test_docker_is_taken_for_what_only_it_can_do() -> None:
    told: list[str] = []
    sandbox = Standing("sandbox")
    auto = engine(sandbox, Standing("docker"), told)
    assert auto.build(request(OTHER_USER), print).engine == "docker"
    assert sandbox.built == 0
    assert "Dockerfile:2: `USER nobody` is not supported by the sandbox" in told[0]
    assert auto.build(request(), print).engine == "sandbox"


def test_what_only_docker_can_do_fails_by_name_where_there_is_no_docker() -> None:
    auto = engine(Standing("sandbox"), Standing("docker", works=False))
    with pytest.raises(ConfigError, match="USER nobody") as caught:
        auto.build(request(OTHER_USER), print)
    assert caught.value.hint.endswith("or have Docker do it, but it is away")


def test_where_nothing_works_it_is_the_sandbox_that_is_explained() -> None:
    auto = engine(Standing("sandbox", works=False), Standing("docker", works=False))
    with pytest.raises(EngineUnavailableError, match="sandbox does not work") as caught:
        auto.build(request(), print)
    assert caught.value.hint == "repair it; or have Docker do it, but it is away"
    assert not auto.probe().works


def test_a_failing_step_is_not_tried_again_on_docker() -> None:
    docker = Standing("docker")
    auto = engine(Standing("sandbox", raises=StageFailedError("`RUN false` failed")), docker)
    with pytest.raises(StageFailedError):
        auto.build(request(), print)
    assert docker.built == 0


def test_a_fault_of_a_sandbox_that_works_is_not_hidden_by_docker() -> None:
    docker = Standing("docker")
    auto = engine(Standing("sandbox", raises=EngineUnavailableError("out of memory")), docker)
    with pytest.raises(EngineUnavailableError, match="out of memory"):
        auto.build(request(), print)
    assert docker.built == 0


def test_docker_is_taken_for_a_platform_that_the_sandbox_cannot_run() -> None:
    sandbox = Standing("sandbox", raises=EngineUnavailableError("no emulator"))
    auto = engine(sandbox, Standing("docker"))
    assert auto.build(request(platform="linux/riscv64"), print).engine == "docker"


def test_cancelling_reaches_both_where_both_are_used() -> None:
    sandbox, docker = Standing("sandbox", works=False), Standing("docker")
    auto = engine(sandbox, docker)
    auto.cancel()
    assert (sandbox.cancelled, docker.cancelled) == (True, False)
    auto.build(request(), print)
    auto.cancel()
    assert docker.cancelled
