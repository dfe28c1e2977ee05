from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

STAGE = "version: 1\nstages:\n  one: {kind: command, image: python, run: 'true'}\n"


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        (STAGE.replace("image", "imge"), "pipeline.yaml:3:24", "did you mean `image`"),
        (STAGE.replace("image: python", "image: pyton"), "pipeline.yaml:3:31", "`python`"),
        (STAGE.replace("command", "comand"), "pipeline.yaml:3:15", "`command`"),
        (STAGE + "  one: {kind: changelog}\n", "pipeline.yaml:4:3", "twice"),
        (STAGE.replace("'true'", "[true]"), "pipeline.yaml:3:", "hint:"),
        (STAGE.replace("'true'", "&a x"), "pipeline.yaml:3:", "anchor"),
        (STAGE.replace("'true'", "!!python/name:os.system"), "pipeline.yaml:3:", "tag"),
        (STAGE.replace("'true'", "'true', source: ../.."), "pipeline.yaml:3:", "repository"),
        (
            (
                "version: 1\nstages:\n  a: {kind: changelog, needs: [b]}\n"
                "  b: {kind: changelog, needs: [a]}\n"
            ),
            "pipeline.yaml:3:",
            "a -> b -> a",
        ),
        ("version: 1\nstages: [", "pipeline.yaml:", "hint:"),
        (STAGE.replace("one", "one\x00"), "pipeline.yaml", "error:"),
        ("version: 1\nstages: " + "[" * 500 + "]" * 500, "pipeline.yaml", "error:"),
    ],
    ids=[
        *("key", "image", "kind", "twice", "type", "anchor", "tag", "outside", "cycle"),
        *("syntax", "control", "depth"),
    ],
)
def test_bad_yaml_is_2_with_place_and_hint_and_no_traceback(
    steps: Project, text: str, where: str, words: str
) -> None:
    (steps.root / "pipeline.yaml").write_text(text)
    for verb in (("run", "one"), ("list",), ("lock", "--check")):
        refused = steps.run(*verb).expect(2)
        assert "Traceback" not in refused.stderr
        assert refused.stdout == ""
        assert where in refused.stderr
        assert words in refused.stderr


def test_bytes_that_are_no_text_are_refused(steps: Project) -> None:
    (steps.root / "pipeline.yaml").write_bytes(b"version: 1\nstages: {\xff: }\n")
    assert "UTF-8" in steps.run("list").expect(2).stderr


def test_no_declaration_at_all_is_told(steps: Project) -> None:
    (steps.root / "pipeline.yaml").unlink(missing_ok=True)
    refused = steps.run("run", "one").expect(2)
    assert "cannot find `pipeline.yaml`" in refused.stderr
    assert "hint:" in refused.stderr
