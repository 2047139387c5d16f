"""A snapshot that is waited for while AWS now and then refuses to say how it stands; and the hint on a pending Helm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from migration_cockpit.actions import snapshot
from migration_cockpit.actions.helm import _pending_words
from migration_cockpit.actions.operation import OperationError
from migration_cockpit.actions.site import Site
from migration_cockpit.actions.snapshot import TakeSnapshot
from migration_cockpit.connections import Release, Unreachable
from tests.actions.test_cluster_operations import Heard
from tests.connections.support import connected, make_settings

RDS = {"instance": "airflow-prod", "region": "eu-central-1", "snapshot_timeout": 30.0}


def _refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeDBSnapshots")


async def test_a_passing_refusal_does_not_end_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "POLL", 0.01)
    creating, done = {"Status": "creating", "PercentProgress": 5}, {"Status": "available"}
    answers: list[Any] = [creating, _refused("Throttling"), _refused("ExpiredToken"), done]

    async def describe(*_: object) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(snapshot, "describe", describe)
    settings = make_settings(tmp_path, rds=RDS)
    async with connected(settings) as connections:
        heard = Heard()
        assert "is available" in await TakeSnapshot(Site(settings, "s", connections), "helm").run(heard)
    assert ["Throttling" in heard.of("cockpit")[0], "aws sso login" in heard.of("cockpit")[1]] == [True, True]


async def test_a_refusal_at_the_start_is_said_with_its_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def describe(*_: object) -> Any:
        raise _refused("AccessDenied")

    monkeypatch.setattr(snapshot, "describe", describe)
    settings = make_settings(tmp_path, rds=RDS)
    async with connected(settings) as connections:
        take = TakeSnapshot(Site(settings, "s", connections), "helm")
        with pytest.raises(Unreachable, match="needs this permission"):
            await take.observe()
        with pytest.raises(OperationError, match="needs this permission"):
            await take.run(Heard())


def test_the_mend_of_a_killed_upgrade_names_the_secret_and_what_a_rollback_may_say(tmp_path: Path) -> None:
    pending = Release(8, "pending-upgrade", "", "airflow", "1.22.0", "3.2.2", None, {}, {}, "", ())
    words = _pending_words(Site(make_settings(tmp_path), "s"), pending)
    assert "kubectl --context test -n airflow delete secret sh.helm.release.v1.airflow.v8" in words
    assert "helm rollback airflow 7 --no-hooks" in words
    assert 'no ServiceAccount with the name "airflow-webserver" found' in words
