"""The way back: what the world allows (`prospect`), what would be done (`plan`), and the stages that do it."""
