"""The documentation says what the code does: generated parts are fresh, permissions are neither more nor less."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from scripts import make_docs

from migration_cockpit.app.controls import VIEW_CONTROLS, Action
from migration_cockpit.cockpit.table import CONTROLS
from migration_cockpit.commands import USAGE_ERROR
from migration_cockpit.connections.resources import RESOURCES
from migration_cockpit.launch import ended_by
from migration_cockpit.playbook.preflight.permissions import CUSTOM, FORWARD, NEEDS
from migration_cockpit.playbook.steps import STEPS
from migration_cockpit.rehearsal.faults import FAULTS

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
SOURCES = ROOT / "src" / "migration_cockpit"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_generated_is_fresh(page: Path) -> None:
    text = page.read_text("utf-8")
    assert make_docs.fresh(text) == text, "run: python -m scripts.make_docs"


def test_every_generated_part_stands_on_a_page() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    assert [name for name in make_docs.BLOCKS if f"<!-- {name} -->" not in text] == []


def test_every_step_key_and_fault_is_documented() -> None:
    day = (ROOT / "docs" / "day.md").read_text("utf-8")
    for number, step in enumerate(STEPS, start=1):
        assert f"### {number}. {step.title}\n\n`{step.id}`, key `{step.key}`" in day
    controls: tuple[Action, ...] = (*CONTROLS, *VIEW_CONTROLS)
    assert [control.help for control in controls if control.help not in day] == []
    rehearsal = (ROOT / "docs" / "rehearsal.md").read_text("utf-8")
    assert [name for name in FAULTS if f"| `{name}` |" not in rehearsal] == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_modules_that_pages_name_exist() -> None:
    pages = [*PAGES, ROOT / "CONTRIBUTING.md"]
    named = {name for page in pages for name in re.findall(r"python -m ([\w.]+)", page.read_text("utf-8"))}
    assert named
    assert [name for name in named if not (ROOT / Path(*name.split("."))).with_suffix(".py").exists()] == []


def test_the_architecture_names_every_package() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    packages = [path.parent.name for path in SOURCES.glob("*/__init__.py")]
    assert len(packages) > 5
    assert [name for name in packages if f"`{name}/`" not in text] == []


def test_exit_codes_are_documented() -> None:
    text = (ROOT / "docs" / "sessions.md").read_text("utf-8")
    signals = ", ".join(str(ended_by(number)) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM))
    assert f"| {signals} |" in text
    assert f"| {USAGE_ERROR} | usage or config error" in text


# -- permissions


def documents() -> Iterable[dict[str, Any]]:
    yield from yaml.safe_load_all((SOURCES / "permissions" / "rbac.yaml").read_text("utf-8"))


def granted(name: str) -> set[tuple[str, str, str]]:
    role = next(doc for doc in documents() if doc["kind"].endswith("Role") and doc["metadata"]["name"] == name)
    return {
        (verb, group, resource)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_role_grants_what_check_asks_for_and_nothing_else() -> None:
    needs = (*NEEDS, *FORWARD, *CUSTOM)
    asked = {(need.verb, RESOURCES[need.plural].group, need.resource) for need in needs}
    assert granted("migration-cockpit") == asked
    assert granted("migration-cockpit-rulers") == {
        ("list", "argoproj.io", "applications"),
        ("list", "helm.toolkit.fluxcd.io", "helmreleases"),
    }


def test_the_iam_policy_allows_what_the_code_calls_and_nothing_else() -> None:
    code = "".join(path.read_text("utf-8") for path in SOURCES.rglob("*.py") if "rehearsal" not in path.parts)
    calls = set(re.findall(r'_call\(\s*"(rds|cloudwatch|sts)",\s*"(\w+)"', code))
    assert len(calls) >= 4
    called = {
        f"{service}:{boto3.client(service, region_name='eu-central-1').meta.method_to_api_mapping[operation]}"
        for service, operation in calls
    }
    # Whoever is asked may know who he is; tags given with a snapshot ask for a right of their own.
    called = called - {"sts:GetCallerIdentity"} | {"rds:AddTagsToResource"}
    policy = json.loads((SOURCES / "permissions" / "iam.json").read_text("utf-8"))
    actions = [statement["Action"] for statement in policy["Statement"]]
    assert {action for each in actions for action in ([each] if isinstance(each, str) else each)} == called


def test_the_grants_are_those_that_check_looks_for() -> None:
    sql = (SOURCES / "permissions" / "postgres.sql").read_text("utf-8")
    assert re.findall(r"^GRANT (\w+) TO cockpit;$", sql, re.MULTILINE) == [
        "pg_monitor",
        "pg_read_all_data",
        "pg_signal_backend",
    ]
