"""The HTTP API, health and the console."""
