"""The PostgreSQL fixtures of the sources' tests."""

from tests.sources.conftest import owner, postgres, settings_for, template

__all__ = ["owner", "postgres", "settings_for", "template"]
