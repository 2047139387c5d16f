"""The rehearsal's chart has the shape of the official one: names, labels, guards, hooks, Secrets, switches."""

from __future__ import annotations

import base64
import filecmp
import json
import re
from pathlib import Path
from typing import Any

import pytest

from migration_cockpit.rehearsal.helm import charts, strvals
from migration_cockpit.rehearsal.helm.errors import HelmError
from migration_cockpit.rehearsal.helm.render import Cluster, Rendered, Target, render, split
from migration_cockpit.rehearsal.helm.template import yamlish
from tests.rehearsal.helm.conftest import CHARTS

Objects = dict[tuple[str, str], dict[str, Any]]
CHART = charts.load(CHARTS / "airflow-1.22.0")
COMPONENTS = {"scheduler", "webserver", "api-server", "dag-processor", "triggerer", "worker"}
PLACES = {
    "VERSION": "3.2.2",
    "EXECUTOR": "LocalExecutor",
    "WORKERS_PERSISTENCE": "false",
    "WORKERS": "1",
    "DB_HOST": "127.0.0.1",
    "DB_PORT": "5432",
    "DB_USER": "airflow",
    "DB_PASSWORD": "p%w",
    "DB_NAME": "airflow",
    "DAGS_FOLDER": "/dags",
    "PARALLELISM": "4",
    "PROBE_PERIOD": "1",
    "LIVENESS_PERIOD": "30",
    "MIGRATIONS_WAIT": "5",
    "GRACE": "10",
    "EXTRA_ENV": json.dumps("- name: MORE\n  value: x"),
}


def rendered(*settings: str, upgrade: bool = False, values: dict[str, Any] | None = None) -> Rendered:
    given: dict[str, Any] = values or {}
    for setting in settings:
        strvals.parse_into(setting, given, strvals.typed)
    return render(CHART, given, Target("rel", "ns", is_upgrade=upgrade), Cluster())


def objects(result: Rendered) -> Objects:
    """Manifest and hooks by kind and name."""
    texts = split(result.manifest) + [hook["manifest"] for hook in result.hooks]
    items = [yamlish.load(text) for text in texts]
    return {(item["kind"], item["metadata"]["name"]): item for item in items}


def workloads(items: Objects) -> dict[str, dict[str, Any]]:
    """Pod templates by component."""
    found = {}
    for (kind, _name), item in items.items():
        if kind in {"Deployment", "StatefulSet"}:
            found[item["spec"]["selector"]["matchLabels"]["component"]] = item
    return found


def environment(item: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in item["spec"]["template"]["spec"]["containers"][0]["env"]}


@pytest.mark.parametrize(
    ("version", "present", "absent"),
    [
        ("2.11.2", {"scheduler", "webserver", "triggerer", "worker", "statsd"}, {"api-server", "dag-processor"}),
        ("3.2.2", {"scheduler", "api-server", "dag-processor", "triggerer", "worker", "statsd"}, {"webserver"}),
    ],
)
def test_the_version_decides_the_components(version: str, present: set[str], absent: set[str]) -> None:
    items = objects(rendered(f"airflowVersion={version}"))
    found = workloads(items)
    assert present <= set(found)
    assert not absent & set(found)
    three = version.startswith("3")
    assert (("Secret", "rel-jwt-secret") in items) is three
    assert (("Secret", "rel-api-secret-key") in items) is three
    assert (("Secret", "rel-webserver-secret-key") in items) is not three
    for component, item in found.items():
        labels = item["spec"]["template"]["metadata"]["labels"]
        assert labels == {"tier": "airflow", "component": component, "release": "rel"}
        assert labels.items() <= item["metadata"]["labels"].items()
        assert item["metadata"]["name"] == f"rel-{component}"


def test_every_airflow_component_waits_for_migrations() -> None:
    found = workloads(objects(rendered("images.migrationsWaitTimeout=7", "images.airflow.tag=9.9.9")))
    for component in COMPONENTS & set(found):
        guard = found[component]["spec"]["template"]["spec"]["initContainers"][0]
        assert guard["name"] == "wait-for-airflow-migrations"
        assert guard["args"] == ["bash", "-c", "airflow db check-migrations --migration-wait-timeout=7"]
        assert guard["image"] == "apache/airflow:9.9.9"
    off = workloads(objects(rendered("scheduler.waitForMigrations.enabled=false")))
    assert "initContainers" not in off["scheduler"]["spec"]["template"]["spec"]


def test_main_containers_run_the_right_program() -> None:
    two, three = (workloads(objects(rendered(f"airflowVersion={version}"))) for version in ("2.11.2", "3.2.2"))
    programs = {
        name: item["spec"]["template"]["spec"]["containers"][0]["args"][2] for name, item in (two | three).items()
        if name in COMPONENTS
    }  # fmt: skip
    assert programs == {
        "scheduler": "exec \\\nairflow scheduler",
        "webserver": "exec airflow webserver",
        "api-server": "exec \\\nairflow api-server",
        "dag-processor": "exec \\\nairflow dag-processor",
        "triggerer": "exec \\\nairflow triggerer",
        "worker": "exec \\\nairflow celery worker",
    }
    port = three["api-server"]["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"]
    assert port == 8080


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (["executor=LocalExecutor"], "StatefulSet"),
        (["executor=LocalExecutor", "workers.persistence.enabled=false"], "Deployment"),
        (["executor=LocalExecutor", "workers.celery.persistence.enabled=false"], "Deployment"),
        (["executor=CeleryExecutor"], "Deployment"),
    ],
)
def test_kind_of_the_scheduler(settings: list[str], kind: str) -> None:
    assert (kind, "rel-scheduler") in objects(rendered(*settings))


def test_the_database_reaches_every_container_by_secret() -> None:
    parts = "data.metadataConnection.host=db,data.metadataConnection.pass=a/b,data.metadataConnection.user=u"
    items = objects(rendered(parts, "databaseCleanup.enabled=true"))
    secret = base64.b64decode(items["Secret", "rel-metadata"]["data"]["connection"]).decode()
    assert secret == "postgresql://u:a%2Fb@db:5432/postgres?sslmode=disable"
    reference = {"secretKeyRef": {"name": "rel-metadata", "key": "connection"}}
    found = workloads(items)
    job = items["Job", "rel-run-airflow-migrations"]
    for item in [*(found[component] for component in COMPONENTS & set(found)), job]:
        assert environment(item)["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]["valueFrom"] == reference
    cron = items["CronJob", "rel-database-cleanup"]["spec"]["jobTemplate"]
    assert environment(cron)["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]["valueFrom"] == reference


def test_pgbouncer_takes_the_place_of_the_database() -> None:
    items = objects(rendered("pgbouncer.enabled=true", "data.metadataConnection.host=real-db"))
    secret = base64.b64decode(items["Secret", "rel-metadata"]["data"]["connection"]).decode()
    assert "@rel-pgbouncer.ns:6543/rel-metadata" in secret
    ini = base64.b64decode(items["Secret", "rel-pgbouncer-config"]["data"]["pgbouncer.ini"]).decode()
    assert "rel-metadata = host=real-db dbname=postgres port=5432" in ini
    assert "pool_mode = transaction" in ini


def test_every_secret_that_is_referred_to_is_rendered() -> None:
    items = objects(rendered("airflowVersion=2.11.2"))
    names = {name for kind, name in items if kind == "Secret"}
    referred = set(re.findall(r'"secretKeyRef": \{"name": "([^"]+)"', json.dumps(list(items.values()))))
    assert referred
    assert referred <= names


def test_jobs_are_hooks_after_install_and_upgrade() -> None:
    result = rendered()
    jobs = {hook["name"]: hook for hook in result.hooks if hook["kind"] == "Job"}
    assert list(jobs) == ["rel-create-user", "rel-run-airflow-migrations"]
    for name, weight in (("rel-run-airflow-migrations", 1), ("rel-create-user", 2)):
        assert jobs[name]["events"] == ["post-install", "post-upgrade"]
        assert jobs[name]["weight"] == weight
        assert jobs[name]["delete_policies"] == ["before-hook-creation", "hook-succeeded"]
    migration = yamlish.load(jobs["rel-run-airflow-migrations"]["manifest"])["spec"]
    assert "backoffLimit" not in migration
    assert migration["ttlSecondsAfterFinished"] == 300
    pod = migration["template"]["spec"]
    assert pod["restartPolicy"] == "OnFailure"
    assert "initContainers" not in pod
    assert pod["containers"][0]["args"] == ["bash", "-c", "exec \\\nairflow db migrate"]
    fernet = next(hook for hook in result.hooks if hook["name"] == "rel-fernet-key")
    assert fernet["events"] == ["pre-install"]


def test_jobs_can_be_switched_off_or_made_plain_objects() -> None:
    off = rendered("migrateDatabaseJob.enabled=false", "createUserJob.enabled=false")
    assert not [hook for hook in off.hooks if hook["kind"] == "Job"]
    plain = rendered("migrateDatabaseJob.useHelmHooks=false")
    assert "name: rel-run-airflow-migrations" in plain.manifest
    assert not [
        hook for hook in rendered("webserver.defaultUser.enabled=false").hooks if hook["name"] == "rel-create-user"
    ]


def test_custom_environment_and_where_it_stays_out() -> None:
    settings = ["env[0].name=MINE,env[0].value=1", "migrateDatabaseJob.applyCustomEnv=false"]
    items = objects(rendered(*settings, values={"extraEnv": '- name: ALSO\n  value: "{{ .Release.Name }}"'}))
    mine = environment(workloads(items)["scheduler"])
    assert (mine["MINE"]["value"], mine["ALSO"]["value"]) == ("1", "rel")
    assert "MINE" not in environment(items["Job", "rel-run-airflow-migrations"])
    assert "MINE" in environment(items["Job", "rel-create-user"])


def test_unpinned_keys_change_with_every_render_and_pinned_ones_do_not() -> None:
    def key(*settings: str) -> str:
        return str(objects(rendered(*settings))["Secret", "rel-jwt-secret"]["data"]["jwt-secret"])

    assert key() != key()
    assert key("jwtSecret=x") == key("jwtSecret=x")
    pinned = ["jwtSecretName=a", "apiSecretKeySecretName=b", "fernetKeySecretName=c", "data.brokerUrlSecretName=d"]
    pinned += ["redis.passwordSecretName=e"]
    assert rendered(*pinned).manifest == rendered(*pinned).manifest
    scheduler = environment(workloads(objects(rendered(*pinned)))["scheduler"])
    reference = scheduler["AIRFLOW__API_AUTH__JWT_SECRET"]["valueFrom"]["secretKeyRef"]
    assert reference == {"name": "a", "key": "jwt-secret"}


def test_a_moved_database_rolls_the_components_but_not_statsd() -> None:
    def checksums(host: str) -> dict[str, Any]:
        pinned = "jwtSecret=x,apiSecretKey=x,webserverSecretKey=x"
        found = workloads(objects(rendered(pinned, f"data.metadataConnection.host={host}")))
        return {name: item["spec"]["template"]["metadata"].get("annotations") for name, item in found.items()}

    old, new = checksums("old"), checksums("new")
    assert {name for name in old if old[name] != new[name]} == COMPONENTS - {"webserver"}


def test_the_old_block_is_silently_without_effect_in_airflow_3() -> None:
    pinned = "jwtSecret=x,apiSecretKey=x,fernetKey=x,redis.password=x"
    assert rendered(pinned).manifest == rendered(pinned, "webserver.replicas=7,webserver.env[0].name=X").manifest


def test_configuration_file() -> None:
    config = objects(rendered("config.core.parallelism=5"))["ConfigMap", "rel-config"]["data"]["airflow.cfg"]
    assert "execution_api_server_url = http://rel-api-server:8080/execution/" in config
    assert "parallelism = 5" in config
    assert "statsd_host = rel-statsd" in config
    old = objects(rendered("airflowVersion=2.11.2"))["ConfigMap", "rel-config"]["data"]["airflow.cfg"]
    assert "execution_api_server_url" not in old
    assert "FabAuthManager" in old


def test_autoscalers_take_the_replicas_out_of_the_manifest() -> None:
    items = objects(rendered("workers.keda.enabled=true", "apiServer.hpa.enabled=true"))
    assert ("ScaledObject", "rel-worker") in items
    assert ("HorizontalPodAutoscaler", "rel-api-server") in items
    found = workloads(items)
    assert "replicas" not in found["worker"]["spec"]
    assert "replicas" not in found["api-server"]["spec"]
    assert found["scheduler"]["spec"]["replicas"] == 1


@pytest.mark.parametrize(
    "section",
    ["apiServer", "webserver", "scheduler", "workers", "triggerer", "dagProcessor", "data", "dags", "createUserJob",
     "migrateDatabaseJob", "databaseCleanup", "pgbouncer", "statsd", "redis", "logs", "images", "cleanup"],
)  # fmt: skip
def test_unknown_keys_inside_of_a_component_are_refused(section: str) -> None:
    with pytest.raises(HelmError, match=f"at '/{section}': additional properties 'typo' not allowed"):
        rendered(f"{section}.typo=1")


def test_unknown_keys_at_the_top_are_let_through() -> None:
    rendered("apiserver.replicas=7", "config.nonsense.key=1")
    with pytest.raises(HelmError, match="at '/apiServer': additional properties 'defaultUser' not allowed"):
        rendered("apiServer.defaultUser.enabled=false")


def test_executor_must_be_said_once() -> None:
    with pytest.raises(
        HelmError, match=r"execution error at \(airflow/templates/NOTES.txt.*Please configure the executor"
    ):
        rendered("config.core.executor=LocalExecutor")


def test_both_versions_have_the_same_templates() -> None:
    one, two = CHARTS / "airflow-1.20.0", CHARTS / "airflow-1.22.0"
    names = [path.relative_to(two).as_posix() for path in sorted(two.rglob("*")) if path.is_file()]
    assert names == [path.relative_to(one).as_posix() for path in sorted(one.rglob("*")) if path.is_file()]
    _same, different, _errors = filecmp.cmpfiles(one, two, names, shallow=False)
    assert sorted(different) == ["Chart.yaml", "values.yaml"]
    assert charts.load(one).app_version == "3.1.8"


def test_repository_and_references() -> None:
    assert charts.locate("apache-airflow/airflow", "") == charts.locate("apache-airflow/airflow", "1.22.0")
    assert charts.locate("apache-airflow/airflow", "~1.20").name == "airflow-1.20.0"
    assert charts.locate(str(CHARTS / "airflow-1.20.0"), "").name == "airflow-1.20.0"
    for reference, version, message in (
        ("apache-airflow/airflow", "2.0.0", "no chart version found for airflow-2.0.0"),
        ("bitnami/airflow", "", "repo bitnami not found"),
        ("./nope", "", 'path "./nope" not found'),
    ):
        with pytest.raises(HelmError, match=message):
            charts.locate(reference, version)


@pytest.mark.parametrize("name", ["values-2x.yaml", "values-3x.yaml"])
def test_values_templates_document_every_place_and_render(name: str) -> None:
    text = (CHARTS / name).read_text(encoding="utf-8")
    head, _, body = text.partition("\nairflowVersion:")
    documented = set(re.findall(r"@([A-Z_]+)@", head))
    used = set(re.findall(r"@([A-Z_]+)@", body))
    assert documented == used == set(PLACES)
    filled = re.sub(r"@([A-Z_]+)@", lambda match: PLACES[match.group(1)], f"airflowVersion:{body}")
    version = "2.11.2" if "2x" in name else "3.2.2"
    items = objects(rendered(f"airflowVersion={version}", values=yamlish.load_values(filled)))
    made = {secret for kind, secret in items if kind == "Secret"}
    assert made == {"rel-metadata"}, "the world creates the others before it installs"
    scheduler = environment(workloads(items)["scheduler"])
    assert scheduler["AIRFLOW__METRICS__STATSD_HOST"]["value"] == "airflow-statsd"
    assert scheduler["MORE"]["value"] == "x"
    assert "AIRFLOW_HOME" not in scheduler


def test_default_values_are_all_in_the_schema() -> None:
    schema = json.loads(Path(CHARTS / "airflow-1.22.0" / "values.schema.json").read_text(encoding="utf-8"))
    assert set(CHART.values) == set(schema["properties"])
