"""Install, upgrade, rollback and uninstall against the embedded cluster."""

from __future__ import annotations

import base64
import gzip
import json
import signal
from typing import Any

from migration_cockpit.rehearsal import calls, faults
from tests.rehearsal.helm.conftest import NAMESPACE, World, answer

NO_JOBS: dict[str, Any] = {"migrateDatabaseJob": {"enabled": False}, "createUserJob": {"enabled": False}}


def release_record(world: World, revision: int) -> dict[str, Any]:
    secret = world.cluster.get("Secret", NAMESPACE, f"sh.helm.release.v1.airflow.v{revision}")
    data = base64.b64decode(base64.b64decode(secret["data"]["release"]))
    record: dict[str, Any] = json.loads(gzip.decompress(data))
    return record


async def statuses(world: World) -> list[tuple[int, str]]:
    rows = (await world.ok("history", "airflow", "-o", "json")).json
    return [(row["revision"], row["status"]) for row in rows]


def replicas(world: World, kind: str, name: str) -> int:
    return int(world.cluster.get(kind, NAMESPACE, name)["spec"]["replicas"])


def connection(world: World) -> str:
    return base64.b64decode(world.cluster.get("Secret", NAMESPACE, "airflow-metadata")["data"]["connection"]).decode()


async def test_install_runs_the_migration_and_components_become_ready(world: World) -> None:
    await world.install()
    assert (world.directory / "schema").read_text() == "2.11.2"
    await world.until(lambda: world.ready("Deployment", "airflow-webserver") == 1, "webserver ready")
    await world.until(lambda: world.ready("StatefulSet", "airflow-worker") == 1, "worker ready")
    assert world.cluster.find("Job", NAMESPACE, "airflow-run-airflow-migrations") is None, "hook-succeeded deletes it"
    rows = (await world.ok("history", "airflow", "-o", "json")).json
    assert [(row["revision"], row["status"], row["chart"]) for row in rows] == [(1, "deployed", "airflow-1.22.0")]
    assert rows[0]["app_version"] == "3.2.2", "history tells the chart's appVersion, whatever image runs"


async def test_release_secret_has_the_real_shape(world: World) -> None:
    await world.install()
    secret = world.cluster.get("Secret", NAMESPACE, "sh.helm.release.v1.airflow.v1")
    assert secret["type"] == "helm.sh/release.v1"
    labels = secret["metadata"]["labels"]
    assert {key: labels[key] for key in ("name", "owner", "status", "version")} == {
        "name": "airflow",
        "owner": "helm",
        "status": "deployed",
        "version": "1",
    }
    assert labels["modifiedAt"].isdigit()
    record = release_record(world, 1)
    assert list(record) == ["name", "info", "chart", "config", "manifest", "hooks", "version", "namespace"]
    assert record["chart"]["metadata"]["appVersion"] == "3.2.2"
    assert record["config"]["airflowVersion"] == "2.11.2"
    assert record["info"]["status"] == "deployed"
    assert record["info"]["deleted"] == ""
    assert record["manifest"].startswith("---\n# Source: airflow/templates/")


async def test_upgrade_to_3_swaps_components_and_leaves_new_pods_in_init(world: World) -> None:
    await world.install()
    await world.until(lambda: world.ready("Deployment", "airflow-webserver") == 1, "webserver ready")
    result = await world.ok("upgrade", "airflow", *world.values("3.2.2", **NO_JOBS), "--description", "cockpit s1")
    assert 'Release "airflow" has been upgraded. Happy Helming!' in result.out
    assert world.cluster.find("Deployment", NAMESPACE, "airflow-webserver") is None
    assert world.cluster.find("Deployment", NAMESPACE, "airflow-api-server") is not None
    assert await statuses(world) == [(1, "superseded"), (2, "deployed")]
    assert release_record(world, 2)["info"]["description"] == "cockpit s1"
    assert world.ready("Deployment", "airflow-api-server") == 0
    assert (world.directory / "schema").read_text() == "2.11.2", "the Job is off: nobody migrated"
    (world.directory / "schema").write_text("3.2.2")
    await world.until(lambda: world.ready("Deployment", "airflow-api-server") == 1, "api-server ready after migration")


async def test_upgrade_with_wait_deadlocks_until_its_timeout_when_the_migration_is_to_come(world: World) -> None:
    await world.install()
    result = await world.helm("upgrade", "airflow", *world.values("3.2.2"), "--wait", "--timeout", "3s")
    assert result.code == 1
    assert result.err.strip() == "Error: UPGRADE FAILED: context deadline exceeded"
    assert await statuses(world) == [(1, "deployed"), (2, "failed")]
    assert release_record(world, 2)["info"]["description"] == 'Upgrade "airflow" failed: context deadline exceeded'
    assert (world.directory / "schema").read_text() == "2.11.2", "the post-upgrade hook never ran"


async def test_atomic_rolls_the_manifests_back(world: World) -> None:
    stateless: dict[str, Any] = {
        "triggerer": {"persistence": {"enabled": False}},
        "workers": {"persistence": {"enabled": False}},
    }
    await world.install(**stateless)
    await world.until(lambda: world.ready("Deployment", "airflow-webserver") == 1, "webserver ready")
    values = world.values("3.2.2", **stateless)
    result = await world.helm("upgrade", "airflow", *values, "--atomic", "--timeout", "8s")
    assert result.code == 1
    assert "release airflow failed, and has been rolled back due to atomic being set" in result.err
    assert await statuses(world) == [(1, "superseded"), (2, "failed"), (3, "deployed")]
    assert world.cluster.find("Deployment", NAMESPACE, "airflow-webserver") is not None


async def test_atomic_gives_up_when_stateful_pods_are_stuck(world: World) -> None:
    """A StatefulSet never replaces a pod that is stuck in Init: somebody has to delete it."""
    await world.install()
    await world.until(lambda: world.ready("StatefulSet", "airflow-worker") == 1, "worker ready")
    result = await world.helm("upgrade", "airflow", *world.values("3.2.2"), "--atomic", "--timeout", "3s")
    assert result.err.startswith("Error: UPGRADE FAILED: an error occurred while rolling back the release. original ")
    assert await statuses(world) == [(1, "deployed"), (2, "failed"), (3, "failed")]


async def test_wait_succeeds_when_pods_become_ready(world: World) -> None:
    await world.install()
    await world.ok(
        "upgrade", "airflow", *world.values("2.11.2", scheduler={"replicas": 2}), "--wait", "--timeout", "60s"
    )
    assert world.ready("Deployment", "airflow-scheduler") == 2


async def test_failing_hook_fails_the_release_and_keeps_the_job(world: World) -> None:
    await world.install(**NO_JOBS)
    (world.directory / "migration-fails").touch()
    values = world.values("2.11.2", createUserJob={"enabled": False}, migrateDatabaseJob={"restartPolicy": "Never"})
    result = await world.helm("upgrade", "airflow", *values, "--timeout", "3s")
    assert result.code == 1
    assert result.err.startswith("Error: UPGRADE FAILED: post-upgrade hooks failed: 1 error occurred:\n\t* ")
    assert await statuses(world) == [(1, "deployed"), (2, "failed")]
    assert world.cluster.find("Job", NAMESPACE, "airflow-run-airflow-migrations") is not None
    hook = next(hook for hook in release_record(world, 2)["hooks"] if hook["kind"] == "Job")
    assert hook["last_run"]["phase"] == "Failed"


async def test_rollback_restores_the_old_secret_and_replicas(world: World) -> None:
    await world.install(**NO_JOBS)
    moved = {"brokerUrlSecretName": "airflow-broker-url", "metadataConnection": {"host": "new-db"}}
    await world.ok("upgrade", "airflow", *world.values("3.2.2", **NO_JOBS, data=moved, scheduler={"replicas": 3}))
    assert "@new-db:" in connection(world)
    await world.ok("rollback", "airflow", "1", "--no-hooks")
    assert "@old-db:" in connection(world), "rollback points pods at the old database again"
    assert replicas(world, "Deployment", "airflow-scheduler") == 1
    assert world.cluster.find("Deployment", NAMESPACE, "airflow-api-server") is None
    assert world.cluster.find("Deployment", NAMESPACE, "airflow-webserver") is not None
    rows = (await world.ok("history", "airflow", "-o", "json")).json
    assert [(row["status"], row["description"]) for row in rows] == [
        ("superseded", "Install complete"),
        ("superseded", "Upgrade complete"),
        ("deployed", "Rollback to 1"),
    ]
    assert not (world.directory / "schema").exists(), "no hook of the chart runs at a rollback"
    result = await world.helm("rollback", "airflow", "7")
    assert (result.code, result.err) == (1, "Error: release has no 7 version\n")


async def test_immutable_field_error_is_passed_on(world: World) -> None:
    await world.install(**NO_JOBS)
    values = world.values("2.11.2", **NO_JOBS, triggerer={"persistence": {"enabled": True, "size": "5Gi"}})
    result = await world.helm("upgrade", "airflow", *values)
    assert result.code == 1
    assert result.err.startswith(
        'Error: UPGRADE FAILED: cannot patch "airflow-triggerer" with kind StatefulSet: '
        'StatefulSet.apps "airflow-triggerer" is invalid: spec: Forbidden: updates to statefulset spec for fields other'
    )
    assert await statuses(world) == [(1, "deployed"), (2, "failed")]


async def test_foreign_object_of_the_same_name_stops_the_upgrade(world: World) -> None:
    await world.install(**NO_JOBS)
    world.cluster.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "airflow-api-server"},
                          "spec": {"ports": [{"port": 8080}]}}, NAMESPACE)  # fmt: skip
    result = await world.helm("upgrade", "airflow", *world.values("3.2.2", **NO_JOBS))
    assert result.err == (
        'Error: UPGRADE FAILED: Unable to continue with update: Service "airflow-api-server" in namespace "airflow" '
        "exists and cannot be imported into the current release: invalid ownership metadata; label validation error: "
        'missing key "app.kubernetes.io/managed-by": must be set to "Helm"; annotation validation error: missing key '
        '"meta.helm.sh/release-name": must be set to "airflow"; annotation validation error: missing key '
        '"meta.helm.sh/release-namespace": must be set to "airflow"\n'
    )
    assert await statuses(world) == [(1, "deployed")], "nothing was stored"


async def test_sigterm_marks_the_release_failed(world: World) -> None:
    await world.install()
    process = await world.start_helm("upgrade", "airflow", *world.values("3.2.2"), "--wait", "--timeout", "60s")
    await world.until(lambda: world.cluster.find("Deployment", NAMESPACE, "airflow-api-server"), "applied")
    process.send_signal(signal.SIGTERM)
    result = await answer(process)
    assert result.code == 1
    assert result.out == "Release airflow has been cancelled.\n"
    assert result.err == "Error: UPGRADE FAILED: context canceled\n"
    assert (await statuses(world))[-1] == (2, "failed")


async def test_sigkill_leaves_the_release_pending_and_the_next_upgrade_is_refused(world: World) -> None:
    await world.install()
    process = await world.start_helm("upgrade", "airflow", *world.values("3.2.2"), "--wait", "--timeout", "60s")
    await world.until(lambda: world.cluster.find("Deployment", NAMESPACE, "airflow-api-server"), "applied")
    process.kill()
    await process.wait()
    assert (await statuses(world))[-1] == (2, "pending-upgrade")
    result = await world.helm("upgrade", "airflow", *world.values("3.2.2"))
    assert result.code == 1
    assert result.err == "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress\n"
    # The killed upgrade had not deleted the 2.x objects yet, and a rollback looks for them in its manifest only.
    result = await world.helm("rollback", "airflow", "1")
    assert result.err == 'Error: no ServiceAccount with the name "airflow-webserver" found\n'
    assert await statuses(world) == [(1, "deployed"), (2, "superseded"), (3, "failed")]


async def test_reset_then_reuse_keeps_old_values_and_takes_new_defaults(world: World) -> None:
    await world.install(**NO_JOBS, scheduler={"replicas": 2})
    reference = ["apache-airflow/airflow", "--version", "1.22.0"]
    await world.ok("upgrade", "airflow", *reference, "--reset-then-reuse-values", "--set", "triggerer.replicas=2")
    assert replicas(world, "Deployment", "airflow-scheduler") == 2
    assert replicas(world, "StatefulSet", "airflow-triggerer") == 2
    await world.ok("upgrade", "airflow", *reference, "--reuse-values", "--set", "scheduler.replicas=1")
    assert replicas(world, "Deployment", "airflow-scheduler") == 1
    assert replicas(world, "StatefulSet", "airflow-triggerer") == 2


async def test_unreachable_cluster(world: World) -> None:
    await world.cluster.pause_api()
    result = await world.helm("history", "airflow")
    assert result.code == 1
    assert result.err.startswith('Error: Kubernetes cluster unreachable: Get "https://127.0.0.1:')
    assert result.err.endswith("connect: connection refused\n")
    await world.cluster.resume_api()


async def test_upgrade_rolls_nothing_without_a_change_and_undoes_drift(world: World) -> None:
    await world.install(**NO_JOBS)
    before = {item["metadata"]["name"]: item["metadata"]["generation"] for item in world.cluster.list("Deployment")}
    await world.ok("upgrade", "airflow", *world.values("2.11.2", **NO_JOBS))
    after = {item["metadata"]["name"]: item["metadata"]["generation"] for item in world.cluster.list("Deployment")}
    assert before == after, "with its Secrets pinned, an unchanged release leaves every pod alone"
    note = {"metadata": {"annotations": {"team.example/note": "mine"}}, "spec": {"replicas": 0}}
    world.cluster.patch("Deployment", NAMESPACE, "airflow-scheduler", note)
    patched = {"data": {"connection": base64.b64encode(b"postgresql://elsewhere").decode()}}
    world.cluster.patch("Secret", NAMESPACE, "airflow-metadata", patched)
    await world.ok("upgrade", "airflow", *world.values("2.11.2", **NO_JOBS))
    live = world.cluster.get("Deployment", NAMESPACE, "airflow-scheduler")
    assert live["spec"]["replicas"] == 1, "an upgrade undoes scale to zero"
    assert live["metadata"]["annotations"]["team.example/note"] == "mine"
    assert live["metadata"]["annotations"]["meta.helm.sh/release-name"] == "airflow"
    assert "@old-db:" in connection(world), "a Secret patched by hand is overwritten"


async def test_no_hooks_runs_no_job_and_the_fault_leaves_the_release_pending(world: World) -> None:
    await world.install(**NO_JOBS)
    await world.ok("upgrade", "airflow", *world.values("2.11.2"), "--no-hooks")
    assert not (world.directory / "schema").exists()
    faults.switch(world.directory, "helm-pending", {})
    result = await world.helm("upgrade", "airflow", *world.values("3.2.2", **NO_JOBS))
    assert result.err == "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress\n"
    assert await statuses(world) == [(1, "superseded"), (2, "deployed"), (3, "pending-upgrade")]


async def test_every_write_is_in_the_ledger_and_history_max_keeps_the_deployed_one(world: World) -> None:
    await world.install(**NO_JOBS)
    await world.ok("upgrade", "airflow", *world.values("2.11.2", **NO_JOBS), "--dry-run")
    await world.ok("upgrade", "airflow", *world.values("2.11.2", **NO_JOBS))
    await world.ok("rollback", "airflow", "1")
    await world.ok("upgrade", "airflow", *world.values("2.11.2", **NO_JOBS), "--history-max", "2")
    written = [(call.call, call.key) for call in calls.read(world.directory) if call.who == "helm"]
    assert written == [
        ("install", "airflow rev 1"),
        ("upgrade", "airflow rev 2"),
        ("rollback", "airflow rev 3"),
        ("upgrade", "airflow rev 4"),
    ]
    assert await statuses(world) == [(3, "superseded"), (4, "deployed")]


async def test_what_is_read_of_a_release_and_its_end(world: World) -> None:
    await world.install(**NO_JOBS)
    assert (await world.ok("get", "values", "airflow", "-o", "json")).json["airflowVersion"] == "2.11.2"
    computed = (await world.ok("get", "values", "airflow", "--all", "-o", "json")).json
    assert computed["scheduler"]["replicas"] == 1
    assert "kind: Deployment" in (await world.ok("get", "manifest", "airflow")).out
    hooks = (await world.ok("get", "hooks", "airflow")).out
    assert "kind: Job" not in hooks
    status = (await world.ok("status", "airflow", "-o", "json")).json
    assert (status["version"], status["info"]["status"]) == (1, "deployed")
    rows = (await world.ok("list", "-o", "json")).json
    assert [(row["name"], row["revision"], row["status"]) for row in rows] == [("airflow", "1", "deployed")]
    missing = await world.helm("status", "nope")
    assert (missing.code, missing.err) == (1, "Error: release: not found\n")
    nothing = await world.helm("upgrade", "nope", *world.values("2.11.2"))
    assert nothing.err == 'Error: UPGRADE FAILED: "nope" has no deployed releases\n'
    result = await world.ok("uninstall", "airflow")
    assert result.out == 'release "airflow" uninstalled\n'
    assert world.cluster.find("Deployment", NAMESPACE, "airflow-scheduler") is None
    assert world.cluster.find("Secret", NAMESPACE, "airflow-fernet-key") is not None
    assert (await world.helm("history", "airflow")).err == "Error: release: not found\n"
