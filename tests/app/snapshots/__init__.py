"""Snapshots of every screen and dialog, as text with its styles; `python -m tests.app.snapshots.write` writes them."""
