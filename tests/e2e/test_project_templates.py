from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

EXTENDED = """\
{% extends "pipeline/wheel.Dockerfile.j2" %}
{% block contexts %}
{{ super() }}
LABEL said="by the project"
ENV GREETING="hello from the template"
RUN --network=none ["/bin/sh", "-c", "echo $GREETING"]
{% endblock %}
"""


def test_a_template_of_the_project_extends_the_built_in_one(pure: Project) -> None:
    usual = pure.run("run", "wheel", "--json", "--draft").expect(0)
    pure.write("dockerfiles/wheel.Dockerfile.j2", EXTENDED)
    assert 'LABEL said="by the project"' in pure.run("render", "wheel").expect(0).stdout
    ran = pure.run("run", "wheel", "--json", "--draft").expect(0)
    assert "hello from the template" in ran.stderr
    name = "example_duration-1.0.0-py3-none-any.whl"
    assert ran.digests[name] == usual.digests[name], "the sdist holds the template, too"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (
            '{% extends "pipeline/test.Dockerfile.j2" %}{% block steps %}\n{% endblock %}',
            "the command",
        ),
        (
            (
                '{% extends "pipeline/test.Dockerfile.j2" %}{% block output %}\n'
                "COPY --from=elsewhere / /\n{% endblock %}"
            ),
            "only known contexts: it names `elsewhere`",
        ),
        (
            '{% extends "pipeline/test.Dockerfile.j2" %}{% block contexts %}\n{% endblock %}',
            "the context",
        ),
        (
            (
                '{% extends "pipeline/test.Dockerfile.j2" %}{% block output %}\n'
                'RUN --network=host ["true"]\n{% endblock %}'
            ),
            "asks for the network",
        ),
        ("FROM {{ image }}\nENV TZ=Mars\n", "the variable"),
        ("FROM {{ imgae }}\n", "'imgae' is undefined"),
        ("FROM {{ image }\n", "test.Dockerfile.j2:1"),
        ("FROM {{ image }}\nONBUILD RUN true\n", "ONBUILD"),
        ("{{ ''.__class__.__mro__ }}\n", "unsafe"),
    ],
    ids=[
        "command",
        "unknown",
        "context",
        "network",
        "variable",
        "name",
        "syntax",
        "other",
        "unsafe",
    ],
)
def test_a_template_that_says_something_else_is_refused(
    pure: Project, template: str, said: str
) -> None:
    pure.write("dockerfiles/test.Dockerfile.j2", template)
    refused = pure.run("run", "test").expect(2)
    assert said in refused.stderr
    assert "test" in refused.stderr
    assert "Traceback" not in refused.stderr
