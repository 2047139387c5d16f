"""The migration Job's manifest, built from pod templates as the chart renders them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from migration_cockpit.actions.job_template import COMMAND, FAB_AUTH_MANAGER, Origin, manifest, printable
from migration_cockpit.actions.site import Site
from tests.connections.support import make_settings

CONNECTION = {"name": "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "valueFrom": {"secretKeyRef": {"name": "m", "key": "c"}}}


def _site(tmp_path: Path, **tables: Any) -> Site:
    return Site(make_settings(tmp_path, **tables), "airflow-prod-20260516-090000")


def _scheduler() -> dict[str, Any]:
    """What the chart's scheduler has that would break a migration."""
    return {
        "metadata": {
            "labels": {"component": "scheduler", "tier": "airflow", "release": "airflow"},
            "annotations": {
                "checksum/airflow-config": "ab12",
                "cluster-autoscaler.kubernetes.io/safe-to-evict": "true",
            },
        },
        "spec": {
            "serviceAccountName": "airflow-scheduler",
            "securityContext": {"runAsUser": 50000, "fsGroup": 0},
            "imagePullSecrets": [{"name": "registry"}],
            "tolerations": [{"key": "airflow", "operator": "Exists"}],
            "terminationGracePeriodSeconds": 10,
            "topologySpreadConstraints": [{"maxSkew": 1}],
            "affinity": {"podAntiAffinity": {"x": 1}, "nodeAffinity": {"y": 2}},
            "nodeSelector": {"pool": "airflow"},
            "initContainers": [{"name": "wait-for-airflow-migrations"}, {"name": "git-sync-init"}],
            "containers": [
                {"name": "git-sync", "image": "git-sync:4"},
                {
                    "name": "scheduler",
                    "image": "apache/airflow:2.11.2",
                    "args": ["bash", "-c", "exec airflow scheduler"],
                    "env": [CONNECTION, {"name": "PGAPPNAME", "value": "old"}, {"name": "MY_TOKEN", "value": "s3cret"}],
                    "envFrom": [{"secretRef": {"name": "extra"}}],
                    "livenessProbe": {"exec": {"command": ["x"]}},
                    "startupProbe": {"exec": {"command": ["x"]}},
                    "lifecycle": {"preStop": {}},
                    "ports": [{"containerPort": 8793}],
                    "readinessProbe": {"exec": {"command": ["x"]}},
                    "resources": {"limits": {"memory": "256Mi"}},
                    "volumeMounts": [
                        {"name": "config", "mountPath": "/opt/airflow/airflow.cfg", "subPath": "airflow.cfg"},
                        {
                            "name": "config",
                            "mountPath": "/opt/airflow/config/airflow_local_settings.py",
                            "subPath": "airflow_local_settings.py",
                        },
                        {"name": "scheduler-claim", "mountPath": "/opt/airflow/claim"},
                        {"name": "logs", "mountPath": "/opt/airflow/logs"},
                        {"name": "dags", "mountPath": "/opt/airflow/dags"},
                        {"name": "ca", "mountPath": "/ca"},
                    ],
                },
                {"name": "scheduler-log-groomer", "image": "apache/airflow:2.11.2"},
            ],
            "volumes": [
                {"name": "config", "configMap": {"name": "airflow-config"}},
                {"name": "logs", "persistentVolumeClaim": {"claimName": "logs"}},
                {"name": "dags", "emptyDir": {}},
                {"name": "git-sync-ssh-key", "secret": {"secretName": "ssh"}},
                {"name": "ca", "secret": {"secretName": "rds-ca"}},
            ],
        },
    }


def _built(site: Site, **more: Any) -> dict[str, Any]:
    origin = Origin("the scheduler's pod template", _scheduler(), "scheduler")
    given: dict[str, Any] = {"image": "apache/airflow:3.2.2", "service_account": None, **more}
    return manifest(site, "airflow-db-migrate-x", origin, **given)


def test_from_scheduler_keeps_configuration_and_drops_what_would_break_it(tmp_path: Path) -> None:
    job = _built(_site(tmp_path))
    pod = job["spec"]["template"]["spec"]
    assert job["spec"]["backoffLimit"] == 0
    assert "activeDeadlineSeconds" not in job["spec"]
    assert "ttlSecondsAfterFinished" not in job["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["terminationGracePeriodSeconds"] >= 60
    assert "initContainers" not in pod
    assert "topologySpreadConstraints" not in pod
    assert pod["affinity"] == {"nodeAffinity": {"y": 2}}
    assert pod["nodeSelector"] == {"pool": "airflow"}
    assert [volume["name"] for volume in pod["volumes"]] == ["config", "ca"]
    (container,) = pod["containers"]
    assert container["image"] == "apache/airflow:3.2.2"
    assert container["args"] == COMMAND
    mounted = [(mount["name"], mount.get("subPath")) for mount in container["volumeMounts"]]
    assert mounted == [("config", "airflow.cfg"), ("config", "airflow_local_settings.py"), ("ca", None)]
    assert container["envFrom"] == [{"secretRef": {"name": "extra"}}]
    dropped = {"livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "ports", "resources"}
    assert not dropped & container.keys()


def test_from_scheduler_keeps_what_lets_the_pod_start(tmp_path: Path) -> None:
    pod = _built(_site(tmp_path))["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "airflow-scheduler"
    assert pod["securityContext"] == {"runAsUser": 50000, "fsGroup": 0}
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["tolerations"] == [{"key": "airflow", "operator": "Exists"}]
    (container,) = pod["containers"]
    assert CONNECTION in container["env"]
    assert {"name": "PYTHONUNBUFFERED", "value": "1"} in container["env"]


def test_nothing_else_in_the_cluster_ends_it_or_keeps_it_from_ending(tmp_path: Path) -> None:
    annotations = _built(_site(tmp_path))["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        "karpenter.sh/do-not-disrupt": "true",
        "sidecar.istio.io/inject": "false",
        "linkerd.io/inject": "disabled",
    }, "the scheduler's own, its checksums among them, are dropped"


def test_no_service_or_workload_selects_its_pod(tmp_path: Path) -> None:
    labels = _built(_site(tmp_path))["spec"]["template"]["metadata"]["labels"]
    assert labels["component"] not in {"scheduler", "run-airflow-migrations", "worker"}
    assert (labels["tier"], labels["release"]) == ("airflow", "airflow")  # PgBouncer's NetworkPolicy admits these
    assert all(len(value) <= 63 for value in labels.values())


def test_session_settings_replace_what_the_template_had(tmp_path: Path) -> None:
    (container,) = _built(_site(tmp_path, limits={"lock_timeout": 60.0}))["spec"]["template"]["spec"]["containers"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert environment["PGAPPNAME"] == "airflow-db-migrate"
    assert "-c lock_timeout=60000" in str(environment["PGOPTIONS"])
    assert "-c statement_timeout=0" in str(environment["PGOPTIONS"])
    assert [each["name"] for each in container["env"]].count("PGAPPNAME") == 1
    assert "AIRFLOW__CORE__AUTH_MANAGER" not in environment


def test_pgbouncer_refuses_session_settings_so_none_are_asked_for(tmp_path: Path) -> None:
    (container,) = _built(_site(tmp_path), pooled=True)["spec"]["template"]["spec"]["containers"]
    names = {each["name"] for each in container["env"]}
    assert "PGOPTIONS" not in names
    assert "PGAPPNAME" in names


def test_old_chart_gets_the_auth_manager(tmp_path: Path) -> None:
    (container,) = _built(_site(tmp_path), auth_manager=True)["spec"]["template"]["spec"]["containers"]
    assert {"name": "AIRFLOW__CORE__AUTH_MANAGER", "value": FAB_AUTH_MANAGER} in container["env"]


def test_direct_dsn_is_referred_to_and_never_inline(tmp_path: Path) -> None:
    (container,) = _built(_site(tmp_path), dsn_secret=("direct", "dsn"))["spec"]["template"]["spec"]["containers"]
    found = [each for each in container["env"] if each["name"] == "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    name = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
    assert found == [{"name": name, "valueFrom": {"secretKeyRef": {"name": "direct", "key": "dsn"}}}]


def test_chart_job_keeps_its_own_arguments_and_resources(tmp_path: Path) -> None:
    arguments = ["bash", "-c", "exec \\\nairflow db migrate"]
    container = {"name": "run-airflow-migrations", "image": "a:1", "args": arguments, "resources": {"x": 1}}
    origin = Origin("helm", {"spec": {"containers": [container]}}, "run-airflow-migrations")
    job = manifest(_site(tmp_path), "n", origin, image="a:2", service_account="default")
    (built,) = job["spec"]["template"]["spec"]["containers"]
    assert built["args"] == arguments
    assert built["resources"] == {"x": 1}
    assert job["spec"]["template"]["spec"]["serviceAccountName"] == "default"


def test_artifact_masks_confidential_values(tmp_path: Path) -> None:
    shown = printable(_built(_site(tmp_path))).decode()
    assert "s3cret" not in shown
    assert json.loads(shown)["kind"] == "Job"
