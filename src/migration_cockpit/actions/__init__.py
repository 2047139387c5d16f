"""Changing the world: operations that describe themselves, run, and can be observed."""
