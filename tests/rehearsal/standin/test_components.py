"""Scheduler, worker, dag-processor and the two API servers of the stand-in, as a cockpit meets them."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from migration_cockpit.rehearsal import faults
from migration_cockpit.rehearsal.database import free_port
from tests.pace import PATIENCE
from tests.rehearsal.standin.conftest import wait

if TYPE_CHECKING:
    from tests.rehearsal.standin.conftest import Deployment

WORKING = "SELECT count(*) FROM task_instance WHERE state IN ('running', 'queued')"
BASIC = {"Authorization": "Basic " + base64.b64encode(b"admin:admin").decode()}


@dataclass
class Answer:
    status: int
    body: Any


@dataclass
class Client:
    """One server of the stand-in."""

    deployment: Deployment
    port: int

    def call(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"http://127.0.0.1:{self.port}{path}", data=data, method=method, headers=headers or {})
        try:
            with urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - loopback
                return Answer(answer.status, _body(answer.read()))
        except HTTPError as error:
            return Answer(error.code, _body(error.read()))

    def up(self) -> bool:
        try:
            return self.call("GET", "/").status == 200
        except (URLError, OSError):
            return False

    def token(self) -> dict[str, str]:
        answer = self.call("POST", "/auth/token", {"username": "admin", "password": "admin"})
        assert answer.status == 201
        return {"Authorization": f"Bearer {answer.body['access_token']}"}


def _body(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode()


def webserver(deployment: Deployment) -> Client:
    client = Client(deployment, free_port())
    deployment.start("2.11.2", "webserver", PORT=str(client.port))
    wait(client.up, "the webserver did not come up")
    return client


def migrated(deployment: Deployment) -> dict[str, str]:
    """Bring the deployment to 3.2.2; the environment with which its components find their execution API."""
    assert deployment.airflow("3.2.2", "db", "migrate").returncode == 0
    return {"AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{free_port()}/execution/"}


def api_server(deployment: Deployment, env: dict[str, str]) -> Client:
    client = Client(deployment, int(env["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].split(":")[2].split("/")[0]))
    deployment.start("3.2.2", "api-server", PORT=str(client.port), **env)
    wait(client.up, "the api-server did not come up")
    return client


def test_what_runs_drains_although_everything_is_paused_and_half_done_runs_stay(deployment: Deployment) -> None:
    assert deployment.value(WORKING) == 6
    deployment.do("UPDATE dag SET is_paused = true")
    scheduler = deployment.start("2.11.2", "scheduler")
    deployment.until(WORKING, 0)
    assert deployment.value("SELECT count(*) FROM dag_run WHERE state = 'running'") == 6
    assert deployment.value("SELECT count(*) FROM task_instance WHERE state = 'scheduled'") == 0
    assert deployment.airflow("2.11.2", "jobs", "check", "--job-type", "SchedulerJob", "--local").returncode == 0
    deployment.do("UPDATE dag SET is_paused = false")
    deployment.until("SELECT count(*) FROM dag_run WHERE state = 'running'", 0)
    scheduler.send_signal(signal.SIGTERM)
    assert scheduler.wait(20) == 0
    assert deployment.value("SELECT state FROM job WHERE job_type = 'SchedulerJob'") == "success"
    check = deployment.airflow("2.11.2", "jobs", "check", "--job-type", "SchedulerJob")
    assert (check.returncode, check.stderr) == (1, "No alive jobs found.\n")


def test_a_zombie_stays_when_all_others_end(deployment: Deployment) -> None:
    faults.switch(deployment.world, "zombie-task", {})
    deployment.do("UPDATE dag SET is_paused = true")
    deployment.start("2.11.2", "scheduler")
    deployment.until(WORKING, 1)
    assert deployment.value("SELECT count(*) FROM task_instance WHERE state = 'running'") == 1


def test_a_worker_finishes_what_it_has_before_it_goes(deployment: Deployment) -> None:
    deployment.do("UPDATE task_instance SET hostname = 'airflow-0' WHERE state = 'running'")
    celery = {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor", "AIRFLOW_HOME": str(deployment.world / "home")}
    ping = [sys.executable, "-m", "migration_cockpit.rehearsal.standin.celery_ping", "-m", "celery", "inspect", "ping"]
    assert subprocess.run(ping, env={**deployment.env, **celery}, check=False).returncode == 69
    worker = deployment.start("2.11.2", "celery", "worker", **celery)
    deployment.until("SELECT count(*) FROM task_instance WHERE state = 'queued'", 0)
    assert subprocess.run(ping, env={**deployment.env, **celery}, check=False).returncode == 0
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert deployment.value(WORKING) == 0


def test_the_scheduler_dies_when_the_schema_moves_under_it(deployment: Deployment) -> None:
    scheduler = deployment.start("2.11.2", "scheduler")
    deployment.until("SELECT count(*) FROM job WHERE job_type = 'SchedulerJob'", 1)
    migrated(deployment)
    output, _ = scheduler.communicate(timeout=PATIENCE)
    assert scheduler.returncode == 1
    assert "psycopg2.errors.UndefinedTable" in output or "psycopg2.errors.UndefinedColumn" in output
    refused = deployment.start("2.11.2", "scheduler")
    assert "ERROR: You need to upgrade the database." in refused.communicate(timeout=PATIENCE)[0]
    assert refused.returncode == 1


def test_metrics_arrive_under_their_real_names(deployment: Deployment) -> None:
    wanted = {
        "airflow.scheduler.scheduler_loop_duration",
        "airflow.executor.queued_tasks",
        "airflow.executor.open_slots",
        "airflow.dag_processing.total_parse_time",
        "airflow.dagbag_size",
        "airflow.pool.running_slots",
    }
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(20)
        deployment.start(
            "2.11.2",
            "scheduler",
            AIRFLOW__METRICS__STATSD_ON="True",
            AIRFLOW__METRICS__STATSD_HOST="127.0.0.1",
            AIRFLOW__METRICS__STATSD_PORT=str(listener.getsockname()[1]),
        )
        while wanted:
            name, _, value = listener.recv(2000).decode().partition(":")
            assert value.rpartition("|")[2] in {"g", "c", "ms"}
            wanted.discard(name)


def test_api_v1_changes_only_the_page_it_shows(deployment: Deployment) -> None:
    client = webserver(deployment)
    body = {"is_paused": True}
    assert client.call("PATCH", "/api/v1/dags?dag_id_pattern=%25", body).status == 401
    missing = client.call("PATCH", "/api/v1/dags", body, BASIC)
    assert (missing.status, missing.body["detail"]) == (400, "Missing query parameter 'dag_id_pattern'")
    page = client.call("PATCH", "/api/v1/dags?dag_id_pattern=%25&limit=5", body, BASIC)
    assert (len(page.body["dags"]), page.body["total_entries"]) == (5, 12)
    assert deployment.value("SELECT count(*) FROM dag WHERE is_paused") == 5
    assert client.call("GET", "/api/v1/version").body["version"] == "2.11.2"
    health = client.call("GET", "/health").body
    assert health["metadatabase"] == {"status": "healthy"}
    assert health["scheduler"]["status"] == "unhealthy"
    assert health["triggerer"] == {"status": None, "latest_triggerer_heartbeat": None}


def test_the_canary_runs_through_scheduler_executor_and_execution_api(deployment: Deployment) -> None:
    env = migrated(deployment)
    client = api_server(deployment, env)
    deployment.start("3.2.2", "scheduler", **env)
    deployment.start("3.2.2", "dag-processor", **env)
    deployment.start("3.2.2", "triggerer", **env)

    def healthy() -> bool:
        body = client.call("GET", "/api/v2/monitor/health").body
        return {part["status"] for part in body.values()} == {"healthy"}

    wait(healthy, "the four statuses never were healthy")
    deployment.until("SELECT count(*) FROM serialized_dag", 12)
    deployment.until("SELECT count(*) FROM dag WHERE NOT is_stale", 12)
    bearer = client.token()
    shown = client.call("GET", "/api/v2/dags?limit=1000", headers=bearer).body
    assert shown["total_entries"] == 12
    runs = "/api/v2/dags/cockpit_canary/dagRuns"
    assert client.call("POST", runs, {}, bearer).status == 422
    assert client.call("POST", runs, {"logical_date": None, "dag_run_id": "canary"}, bearer).status == 200
    assert client.call("POST", runs, {"logical_date": None, "dag_run_id": "canary"}, bearer).status == 409
    wait(
        lambda: client.call("GET", f"{runs}/canary", headers=bearer).body["state"] == "success",
        "the canary never ended",
    )
    tasks = client.call("GET", f"{runs}/canary/taskInstances", headers=bearer).body["task_instances"]
    assert [task["state"] for task in tasks] == ["success"]
    listed = deployment.airflow("3.2.2", "dags", "list", "-o", "json").stdout.splitlines()
    assert len(listed) > 1, "the noise before the JSON is part of what a reader must survive"
    canary = next(row for row in json.loads(listed[-1]) if row["dag_id"] == "cockpit_canary")
    keys = ["dag_id", "fileloc", "owners", "is_paused", "bundle_name", "bundle_version"]
    assert (list(canary), canary["owners"], canary["is_paused"]) == (keys, ["platform"], "False")


def test_half_done_runs_resume_under_the_new_version(deployment: Deployment) -> None:
    deployment.do("UPDATE dag SET is_paused = true")
    old = deployment.start("2.11.2", "scheduler")
    deployment.until(WORKING, 0)
    old.terminate()
    old.wait(20)
    env = migrated(deployment)
    api_server(deployment, env)
    deployment.start("3.2.2", "dag-processor", **env)
    deployment.start("3.2.2", "scheduler", **env)
    half_done = "SELECT count(*) FROM dag_run WHERE state = 'running' AND run_type = 'manual'"
    deployment.until("SELECT count(*) FROM serialized_dag", 12)
    assert deployment.value(half_done) == 6
    deployment.do("UPDATE dag SET is_paused = false")
    deployment.until(half_done, 0)
    finished = "SELECT count(*) FROM task_instance JOIN dag_run USING (dag_id, run_id) WHERE run_type = 'manual'"
    assert deployment.value(f"{finished} AND task_instance.state IS NULL") == 0


@pytest.mark.parametrize("secret", ["rehearsal-secret", "another-secret"])
def test_a_task_that_cannot_reach_the_execution_api_fails(deployment: Deployment, secret: str) -> None:
    env = migrated(deployment)
    if secret != "rehearsal-secret":
        api_server(deployment, env)
    deployment.start("3.2.2", "dag-processor", **env)
    scheduler = deployment.start("3.2.2", "scheduler", **{**env, "AIRFLOW__API_AUTH__JWT_SECRET": secret})
    deployment.until("SELECT count(*) FROM serialized_dag", 12)
    made = deployment.airflow("3.2.2", "dags", "trigger", "cockpit_canary", "-r", "lost", "-o", "json")
    assert made.returncode == 0, made.stderr
    deployment.until("SELECT state FROM dag_run WHERE run_id = 'lost'", "failed")
    scheduler.terminate()
    problem = "httpx.ConnectError" if secret == "rehearsal-secret" else "403 Invalid auth token"
    assert problem in scheduler.communicate(timeout=PATIENCE)[0]


def test_api_v2_pauses_all_in_one_call_and_refuses_what_the_real_one_refuses(deployment: Deployment) -> None:
    client = api_server(deployment, migrated(deployment))
    assert client.call("GET", "/api/v2/dags", headers=BASIC).status == 401
    bad = client.call("POST", "/auth/token", {"username": "admin", "password": "no"})
    assert (bad.status, bad.body) == (401, {"detail": "Invalid credentials"})
    bearer = client.token()
    wrong = {"Authorization": bearer["Authorization"][:-3] + "abc"}
    assert client.call("GET", "/api/v2/dags", headers=wrong).status == 403
    body = {"is_paused": True}
    nothing = client.call("PATCH", "/api/v2/dags", body, bearer)
    assert (nothing.status, nothing.body) == (200, {"dags": [], "total_entries": 0})
    everything = client.call("PATCH", "/api/v2/dags?dag_id_pattern=~&limit=3", body, bearer)
    assert (len(everything.body["dags"]), everything.body["total_entries"]) == (3, 12)
    assert deployment.value("SELECT bool_and(is_paused) FROM dag")
    one = client.call("PATCH", "/api/v2/dags/cockpit_canary", {"is_paused": False}, bearer)
    assert one.body["is_paused"] is False
    assert client.call("PATCH", "/api/v2/dags/nosuch", body, bearer).status == 404
    expected = {
        "/health": "Moved in Airflow 3. Please change config to check `/api/v2/monitor/health`",
        "/api/v1/dags": "/api/v1 has been removed in Airflow 3, please use its upgraded version /api/v2 instead.",
        "/api/v2/health": "API route not found",
    }
    for path, text in expected.items():
        answer = client.call("GET", path)
        assert (answer.status, answer.body) == (404, {"error": text})
    assert "<title>Airflow</title>" in client.call("GET", "/").body
    assert client.call("GET", "/api/v2/version").body["version"] == "3.2.2"


def test_the_faults_of_the_api(deployment: Deployment) -> None:
    client = api_server(deployment, migrated(deployment))
    bearer = client.token()
    deployment.do("UPDATE dag SET is_paused = true")
    faults.switch(deployment.world, "api-wrong-version", {})
    assert client.call("GET", "/api/v2/version").body["version"] != "3.2.2"
    faults.switch(deployment.world, "unpause-partial", {"dag_id": "daily_revenue_aggregation"})
    unpause = {"is_paused": False}
    assert client.call("PATCH", "/api/v2/dags/daily_revenue_aggregation", unpause, bearer).status == 500
    assert client.call("PATCH", "/api/v2/dags/cockpit_canary", unpause, bearer).status == 200
    faults.switch(deployment.world, "unpause-lost", {"dag_id": "fraud_detection_pipeline"})
    lost = client.call("PATCH", "/api/v2/dags/fraud_detection_pipeline", unpause, bearer)
    assert (lost.status, lost.body["is_paused"]) == (200, False)
    assert deployment.value("SELECT is_paused FROM dag WHERE dag_id = 'fraud_detection_pipeline'")
    deployment.do("UPDATE dag SET is_paused = false")
    faults.switch(deployment.world, "pause-noop", {})
    done = client.call("PATCH", "/api/v2/dags?dag_id_pattern=~", {"is_paused": True}, bearer)
    assert done.body["total_entries"] == 12
    assert deployment.value("SELECT count(*) FROM dag WHERE NOT is_paused") == 2
    faults.switch(deployment.world, "pause-noop", None)
    faults.switch(deployment.world, "unpause-partial", None)
    faults.switch(deployment.world, "unpause-lost", {})
    deployment.do("UPDATE dag SET is_paused = true")
    client.call("PATCH", "/api/v2/dags?dag_id_pattern=~", {"is_paused": False}, bearer)
    assert deployment.value("SELECT bool_and(dag_id LIKE 'etl_%') FROM dag WHERE is_paused")
    assert deployment.value("SELECT count(*) FROM dag WHERE is_paused") == 2


def test_the_faults_of_parsing(deployment: Deployment) -> None:
    migrated(deployment)
    faults.switch(deployment.world, "dag-lost", {"dag_id": "monthly_billing_report"})
    faults.switch(deployment.world, "import-error", {"dag_id": "fraud_detection_pipeline"})
    deployment.start("3.2.2", "dag-processor")
    deployment.until("SELECT count(*) FROM serialized_dag", 10)
    deployment.until("SELECT filename FROM import_error", "fraud_detection_pipeline.py")
    stale = "SELECT array_agg(dag_id::text ORDER BY dag_id) FROM dag WHERE is_stale"
    deployment.until(stale, ["fraud_detection_pipeline", "monthly_billing_report"])
    faults.switch(deployment.world, "dag-lost", None)
    faults.switch(deployment.world, "import-error", None)
    deployment.until("SELECT count(*) FROM dag WHERE is_stale", 0)
    assert deployment.value("SELECT count(*) FROM import_error") == 0


def test_a_stale_dag_processor_lives_but_its_heartbeat_is_old(deployment: Deployment) -> None:
    migrated(deployment)
    faults.switch(deployment.world, "dagprocessor-stale", {})
    deployment.start("3.2.2", "dag-processor")
    deployment.until("SELECT count(*) FROM job WHERE job_type = 'DagProcessorJob'", 1)
    assert deployment.value("SELECT max(latest_heartbeat) < now() - interval '5 minutes' FROM job WHERE id > 0")
    check = deployment.airflow("3.2.2", "jobs", "check", "--job-type", "DagProcessorJob")
    assert check.returncode == 1


def test_pausing_by_command_line_and_what_it_says(deployment: Deployment) -> None:
    done = deployment.airflow("2.11.2", "dags", "pause", "--treat-dag-id-as-regex", ".*", "-y", "-o", "json")
    rows = json.loads(done.stdout.splitlines()[-1])
    assert {row["is_paused"] for row in rows} == {"True"}
    assert deployment.value("SELECT bool_and(is_paused) FROM dag")
    again = deployment.airflow("2.11.2", "dags", "pause", "cockpit_canary")
    assert (again.returncode, again.stdout.splitlines()[-1]) == (0, "No unpaused DAGs were found")
    no_tty = deployment.airflow("2.11.2", "dags", "unpause", "--treat-dag-id-as-regex", ".*")
    assert (no_tty.returncode, "EOFError" in no_tty.stderr) == (1, True)
    migrated(deployment)
    assert deployment.airflow("3.2.2", "dags", "list", "-o", "json").stdout.splitlines()[-1] == "[]"
    opposite = deployment.airflow("3.2.2", "dags", "unpause", "cockpit_canary", "-o", "json")
    assert json.loads(opposite.stdout.splitlines()[-1]) == [{"dag_id": "cockpit_canary", "is_paused": "True"}]
    assert not deployment.value("SELECT is_paused FROM dag WHERE dag_id = 'cockpit_canary'")


@pytest.mark.parametrize(
    ("version", "args", "words"),
    [
        ("2.11.2", ("upgrade-check",), "invalid choice: 'upgrade-check'"),
        ("2.11.2", ("dags", "pause-all"), "argument COMMAND: invalid choice: 'pause-all'"),
        ("3.2.2", ("tasks", "list-failed"), "argument COMMAND: invalid choice: 'list-failed'"),
        ("2.11.2", ("api-server",), "invalid choice: 'api-server'"),
        ("3.2.2", ("webserver",), "Command `airflow webserver` has been removed. Please use `airflow api-server`"),
    ],
)
def test_commands_that_do_not_exist(deployment: Deployment, version: str, args: tuple[str, ...], words: str) -> None:
    done = deployment.airflow(version, *args)
    assert done.returncode == 2
    assert words in done.stderr


def test_users(deployment: Deployment) -> None:
    migrated(deployment)
    command = ("users", "create", "-r", "Admin", "-e", "a@example.com", "-f", "A", "-l", "B", "-p", "secret", "-u")
    assert "already exists" in deployment.airflow("3.2.2", *command, "admin").stdout
    assert deployment.airflow("3.2.2", *command, "second").returncode == 0
    listed = deployment.airflow("3.2.2", "users", "list", "-o", "json").stdout.splitlines()[-1]
    assert [row["username"] for row in json.loads(listed)] == ["admin", "second"]


def test_the_installed_image_needs_only_a_shell(deployment: Deployment) -> None:
    from migration_cockpit.rehearsal.standin.image import install_image

    program = install_image(deployment.world, "3.2.2")
    assert program == deployment.world / "images" / "apache-airflow-3.2.2" / "bin" / "airflow"
    env = {"PATH": "/usr/bin:/bin", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": deployment.dsn, "HOME": "/nonexistent"}
    done = subprocess.run(
        [str(program), "version"], env=env, capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert done.stdout == "3.2.2\n"
