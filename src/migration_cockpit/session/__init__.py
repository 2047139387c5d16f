"""The ground floor: what happened in a migration, as events on disk and as the state they fold into."""
