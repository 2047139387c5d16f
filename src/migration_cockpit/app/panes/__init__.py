"""The panes: each a pure function (State, now, width, height) -> View, so that a replay draws what was seen live."""
