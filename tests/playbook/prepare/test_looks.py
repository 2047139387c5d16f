"""Each look at evidence finds the defect that was put there, and nothing where all is well."""

from __future__ import annotations

import gzip
import http.server
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import zstandard

from migration_cockpit.config import Schedule
from migration_cockpit.connections import Connections
from migration_cockpit.playbook.preflight.place import Place
from migration_cockpit.playbook.prepare import backup, chart, consumers, dags, lint, past_sessions, people, versions
from migration_cockpit.playbook.prepare.shape import FAILS, HOLDS, UNKNOWN, Seen, Where
from migration_cockpit.playbook.prepare.values import merged, over, setting, truth
from migration_cockpit.session import events as ev
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.recorder import Recorder
from migration_cockpit.session.redact import Redactor
from tests.connections.support import make_settings

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)


def where(directory: Path, **prepare: Any) -> Where:
    """A place none of whose systems exists: these looks ask the disk."""
    settings = make_settings(directory, prepare=prepare)
    place = Place(settings, cast("Connections", None), directory / "sessions")
    return Where(place, None, NOW)


# -- DAGs


def dag_files(directory: Path) -> Path:
    folder = directory / "dags"
    folder.mkdir()
    (folder / "old.py").write_text(
        "from airflow import DAG\nfrom airflow.operators.bash_operator import BashOperator\n"
        "with DAG('d', schedule_interval='@daily'):\n    BashOperator(task_id='t', bash_command='true')\n"
    )
    (folder / "new.py").write_text("from airflow.sdk import DAG\nwith DAG('e', schedule='@daily'):\n    pass\n")
    return folder


async def test_a_dag_with_schedule_interval_is_found_by_file_and_rule(tmp_path: Path) -> None:
    seen = await dags.violations(where(tmp_path, dags=str(dag_files(tmp_path))))
    assert seen.status == FAILS
    assert any(text.startswith("old.py:3 AIR301") and "schedule_interval" in text for text in seen.found)
    assert not any("new.py" in text for text in seen.found)


async def test_a_violation_is_accepted_with_a_reason_only(tmp_path: Path) -> None:
    folder, file = dag_files(tmp_path), tmp_path / "exceptions.toml"
    found = dags.ruff(str(folder), "ruff")
    assert isinstance(found, list)
    rows = [{"code": code, "file": "old.py", "reason": "retired in June"} for code in {each["code"] for each in found}]

    def write(entries: list[dict[str, str]]) -> None:
        lines = (["[[accept]]", *(f"{key} = {json.dumps(value)}" for key, value in each.items())] for each in entries)
        file.write_text("\n".join(line for each in lines for line in each))

    look = where(tmp_path, dags=str(folder), exceptions=str(file))
    write(rows)
    seen = await dags.violations(look)
    assert (seen.status, seen.found[1]) == (HOLDS, f"{len(found)} accepted with a reason")
    write([{**rows[0], "reason": " "}, *rows[1:]])
    seen = await dags.violations(look)
    assert (seen.status, "no reason for" in seen.found[0]) == (FAILS, True)
    file.write_text("[[accept]]\ncode = 3\n")
    assert (await dags.violations(look)).status == FAILS


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        ({}, "the DAGs folder is not known"),
        ({"dags": "nowhere"}, "is not a folder"),
        ({"dags": ".", "ruff": "/no/ruff"}, "/no/ruff cannot be started: No such file"),
        ({"dags": ".", "ruff": "false"}, "false:"),
    ],
)
async def test_where_ruff_cannot_look_nothing_is_said_to_hold(
    tmp_path: Path, prepare: dict[str, str], said: str
) -> None:
    seen = await dags.violations(where(tmp_path, **prepare))
    assert seen.status == UNKNOWN
    assert said in seen.found[0]


# -- consumers


LOG = """\
10.0.0.9 - - [10/May/2026:09:00:00 +0000] "GET /api/v1/dags/etl/dagRuns?limit=1 HTTP/1.1" 200 512 "-" "billing/1.2"
10.0.0.9 - - [10/May/2026:09:01:00 +0000] "POST /api/v1/dags/etl/dagRuns HTTP/1.1" 200 512 "-" "billing/1.2"
10.0.0.9 - - [10/May/2026:09:02:00 +0000] "GET /api/v1/dags/other/dagRuns HTTP/1.1" 200 512 "-" "billing/1.2"
10.0.0.7 - - [10/May/2026:09:02:00 +0000] "GET /health HTTP/1.1" 200 12 "-" "ELB-HealthChecker/2.0"
10.0.0.3 - - [10/May/2026:09:02:00 +0000] "GET /health HTTP/1.1" 200 12 "-" "kube-probe/1.30"
10.0.0.8 - - [10/May/2026:09:02:00 +0000] "GET /api/v2/monitor/health HTTP/1.1" 200 12 "-" "new/1"
10.0.0.8 - - [10/May/2026:09:02:00 +0000] "GET /healthy HTTP/1.1" 200 12 "-" "new/1"
INFO:     10.0.0.5:40112 - "GET /airflow/api/v1/pools HTTP/1.1" 404 Not Found
2026-05-10T09:02:00.1Z stdout F INFO:     10.0.0.6:40112 - "GET /health HTTP/1.1" 404 Not Found
2026-05-10T09:02:00.799320Z [info     ] request finished               [http.access] client_addr=10.0.0.4:48262 \
duration_us=4413 loc=http_access_log.py:98 method=GET path=/api/v1/dags query= status_code=404
"""


async def test_callers_of_what_is_gone_are_told_by_client_and_path(tmp_path: Path) -> None:
    (tmp_path / "ingress-1.log").write_text(LOG)
    seen = await consumers.look(where(tmp_path, access_logs=["ingress-*.log"]))
    assert seen.status == FAILS
    assert set(seen.found) == {
        "10 lines of 1 file looked at over 2 min",
        "10.0.0.9 (billing/1.2): 2 calls of GET /api/v1/dags",
        "10.0.0.9 (billing/1.2): 1 call of POST /api/v1/dags",
        "10.0.0.7 (ELB-HealthChecker/2.0): 1 call of GET /health",
        "10.0.0.5: 1 call of GET /api/v1/pools",
        "10.0.0.6: 1 call of GET /health",
        "10.0.0.4: 1 call of GET /api/v1/dags",
    }
    assert seen.at is not None, "logs grow old"


def dated(*days: int) -> str:
    """Lines of these days of May, of which none calls what is gone; the cockpit's own calls are nobody's script."""
    lines: tuple[str, ...] = (
        '10.0.0.8 - - [{:02}/May/2026:09:00:00 +0000] "GET /api/v2/dags HTTP/1.1" 200 1 "-" "new/1"\n',
    )
    lines += (
        '127.0.0.1 - - [{:02}/May/2026:09:00:00 +0000] "GET /api/v1/dags HTTP/1.1" 200 1 "-" "migration-cockpit"\n',
    )
    return "".join(line.format(day) for day in days for line in lines)


async def test_no_log_and_a_short_one_are_no_proof(tmp_path: Path) -> None:
    assert (await consumers.look(where(tmp_path))).status == UNKNOWN
    logs = where(tmp_path, access_logs=["*.log"])
    assert (await consumers.look(logs)).status == UNKNOWN
    log = tmp_path / "a.log"
    for text, said in (
        ("", "the access logs are empty"),
        ('10.0.0.8 - - "GET /api/v2/dags HTTP/1.1" 200\n', "they do not tell when they are of"),
        (dated(9, 10), "too short to prove it"),
    ):
        log.write_text(text)
        seen = await consumers.look(logs)
        assert (seen.status, said in seen.found[0]) == (UNKNOWN, True), seen.found
    log.write_text(dated(7, 10))
    seen = await consumers.look(logs)
    assert (seen.status, seen.found[0]) == (HOLDS, "4 lines of 1 file looked at over 3 days")


# -- packages


FREEZE = "apache-airflow==2.11.2\napache-airflow-providers-amazon==9.4.0\napache-airflow-providers-fab==1.5.4\n"


@pytest.mark.parametrize(
    ("target", "status", "said"),
    [
        (FREEZE.replace("2.11.2", "3.2.2"), HOLDS, "has all 2 providers"),
        (FREEZE.replace("9.4.0", "9.3.1"), FAILS, "amazon 9.3.1, production has 9.4.0"),
        (
            "apache-airflow==3.2.2\napache_airflow_providers_fab==3.6.4\n",
            FAILS,
            "lacks apache-airflow-providers-amazon",
        ),
        (FREEZE.replace("-fab==1.5.4", "-ftp==1"), FAILS, "lacks apache-airflow-providers-fab: users and roles"),
        ("nothing\n", UNKNOWN, "holds no line such as"),
    ],
)
async def test_a_provider_that_is_behind_or_missing_is_named(
    tmp_path: Path, target: str, status: str, said: str
) -> None:
    (tmp_path / "production.txt").write_text(FREEZE)
    (tmp_path / "target.txt").write_text(target)
    seen = versions.providers(str(tmp_path / "production.txt"), str(tmp_path / "target.txt"), "the target")
    assert seen.status == status
    assert any(said in text for text in seen.found)
    assert (await versions.packages(where(tmp_path))).status == UNKNOWN


# -- `airflow config lint`


SAID = """\
[2026-05-10T09:00:00Z] plugins.py:37 INFO - setup plugin alembic.autogenerate
Found issues in your airflow.cfg:
  - Changed default value of `executor` in `core` from `SequentialExecutor` to `LocalExecutor`. You currently have
`CeleryExecutor` set.
  - `sql_alchemy_conn` configuration parameter moved from `core` section to `database` section as `sql_alchemy_conn`.
{more}
Please update your configuration file accordingly.
"""
NOTES = "lint: 2 of its findings are no fault: [core] executor, [core] sql_alchemy_conn"


@pytest.mark.parametrize(
    ("said", "status", "found"),
    [
        ("No issues found in your airflow.cfg. It is ready for Airflow 3!\n", HOLDS, ("lint finds nothing",)),
        (SAID.format(more=""), HOLDS, (NOTES,)),
        (
            SAID.format(more="  - Removed deprecated `check_slas` configuration parameter from\n`core` section. Gone."),
            FAILS,
            ("lint: Removed deprecated `check_slas` configuration parameter from `core` section. Gone.", NOTES),
        ),
        ("Killed\n", UNKNOWN, ("lint said nothing that is known: Killed",)),
    ],
)
def test_what_config_lint_says_is_a_fault_unless_it_is_a_default_or_the_charts_own(
    said: str, status: str, found: tuple[str, ...]
) -> None:
    seen = lint.judge(said, "lint")
    assert (seen.status, seen.found) == (status, found)


async def test_where_config_lint_cannot_be_run_that_is_said(tmp_path: Path) -> None:
    seen = await lint.look(where(tmp_path))
    assert (seen.status, "staging's cluster is not known" in seen.found[0]) == (UNKNOWN, True)


# -- the chart's values


def test_keys_that_3_x_ignores_are_found_with_their_new_names() -> None:
    values = {
        "webserver": {"webserverConfig": "AUTH_TYPE = 1", "replicas": 2},
        "ingress": {"web": {"enabled": True}},
        "dagProcessor": {"enabled": False},
        "executor": "CeleryKubernetesExecutor",
        "webserverSecretKeySecretName": "s",
        "config": {"webserver": {"base_url": "https://a"}},
        "env": [{"name": "AIRFLOW__WEBSERVER__SECRET_KEY", "value": "x"}, {"name": "MINE", "value": "y"}],
    }
    found = chart.old_keys(values)
    assert [text.partition(" → ")[0] for text in found] == [
        "webserver.webserverConfig",
        "webserver",
        "ingress.web",
        "webserverSecretKeySecretName",
        "config.webserver",
        "env AIRFLOW__WEBSERVER__SECRET_KEY",
        "dagProcessor.enabled: false",
        "executor CeleryKubernetesExecutor",
    ]
    assert chart.old_keys({"webserver": {"defaultUser": {"enabled": False}}}) == [
        "webserver.defaultUser → createUserJob.defaultUser and createUserJob.enabled"
    ], "a block of nothing else is not named twice"
    assert chart.old_keys({"apiServer": {"replicas": 2}, "executor": "CeleryExecutor,KubernetesExecutor"}) == []


def test_values_files_lie_over_one_another_as_helm_lays_them(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: {b: 1, c: [1, 2]}\n")
    (tmp_path / "b.yaml").write_text("a: {c: [3]}\n")
    assert merged([str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]) == {"a": {"b": 1, "c": [3]}}
    (tmp_path / "b.yaml").write_text("a: [")
    assert "b.yaml is not YAML" in str(merged([str(tmp_path / "b.yaml")]))
    assert "No such file" in str(merged([str(tmp_path / "no.yaml")]))
    assert over({"a": {"b": 1}}, {"a": None}) == {"a": None}


def test_an_option_is_read_from_the_environment_before_the_file() -> None:
    values = {
        "config": {"scheduler": {"catchup_by_default": "True"}},
        "env": [{"name": "AIRFLOW__SCHEDULER__CATCHUP_BY_DEFAULT", "value": "False"}],
    }
    assert truth(setting(values, "scheduler", "catchup_by_default"), True) is False
    assert setting({}, "scheduler", "catchup_by_default") is None


def test_everything_that_an_object_cannot_start_without_is_found() -> None:
    pod = {
        "volumes": [
            {"secret": {"secretName": "keys"}},
            {"secret": {"secretName": "maybe", "optional": True}},
            {"configMap": {"name": "settings"}},
            {"persistentVolumeClaim": {"claimName": "logs"}},
            {"projected": {"sources": [{"secret": {"name": "tls"}}, {"configMap": {"name": "ca"}}]}},
        ],
        "imagePullSecrets": [{"name": "registry"}],
        "containers": [
            {
                "env": [
                    {"valueFrom": {"secretKeyRef": {"name": "jwt", "key": "jwt-secret"}}},
                    {"valueFrom": {"configMapKeyRef": {"name": "urls", "key": "api"}}},
                ],
                "envFrom": [
                    {"secretRef": {"name": "more"}},
                    {"secretRef": {"name": "not", "optional": True}},
                    {"configMapRef": {"name": "env"}},
                ],
            }
        ],
    }
    assert set(chart.needs(pod)) == {
        *(("Secret", name) for name in ("keys", "jwt", "more", "tls", "registry")),
        *(("ConfigMap", name) for name in ("settings", "ca", "urls", "env")),
        ("PersistentVolumeClaim", "logs"),
    }


# -- people


def planned(begin: datetime, hours: float = 7.0) -> Schedule:
    schedule = make_settings(Path()).schedule
    names = [each.name for each in msgspec.structs.fields(Schedule)]
    times = dict.fromkeys(names, begin) | {"window_end": begin + timedelta(hours=hours)}
    return msgspec.structs.replace(schedule, **times)


SATURDAY = datetime(2026, 5, 16, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("begin", "status", "said"),
    [
        (SATURDAY, UNKNOWN, "Sat 2026-05-16 09:00 to 16:00 UTC"),
        (datetime(2026, 5, 15, 18, tzinfo=UTC), FAILS, "a Friday evening"),
        (datetime(2026, 5, 15, 8, tzinfo=UTC), UNKNOWN, "Fri"),
        (datetime(2026, 5, 1, 8, tzinfo=UTC), FAILS, "it is over"),
    ],
)
def test_a_window_is_judged_by_its_dates(begin: datetime, status: str, said: str) -> None:
    seen = people.judge_window(planned(begin), NOW)
    assert seen.status == status
    assert said in seen.found[0]


def silence(begins: str, ends: str, state: str = "pending") -> dict[str, Any]:
    matchers = [{"name": "namespace", "value": "airflow"}]
    return {
        "startsAt": begins,
        "endsAt": ends,
        "status": {"state": state},
        "matchers": matchers,
        "comment": "migration",
    }


COVERS = silence("2026-05-16T08:00:00.000Z", "2026-05-16T18:30:00.000Z")


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ([COVERS], HOLDS, "migration (namespace=airflow) until 2026-05-16 18:30 UTC"),
        ([], FAILS, "none of 0 silences"),
        ([silence("2026-05-16T08:00:00Z", "2026-05-16T17:00:00Z")], FAILS, "none of 1 silences"),
        ([{**COVERS, "status": {"state": "expired"}}], FAILS, "none of 0 silences"),
        ([silence("2026-05-16T08:00:00Z", "2027-01-01T00:00:00Z")], FAILS, "lasts until 2027-01-01"),
    ],
)
def test_silences_cover_the_window_and_end(given: list[dict[str, Any]], status: str, said: str) -> None:
    seen = people.judge_silences(given, planned(SATURDAY))
    assert seen.status == status
    assert said in seen.found[0]


@contextmanager
def alertmanager(answer: bytes, code: int = 200) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code if self.path == "/api/v2/silences" else 404)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


async def test_silences_are_asked_of_the_alertmanager(tmp_path: Path) -> None:
    with alertmanager(json.dumps([COVERS]).encode()) as url:
        assert (await people.silences(where(tmp_path, alertmanager=url))).status == HOLDS
    with alertmanager(b"<html>", 200) as url:
        assert (await people.silences(where(tmp_path, alertmanager=url))).status == UNKNOWN
    with alertmanager(b"", 503) as url:
        seen = await people.silences(where(tmp_path, alertmanager=url))
    assert (seen.status, "503" in seen.found[0]) == (UNKNOWN, True)
    assert (await people.silences(where(tmp_path))).status == UNKNOWN


# -- sessions of the past


def session(
    home: Path, name: str, operator: str, outcome: str, *, rehearsal: bool = True, target: str = "3.2.2"
) -> None:
    """A real journal of a session that ended so."""
    recorder = Recorder(home / name, SystemClock(), Redactor())
    recorder.record(
        ev.SessionOpened(
            session=name,
            deployment="test",
            production=False,
            source_version="2.11.2",
            target_version=target,
            context="c",
            namespace="n",
            release="r",
            config="",
            program="",
            planned={},
            rehearsal=rehearsal,
        )
    )
    recorder.record(ev.DriverChanged(operator=operator, host="h", pid=1))
    recorder.record(ev.SessionClosed(reason="over", outcome=outcome))
    recorder.close()


async def test_who_has_rehearsed_is_told_by_the_sessions(tmp_path: Path) -> None:
    home = tmp_path / "sessions"
    session(home, "a", "ada", "verified")
    session(home, "b", "grace", "")
    session(home, "c", "grace", "verified", rehearsal=False)
    (home / "d").mkdir()
    (home / "d" / "session.jsonl").write_text("{damaged\n{\n")
    seen = await past_sessions.team(where(tmp_path, team=["ada", "grace"]))
    assert (seen.status, seen.found[0]) == (UNKNOWN, "no finished rehearsal of grace is kept here")
    session(home, "e", "grace", "overridden")
    seen = await past_sessions.team(where(tmp_path, team=["ada", "grace"]))
    assert seen.status == HOLDS
    assert (await past_sessions.team(where(tmp_path))).status == UNKNOWN


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstandard.ZstdCompressor().compress)])
async def test_a_session_that_was_packed_counts_and_one_that_is_cut_off_does_not(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    home = tmp_path / "sessions"
    session(home, "a", "ada", "verified")
    plain = home / "a" / "session.jsonl"
    packed = plain.with_name(f"session.jsonl{suffix}")
    whole = pack(plain.read_bytes())
    packed.write_bytes(whole)
    plain.unlink()
    assert (await past_sessions.team(where(tmp_path, team=["ada"]))).status == HOLDS
    packed.write_bytes(whole[: len(whole) // 2])
    assert (await past_sessions.team(where(tmp_path, team=["ada"]))).status == UNKNOWN


async def test_a_rollback_counts_on_the_same_versions_only(tmp_path: Path) -> None:
    home = tmp_path / "sessions"
    session(home, "a", "ada", "rolled back", target="3.0.6")
    seen = await past_sessions.rollback(where(tmp_path))
    assert (seen.status, "1 on other versions" in seen.found[0]) == (UNKNOWN, True)
    session(home, "b", "ada", "rolled back")
    assert (await past_sessions.rollback(where(tmp_path))).status == HOLDS


async def test_no_dump_an_empty_dump_a_changed_dump(tmp_path: Path) -> None:
    assert (await backup.look(where(tmp_path))).status == UNKNOWN
    settings = where(tmp_path).settings
    another = tmp_path / "sessions" / f"another-{settings.deployment.name}-20260513-090000" / "artifacts" / "a.dump"
    another.parent.mkdir(parents=True)
    another.write_bytes(b"")
    assert backup.dumps(tmp_path / "sessions", settings) == [], "a dump of another deployment proves nothing here"
    dump = tmp_path / "sessions" / f"{settings.deployment.name}-20260512-090000" / "artifacts" / "airflow.dump"
    dump.parent.mkdir(parents=True)
    dump.write_bytes(b"")
    assert (await backup.look(where(tmp_path))).found == ("airflow.dump is empty",)
    dump.write_bytes(b"PGDMP")
    dump.with_name("airflow.dump.sha256").write_text("0000  airflow.dump\n")
    seen: Seen = await backup.look(where(tmp_path))
    assert (seen.status, "its checksum differs" in seen.found[0]) == (FAILS, True)
    old = NOW.timestamp() - 40 * 86400
    os.utime(dump, (old, old))
    assert (await backup.look(where(tmp_path))).at == datetime.fromtimestamp(old, UTC)
