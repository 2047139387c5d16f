"""Jobs, Deployments and StatefulSets: what their controllers and the scale subresource answer."""

from __future__ import annotations

from typing import Any

from .worlds import Obj, World, eventually

DEPLOYMENTS, STATEFULSETS, JOBS = "apps/v1/deployments", "apps/v1/statefulsets", "batch/v1/jobs"


def container(image: str = "busybox:1", *command: str) -> Obj:
    return {"name": "main", "image": image, "command": list(command or ("sleep", "600"))}


def workload(name: str, replicas: int = 1, **spec: Any) -> Obj:
    labels = {"app": name}
    pod = {"terminationGracePeriodSeconds": 1, "containers": [container()]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    return {"spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec}}


def job(image: str, *command: str, **spec: Any) -> Obj:
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container(image, *command)]}
    return {"spec": {"backoffLimit": 0, "template": {"spec": pod}, **spec}}


def _status(world: World, resource: str, name: str) -> Obj:
    found: Obj = world.ok("GET", world.path(resource, name)).get("status", {})
    return found


def _conditions(world: World, name: str) -> dict[str, tuple[str, str]]:
    conditions = _status(world, JOBS, name).get("conditions", [])
    return {each["type"]: (each["status"], each.get("reason", "")) for each in conditions}


def _pods(world: World, **query: str) -> list[Obj]:
    found: list[Obj] = world.ok("GET", world.path("pods"), query=query)["items"]
    return found


def test_a_job_runs_once_and_says_so(world: World) -> None:
    made = world.make(JOBS, "good", job("busybox:1", "true"))
    labels = made["spec"]["template"]["metadata"]["labels"]
    uid = made["metadata"]["uid"]
    assert labels == {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "good",
        "controller-uid": uid,
        "job-name": "good",
    }
    defaults = {key: made["spec"].get(key) for key in ("parallelism", "completions", "backoffLimit", "completionMode")}
    assert defaults == {"parallelism": 1, "completions": 1, "backoffLimit": 0, "completionMode": "NonIndexed"}
    eventually(lambda: "Complete" in _conditions(world, "good"))
    status = _status(world, JOBS, "good")
    assert status["succeeded"] == 1
    assert status["completionTime"]
    assert _conditions(world, "good") == {
        "SuccessCriteriaMet": ("True", "CompletionsReached"),
        "Complete": ("True", "CompletionsReached"),
    }
    (pod,) = _pods(world, labelSelector="job-name=good")
    assert pod["status"]["phase"] == "Succeeded"
    assert pod["metadata"]["ownerReferences"][0] == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": "good",
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def test_a_job_that_fails_says_why(world: World) -> None:
    world.make(JOBS, "bad", job("failing:1", "false"))
    eventually(lambda: "Failed" in _conditions(world, "bad"))
    assert _conditions(world, "bad") == {
        "FailureTarget": ("True", "BackoffLimitExceeded"),
        "Failed": ("True", "BackoffLimitExceeded"),
    }
    status = _status(world, JOBS, "bad")
    assert status["failed"] == 1
    message = next(each["message"] for each in status["conditions"] if each["type"] == "Failed")
    assert message == "Job has reached the specified backoff limit"
    (pod,) = _pods(world, labelSelector="job-name=bad")
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 1


def test_a_jobs_template_cannot_change_and_its_deletion_takes_the_pods(world: World) -> None:
    world.make(JOBS, "j", job("busybox:1", "true"))
    change = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "other:2"}]}}}}
    code, reason, message = world.refused("PATCH", world.path(JOBS, "j"), change, patch="strategic")
    assert (code, reason) == (422, "Invalid")
    assert message.startswith('Job.batch "j" is invalid: spec.template: Invalid value: ')
    assert message.endswith(": field is immutable")
    eventually(lambda: _pods(world, labelSelector="job-name=j"))
    eventually(lambda: "Complete" in _conditions(world, "j"))
    world.ok("DELETE", world.path(JOBS, "j"), {"propagationPolicy": "Background"})
    eventually(lambda: world.ask("GET", world.path(JOBS, "j"))[0] == 404)
    eventually(lambda: not _pods(world, labelSelector="job-name=j"))


def test_a_job_must_say_how_its_pods_restart(world: World) -> None:
    body = job("busybox:1", "true")
    body["spec"]["template"]["spec"]["restartPolicy"] = "Always"
    code, _, message = world.refused("POST", world.path(JOBS), {"metadata": {"name": "j"}, **body})
    assert code == 422
    assert message == (
        'Job.batch "j" is invalid: spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
    )


def test_a_deployment_is_scaled_through_its_subresource(world: World) -> None:
    made = world.make(DEPLOYMENTS, "d", workload("d", 2))
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}
    assert made["spec"]["strategy"] == strategy
    eventually(lambda: _status(world, DEPLOYMENTS, "d").get("readyReplicas") == 2)
    where = world.path(DEPLOYMENTS, "d", "scale")
    scale = world.ok("GET", where)
    assert (scale["apiVersion"], scale["kind"], scale["spec"]) == ("autoscaling/v1", "Scale", {"replicas": 2})
    assert (scale["status"]["replicas"], scale["status"]["selector"]) == (2, "app=d")
    answered = world.ok("PATCH", where, {"spec": {"replicas": 0}}, patch="merge")
    assert answered["kind"] == "Scale"
    assert not answered["spec"].get("replicas")
    eventually(lambda: not _pods(world, labelSelector="app=d"))
    gone = eventually(lambda: not _status(world, DEPLOYMENTS, "d").get("replicas"))
    assert gone
    found = world.ok("GET", world.path(DEPLOYMENTS, "d"))
    assert found["spec"]["replicas"] == 0
    assert found["metadata"]["generation"] == 2
    code, reason, message = world.refused("PATCH", where, {"spec": {"replicas": -1}}, patch="merge")
    assert (code, reason) == (422, "Invalid")
    assert message == (
        'Scale.autoscaling "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    )


def test_a_new_template_rolls_a_deployment(world: World) -> None:
    world.make(DEPLOYMENTS, "d", workload("d", 1))
    eventually(lambda: _status(world, DEPLOYMENTS, "d").get("readyReplicas") == 1)
    patch = {"spec": {"template": {"metadata": {"annotations": {"rolled": "yes"}}}}}
    world.ok("PATCH", world.path(DEPLOYMENTS, "d"), patch, patch="strategic")

    def rolled() -> bool:
        status = _status(world, DEPLOYMENTS, "d")
        return (status.get("observedGeneration"), status.get("updatedReplicas"), status.get("replicas")) == (2, 1, 1)

    eventually(rolled)
    revisions = world.ok("GET", world.path("apps/v1/replicasets"), query={"labelSelector": "app=d"})["items"]
    assert sorted(item["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for item in revisions) == [
        "1",
        "2",
    ]
    conditions = {each["type"]: each for each in _status(world, DEPLOYMENTS, "d")["conditions"]}
    assert conditions["Available"]["reason"] == "MinimumReplicasAvailable"
    assert conditions["Progressing"]["reason"] == "NewReplicaSetAvailable"


def test_a_statefulset_goes_in_order_and_names_its_pods(world: World) -> None:
    world.make(STATEFULSETS, "s", workload("s", 2, serviceName="s"))
    eventually(lambda: _status(world, STATEFULSETS, "s").get("readyReplicas") == 2)
    assert sorted(pod["metadata"]["name"] for pod in _pods(world, labelSelector="app=s")) == ["s-0", "s-1"]
    labels = next(pod for pod in _pods(world) if pod["metadata"]["name"] == "s-1")["metadata"]["labels"]
    assert labels["statefulset.kubernetes.io/pod-name"] == "s-1"
    assert labels["apps.kubernetes.io/pod-index"] == "1"
    assert labels["controller-revision-hash"].startswith("s-")
    world.ok("PATCH", world.path(STATEFULSETS, "s", "scale"), {"spec": {"replicas": 1}}, patch="merge")
    eventually(lambda: [pod["metadata"]["name"] for pod in _pods(world, labelSelector="app=s")] == ["s-0"])
    code, _, message = world.refused(
        "PATCH", world.path(STATEFULSETS, "s"), {"spec": {"serviceName": "t"}}, patch="merge"
    )
    assert (code, message) == (
        422,
        'StatefulSet.apps "s" is invalid: spec: Forbidden: updates to statefulset spec for fields other than '
        "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
        "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    )


def test_a_selector_cannot_change(world: World) -> None:
    world.make(DEPLOYMENTS, "d", workload("d", 0))
    labels = {"app": "e"}
    change = {"spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}}
    code, _, message = world.refused("PATCH", world.path(DEPLOYMENTS, "d"), change, patch="merge")
    assert (code, message) == (
        422,
        'Deployment.apps "d" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"e"}}: field is immutable',
    )


def test_a_scale_to_zero_belongs_to_nobody(world: World) -> None:
    """Helm 4 upgrades by server-side apply: a zero that `scale` set it takes back without a word. Other counts, and
    what an edit wrote, has an owner that it runs into."""
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, **workload("d", 1)}
    where, helm = world.path(DEPLOYMENTS, "d"), {"fieldManager": "helm"}
    assert world.ask("PATCH", where, body, patch="apply", query=helm)[0] == 201

    def scale(count: int) -> None:
        query = {"fieldManager": "migration-cockpit"}
        world.ok(
            "PATCH", world.path(DEPLOYMENTS, "d", "scale"), {"spec": {"replicas": count}}, patch="merge", query=query
        )

    def edit(count: int) -> None:
        query = {"fieldManager": "kubectl-edit"}
        world.ok("PATCH", where, {"spec": {"replicas": count}}, patch="merge", query=query)

    def conflict(**query: str) -> str:
        code, answer = world.ask("PATCH", where, body, patch="apply", query={**helm, **query})
        assert (code, answer.get("reason")) in ((200, None), (409, "Conflict"))
        return str(answer.get("message", "")).removeprefix("Apply failed with 1 conflict: ")

    scaled = 'conflict with "migration-cockpit" with subresource "scale" using apps/v1: .spec.replicas'
    edited = 'conflict with "kubectl-edit" using apps/v1: .spec.replicas'
    scale(3)
    assert conflict() == scaled
    scale(0)
    assert conflict(dryRun="All") == ""
    scale(2)
    assert conflict(dryRun="All") == "", "what nobody owns, scale does not claim"
    assert conflict() == ""
    edit(0)
    assert conflict() == edited
    scale(0)
    assert conflict() == edited, "a count that stays the same keeps its owner"
    scale(3)
    assert conflict() == scaled
    scale(0)
    assert conflict() == ""
    edit(3)
    assert conflict(force="true") == ""
    assert world.ok("GET", where)["spec"]["replicas"] == 1


def test_a_deleted_pod_of_a_workload_comes_back(world: World) -> None:
    world.make(DEPLOYMENTS, "d", workload("d", 1))
    eventually(lambda: _status(world, DEPLOYMENTS, "d").get("readyReplicas") == 1)
    (before,) = _pods(world, labelSelector="app=d")
    world.ok("DELETE", world.path("pods", before["metadata"]["name"]), {"gracePeriodSeconds": 0})

    def replaced() -> bool:
        pods = _pods(world, labelSelector="app=d")
        return len(pods) == 1 and pods[0]["metadata"]["uid"] != before["metadata"]["uid"]

    eventually(replaced)
