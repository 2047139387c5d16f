"""What the cockpit needs from Kubernetes, asked of the embedded cluster and of a real one by the very same tests."""
