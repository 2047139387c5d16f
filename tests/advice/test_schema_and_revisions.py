"""Revisions and schema references against what real databases of these versions have."""

from __future__ import annotations

import pytest

from migration_cockpit.advice import revisions, schema


def test_heads() -> None:
    assert revisions.head("2.10.3") == revisions.head("2.11.2") == "5f2621c13b39"
    assert revisions.head("3.2.2") == "1d6611b6ab7c"
    assert revisions.head("3.0.5") == "fe199e1abd77"  # not listed by itself: the newest patch before it counts
    assert revisions.head("3.99.0") is None  # an unknown minor version has no known head


def test_place_on_the_way() -> None:
    assert revisions.place("5f2621c13b39", "2.11.2", "3.2.2") == (0, 82)
    assert revisions.place("d59cbbef95eb", "2.11.2", "3.2.2") == (15, 82)
    assert revisions.place("1d6611b6ab7c", "2.11.2", "3.2.2") == (82, 82)
    assert revisions.place("d2f4e1b3c5a7", "2.11.2", "3.2.2") is None
    assert revisions.place("0000", "2.11.2", "3.2.2") is None


@pytest.mark.parametrize("version", ["3.0.2", "3.0.6", "3.1.7", "3.1.8", "3.2.2", "3.3.2"])
def test_a_fresh_schema_has_no_difference_and_every_change_is_one(version: str) -> None:
    reference = schema.reference(version)
    assert reference is not None
    assert reference.head == revisions.head(version)
    rows = [(*part, definition) for part, definition in reference.shape().items()]
    assert schema.differences(rows, reference) == []
    columns = [row for row in rows if row[0] == "column"]
    allowed = {(d.kind, d.table, d.name) for d in reference.known_differences}
    missed = [
        row
        for row in columns
        if row[:3] not in allowed and not schema.differences([r for r in rows if r != row], reference)
    ]
    assert missed == []


def test_known_differences_of_migrated_databases_are_none() -> None:
    reference = schema.reference("3.2.2")
    assert reference is not None
    shape = reference.shape()
    for each in reference.known_differences:
        part = (each.kind, each.table, each.name)
        if each.found is None:
            shape.pop(part, None)
        else:
            shape[part] = each.found
    assert schema.differences([(*part, text) for part, text in shape.items()], reference) == []


def test_a_stamped_old_schema_is_caught() -> None:
    """What `DELETE FROM alembic_version; airflow db migrate` leaves: the newest version over the 3.0.0 tables."""
    old, new = schema.reference("3.0.6"), schema.reference("3.2.2")
    assert old is not None
    assert new is not None
    found = schema.differences([(*part, text) for part, text in old.shape().items()], new)
    assert any("dag.fail_fast is missing" in words for words in found)
    assert len(found) > 20


def test_other_peoples_tables_and_indexes_are_nobodys_business() -> None:
    reference = schema.reference("3.2.2")
    assert reference is not None
    rows = [(*part, text) for part, text in reference.shape().items()]
    rows += [("column", "my_report", "id", "integer"), ("index", "task_instance", "my_index", "USING btree (state)")]
    assert schema.differences(rows, reference) == []
    rows.append(("column", "dag", "is_active", "boolean"))
    assert schema.differences(rows, reference) == ["column dag.is_active is boolean, must not be"]


def test_no_reference_for_an_unknown_version() -> None:
    assert schema.reference("3.99.0") is None


def test_releases_that_share_a_head_share_the_reference() -> None:
    shared = schema.reference("3.2.1")
    assert shared is not None
    assert shared.version == "3.2.2"
    assert (of_an_older := schema.reference("3.1.0")) is not None
    assert of_an_older.version == "3.1.7", "its head is not that of 3.1.8"


def test_every_release_of_3_has_a_reference_of_its_own_head() -> None:
    for version in revisions.core().heads:
        if version.startswith("3."):
            found = schema.reference(version)
            assert found is not None, version
            assert found.head == revisions.head(version), version
