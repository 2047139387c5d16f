"""The node of the embedded cluster: containers are local processes."""
