"""Simulated vendors: a local server that speaks their protocols, fails by plan, and says what it billed."""
