"""The cockpit without a screen: session, sources and runner wired together, and the desk at which keys are pressed."""
