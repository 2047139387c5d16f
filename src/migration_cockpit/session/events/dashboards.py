"""Events of the annotations on Grafana's dashboards."""

from __future__ import annotations

from typing import ClassVar

from migration_cockpit.session.events.base import Event


class AnnotationTried(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An attempt to write a step's start or end onto Grafana's dashboards."""

    kind: ClassVar[str] = "annotation.tried"
    durable: ClassVar[bool] = False
    annotation: str
    """Its tag, made of session and step, by which it is found again."""
    made: bool
    detail: str = ""
    """Why it could not be written."""
