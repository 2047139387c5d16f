"""AWS's clients without the list of everything that AWS has: where they call is as it is with it."""

from __future__ import annotations

import boto3
import pytest

from migration_cockpit.config import Rds
from migration_cockpit.connections.aws import Aws


@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1"])
def test_calls_go_where_those_of_a_plain_session_go(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    ours, plain = Aws(Rds(instance="x", region=region)), boto3.session.Session(region_name=region)
    for service in ("sts", "cloudwatch", "sso", "iam"):
        there, here = plain.client(service).meta, ours._client(service).meta
        assert (here.endpoint_url, here.partition) == (there.endpoint_url, there.partition)
