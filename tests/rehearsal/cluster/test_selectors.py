"""Selectors in their string and object forms."""

import pytest

from migration_cockpit.rehearsal.cluster.errors import ApiError
from migration_cockpit.rehearsal.cluster.kinds import CONFIGMAPS, PODS
from migration_cockpit.rehearsal.cluster.selectors import match_labels, parse_fields, parse_labels, selector_text

LABELS = {"tier": "airflow", "component": "scheduler", "release": "airflow"}


@pytest.mark.parametrize(
    ("selector", "taken"),
    [
        ("", True),
        ("tier=airflow", True),
        ("tier==airflow,component=scheduler", True),
        ("component!=scheduler", False),
        ("missing!=x", True),
        ("component in (scheduler, webserver)", True),
        ("component notin (scheduler,webserver),tier=airflow", False),
        ("tier,!missing", True),
        ("!tier", False),
    ],
)
def test_label_selectors(selector: str, taken: bool) -> None:
    assert parse_labels(selector)(LABELS) is taken


def test_a_selector_that_does_not_parse_is_a_bad_request() -> None:
    with pytest.raises(ApiError) as refused:
        parse_labels("a b c")
    assert refused.value.code == 400


def test_spec_selectors_and_their_text() -> None:
    selector = {
        "matchLabels": {"tier": "airflow"},
        "matchExpressions": [
            {"key": "component", "operator": "In", "values": ["worker", "scheduler"]},
            {"key": "gone", "operator": "DoesNotExist"},
        ],
    }
    assert match_labels(selector, LABELS)
    assert not match_labels(selector, {**LABELS, "component": "statsd"})
    assert not match_labels(None, LABELS)
    assert selector_text(selector) == "tier=airflow,component in (scheduler,worker),!gone"


def test_field_selectors() -> None:
    pod = {"metadata": {"name": "p", "namespace": "n"}, "spec": {"nodeName": "m"}, "status": {"phase": "Running"}}
    assert parse_fields(PODS, "metadata.name=p,status.phase!=Pending,spec.nodeName=m")(pod)
    assert not parse_fields(PODS, "status.phase=Pending")(pod)
    with pytest.raises(ApiError, match=r"field label not supported: spec\.replicas"):
        parse_fields(PODS, "spec.replicas=1")
    with pytest.raises(ApiError) as refused:
        parse_fields(CONFIGMAPS, "data.x=1")
    assert refused.value.code == 400
