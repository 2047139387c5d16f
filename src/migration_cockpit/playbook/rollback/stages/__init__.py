"""The stages of the ways back, one module for each part of the journey."""
