"""`check` against one embedded world: everything in order, then one thing wrong at a time, each named with its mend."""

from __future__ import annotations

import asyncio
import json
import shutil
import stat
import subprocess
import sys
from collections import namedtuple
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
import yaml

from migration_cockpit.config import SecretRef, Settings, load
from migration_cockpit.connections import Connections, postgres
from migration_cockpit.connections.aws import Aws
from migration_cockpit.connections.kube import Kube
from migration_cockpit.playbook import preflight
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.playbook.preflight import examine, permissions
from migration_cockpit.playbook.preflight.permissions import FORWARD, NEEDS, Need
from migration_cockpit.playbook.preflight.place import Place
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.redact import MASK, Redactor
from tests.flight.world import ROOT, environment, world
from tests.pace import PATIENCE

pytestmark = pytest.mark.world
RIGHTS = ROOT / "src" / "migration_cockpit" / "permissions" / "rbac.yaml"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with world(tmp_path_factory.mktemp("check") / "world", "--dags=8", "--task-instances=500") as running:
        yield running


@pytest.fixture
def settings(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in environment(directory).items():
        monkeypatch.setenv(name, value)
    # What is there answers, however busy the machine is.
    monkeypatch.setattr(postgres, "CONNECT_SECONDS", int(PATIENCE))
    monkeypatch.setattr(preflight, "LOOK_SECONDS", PATIENCE)
    return load(directory / "config.toml")


@pytest.fixture(scope="module")
def world_dsn(directory: Path) -> str:
    return (directory / "secrets" / "dsn").read_text()


def changed(settings: Settings, key: str, value: Any) -> Settings:
    """The settings with another value at a dotted key."""
    table, _, name = key.partition(".")
    part = msgspec.structs.replace(getattr(settings, table), **{name: value})
    return msgspec.structs.replace(settings, **{table: part})


def wrong(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.ok]


def names(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(finding.area, finding.name) for finding in findings}


def of(findings: list[Finding], area: str, name: str) -> Finding:
    return next(finding for finding in findings if (finding.area, finding.name) == (area, name))


# -- as it should be


def test_a_deployment_in_order_passes_and_shows_no_secret(directory: Path) -> None:
    command = [sys.executable, "-m", "migration_cockpit", "check", "--config", str(directory / "config.toml")]
    ran = subprocess.run(
        [*command, "--json"], env=environment(directory), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    found = json.loads(ran.stdout)
    assert [one for one in found if not one["ok"]] == []
    assert [one for one in found if MASK in one["found"]] == [], "what is no secret can be read"
    looked_at = {(one["area"], one["name"]): one["found"] for one in found}
    assert {area for area, _ in looked_at} == {area for area, _ in preflight.LOOKS}
    assert looked_at["Programs", "helm"].startswith("v3.")
    secrets = [path.read_text().strip() for path in (directory / "secrets").iterdir()]
    kubeconfig = yaml.safe_load((directory / "kubeconfig").read_text())
    secrets += [user["user"]["token"] for user in kubeconfig["users"]]
    secrets.append(str(psycopg.conninfo.conninfo_to_dict((directory / "secrets" / "dsn").read_text())["password"]))
    # The account of the world is admin/admin: as a word it stands in places that tell nothing.
    assert len(secrets) >= 6
    assert [secret for secret in secrets if secret != "admin" and secret in ran.stdout] == []


def test_a_wrong_one_ends_with_1_and_a_table_with_the_mend(directory: Path, tmp_path: Path) -> None:
    text = (directory / "config.toml").read_text().replace('binary = "./helm"', 'binary = "no-such-helm"')
    text = text.replace('"./kubeconfig"', f'"{directory / "kubeconfig"}"')
    text = text.replace('file = "secrets/', f'file = "{directory}/secrets/')
    text = text.replace('values = ["values-3x', f'values = ["{directory}/values-3x')
    (tmp_path / "config.toml").write_text(text)
    command = [sys.executable, "-m", "migration_cockpit", "check", "--config", str(tmp_path / "config.toml")]
    ran = subprocess.run(
        command, env=environment(directory), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert ran.returncode == 1
    assert "✘ WRONG helm " in ran.stdout
    assert "→ install helm, or set helm.binary" in ran.stdout
    assert ran.stdout.rstrip().endswith(", 1 wrong")


# -- one thing wrong


@pytest.mark.parametrize(
    ("key", "value", "expected", "found", "mend"),
    [
        (
            "grafana.token",
            SecretRef(value="another-token"),
            {("Grafana", "reach")},
            "refuses the token (401)",
            "grafana.token",
        ),
        (
            "slack.webhook",
            SecretRef(file="/nowhere/webhook"),
            {("Slack", "reach"), ("Secrets", "slack.webhook")},
            "No such file",
            "",
        ),
        ("airflow.password", SecretRef(value="not-it"), {("Airflow", "account")}, "401", "airflow.password"),
        ("helm.values", ("/nowhere/values.yaml",), {("Helm release", "values file")}, "is not there", "helm.values"),
        ("helm.binary", "no-such-helm", {("Programs", "helm")}, "no-such-helm is not to be found", "helm.binary"),
        ("helm.arguments", ("--wait",), {("Helm release", "helm.arguments")}, "--wait", "take them out"),
        ("helm.arguments", ("--atomic",), {("Helm release", "helm.arguments")}, "--atomic", "take them out"),
        ("kubernetes.release", "airflaw", {("Helm release", "airflaw")}, "there is no release airflaw", "helm list"),
        (
            "kubernetes.context",
            "staging",
            {("Kubernetes", "reach"), ("Helm release", "reach"), ("Who else rules it", "reach")},
            "staging",
            "kubernetes.context",
        ),
        ("airflow.url", "http://127.0.0.1:9", {("Airflow", "reach")}, "127.0.0.1:9", "airflow.url"),
        (
            "kubernetes.namespace",
            "other",
            {("Kubernetes", "permissions"), ("Helm release", "reach"), ("Who else rules it", "reach")},
            "other",
            "kubernetes.namespace",
        ),
        ("rds.instance", "airflow-other", {("AWS", "reach")}, "DBInstanceNotFound", "rds.instance"),
        ("rds.profile", "nobody", {("AWS", "reach")}, "nobody", "rds.profile"),
        (
            "deployment.source_version",
            "2.11.0",
            {("Helm release", "airflowVersion"), ("Airflow", "version")},
            "2.11.2",
            "source_version",
        ),
        ("postgres.dsn", SecretRef(value="mysql://airflow:pass-word@h/d"), {("Postgres", "reach")}, "MySQL", ""),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
async def test_what_is_wrong_is_named_and_nothing_else(
    settings: Settings, key: str, value: Any, expected: set[tuple[str, str]], found: str, mend: str
) -> None:
    findings = wrong(await examine(changed(settings, key, value)))
    assert names(findings) == expected
    for finding in findings:
        assert found in finding.found
        assert "\n" not in finding.found
        assert "pass-word" not in finding.found + finding.mend
    assert any(mend in finding.mend for finding in findings)


@pytest.mark.parametrize("form", ["uri", "keywords"])
async def test_a_wrong_database_password_is_named_and_not_shown(settings: Settings, world_dsn: str, form: str) -> None:
    parts = psycopg.conninfo.conninfo_to_dict(world_dsn, password="wr0ng:pass@word")
    dsn = psycopg.conninfo.make_conninfo("", **parts)
    if form == "uri":
        dsn = f"postgresql://{parts['user']}:wr0ng%3Apass%40word@{parts['host']}:{parts['port']}/{parts['dbname']}"
    findings = await examine(changed(settings, "postgres.dsn", SecretRef(value=dsn)))
    assert names(wrong(findings)) == {("Postgres", "reach")}
    assert of(findings, "Postgres", "reach").found == "the password is wrong"
    assert not any("pass@word" in one.found or "pass%40" in one.found for one in findings)


async def test_a_role_without_the_grants_is_told_which(settings: Settings) -> None:
    """Airflow's own role, read from the cluster's Secret: it may read what it owns and see no other session."""
    findings = await examine(changed(settings, "postgres.dsn", SecretRef(secret="airflow-metadata/connection")))
    assert of(findings, "Secrets", "postgres.dsn").found == "read from Secret airflow-metadata/connection"
    assert names(wrong(findings)) == {("Postgres", "pg_monitor"), ("Postgres", "pg_read_all_data")}
    assert of(findings, "Postgres", "pg_monitor").mend.startswith("GRANT pg_monitor TO airflow")
    assert of(findings, "Postgres", "pg_read_all_data").mend == "GRANT pg_read_all_data TO airflow"


async def test_aurora_is_refused_in_one_sentence(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Aws._call

    def aurora(self: Aws, service: str, operation: str, arguments: dict[str, Any]) -> Any:
        answer = real(self, service, operation, arguments)
        if operation == "describe_db_instances":
            answer["DBInstances"][0]["Engine"] = "aurora-postgresql"
        return answer

    monkeypatch.setattr(Aws, "_call", aurora)
    findings = wrong(await examine(settings))
    assert names(findings) == {("AWS", "reach")}
    assert "is Aurora (aurora-postgresql)" in findings[0].found
    assert "flies RDS for PostgreSQL" in findings[0].found


async def test_without_any_way_back_it_is_wrong(settings: Settings) -> None:
    findings = wrong(await examine(msgspec.structs.replace(settings, rds=None)))
    assert names(findings) == {("AWS", "recovery point")}
    assert "dump.enabled" in findings[0].mend


async def test_what_nobody_expected_keeps_its_text_to_itself(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(place: Place) -> list[Finding]:
        raise ValueError("cannot parse 'user:hunter2-never-registered@host'")

    monkeypatch.setattr(preflight, "LOOKS", (("Odd", breaks), *preflight.LOOKS[:1]))
    findings = await examine(settings)
    assert of(findings, "Odd", "reach").found.startswith("unexpected ValueError in test_preflight.py, line ")
    assert of(findings, "Versions", "upgrade").ok
    assert "hunter2" not in preflight.as_json(findings)


async def test_what_hangs_is_a_finding_and_holds_nothing_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(place: Place) -> list[Finding]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(preflight, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(preflight, "LOOKS", (("Slow", hangs), *preflight.LOOKS[:1]))
    findings = await examine(settings)
    assert names(wrong(findings)) == {("Slow", "answer")}


# -- the dump


def program(path: Path, says: str) -> str:
    """A program that prints one line."""
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


async def test_a_dump_that_can_be_taken(settings: Settings, tmp_path: Path) -> None:
    findings = await examine(changed(settings, "dump.enabled", True), sessions=tmp_path / "not" / "yet")
    assert wrong(findings) == []
    assert f"free at {tmp_path}, database 0.0 GB" in of(findings, "Programs", "disk for the dump").found
    assert of(findings, "Programs", "pg_dump").found.startswith("pg_dump (PostgreSQL) ")


async def test_an_older_pg_dump_is_refused_by_the_servers_version(settings: Settings, tmp_path: Path) -> None:
    old = changed(changed(settings, "dump.enabled", True), "dump.pg_dump", program(tmp_path / "old", "pg_dump 12.22"))
    findings = wrong(await examine(old))
    assert names(findings) == {("Programs", "pg_dump")}
    assert findings[0].found.startswith("pg_dump 12.22, server 1")
    assert "or later" in findings[0].mend


async def test_a_missing_pg_restore_is_named(settings: Settings) -> None:
    gone = changed(changed(settings, "dump.enabled", True), "dump.pg_restore", "no-such-restore")
    assert names(wrong(await examine(gone))) == {("Programs", "pg_restore")}


async def test_a_disk_too_small_for_the_dump(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 4096))
    findings = wrong(await examine(changed(settings, "dump.enabled", True)))
    assert names(findings) == {("Programs", "disk for the dump")}
    assert findings[0].found.startswith("0.0 GB free at ")
    assert "--session" in findings[0].mend


async def test_an_old_helm_and_one_that_is_none(settings: Settings, tmp_path: Path) -> None:
    old = changed(settings, "helm.binary", program(tmp_path / "helm-old", "v3.11.0+g472c573"))
    findings = wrong(await examine(old))
    assert names(findings) == {("Programs", "helm")}
    assert "3.19.0 or later" in findings[0].mend
    none = changed(settings, "helm.binary", shutil.which("true"))
    assert of(await examine(none), "Programs", "helm").mend == "is helm.binary a helm?"


# -- credentials


@pytest.mark.parametrize(("hours", "holds"), [(3, False), (9, True)])
async def test_an_aws_session_against_the_windows_end(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int, holds: bool
) -> None:
    ends = datetime.now(UTC) + timedelta(hours=hours)
    given = {"Version": 1, "AccessKeyId": "testing", "SecretAccessKey": "testing"}
    (tmp_path / "session.json").write_text(json.dumps({**given, "Expiration": f"{ends:%Y-%m-%dT%H:%M:%SZ}"}))
    (tmp_path / "config").write_text(f"[profile sso]\ncredential_process = cat {tmp_path / 'session.json'}\n")
    (tmp_path / "none").touch()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    planned = changed(settings, "schedule.window_end", datetime.now(UTC) + timedelta(hours=6))
    findings = await examine(changed(planned, "rds.profile", "sso"))
    assert of(findings, "Credentials", "aws").found.startswith(f"until {ends:%Y-%m-%d %H:%M} UTC")
    assert names(wrong(findings)) == (set() if holds else {("Credentials", "aws")})


# -- rights in the cluster


@asynccontextmanager
async def placed(settings: Settings) -> AsyncIterator[Place]:
    connections = Connections(settings, Redactor(), SystemClock())
    try:
        yield Place(settings, connections, Path("/"))
    finally:
        await connections.close()


def without(rules: list[dict[str, Any]], need: Need) -> list[dict[str, Any]]:
    """The rules of a Role but for one verb on one resource."""
    left = []
    for rule in rules:
        if need.resource not in rule["resources"] or need.verb not in rule["verbs"]:
            left.append(rule)
            continue
        others = [resource for resource in rule["resources"] if resource != need.resource]
        verbs = [verb for verb in rule["verbs"] if verb != need.verb]
        left += [{**rule, "resources": others}] if others else []
        left += [{**rule, "resources": [need.resource], "verbs": verbs}] if verbs else []
    return left


@asynccontextmanager
async def refused(settings: Settings, directory: Path, need: Need) -> AsyncIterator[None]:
    """Take a right away from both Roles, and give it back."""
    admin = Kube(msgspec.structs.replace(settings.kubernetes, kubeconfig=str(directory / "kubeconfig-admin")))
    given = {}
    try:
        for name in ("migration-cockpit", "migration-cockpit-helm"):
            given[name] = (await admin.get("roles", name))["rules"]
            await admin.patch("roles", name, {"rules": without(given[name], need)})
        yield
    finally:
        for name, rules in given.items():
            await admin.patch("roles", name, {"rules": rules})
        await admin.close()


@pytest.mark.parametrize("need", [*NEEDS, *FORWARD], ids=lambda need: f"{need.verb} {need.resource}")
async def test_a_right_that_is_missing_is_named_exactly(settings: Settings, directory: Path, need: Need) -> None:
    if need in FORWARD:
        settings = changed(settings, "postgres.port_forward", "svc/pgbouncer:6543")
    async with refused(settings, directory, need), placed(settings) as place:
        findings = wrong(await permissions.look(place))
    assert [(one.name, one.found) for one in findings] == [
        ("permission", f"may not {need.verb} {need.resource}: needed for {need.what}")
    ]
    assert findings[0].mend.startswith(f"add {need.verb} on {need.resource}")


async def test_a_right_that_only_helm_needs_is_named_as_helms(settings: Settings, directory: Path) -> None:
    async with refused(settings, directory, Need("patch", "deployments", "")), placed(settings) as place:
        findings = wrong(await permissions.look(place))
    assert [one.found for one in findings] == ["may not patch deployments: needed for helm upgrade and rollback"]
    assert findings[0].mend.endswith("to helm's Role")
