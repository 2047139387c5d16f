"""Jobs and CronJobs: their conditions, their failures, their ends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from migration_cockpit.rehearsal.cluster.cron import last_time, next_time

from .conftest import Harness, eventually, job

Obj = dict[str, Any]


def _status(shared: Harness, ns: str, name: str = "j") -> Obj:
    return (shared.find("Job", ns, name) or {}).get("status") or {}


def _is(shared: Harness, ns: str, kind: str, name: str = "j") -> Obj:
    return next(
        (c for c in _status(shared, ns, name).get("conditions") or [] if c["type"] == kind and c["status"] == "True"),
        {},
    )


def test_a_job_that_succeeds(shared: Harness, ns: str) -> None:
    made = shared.batch.create_namespaced_job(ns, job("j", "echo done", backoffLimit=0))
    assert made.spec.template.metadata.labels["batch.kubernetes.io/job-name"] == "j"
    done = eventually(lambda: _is(shared, ns, "Complete"))
    assert (done["reason"], done["message"]) == ("CompletionsReached", "Reached expected number of succeeded pods")
    status = _status(shared, ns)
    assert (status["succeeded"], status.get("active", 0), status.get("failed", 0)) == (1, 0, 0)
    assert status["startTime"] <= status["completionTime"]
    pods = shared.core.list_namespaced_pod(ns, label_selector="job-name=j").items
    assert [p.status.phase for p in pods] == ["Succeeded"]
    eventually(lambda: "finalizers" not in shared.list("Pod", ns)[0]["metadata"])
    assert shared.core.read_namespaced_pod_log(pods[0].metadata.name, ns) == "done\n"


def test_a_job_without_retries_fails_at_once(shared: Harness, ns: str) -> None:
    shared.batch.create_namespaced_job(ns, job("j", "exit 1", backoffLimit=0))
    failed = eventually(lambda: _is(shared, ns, "Failed"))
    assert (failed["reason"], failed["message"]) == (
        "BackoffLimitExceeded",
        "Job has reached the specified backoff limit",
    )
    assert _is(shared, ns, "FailureTarget")
    assert _status(shared, ns)["failed"] == 1
    assert len(shared.list("Pod", ns)) == 1


def test_each_retry_is_a_new_pod(shared: Harness, ns: str) -> None:
    shared.batch.create_namespaced_job(ns, job("j", "exit 1", backoffLimit=2))
    eventually(lambda: _is(shared, ns, "Failed"))
    assert _status(shared, ns)["failed"] == 3
    assert len(shared.list("Pod", ns)) == 3


def test_on_failure_restarts_in_place(shared: Harness, ns: str, tmp_path: Any) -> None:
    flag = tmp_path / "flag"
    line = f"echo try; test -e {flag} || {{ touch {flag}; exit 1; }}"
    shared.batch.create_namespaced_job(ns, job("j", line, restart="OnFailure"))
    eventually(lambda: _is(shared, ns, "Complete"))
    (pod,) = shared.list("Pod", ns)
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 1
    assert shared.core.read_namespaced_pod_log(pod["metadata"]["name"], ns, previous=True) == "try\n"


def test_restarts_in_place_count_against_the_limit(shared: Harness, ns: str) -> None:
    shared.batch.create_namespaced_job(ns, job("j", "exit 1", restart="OnFailure", backoffLimit=1))
    failed = eventually(lambda: _is(shared, ns, "Failed"))
    assert failed["reason"] == "BackoffLimitExceeded"
    eventually(lambda: not shared.list("Pod", ns))


def test_a_pod_deleted_by_hand_counts_as_failed(shared: Harness, ns: str) -> None:
    shared.batch.create_namespaced_job(ns, job("j", "exec sleep 600", backoffLimit=0))
    eventually(lambda: _status(shared, ns).get("ready") == 1)
    assert _status(shared, ns)["active"] == 1
    shared.core.delete_namespaced_pod(shared.list("Pod", ns)[0]["metadata"]["name"], ns)
    eventually(lambda: _is(shared, ns, "Failed"))
    assert _status(shared, ns)["failed"] == 1


def test_a_finished_job_goes_after_its_time_to_live(shared: Harness, ns: str) -> None:
    shared.batch.create_namespaced_job(ns, job("j", "true", ttlSecondsAfterFinished=1))
    eventually(lambda: _is(shared, ns, "Complete"))
    eventually(lambda: shared.find("Job", ns, "j") is None)
    eventually(lambda: not shared.list("Pod", ns))


def test_a_job_that_takes_too_long(shared: Harness, ns: str) -> None:
    shared.batch.create_namespaced_job(ns, job("j", "exec sleep 600", activeDeadlineSeconds=1))
    failed = eventually(lambda: _is(shared, ns, "Failed"))
    assert (failed["reason"], failed["message"]) == (
        "DeadlineExceeded",
        "Job was active longer than specified deadline",
    )
    eventually(lambda: not shared.list("Pod", ns))


def test_a_suspended_job_waits(shared: Harness, ns: str) -> None:
    shared.batch.create_namespaced_job(ns, job("j", "true", suspend=True))
    eventually(lambda: _is(shared, ns, "Suspended"))
    assert shared.list("Pod", ns) == []
    shared.batch.patch_namespaced_job("j", ns, {"spec": {"suspend": False}})
    eventually(lambda: _is(shared, ns, "Complete"))


def test_a_job_of_several(shared: Harness, ns: str) -> None:
    shared.batch.create_namespaced_job(ns, job("j", "true", completions=3, parallelism=2))
    eventually(lambda: _is(shared, ns, "Complete"))
    assert _status(shared, ns)["succeeded"] == 3


def test_a_cronjob_starts_what_is_due_unless_suspended(shared: Harness, ns: str) -> None:
    template = {"spec": job("x", "true")["spec"]}
    body = {"metadata": {"name": "c"}, "spec": {"schedule": "* * * * *", "suspend": True, "jobTemplate": template}}
    shared.batch.create_namespaced_cron_job(ns, body)
    long_ago = {"status": {"lastScheduleTime": "2026-01-01T00:00:00Z"}}
    shared.batch.patch_namespaced_cron_job_status("c", ns, long_ago)
    eventually(lambda: (shared.find("CronJob", ns, "c") or {}).get("status", {}).get("lastScheduleTime"))
    assert shared.list("Job", ns) == []
    shared.batch.patch_namespaced_cron_job("c", ns, {"spec": {"suspend": False}})
    (made,) = eventually(lambda: shared.list("Job", ns))
    assert made["metadata"]["ownerReferences"][0]["name"] == "c"
    eventually(lambda: _is(shared, ns, "Complete", made["metadata"]["name"]))


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("*/15 * * * *", "2026-11-23 06:15"),
        ("0 0 * * 0", "2026-11-29 00:00"),
        ("0 0 * * 7", "2026-11-29 00:00"),
        ("30 5 1,15 * *", "2026-12-01 05:30"),
        ("0 12 29 2 *", "2028-02-29 12:00"),
        ("0 0 24 * 1", "2026-11-24 00:00"),
        ("@hourly", "2026-11-23 07:00"),
    ],
)
def test_cron_schedules(schedule: str, expected: str) -> None:
    after = datetime(2026, 11, 23, 6, 7, 30, tzinfo=UTC)
    found = next_time(schedule, after)
    assert found is not None
    assert found.strftime("%Y-%m-%d %H:%M") == expected


def test_of_the_missed_times_the_last_one_counts() -> None:
    now = datetime(2026, 11, 23, 6, 7, 30, tzinfo=UTC)
    assert last_time("*/15 * * * *", datetime(2026, 1, 1, tzinfo=UTC), now) == datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    assert last_time("0 0 * * 0", datetime(2026, 1, 1, tzinfo=UTC), now) == datetime(2026, 11, 22, tzinfo=UTC)
    assert last_time("0 0 * * 0", datetime(2026, 11, 22, 0, 0, tzinfo=UTC), now) is None


def test_a_schedule_that_never_comes_or_does_not_parse() -> None:
    after = datetime(2026, 11, 23, tzinfo=UTC)
    assert next_time("0 0 30 2 *", after) is None
    with pytest.raises(ValueError, match="expected exactly 5 fields, found 2"):
        next_time("* *", after)
