"""Which events start a workflow, by the examples of GitHub's documentation."""

from __future__ import annotations

import pytest

from pipeline.errors import UsageError
from pipeline.workflows.filters import Event, matches, starts


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("feature/*", ["feature/my-branch"], ["feature/beta-a/my-branch", "xfeature/a"]),
        ("feature/**", ["feature/a", "feature/beta-a/my-branch"], ["feature"]),
        ("main", ["main"], ["main2", "Main"]),
        ("*", ["main", "releases"], ["all/the/branches"]),
        ("**", ["all/the/branches", "every/tag"], []),
        ("*feature", ["mybranch-feature", "feature"], ["feature-x"]),
        ("v2*", ["v2", "v2.0", "v2.9"], ["v1"]),
        ("v[12].[0-9]+.[0-9]+", ["v1.10.1", "v2.0.0"], ["v3.0.0", "v1.a.0"]),
        ("v[0-9]*", ["v1", "v1.2.3", "v1.0rc1"], ["version", "v", "v1/2"]),
        ("a?b", ["ab", "b"], ["aab"]),
        (r"v\*", ["v*"], ["v1"]),
    ],
)
def test_a_pattern_means_what_github_says(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [ref for ref in yes if not matches(ref, [pattern])] == []
    assert [ref for ref in no if matches(ref, [pattern])] == []


def test_the_last_pattern_that_matches_decides() -> None:
    patterns = ["releases/**", "!releases/**-alpha", "releases/9-alpha"]
    assert matches("releases/10", patterns)
    assert not matches("releases/10-alpha", patterns)
    assert matches("releases/9-alpha", patterns)


@pytest.mark.parametrize(
    ("event", "triggers", "reason"),
    [
        ("tag:v1", {"push": {"tags": ["v*"]}}, ""),
        ("tag:x1", {"push": {"tags": ["v*"]}}, "its tags are v*"),
        ("tag:v1", {"push": {"branches": ["main"]}}, "it waits for branches only"),
        ("tag:v1", {"push": {}}, ""),
        ("tag:v1", {"push": {"tags-ignore": ["v1"]}}, "it ignores the tags v1"),
        ("push:main", {"push": {"tags": ["v*"]}}, "it waits for tags only"),
        ("push:dev", {"push": {"branches": ["main"]}}, "its branches are main"),
        ("push", {"push": {"branches": ["main"]}, "pull_request": {}}, ""),
        ("pull_request", {"pull_request": {}}, ""),
        ("pull_request:dev", {"pull_request": {"branches": ["main"]}}, "its branches are main"),
        ("pull_request", {"push": {}}, "it waits for push"),
        ("schedule", {"schedule": {}}, ""),
    ],
)
def test_an_event_starts_what_waits_for_it(
    event: str, triggers: dict[str, dict[str, list[str]]], reason: str
) -> None:
    assert starts(Event.parse(event), triggers) == reason


@pytest.mark.parametrize("text", ["tag", "tag:", "release:v1", "", "v1.2.3"])
def test_an_event_that_cannot_be_simulated_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no event"):
        Event.parse(text)


def test_an_event_decides_the_context_github() -> None:
    assert Event.parse("tag:v1").github["ref"] == "refs/tags/v1"
    assert Event.parse("pull_request").github["base_ref"] == "main"
    assert Event.parse("push", "trunk").github["ref_name"] == "trunk"
