"""Each action of the documented policy is proved: taking any one away makes `check` name that one and no other.

moto enforces IAM here as it does with `set_initial_no_auth_action_count(0)`, in a process of its own. It looks at
actions only: for RDS it takes every call to be about `*`, so that the policy's resources are not part of the test.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import msgspec
import pytest

from migration_cockpit.config import Rds, Settings
from migration_cockpit.connections import Connections
from migration_cockpit.connections.aws import Aws
from migration_cockpit.playbook.findings import Finding
from migration_cockpit.playbook.preflight import aws_rights, services
from migration_cockpit.playbook.preflight.aws_rights import RIGHTS
from migration_cockpit.playbook.preflight.place import Place
from migration_cockpit.session.clock import SystemClock
from migration_cockpit.session.redact import Redactor
from tests.app.light import settings as light_settings
from tests.flight.world import ROOT

REGION = "eu-central-1"
POLICY: dict[str, Any] = json.loads(
    (ROOT / "src" / "migration_cockpit" / "permissions" / "iam.json").read_text(encoding="utf-8")
)

SERVER = """
import sys
from moto.server import ThreadedMotoServer
from moto.rds.responses import RDSResponse
from migration_cockpit.rehearsal.aws import rds
RDSResponse.describe_pending_maintenance_actions = rds._describe_pending_maintenance_actions
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""
"""moto alone, with the one call that it does not have."""


@dataclass
class Enforcing:
    """A moto that refuses what no policy allows."""

    url: str
    admin: dict[str, str]

    def client(self, service: str) -> Any:
        """A client that may do everything."""
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, **self.admin)

    def allow(self, *, without: str = "") -> None:
        """Give the cockpit's user the policy of the documentation, but for one action."""
        statements = []
        # moto names CloudWatch's actions by the service that requests are signed for.
        signed = {"cloudwatch:GetMetricData": "monitoring:GetMetricData"}
        for statement in POLICY["Statement"]:
            given = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            if actions := [action for action in given if action != without]:
                named = [signed.get(each, each) for each in actions]
                statements.append({"Effect": "Allow", "Action": named, "Resource": "*"})
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.client("iam").put_user_policy(UserName="cockpit", PolicyName="cockpit", PolicyDocument=document)


def _key(iam: Any, user: str) -> dict[str, str]:
    made = iam.create_access_key(UserName=user)["AccessKey"]
    return {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}


@pytest.fixture(scope="module")
def enforcing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enforcing]:
    directory = tmp_path_factory.mktemp("iam")
    environment = {**os.environ, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    with (directory / "moto.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            text=True,
        )
    assert process.stdout is not None
    url = f"http://127.0.0.1:{process.stdout.readline().strip()}"
    try:
        anyone = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        moto = Enforcing(url, anyone)
        iam = moto.client("iam")
        for user in ("admin", "cockpit"):
            iam.create_user(UserName=user)
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        iam.put_user_policy(UserName="admin", PolicyName="all", PolicyDocument=json.dumps(everything))
        keys = {user: _key(iam, user) for user in ("admin", "cockpit")}
        moto.client("rds").create_db_instance(
            DBInstanceIdentifier="airflow-prod",
            Engine="postgres",
            DBInstanceClass="db.m6g.large",
            AllocatedStorage=100,
            MasterUsername="postgres",
            MasterUserPassword="not-a-secret",
        )
        httpx.post(f"{url}/moto-api/reset-auth", content=b"0").raise_for_status()
        moto.admin = keys["admin"]
        profile = "\n".join(["[cockpit]", *(f"{name} = {value}" for name, value in keys["cockpit"].items())])
        (directory / "credentials").write_text(profile, encoding="utf-8")
        os.environ["AWS_SHARED_CREDENTIALS_FILE"] = str(directory / "credentials")
        yield moto
    finally:
        os.environ.pop("AWS_SHARED_CREDENTIALS_FILE", None)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(20)


async def found(url: str) -> list[Finding]:
    """What `check` says of AWS."""
    rds = Rds(instance="airflow-prod", region=REGION, profile="cockpit", endpoint_url=url)
    settings: Settings = msgspec.structs.replace(light_settings(), rds=rds)
    connections = Connections(settings, Redactor(), SystemClock())
    try:
        return await services.aws(Place(settings, connections, Path("/")))
    finally:
        await connections.close()


def wrong(findings: list[Finding]) -> list[str]:
    return [each.found for each in findings if not each.ok]


async def test_the_documented_policy_is_enough_and_nothing_is_made(enforcing: Enforcing) -> None:
    enforcing.allow()
    findings = await found(enforcing.url)
    assert wrong(findings) == []
    assert [each.found for each in findings if each.name == "permissions"] == [
        f"all {len(RIGHTS)} actions, each tried on what does not exist; nothing was made"
    ]
    rds = enforcing.client("rds")
    assert [each["DBInstanceIdentifier"] for each in rds.describe_db_instances()["DBInstances"]] == ["airflow-prod"]
    assert rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"] == []


@pytest.mark.parametrize("right", RIGHTS, ids=lambda right: right.action)
async def test_an_action_that_is_missing_is_named_exactly(enforcing: Enforcing, right: aws_rights.Right) -> None:
    enforcing.allow(without=right.action)
    findings = await found(enforcing.url)
    assert wrong(findings) == [f"may not {right.action}: needed for {right.what}"]
    assert next(each.mend for each in findings if not each.ok).startswith(f"allow {right.action} on ")


async def test_an_identity_that_may_do_nothing_is_told_all_of_it(enforcing: Enforcing) -> None:
    enforcing.client("iam").delete_user_policy(UserName="cockpit", PolicyName="cockpit")
    assert wrong(await found(enforcing.url)) == [f"may not {each.action}: needed for {each.what}" for each in RIGHTS]


async def test_iams_own_word_is_taken_where_it_may_be_asked(
    enforcing: Enforcing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto has no SimulatePrincipalPolicy: its answer is AWS's, by the API reference."""
    enforcing.allow()
    real, asked = Aws._call, []

    def answers(self: Aws, service: str, operation: str, arguments: dict[str, Any]) -> Any:
        asked.append(operation)
        if operation != "simulate_principal_policy":
            return real(self, service, operation, arguments)
        assert arguments["PolicySourceArn"] == "arn:aws:iam::123456789012:user/cockpit"
        decisions = {name: "implicitDeny" if "Modify" in name else "allowed" for name in arguments["ActionNames"]}
        return {"EvaluationResults": [{"EvalActionName": k, "EvalDecision": v} for k, v in decisions.items()]}

    monkeypatch.setattr(Aws, "_call", answers)
    assert wrong(await found(enforcing.url)) == [
        "may not rds:ModifyDBInstance: needed for the way back: swapping the instances' identifiers"
    ]
    assert "restore_db_instance_to_point_in_time" not in asked


@pytest.mark.parametrize(
    ("identity", "source"),
    [
        ("arn:aws:iam::123456789012:user/ops/sre", "arn:aws:iam::123456789012:user/ops/sre"),
        ("arn:aws:sts::123456789012:assumed-role/Migration/sre-1", "arn:aws:iam::123456789012:role/Migration"),
        ("arn:aws:sts::123456789012:federated-user/sre", ""),
        ("arn:aws:iam::123456789012:root", ""),
        ("nonsense", ""),
    ],
)
def test_whose_policies_are_asked_for(identity: str, source: str) -> None:
    assert aws_rights.principal(identity) == source


def test_the_policy_has_these_actions_and_no_other() -> None:
    given = [each["Action"] for each in POLICY["Statement"]]
    actions = {action for each in given for action in ([each] if isinstance(each, str) else each)}
    assert actions == {right.action for right in RIGHTS}


@pytest.mark.parametrize("length", [1, 39, 40, 48, 49, 53, 62, 63])
def test_a_try_is_never_about_the_instance_that_is_there(length: int) -> None:
    rds = Rds(instance="x" * (length - 1) + "y", region="eu-central-1")
    names = aws_rights.Names(rds, "aws", "123456789012", "check-0a1b2c3d")
    assert names.nobody != rds.instance
    assert len(names.nobody) <= 63
    assert names.nobody.endswith("-check-0a1b2c3d")
