"""The template language, held against what helm 3.19.0 printed for the same templates.

`corpus/expected.txt` is `helm template demo corpus -n ns --kube-version v1.34.1`, `corpus/errors.json` the error of a
chart named `c` (values: num: 3, s: text) whose only template is the one given.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migration_cockpit.rehearsal.helm import charts
from migration_cockpit.rehearsal.helm.cli import main
from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.render import Cluster, Target, render
from migration_cockpit.rehearsal.helm.template import semver, yamlish

CORPUS = Path(__file__).parent / "corpus"
ERRORS = json.loads((CORPUS / "errors.json").read_text(encoding="utf-8"))


def test_corpus_renders_as_the_real_helm_rendered_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["template", "demo", str(CORPUS), "-n", "ns", "--kube-version", "v1.34.1"]) == 0
    assert capsys.readouterr().out == (CORPUS / "expected.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", ERRORS, ids=[case["template"][:40] for case in ERRORS])
def test_errors_are_worded_as_the_real_helm_words_them(case: dict[str, str]) -> None:
    chart = charts.Chart({"name": "c", "version": "1.0.0"}, {"num": 3.0, "s": "text"})
    chart.templates["templates/a.yaml"] = case["template"]
    with pytest.raises(HelmError) as failure:
        render(chart, {}, Target("demo", "default"), Cluster())
    assert str(failure.value) == case["error"]


@pytest.mark.parametrize("text", ["a: {b: [1, x]}", "- a\n- b: c\n", "x: |\n  two\n\n  lines\n", 'y: "1e3"\nz: 1e3\n'])
def test_dumped_yaml_is_read_back_the_same(text: str) -> None:
    value = yamlish.load(text)
    assert yamlish.load(yamlish.dump(value)) == value


@pytest.mark.parametrize(
    ("constraint", "version", "holds"),
    [
        (">=1.30.0-0", "v1.33.0-rehearsal", True),
        (">=1.30.0", "1.31.0-rc.1", False),
        ("~1.2", "1.3.0", False),
        ("^0.0.3", "0.0.4", False),
        ("1.x || >=3", "2.0.0", False),
    ],
)
def test_version_constraints(constraint: str, version: str, holds: bool) -> None:
    assert semver.satisfies(constraint, semver.parse(version)) is holds
