"""The controllers of the embedded cluster, driven by changes, never by polling."""
