"""What is told of a helm that failed."""

from __future__ import annotations

from migration_cockpit.actions.helm import complaint, mend_of
from migration_cockpit.connections import KubeError


def test_an_error_of_several_lines_is_told_whole() -> None:
    """The real helm prints what an API server refused over several lines: the right that is missing is in the last."""
    printed = (
        "W1126 warnings come first\n"
        'Error: UPGRADE FAILED: roles "r" is forbidden: user "u" is attempting to grant RBAC permissions not currently '
        'held:\n{APIGroups:[""], Resources:["pods"], Verbs:["create"]}\n'
    )
    told = complaint(printed)
    assert told.startswith('Error: UPGRADE FAILED: roles "r" is forbidden')
    assert told.endswith('not currently held: {APIGroups:[""], Resources:["pods"], Verbs:["create"]}')
    assert mend_of(told) == "; who gives rights through a Role must hold them: add these to helm's Role"


def test_without_an_error_line_the_last_one_is_told() -> None:
    assert complaint("one\n\ntwo\n") == "two"
    assert complaint("") == "no output"


def test_a_right_that_is_missing_is_told_as_the_line_of_the_role_that_lacks_it() -> None:
    where = 'User "ci" cannot patch resource "deployments" in API group "apps" in the namespace "airflow"'
    printed = f'Error: UPGRADE FAILED: deployments.apps "airflow-scheduler" is forbidden: {where}'
    line = "{apiGroups: [apps], resources: [deployments], verbs: [patch]}"
    assert mend_of(complaint(printed)) == f"; add to helm's Role in namespace airflow: {line}"
    everywhere = 'nodes is forbidden: User "ci" cannot list resource "nodes" in API group "" at the cluster scope'
    line = '{apiGroups: [""], resources: [nodes], verbs: [list]}'
    assert str(KubeError(403, "Forbidden", everywhere)).endswith(
        f"; add to a ClusterRole of the cockpit's user: {line}"
    )
    webhook = 'admission webhook "policy.example" denied the request: not today'
    assert str(KubeError(403, "Forbidden", webhook)) == f"Kubernetes: {webhook} (403 Forbidden)"


def test_helm_4_over_the_secret_that_a_way_back_changed_is_told_with_its_mend() -> None:
    one = 'Apply failed with 1 conflict: conflict with "migration-cockpit" using v1: .data.connection'
    more = 'Apply failed with 2 conflicts: conflicts with "migration-cockpit" using v1: - .data.a - .data.connection'
    for words in (one, more):
        assert "Let data.metadataConnection in helm.values lead there too" in mend_of(words)
    scaled = 'conflict with "migration-cockpit" with subresource "scale" using apps/v1: .spec.replicas'
    assert mend_of(scaled) == ""
