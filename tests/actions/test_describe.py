"""Names in the world, command lines, and what is refused: all without any connection."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest

from migration_cockpit.actions import helm
from migration_cockpit.actions.cluster import Autoscaler, Workload, phase, pod_of, talks_to_database, version_of
from migration_cockpit.actions.dump import TakeDump
from migration_cockpit.actions.helm import HelmUpgrade, refused_arguments, switches
from migration_cockpit.actions.migration_job import MigrationJob, job_name, status_of
from migration_cockpit.actions.operation import Status
from migration_cockpit.actions.pausing import PauseAll, SetPaused
from migration_cockpit.actions.site import Site, slug
from migration_cockpit.actions.snapshot import TakeSnapshot
from migration_cockpit.actions.stopping import PauseAutoscalers, RestoreAutoscalers, ScaleToZero
from migration_cockpit.config import load
from tests.connections.support import make_settings

SESSION = "Airflow_Prod--20260516T090000Z"


def _site(tmp_path: Path, **tables: Any) -> Site:
    return Site(make_settings(tmp_path, **tables), SESSION)


@pytest.mark.parametrize("session", [SESSION, "9-starts-with-digit", "ünïcode", "x" * 200, "-", "a" * 31 + "-b"])
def test_slug_fits_every_name_it_goes_into(session: str, tmp_path: Path) -> None:
    short = slug(session)
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", short)
    assert "--" not in short
    # A Job's name becomes a label of its pod, and the pod's name gets a suffix: 63 is the limit.
    assert len(job_name(Site(make_settings(tmp_path), session), 12)) + 6 <= 63


def test_slugs_of_long_sessions_differ() -> None:
    assert slug("x" * 200) != slug("x" * 201)


def test_a_later_attempt_has_a_job_of_its_own(tmp_path: Path) -> None:
    site = _site(tmp_path)
    assert job_name(site, 2) == job_name(site) + "-a2"


def test_every_command_names_context_and_namespace(tmp_path: Path) -> None:
    site = _site(tmp_path)
    operations = (
        ScaleToZero(site),
        PauseAutoscalers(site),
        MigrationJob(site, job_name(site)),
        HelmUpgrade(site),
    )
    for operation in operations:
        for command in operation.describe():
            assert re.search(r"--(kube-)?context test", command.text), command.text
            assert re.search(r"(-n|--namespace) airflow", command.text), command.text


def test_upgrade_cannot_deadlock(tmp_path: Path) -> None:
    (command,) = HelmUpgrade(_site(tmp_path)).describe()
    words = shlex.split(command.text)
    assert "migrateDatabaseJob.enabled=false" in words
    assert "createUserJob.enabled=false" in words
    assert not {"--wait", "--atomic", "--rollback-on-failure"} & set(words)
    assert words[words.index("--description") + 1].startswith("migration-cockpit ")


def test_old_chart_switches_the_user_job_by_its_old_name(tmp_path: Path) -> None:
    assert "webserver.defaultUser.enabled=false" in switches(
        make_settings(tmp_path, helm={"chart": "c", "chart_version": "1.18.0", "values": []})
    )


@pytest.mark.parametrize(
    "argument", ["--wait", "--wait=watcher", "--atomic", "--rollback-on-failure", "--reuse-values"]
)
def test_arguments_that_wait_or_roll_back_are_refused_with_the_reason(argument: str) -> None:
    (found,) = refused_arguments(["--debug", argument])
    assert found.startswith(argument)
    assert len(found) > len(argument) + 10


@pytest.mark.parametrize("argument", ["--kube-context=other", "--kubeconfig", "-n", "-nother", "--namespace=other"])
def test_arguments_that_lead_to_another_cluster_or_namespace_are_refused(argument: str) -> None:
    (found,) = refused_arguments(["--debug", argument])
    assert "every step acts where the banner says" in found


def test_harmless_arguments_pass() -> None:
    assert refused_arguments(["--debug", "--wait=false", "--history-max=20", "--reset-then-reuse-values"]) == []


def test_mended_values_are_another_upgrade(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("replicas: 1\n")
    settings = make_settings(tmp_path)
    first = helm.digest(settings)
    assert helm.digest(settings) == first
    values.write_text("replicas: 2\n")
    assert helm.digest(settings) != first


def test_bulk_pause_speaks_the_version_that_runs(tmp_path: Path) -> None:
    old = PauseAll(_site(tmp_path), version="2.11.2").describe()[0].text
    new = PauseAll(_site(tmp_path), version="3.2.2").describe()[0].text
    assert "/api/v1/dags?dag_id_pattern=%25" in old
    assert "/api/v2/dags?dag_id_pattern=~" in new
    one_by_one = SetPaused(_site(tmp_path), "unpause", ["a", "b"], paused=False, version="3.2.2", wait=10).describe()
    assert [command.what for command in one_by_one] == ["then wait 10 s"] * 2


def test_snapshot_name_and_tags(tmp_path: Path) -> None:
    site = _site(tmp_path, rds={"instance": "airflow-prod", "region": "eu-central-1"})
    create, wait = TakeSnapshot(site, "helm", 2).describe()
    name = f"airflow-pre-3x-{site.slug}-helm-2"
    assert f"--db-snapshot-identifier {name}" in create.text
    assert name in wait.text
    assert "Key=migration-cockpit/step,Value=helm" in create.text
    assert TakeSnapshot(_site(tmp_path), "helm").describe() == ()  # no [rds]: there is nothing to take


def test_dump_is_not_parallel_and_shows_no_password(tmp_path: Path) -> None:
    site = _site(tmp_path, dump={"enabled": True})
    text = " ".join(command.text for command in TakeDump(site, "helm", None).describe())
    assert "-Fc" in text
    assert " -j" not in text
    assert "postgresql://" not in text


def test_an_autoscaler_is_given_back_as_it_was(tmp_path: Path) -> None:
    site = _site(tmp_path)
    keda = Autoscaler(resource="scaledobjects", name="airflow-worker", target="airflow-worker", paused="3")
    hpa = Autoscaler(resource="horizontalpodautoscalers", name="airflow-api-server", target="airflow-api-server")
    pause = [command.text for command in PauseAutoscalers(site, [keda, hpa]).describe()]
    restore = [command.text for command in RestoreAutoscalers(site, [keda, hpa]).describe()]
    assert pause[0].endswith("paused-replicas=0 --overwrite")
    assert restore[0].endswith("paused-replicas=3 --overwrite")
    assert '"selectPolicy":"Disabled"' in pause[1]
    assert '"selectPolicy":null' in restore[1]


def test_scaling_down_names_the_count_before(tmp_path: Path) -> None:
    worker = Workload(resource="statefulsets", name="airflow-worker", component="worker", replicas=7)
    (command,) = ScaleToZero(_site(tmp_path), [worker]).describe()
    assert command.text.endswith("scale statefulset/airflow-worker --replicas=0")
    assert "7" in command.what


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("apache/airflow:3.2.2", "3.2.2"),
        ("registry:5000/team/airflow:2.11.2-python3.12", "2.11.2"),
        ("registry.io/airflow:prod-20260516", ""),
        ("registry.io/airflow@sha256:abc", ""),
        ("team/airflow:v3.2.2-7", "3.2.2"),
    ],
)
def test_version_in_an_image(image: str, version: str) -> None:
    assert version_of(image) == version


def test_phases_as_kubectl_says_them() -> None:
    init = {"spec": {"initContainers": [{}]}, "metadata": {"name": "p"}}
    waiting = {"initContainerStatuses": [{"state": {"running": {}}}], "phase": "Pending"}
    assert phase({**init, "status": waiting}) == "Init:0/1"
    back_off = {"initContainerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}], "phase": "Pending"}
    assert phase({**init, "status": back_off}) == "Init:CrashLoopBackOff"
    failed = {"initContainerStatuses": [{"state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}
    assert phase({**init, "status": failed}) == "Init:Error"
    assert phase({**init, "status": {"phase": "Pending"}}) == "Init:0/1"
    assert phase({"metadata": {"deletionTimestamp": "x"}, "status": {"phase": "Running"}}) == "Terminating"
    pull = {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}], "phase": "Pending"}
    assert phase({"metadata": {}, "status": pull}) == "ErrImagePull"
    assert phase({"metadata": {}, "status": {"phase": "Failed", "reason": "Evicted"}}) == "Evicted"


def test_a_pod_with_a_whole_secret_as_environment_may_write() -> None:
    assert talks_to_database({"containers": [{"envFrom": [{"secretRef": {"name": "x"}}]}]})
    assert talks_to_database({"containers": [{"env": [{"name": "AIRFLOW__CORE__SQL_ALCHEMY_CONN"}]}]})
    assert not talks_to_database({"containers": [{"env": [{"name": "STATSD_HOST"}]}]})


def test_a_bare_pod_is_an_executor_pod() -> None:
    pod = {
        "metadata": {"name": "task-1", "labels": {"component": "worker"}},
        "spec": {"containers": [{}]},
        "status": {},
    }
    assert not pod_of(pod).owned


def test_job_status_by_conditions() -> None:
    done = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    failed = {"status": {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}}
    assert status_of(done)[0] is Status.DONE
    assert status_of(failed) == (Status.FAILED, "BackoffLimitExceeded")
    assert status_of({"status": {"active": 1}})[0] is Status.RUNNING
    assert status_of({})[0] is Status.RUNNING


def test_what_the_flight_rests_on_comes_after_the_users_own_arguments() -> None:
    settings = load(Path(__file__).parents[2] / "config.example.toml")
    own = ("--set", "migrateDatabaseJob.enabled=true")
    own_helm = msgspec.structs.replace(settings.helm, arguments=own)
    given = helm.arguments(msgspec.structs.replace(settings, helm=own_helm), "d")
    assert given.index("migrateDatabaseJob.enabled=false") > given.index("migrateDatabaseJob.enabled=true")
