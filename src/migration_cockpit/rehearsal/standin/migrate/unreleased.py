"""Revisions that no Airflow has: those of a release that a cockpit knows nothing of.

They do what revisions after 3.0 do, a column here and an index there, so that nothing recorded stands for what is not.
"""

from __future__ import annotations

REVISIONS = (
    (
        "c0c4b17e0901",
        "Add cost centre to dag table.",
        "ALTER TABLE dag ADD COLUMN cost_centre VARCHAR(64)",
        "ALTER TABLE dag DROP COLUMN cost_centre",
    ),
    (
        "c0c4b17e0902",
        "Add index on task_instance.queued_dttm.",
        "CREATE INDEX idx_ti_queued_dttm ON task_instance (queued_dttm)",
        "DROP INDEX idx_ti_queued_dttm",
    ),
)
"""Identifier, message, the statement and what undoes it, in their order."""
