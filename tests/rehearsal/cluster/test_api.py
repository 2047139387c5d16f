"""The API as the official client sees it: objects, lists, patches, refusals."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from migration_cockpit.rehearsal import calls

from .conftest import Harness, container, eventually, job, pod, workload

if TYPE_CHECKING:
    from collections.abc import Callable


def refused(call: Callable[[], object]) -> tuple[int, str, str]:
    """The HTTP code, reason and message of a refusal."""
    with pytest.raises(ApiException) as caught:
        call()
    body = json.loads(caught.value.body)
    assert body["kind"] == "Status"
    assert body["code"] == caught.value.status
    return body["code"], body["reason"], body["message"]


def test_a_name_can_be_taken_only_once(shared: Harness, ns: str) -> None:
    body = {"metadata": {"name": "a"}, "data": {"x": "1"}}
    made = shared.core.create_namespaced_config_map(ns, body)
    assert made.metadata.uid
    assert int(made.metadata.resource_version) > 1000
    again = refused(lambda: shared.core.create_namespaced_config_map(ns, body))
    assert again == (409, "AlreadyExists", 'configmaps "a" already exists')


def test_a_generated_name_is_new_each_time(shared: Harness, ns: str) -> None:
    body = {"metadata": {"generateName": "gen-"}}
    names = {shared.core.create_namespaced_config_map(ns, body).metadata.name for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("gen-") and len(name) == 9 for name in names)


def test_a_lease_written_from_an_old_state_is_a_conflict(shared: Harness, ns: str) -> None:
    leases = client.CoordinationV1Api(shared.api)
    now = datetime.now(UTC)
    made = leases.create_namespaced_lease(
        ns,
        client.V1Lease(
            metadata=client.V1ObjectMeta(name="driver"),
            spec=client.V1LeaseSpec(holder_identity="one", acquire_time=now, lease_duration_seconds=15),
        ),
    )
    made.spec.holder_identity = "two"
    taken = leases.replace_namespaced_lease("driver", ns, made)
    assert taken.spec.holder_identity == "two"
    assert taken.spec.acquire_time == now
    code, reason, message = refused(lambda: leases.replace_namespaced_lease("driver", ns, made))
    assert (code, reason) == (409, "Conflict")
    assert message.startswith('Operation cannot be fulfilled on leases.coordination.k8s.io "driver": the object has')


def test_lists_come_in_pages_of_one_moment(shared: Harness, ns: str) -> None:
    for index in range(7):
        shared.core.create_namespaced_config_map(ns, {"metadata": {"name": f"m{index}", "labels": {"i": str(index)}}})
    first = shared.core.list_namespaced_config_map(ns, limit=3)
    assert [item.metadata.name for item in first.items] == ["m0", "m1", "m2"]
    assert first.metadata.remaining_item_count == 4
    shared.core.delete_namespaced_config_map("m4", ns)
    shared.core.create_namespaced_config_map(ns, {"metadata": {"name": "m9"}})
    second = shared.core.list_namespaced_config_map(ns, limit=3, _continue=first.metadata._continue)
    last = shared.core.list_namespaced_config_map(ns, limit=3, _continue=second.metadata._continue)
    assert [item.metadata.name for item in [*second.items, *last.items]] == ["m3", "m4", "m5", "m6"]
    assert not last.metadata._continue
    assert {p.metadata.resource_version for p in (first, second, last)} == {first.metadata.resource_version}


def test_a_page_that_is_too_old_is_gone(own: Harness) -> None:
    for index in range(3):
        own.core.create_namespaced_config_map("default", {"metadata": {"name": f"m{index}"}})
    first = own.core.list_namespaced_config_map("default", limit=1)
    own.core.create_namespaced_config_map("default", {"metadata": {"name": "later"}})
    own.call(own.cluster.expire_watches)
    code, reason, message = refused(
        lambda: own.core.list_namespaced_config_map("default", limit=1, _continue=first.metadata._continue)
    )
    assert (code, reason) == (410, "Expired")
    assert message.startswith("The provided continue parameter is too old to display a consistent list result.")


def test_lists_by_label_and_field(shared: Harness, ns: str) -> None:
    for name, tier in (("a", "x"), ("b", "x"), ("c", "y")):
        shared.core.create_namespaced_secret(ns, {"metadata": {"name": name, "labels": {"tier": tier}}})
    names = [s.metadata.name for s in shared.core.list_namespaced_secret(ns, label_selector="tier in (x)").items]
    assert names == ["a", "b"]
    found = shared.core.list_namespaced_secret(ns, field_selector="metadata.name=c,type=Opaque").items
    assert [s.metadata.name for s in found] == ["c"]
    code, _, message = refused(lambda: shared.core.list_namespaced_pod(ns, field_selector="spec.x=1"))
    assert (code, message) == (400, "field label not supported: spec.x")


def test_a_secret_is_patched_in_each_form(shared: Harness, ns: str) -> None:
    shared.core.create_namespaced_secret(ns, {"metadata": {"name": "s"}, "stringData": {"a": "1", "b": "2"}})

    def read() -> dict[str, str]:
        return dict(shared.core.read_namespaced_secret("s", ns).data)

    assert read() == {"a": "MQ==", "b": "Mg=="}
    shared.core.patch_namespaced_secret("s", ns, {"stringData": {"a": "3"}})
    assert read()["a"] == "Mw=="
    shared.core.patch_namespaced_secret("s", ns, [{"op": "remove", "path": "/data/b"}])
    assert read() == {"a": "Mw=="}
    code, reason, _ = refused(
        lambda: shared.core.patch_namespaced_secret("s", ns, {"metadata": {"resourceVersion": "1"}, "data": {}})
    )
    assert (code, reason) == (409, "Conflict")


def test_a_dry_run_answers_and_leaves_nothing(shared: Harness, ns: str) -> None:
    made = shared.apps.create_namespaced_deployment(ns, workload("Deployment", "dry"), dry_run="All")
    assert made.metadata.uid
    assert made.spec.strategy.rolling_update.max_surge == "25%"
    assert refused(lambda: shared.apps.read_namespaced_deployment("dry", ns)) == (
        404,
        "NotFound",
        'deployments.apps "dry" not found',
    )


def test_a_dry_run_of_a_change_shows_it_and_makes_none(shared: Harness, ns: str) -> None:
    made = shared.apps.create_namespaced_deployment(ns, workload("Deployment", "d", replicas=0))
    patch = {"metadata": {"uid": None}, "spec": {"minReadySeconds": 5}}
    shown = shared.apps.patch_namespaced_deployment("d", ns, patch, dry_run="All")
    assert (shown.spec.min_ready_seconds, shown.metadata.uid, shown.metadata.generation) == (5, made.metadata.uid, 2)
    assert shared.apps.read_namespaced_deployment("d", ns).spec.min_ready_seconds is None


def test_what_may_not_change_is_refused_as_the_real_server_does(shared: Harness, ns: str) -> None:
    shared.batch.create_namespaced_job(ns, job("j", "exec sleep 600"))
    code, reason, message = refused(
        lambda: shared.batch.patch_namespaced_job(
            "j", ns, {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "other:2"}]}}}}
        )
    )
    assert (code, reason) == (422, "Invalid")
    assert message.startswith('Job.batch "j" is invalid: spec.template: Invalid value: ')
    assert message.endswith(": field is immutable")

    shared.apps.create_namespaced_stateful_set(ns, workload("StatefulSet", "s", replicas=0, serviceName="s"))
    _, _, message = refused(lambda: shared.apps.patch_namespaced_stateful_set("s", ns, {"spec": {"serviceName": "t"}}))
    assert message == (
        'StatefulSet.apps "s" is invalid: spec: Forbidden: updates to statefulset spec for fields other than '
        "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
        "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
    )

    shared.apps.create_namespaced_deployment(ns, workload("Deployment", "d", replicas=0))
    change = {
        "spec": {
            "selector": {"matchLabels": {"app": "e"}},
            "template": {"metadata": {"labels": {"app": "e"}}},
        }
    }
    _, _, message = refused(lambda: shared.apps.patch_namespaced_deployment("d", ns, change))
    assert message == (
        'Deployment.apps "d" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"e"}}: field is immutable'
    )


def test_an_object_that_cannot_be_is_refused(shared: Harness, ns: str) -> None:
    always = job("j", "true")
    del always["spec"]["template"]["spec"]["restartPolicy"]
    _, _, message = refused(lambda: shared.batch.create_namespaced_job(ns, always))
    assert message == (
        'Job.batch "j" is invalid: spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
    )
    wrong = workload("Deployment", "d")
    wrong["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    _, _, message = refused(lambda: shared.apps.create_namespaced_deployment(ns, wrong))
    assert message.endswith('Invalid value: {"app":"other"}: `selector` does not match template `labels`')
    assert refused(lambda: shared.core.create_namespaced_config_map(ns, {"metadata": {"name": "Upper"}}))[0] == 422
    assert refused(lambda: shared.core.create_namespaced_config_map("nowhere", {"metadata": {"name": "a"}})) == (
        404,
        "NotFound",
        'namespaces "nowhere" not found',
    )


def test_a_pod_needs_its_service_account(shared: Harness, ns: str) -> None:
    code, _, message = refused(lambda: shared.core.create_namespaced_pod(ns, pod("p", serviceAccountName="nobody")))
    assert (code, message) == (
        403,
        f'pods "p" is forbidden: error looking up service account {ns}/nobody: serviceaccount "nobody" not found',
    )


def test_a_quota_on_pods_is_enforced(shared: Harness, ns: str) -> None:
    shared.core.create_namespaced_resource_quota(ns, {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}})
    shared.core.create_namespaced_pod(ns, pod("one"))
    code, _, message = refused(lambda: shared.core.create_namespaced_pod(ns, pod("two")))
    assert (code, message) == (
        403,
        'pods "two" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1',
    )
    eventually(lambda: shared.core.read_namespaced_resource_quota("few", ns).status.used == {"pods": "1"})


def test_the_scale_subresource(shared: Harness, ns: str) -> None:
    shared.apps.create_namespaced_deployment(ns, workload("Deployment", "d", replicas=2))
    scale = shared.apps.read_namespaced_deployment_scale("d", ns)
    assert (scale.spec.replicas, scale.status.selector) == (2, "app=d")
    assert shared.apps.patch_namespaced_deployment_scale("d", ns, {"spec": {"replicas": 0}}).spec.replicas is None
    assert shared.apps.read_namespaced_deployment("d", ns).spec.replicas == 0
    scale.metadata.resource_version = None
    scale.spec.replicas = 1
    assert shared.apps.replace_namespaced_deployment_scale("d", ns, scale).spec.replicas == 1
    code, _, message = refused(
        lambda: shared.apps.patch_namespaced_deployment_scale("d", ns, {"spec": {"replicas": -1}})
    )
    assert code == 422
    assert message.endswith("must be greater than or equal to 0")


def test_deleting_a_job_by_default_leaves_its_pods(shared: Harness, ns: str) -> None:
    shared.batch.create_namespaced_job(ns, job("j", "exec sleep 600"))
    eventually(lambda: shared.list("Pod", ns))
    _, _, headers = shared.batch.delete_namespaced_job_with_http_info("j", ns)
    assert headers["Warning"].startswith('299 - "child pods are preserved by default when jobs are deleted')
    eventually(lambda: shared.find("Job", ns, "j") is None)
    orphan = eventually(lambda: shared.list("Pod", ns))[0]
    assert "ownerReferences" not in orphan["metadata"]
    assert "deletionTimestamp" not in orphan["metadata"]


def test_deleting_in_the_foreground_waits_for_the_pods(shared: Harness, ns: str) -> None:
    shared.batch.create_namespaced_job(ns, job("j", "exec sleep 600"))
    eventually(lambda: any((p.get("status") or {}).get("phase") == "Running" for p in shared.list("Pod", ns)))
    answer = shared.batch.delete_namespaced_job("j", ns, propagation_policy="Foreground")
    assert answer is not None
    job_now = shared.find("Job", ns, "j")
    assert job_now is None or job_now["metadata"]["finalizers"] == ["foregroundDeletion"]
    eventually(lambda: shared.find("Job", ns, "j") is None)
    assert shared.list("Pod", ns) == []


def test_preconditions_protect_a_deletion(shared: Harness, ns: str) -> None:
    shared.core.create_namespaced_config_map(ns, {"metadata": {"name": "a"}})
    options = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="another"))
    code, reason, message = refused(lambda: shared.core.delete_namespaced_config_map("a", ns, body=options))
    assert (code, reason) == (409, "Conflict")
    assert "Precondition failed: UID in precondition: another" in message


def test_a_collection_is_deleted_by_label(shared: Harness, ns: str) -> None:
    for name in ("a", "b", "c"):
        labels = {"keep": "yes"} if name == "c" else {"keep": "no"}
        shared.core.create_namespaced_config_map(ns, {"metadata": {"name": name, "labels": labels}})
    shared.core.delete_collection_namespaced_config_map(ns, label_selector="keep=no")
    assert [m.metadata.name for m in shared.core.list_namespaced_config_map(ns).items] == ["c"]


def test_a_namespace_takes_its_content_with_it(own: Harness) -> None:
    own.core.create_namespace({"metadata": {"name": "gone"}})
    eventually(lambda: own.find("ServiceAccount", "gone", "default"))
    own.core.create_namespaced_config_map("gone", {"metadata": {"name": "a"}})
    stubborn = container("trap '' TERM; while :; do sleep 0.1; done")
    own.core.create_namespaced_pod("gone", pod("p", stubborn, terminationGracePeriodSeconds=1))
    eventually(lambda: own.core.read_namespaced_pod("p", "gone").status.phase == "Running")
    own.core.delete_namespace("gone")
    code, _, message = refused(lambda: own.core.create_namespaced_config_map("gone", {"metadata": {"name": "b"}}))
    assert (code, message) == (
        403,
        'configmaps "b" is forbidden: unable to create new content in namespace gone because it is being terminated',
    )
    eventually(lambda: own.find("Namespace", "", "gone") is None)
    assert own.list("Pod", "gone") == []


def test_custom_resources_are_there_only_when_installed(shared: Harness, ns: str) -> None:
    custom = client.CustomObjectsApi(shared.api)
    with pytest.raises(ApiException) as caught:
        custom.list_namespaced_custom_object("keda.sh", "v1alpha1", ns, "scaledobjects")
    assert (caught.value.status, caught.value.body) == (404, "404 page not found\n")
    body = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "db"},
        "spec": {"target": {"name": "airflow-metadata"}},
    }
    custom.create_namespaced_custom_object("external-secrets.io", "v1", ns, "externalsecrets", body)
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    shared.call(lambda: shared.cluster.patch("ExternalSecret", ns, "db", ready, status=True))
    found = custom.get_namespaced_custom_object("external-secrets.io", "v1", ns, "externalsecrets", "db")
    assert found["status"]["conditions"][0]["status"] == "True"


def test_a_custom_group_comes_and_goes(own: Harness) -> None:
    custom = client.CustomObjectsApi(own.api)

    def listed() -> int:
        try:
            custom.list_namespaced_custom_object("keda.sh", "v1alpha1", "default", "scaledobjects")
        except ApiException as error:
            return int(error.status)
        return 200

    assert listed() == 404
    own.call(lambda: own.cluster.install_group("keda.sh"))
    assert listed() == 200
    own.call(lambda: own.cluster.remove_group("keda.sh"))
    assert listed() == 404


def test_discovery_names_what_is_served(shared: Harness) -> None:
    assert client.VersionApi(shared.api).get_code().git_version == "v1.34.4"
    groups = {group.name for group in client.ApisApi(shared.api).get_api_versions().groups}
    assert {"apps", "batch", "rbac.authorization.k8s.io", "external-secrets.io"} <= groups
    assert "keda.sh" not in groups
    resources = {r.name: r for r in client.AppsV1Api(shared.api).get_api_resources().resources}
    assert resources["deployments/scale"].kind == "Scale"
    assert set(resources["deployments"].verbs) >= {"list", "watch", "patch"}


def test_an_event_can_be_written_by_a_client(shared: Harness, ns: str) -> None:
    body = client.CoreV1Event(
        metadata=client.V1ObjectMeta(name="cockpit.1"),
        involved_object=client.V1ObjectReference(kind="Namespace", name=ns, namespace=ns),
        reason="StepVerified",
        message="head hash abc",
        type="Normal",
    )
    shared.core.create_namespaced_event(ns, body)
    found = shared.core.list_namespaced_event(ns, field_selector="reason=StepVerified").items
    assert [event.message for event in found] == ["head hash abc"]


def test_every_change_of_the_world_is_in_the_ledger(own: Harness) -> None:
    own.core.create_namespaced_secret("default", {"metadata": {"name": "s"}})
    own.core.patch_namespaced_secret("s", "default", {"stringData": {"a": "1"}})
    own.core.patch_namespaced_secret("s", "default", {"stringData": {"a": "2"}}, dry_run="All")
    own.batch.create_namespaced_job("default", job("j", "true"))
    refused(lambda: own.batch.create_namespaced_job("default", job("j", "true")))
    own.apps.create_namespaced_deployment("default", workload("Deployment", "d", container("exec sleep 60")))
    own.apps.patch_namespaced_deployment_scale("d", "default", {"spec": {"replicas": 0}})
    client.CoordinationV1Api(own.api).create_namespaced_lease("default", {"metadata": {"name": "l"}})
    own.core.list_namespaced_secret("default")
    assert [(c.who, c.call, c.key) for c in calls.read(own.directory)] == [
        ("kubernetes", "create secrets", "default/s"),
        ("kubernetes", "patch secrets", "default/s"),
        ("kubernetes", "create jobs", "default/j"),
        ("kubernetes", "create deployments", "default/d"),
        ("kubernetes", "patch deployments/scale", "default/d"),
    ]
