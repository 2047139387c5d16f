"""Pure functions from what is known to what it means."""
