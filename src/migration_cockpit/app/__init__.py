"""The screen: it draws State and turns keys into actions."""
