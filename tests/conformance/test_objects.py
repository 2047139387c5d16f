"""Objects, pages of a list, patches, Leases, Secrets, Events: the words of the answers included."""

from __future__ import annotations

from datetime import UTC, datetime

from .worlds import Obj, World, eventually

LEASES = "coordination.k8s.io/v1/leases"


def test_a_name_can_be_taken_once(world: World) -> None:
    made = world.make("configmaps", "a", {"data": {"x": "1"}})
    assert made["metadata"]["uid"]
    assert world.refused("POST", world.path("configmaps"), {"metadata": {"name": "a"}}) == (
        409,
        "AlreadyExists",
        'configmaps "a" already exists',
    )
    assert world.refused("GET", world.path("configmaps", "b")) == (404, "NotFound", 'configmaps "b" not found')
    assert world.refused("GET", world.path("apps/v1/deployments", "b")) == (
        404,
        "NotFound",
        'deployments.apps "b" not found',
    )
    code, _, message = world.refused("POST", world.path("configmaps"), {"metadata": {"name": "A_b"}})
    assert code == 422
    assert message.startswith('ConfigMap "A_b" is invalid: metadata.name: Invalid value: "A_b": a lowercase RFC 1123')


def test_a_list_comes_in_pages_of_one_moment(world: World) -> None:
    for index in range(7):
        world.make("configmaps", f"m{index}", {"metadata": {"labels": {"mine": "yes"}}})
    where, label = world.path("configmaps"), {"labelSelector": "mine=yes"}
    first = world.ok("GET", where, query={"limit": "3", **label})
    assert [item["metadata"]["name"] for item in first["items"]] == ["m0", "m1", "m2"]
    world.ok("DELETE", world.path("configmaps", "m4"))
    world.make("configmaps", "m9", {"metadata": {"labels": {"mine": "yes"}}})
    second = world.ok("GET", where, query={"limit": "3", "continue": first["metadata"]["continue"], **label})
    last = world.ok("GET", where, query={"limit": "3", "continue": second["metadata"]["continue"], **label})
    names = [item["metadata"]["name"] for item in [*second["items"], *last["items"]]]
    assert names == ["m3", "m4", "m5", "m6"]
    assert not last["metadata"].get("continue")
    assert {page["metadata"]["resourceVersion"] for page in (first, second, last)} == {
        first["metadata"]["resourceVersion"]
    }
    unlabelled = world.ok("GET", where, query={"limit": "3"})
    assert unlabelled["metadata"]["remainingItemCount"] >= 4
    assert "remainingItemCount" not in first["metadata"], "nobody counts behind a selector"


def test_a_page_after_history_was_lost_is_gone(world: World) -> None:
    for index in range(3):
        world.make("configmaps", f"m{index}")
    first = world.ok("GET", world.path("configmaps"), query={"limit": "1"})
    world.make("configmaps", "later")
    world.backend.forget_history()
    query = {"limit": "1", "continue": first["metadata"]["continue"]}
    code, answer = world.ask("GET", world.path("configmaps"), query=query)
    assert (code, answer["reason"]) == (410, "Expired")
    assert answer["message"].startswith("The provided continue parameter is too old to display a consistent list")
    on = world.ok("GET", world.path("configmaps"), query={"limit": "1", "continue": answer["metadata"]["continue"]})
    assert on["items"], "the token in the refusal goes on, inconsistently"


def test_a_continue_token_that_is_none_is_a_bad_request(world: World) -> None:
    code, reason, message = world.refused("GET", world.path("configmaps"), query={"limit": "1", "continue": "x"})
    assert (code, reason) == (400, "BadRequest")
    assert message == "invalid continue token: continue key is not valid: illegal base64 data at input byte 0"


def test_a_lease_written_from_an_old_state_is_a_conflict(world: World) -> None:
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    made = world.make(LEASES, "driver", {"spec": {"holderIdentity": "one", "acquireTime": now}})
    assert made["spec"]["acquireTime"] == now
    taken = {**made, "spec": {**made["spec"], "holderIdentity": "two"}}
    assert world.ok("PUT", world.path(LEASES, "driver"), taken)["spec"]["holderIdentity"] == "two"
    assert world.refused("PUT", world.path(LEASES, "driver"), taken) == (
        409,
        "Conflict",
        'Operation cannot be fulfilled on leases.coordination.k8s.io "driver": the object has been modified; please '
        "apply your changes to the latest version and try again",
    )


def test_a_lease_takes_only_times_with_six_digits_of_a_second(world: World) -> None:
    def answer(time: str) -> tuple[int, Obj]:
        body = {"metadata": {"generateName": "l-"}, "spec": {"holderIdentity": "one", "renewTime": time}}
        return world.ask("POST", world.path(LEASES), body)

    code, made = answer("2026-05-16T11:00:00.123456+02:00")
    assert (code, made["spec"]["renewTime"]) == (201, "2026-05-16T09:00:00.123456Z")
    for time, rest, part in (
        ("2026-05-16T09:00:00Z", "Z", ".000000"),
        ("2026-05-16T09:00:00.123Z", ".123Z", ".000000"),
        ("yesterday", "yesterday", "2006"),
    ):
        code, refusal = answer(time)
        assert (code, refusal["reason"]) == (400, "BadRequest")
        assert refusal["message"] == (
            f'Lease in version "v1" cannot be handled as a Lease: parsing time "{time}" as '
            f'"2006-01-02T15:04:05.000000Z07:00": cannot parse "{rest}" as "{part}"'
        )


def test_a_secret_is_patched_in_each_form(world: World) -> None:
    world.make("secrets", "s", {"stringData": {"a": "1", "b": "2"}})
    where = world.path("secrets", "s")
    assert world.ok("GET", where)["type"] == "Opaque"
    assert world.ok("PATCH", where, {"stringData": {"a": "3"}}, patch="merge")["data"] == {"a": "Mw==", "b": "Mg=="}
    assert world.ok("PATCH", where, {"data": {"b": None}}, patch="strategic")["data"] == {"a": "Mw=="}
    assert world.ok("PATCH", where, [{"op": "add", "path": "/data/c", "value": "NA=="}], patch="json")["data"] == {
        "a": "Mw==",
        "c": "NA==",
    }
    code, reason, _ = world.refused(
        "PATCH", where, {"metadata": {"resourceVersion": "1"}, "data": {"a": "NA=="}}, patch="merge"
    )
    assert (code, reason) == (409, "Conflict")
    code, reason, message = world.refused("PATCH", where, {"data": {"a": "%%%"}}, patch="merge")
    assert (code, reason) == (422, "Invalid")
    assert message.startswith(' "" is invalid: patch: Invalid value: ')
    assert message.endswith(": illegal base64 data at input byte 0")
    assert world.refused("PUT", where, {"metadata": {"name": "s"}, "data": {"a": "%%%"}}) == (
        400,
        "BadRequest",
        'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0',
    )
    missing = [{"op": "remove", "path": "/data/nowhere"}]
    code, reason, message = world.refused("PATCH", where, missing, patch="json")
    assert (code, reason) == (422, "Invalid")
    assert message == "the server rejected our request due to an error in our request"


def test_a_dry_run_answers_and_leaves_nothing(world: World) -> None:
    made = world.ok("POST", world.path("configmaps"), {"metadata": {"name": "d"}}, query={"dryRun": "All"})
    assert made["metadata"]["uid"]
    assert world.ask("GET", world.path("configmaps", "d"))[0] == 404


def test_an_event_is_kept_with_its_count(world: World) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    involved = {
        "kind": "Deployment",
        "namespace": world.namespace,
        "name": "airflow-scheduler",
        "apiVersion": "apps/v1",
    }
    body = {
        "involvedObject": involved,
        "reason": "StepVerified",
        "message": "head 12ab",
        "type": "Normal",
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "source": {"component": "migration-cockpit"},
    }
    world.make("events", "anchor.1", body)
    found = world.ok("GET", world.path("events"), query={"fieldSelector": "involvedObject.name=airflow-scheduler"})
    assert [(item["reason"], item["message"], item["count"]) for item in found["items"]] == [
        ("StepVerified", "head 12ab", 1)
    ]
    elsewhere = {**body, "metadata": {"name": "anchor.2"}, "involvedObject": {**involved, "namespace": "other"}}
    code, _, message = world.refused("POST", world.path("events"), elsewhere)
    assert code == 422
    assert "involvedObject.namespace: Invalid value" in message


def test_lists_are_chosen_by_label_and_field(world: World) -> None:
    for name, tier in (("a", "x"), ("b", "x"), ("c", "y")):
        world.make("secrets", name, {"metadata": {"labels": {"tier": tier}}})
    where = world.path("secrets")

    def names(**query: str) -> list[str]:
        return [item["metadata"]["name"] for item in world.ok("GET", where, query=query)["items"]]

    assert names(labelSelector="tier in (x)") == ["a", "b"]
    assert names(labelSelector="tier,tier!=x") == ["c"]
    assert names(fieldSelector="metadata.name=c,type=Opaque") == ["c"]
    assert world.refused("GET", world.path("pods"), query={"fieldSelector": "spec.x=1"})[::2] == (
        400,
        "field label not supported: spec.x",
    )
    code, _, message = world.refused("GET", where, query={"labelSelector": "a in"})
    assert code == 400
    assert message.startswith("unable to parse requirement: ")


def test_what_belongs_to_nobody_that_is_there_is_collected(world: World) -> None:
    """A Job's Secret is made before its owner is written into it: a wrong owner would take it away."""
    uid = world.make("configmaps", "owner")["metadata"]["uid"]
    true = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    for name, owners in (
        ("held", [true]),
        ("other-uid", [{**true, "uid": "0b9a5b6e-0000-4000-8000-000000000000"}]),
        ("other-name", [{**true, "name": "nobody"}]),
        ("no-such-kind", [{**true, "kind": "Nothing"}]),
        ("both", [true, {**true, "uid": "0b9a5b6e-0000-4000-8000-000000000001", "name": "nobody"}]),
    ):
        world.make("secrets", name, {"metadata": {"ownerReferences": owners}})
    world.make("secrets", "later")
    owner = {"metadata": {"ownerReferences": [{**true, "name": "nobody"}]}}
    world.ok("PATCH", world.path("secrets", "later"), owner, patch="merge")

    def left() -> dict[str, list[str]]:
        items = world.ok("GET", world.path("secrets"))["items"]
        return {
            item["metadata"]["name"]: [each["name"] for each in item["metadata"]["ownerReferences"]] for item in items
        }

    eventually(lambda: left() == {"both": ["owner"], "held": ["owner"], "no-such-kind": ["owner"]})
