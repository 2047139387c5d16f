"""The steps of migration day in their order, with their gates, and the runner that flies them."""
