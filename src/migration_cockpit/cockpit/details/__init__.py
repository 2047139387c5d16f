"""What stands behind each pane: its rows, which can be filtered, sorted and opened. Pure functions of State and now."""

from __future__ import annotations

from migration_cockpit.cockpit.details.table import Column, Row, Table, arranged
from migration_cockpit.cockpit.details.tables import TABLES, table_of

__all__ = ["TABLES", "Column", "Row", "Table", "arranged", "table_of"]
